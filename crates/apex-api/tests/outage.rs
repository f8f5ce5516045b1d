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
    // Worth another try, as any outage is: no mistake of the service's own.
    let answer = api.get("/projects/proj_test_001").await.is(503);
    assert_eq!(answer.headers["retry-after"], "2");
    run(format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS true")).await;
    api.get("/ready").await.is(200);
}

#[tokio::test]
async fn a_database_that_only_reads_is_not_ready_and_its_writes_come_back_later() {
    let db = Database::seeded().await.unwrap();
    db.execute("DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END$$")
        .await
        .unwrap();
    let api =
        Api::with(apex_api::pool(db.url().connect_options(), "apex-api", 2), tempfile::tempdir().unwrap())
            .await;
    api.get("/projects/proj_test_001").await.is(200);
    assert_eq!(api.get("/ready").await.is(503).at("/result/checks/database"), "read-only");
    let body = serde_json::json!({"name": "Sign", "account_id": "acc_001", "created_by": "tester"});
    let answer = api.post("/projects", &body).await.is(503);
    assert_eq!(answer.at("/result/error/code"), "database_unavailable");
    assert_eq!(answer.headers["retry-after"], "2");
}

#[tokio::test]
async fn a_database_that_lacks_what_the_service_asks_for_is_not_ready() {
    for revision in ["001", "005"] {
        let db = Database::at(revision).await.unwrap();
        let answer = Api::on(&db).await.get("/ready").await.is(503);
        assert_eq!(answer.at("/result/checks/database"), "not migrated", "at {revision}");
    }
}

#[tokio::test]
async fn a_pool_without_a_free_connection_is_told_and_does_not_stop_the_probes() {
    let db = Database::seeded().await.unwrap();
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(std::time::Duration::from_millis(100))
        .connect_with(db.url().connect_options())
        .await
        .unwrap();
    let held = pool.acquire().await.unwrap();
    let api = Api::with(pool, tempfile::tempdir().unwrap()).await;
    let answer = api.get("/projects/proj_test_001").await.is(503);
    assert_eq!(answer.headers["retry-after"], "2");
    api.get("/ready").await.is(503);
    api.get("/health").await.is(200);
    let figures = api.get("/metrics").await.is(200);
    let text = figures.body.as_str().unwrap().to_owned();
    for line in ["db_pool_connections 1", "db_pool_idle_connections 0", "db_transaction_failures_total 1"] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
    drop(held);
    api.get("/projects/proj_test_001").await.is(200);
}

#[tokio::test]
async fn a_migration_under_a_running_service_breaks_none_of_its_requests() {
    let db = Database::seeded().await.unwrap();
    let api =
        Api::with(apex_api::pool(db.url().connect_options(), "apex-api", 1), tempfile::tempdir().unwrap())
            .await;
    let created = api.draft().await;
    api.get(&created.path()).await.is(200);
    db.execute(
        "ALTER TABLE projects ALTER COLUMN customer TYPE text, ADD COLUMN one_more integer;
         ALTER TABLE calibration_constants ALTER COLUMN version TYPE text",
    )
    .await
    .unwrap();
    // What the connection has prepared is of the table as it was.
    api.get(&created.path()).await.is(200);
    let change = serde_json::json!({"name": "New"});
    api.put(&created.path(), &created.etag(), &change).await.is(200);
    api.draft().await;
    api.get("/projects?limit=1").await.is(200);
}

/// The text is judged by Prometheus' own tool.
#[tokio::test]
async fn figures_are_such_as_prometheus_takes() {
    use tokio::io::AsyncWriteExt as _;
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    for path in ["/projects/proj_test_001", "/projects/nope", "/nope", "/ready"] {
        api.get(path).await;
    }
    api.draft().await;
    let text = api.get("/metrics").await.is(200).body.as_str().unwrap().to_owned();
    let own = harness::fixtures_folder().join("../.venv/bin/promtool");
    let promtool = if own.is_file() { own } else { "promtool".into() };
    let spawned = tokio::process::Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut promtool = spawned
        .unwrap_or_else(|error| panic!("promtool cannot be started ({error}): `make setup` brings it"));
    let mut input = promtool.stdin.take().unwrap();
    input.write_all(text.as_bytes()).await.unwrap();
    drop(input);
    let said = promtool.wait_with_output().await.unwrap();
    assert!(said.status.success(), "{}\n{text}", String::from_utf8_lossy(&said.stderr));
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

/// An alert on a figure that nobody exports never fires.
#[tokio::test]
async fn every_figure_that_an_alert_of_the_service_looks_at_is_exported() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    api.draft().await;
    let text = api.get("/metrics").await.is(200).body.as_str().unwrap().to_owned();
    let alerts = std::fs::read_to_string(harness::settings().path("monitoring/alerts.yml")).unwrap();
    let mut asked = 0;
    for (before, _) in alerts.match_indices("{job=\"api\"").map(|(at, _)| alerts.split_at(at)) {
        let name = before.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap();
        // Prometheus makes this one itself.
        if name != "up" {
            assert!(text.lines().any(|line| line.starts_with(name)), "{name} is not in\n{text}");
            asked += 1;
        }
    }
    assert!(asked >= 8, "{asked}");
}
