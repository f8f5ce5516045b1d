//! pg_stat_statements: what it lacks is told apart, and what is not the system's own is left out.

use std::sync::Arc;

use harness::{Database, Server};
use runbook::context::{Context, Database as Target};
use runbook::verdict::Outcome;

use crate::{act, as_role, execute, verdict};

const CHECK: &str = "monitoring.slow_queries";
const SLOW: &str = "SELECT pg_sleep(0.06) FROM projects WHERE project_id = 'proj_test_001'";
/// Called often enough to be judged.
const QUICK: &str = "SELECT name FROM projects WHERE project_id = 'proj_test_001'";

#[tokio::test]
async fn extension_that_is_not_created_is_named_with_its_remedy() {
    let db = Database::seeded().await.unwrap();
    execute(&db, "DROP EXTENSION pg_stat_statements").await;
    let verdict = verdict(&db.context(), CHECK).await;
    assert_eq!(
        verdict.reason(),
        Some("pg_stat_statements is not created in this database: CREATE EXTENSION pg_stat_statements")
    );
}

#[tokio::test]
async fn role_that_may_not_see_others_statements_is_told_the_grant() {
    let db = Database::seeded().await.unwrap();
    let context = as_role(&db, "pg_signal_backend").await;
    let verdict = verdict(&context, CHECK).await;
    assert_eq!(
        verdict.reason(),
        Some("the role may not see the statements of others: GRANT pg_read_all_stats TO pg_signal_backend")
    );
    let transactions = crate::verdict(&context, "monitoring.transactions").await;
    assert!(
        transactions.reason().unwrap().ends_with("GRANT pg_read_all_stats TO pg_signal_backend"),
        "{transactions:?}"
    );
}

#[tokio::test]
async fn library_that_is_not_loaded_is_told_apart() {
    let server = Server::options().setting("shared_preload_libraries", "").start().await.unwrap();
    let database = server.create("unloaded").await.unwrap();
    sqlx::query("CREATE EXTENSION pg_stat_statements").execute(database.pool()).await.unwrap();
    let context = Context::new(harness::settings(), Target::Ephemeral(database));
    let verdict = verdict(&context, CHECK).await;
    assert_eq!(
        verdict.reason(),
        Some("pg_stat_statements is not loaded: add it to shared_preload_libraries and restart the server")
    );
}

#[tokio::test]
async fn slow_statement_of_few_calls_is_advice() {
    let db = Database::seeded().await.unwrap();
    let context = db.context();
    act(&context, "monitoring.window.open").await;
    execute(&db, SLOW).await;
    let alone = verdict(&context, CHECK).await;
    assert_eq!(
        alone.reason(),
        Some("there are no statements that were called 5 times or more to examine"),
        "{alone:?}"
    );
    execute(&db, &format!("{QUICK};").repeat(5)).await;
    let verdict = verdict(&context, CHECK).await;
    assert_eq!((verdict.outcome(), verdict.examined()), (Outcome::Pass, 1), "{verdict:?}");
    // The server's table of statements, which all tests share, may have been full: that is advice of its own.
    let own: Vec<_> =
        verdict.findings().iter().filter(|found| found.object != "pg_stat_statements").collect();
    let [advice] = own.as_slice() else { panic!("{verdict:?}") };
    assert_eq!(advice.object, "SELECT pg_sleep($1) FROM projects WHERE project_id = $2");
}

#[tokio::test]
async fn statement_from_before_the_window_and_an_ignored_one_are_left_out() {
    let db = Database::seeded().await.unwrap();
    let mut context = db.context();
    execute(&db, &format!("{SLOW};").repeat(5)).await;
    act(&context, "monitoring.window.open").await;
    execute(&db, &format!("{QUICK};").repeat(5)).await;
    let later = verdict(&context, CHECK).await;
    assert_eq!(later.outcome(), Outcome::Pass, "{later:?}");
    assert!(later.findings().iter().all(|found| found.object == "pg_stat_statements"), "{later:?}");
    assert_eq!(later.examined(), 1, "{later:?}");

    let mut settings = (*context.settings).clone();
    settings.monitoring.ignore_statements = vec!["%pg_sleep%".into()];
    context.settings = Arc::new(settings);
    act(&context, "monitoring.window.open").await;
    execute(&db, &format!("{SLOW};").repeat(5)).await;
    let ignored = verdict(&context, CHECK).await;
    assert_eq!(ignored.outcome(), Outcome::NotMeasured, "{ignored:?}");
}

#[tokio::test]
async fn utility_statements_and_questions_to_the_catalogue_are_not_judged() {
    let db = Database::seeded().await.unwrap();
    let context = db.context();
    act(&context, "monitoring.window.open").await;
    execute(
        &db,
        "CREATE TABLE t AS SELECT 1 AS n FROM pg_sleep(0.06); REFRESH MATERIALIZED VIEW project_stats",
    )
    .await;
    execute(&db, &"/* ours */ SELECT pg_sleep(0.06) FROM pg_class LIMIT 1;".repeat(5)).await;
    let verdict = verdict(&context, CHECK).await;
    assert_eq!(verdict.outcome(), Outcome::NotMeasured, "{verdict:?}");
}

#[tokio::test]
async fn the_statement_that_took_most_in_total_is_named_beside_the_slowest() {
    let db = Database::seeded().await.unwrap();
    let context = db.context();
    act(&context, "monitoring.window.open").await;
    // Three of 20 ms against one of 40 ms: the slowest on average is not the one that takes the most.
    execute(&db, &"SELECT pg_sleep(0.02) FROM projects WHERE name = 'Harbour pylon';".repeat(3)).await;
    execute(&db, "SELECT pg_sleep(0.04) FROM projects WHERE project_id = 'proj_seed_001'").await;
    execute(&db, &format!("{QUICK};").repeat(5)).await;
    let verdict = verdict(&context, CHECK).await;
    let total = verdict.measurements().iter().find(|one| one.name.starts_with("total time: ")).unwrap();
    assert!(total.name.ends_with("WHERE name = $2"), "{total:?}");
    assert!(total.value >= 60.0 && total.unit == "ms", "{total:?}");
}
