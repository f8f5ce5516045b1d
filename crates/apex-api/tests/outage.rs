//! The database is not there: the service says so, and nothing of why.

use std::str::FromStr as _;

use harness::Database;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::support::Api;

#[tokio::test]
async fn without_a_database_it_is_alive_and_not_ready() {
    let nowhere = PgConnectOptions::from_str("postgres://apex:hunter2@127.0.0.1:1/apex").unwrap();
    let pool = PgPoolOptions::new()
        .acquire_timeout(std::time::Duration::from_millis(100))
        .connect_lazy_with(nowhere);
    let api = Api::with(pool, tempfile::tempdir().unwrap()).await;
    api.get("/health").await.is(200);
    assert_eq!(api.get("/ready").await.is(503).at("/result/checks/database"), "unreachable");
    let answer = api.get("/projects/proj_test_001").await.is(503);
    assert_eq!(answer.headers["retry-after"], "2");
    assert!(!answer.body.to_string().contains("127.0.0.1"), "{:#}", answer.body);
}

#[tokio::test]
async fn a_database_without_its_tables_is_not_ready() {
    let db = Database::empty().await.unwrap();
    let answer = Api::on(&db).await.get("/ready").await.is(503);
    assert_eq!(answer.at("/result/checks/database"), "not migrated");
}

#[tokio::test]
async fn a_database_that_refuses_connections_is_told_and_its_return_too() {
    let db = Database::seeded().await.unwrap();
    let pool = apex_api::pool(db.url().connect_options(), "apex-api", 2);
    let api = Api::with(pool, tempfile::tempdir().unwrap()).await;
    api.get("/ready").await.is(200);
    let name: String =
        sqlx::query_scalar("SELECT current_database()::text").fetch_one(db.pool()).await.unwrap();
    // Nobody may shut out the database that they are connected to.
    let outside = sqlx::PgPool::connect_with(db.url().connect_options().database("postgres")).await.unwrap();
    let run = |sql: String| {
        let outside = outside.clone();
        async move { sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&outside).await.unwrap() }
    };
    run(format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS false")).await;
    run(format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND application_name = 'apex-api'")).await;
    api.get("/ready").await.is(503);
    run(format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS true")).await;
    api.get("/ready").await.is(200);
}

#[tokio::test]
async fn figures_tell_requests_by_route_and_failures_of_the_database() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    api.get("/projects/proj_test_001").await.is(200);
    api.get("/projects/nope").await.is(404);
    api.get("/any/thing").await.is(404);
    let figures = api.get("/metrics").await.is(200);
    assert_eq!(figures.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = figures.body.as_str().unwrap();
    for line in [
        "http_requests_total{method=\"GET\",route=\"/projects/{id}\",status=\"200\"} 1",
        "http_requests_total{method=\"GET\",route=\"/projects/{id}\",status=\"404\"} 1",
        "http_requests_total{method=\"GET\",route=\"unmatched\",status=\"404\"} 1",
        "http_request_duration_seconds_count{route=\"/projects/{id}\"} 2",
        "db_transaction_failures_total 0",
        "maintenance_mode 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
}
