//! What a tool cannot take back is found and named: an index whose concurrent build was cut off.

use std::sync::Arc;
use std::time::Duration;

use harness::Database;
use runbook::context::Context;
use runbook::verdict::Verdict;
use runbook::wait;

use crate::{execute, verdict};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn an_index_whose_concurrent_build_was_cut_off_is_named_with_what_mends_it() {
    let db = Database::seeded().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = harness::settings();
    for entry in std::fs::read_dir(settings.path(settings.migrations.sqlx.as_ref().unwrap())).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let build = "-- no-transaction\nCREATE INDEX CONCURRENTLY ix_late ON projects (name)";
    std::fs::write(folder.path().join("008_late.up.sql"), build).unwrap();
    std::fs::write(folder.path().join("008_late.down.sql"), "DROP INDEX ix_late").unwrap();
    let mut context = db.context();
    let mut settings = (*context.settings).clone();
    settings.migrations.sqlx = Some(folder.path().to_owned());
    context.settings = Arc::new(settings);

    // A concurrent build waits for every older writer.
    let mut writer = db.pool().begin().await.unwrap();
    sqlx::query("UPDATE projects SET name = name").execute(&mut *writer).await.unwrap();
    let (files, url) = (Arc::clone(&context.settings), db.url().clone());
    let running = tokio::spawn(async move { migrations::open(&files).unwrap().upgrade(&url, "008").await });
    let pid = wait::until("the build waiting for the writer", PATIENCE, || async {
        let query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()
            AND query LIKE '%CONCURRENTLY ix_late%' AND pid <> pg_backend_pid() AND wait_event_type = 'Lock'";
        let found: Option<i32> = sqlx::query_scalar(query).fetch_optional(db.pool()).await.unwrap();
        found.ok_or("nobody waits")
    });
    let pid = pid.await.unwrap();
    sqlx::query("SELECT pg_terminate_backend($1)").bind(pid).execute(db.pool()).await.unwrap();
    let error = running.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("008"), "{error}");
    writer.rollback().await.unwrap();

    let remedy = named(&context, "schema.indexes.valid", "public.ix_late").await;
    assert_eq!(remedy, "REINDEX INDEX CONCURRENTLY public.ix_late");
    let drop = named(&context, "schema.catalogue.drift", "table projects, index ix_late").await;
    assert_eq!(drop, "DROP INDEX CONCURRENTLY ix_late");
    let head = verdict(&context, "schema.migrations.head").await;
    assert_eq!(head.findings()[0].object, "008 late", "it is still pending: {head:?}");
    execute(&db, &drop).await;
    migrations::open(&context.settings).unwrap().upgrade(db.url(), "008").await.unwrap();
}

/// The remedy for an object that a check must name.
async fn named(context: &Context, check: &str, object: &str) -> String {
    let verdict: Verdict = verdict(context, check).await;
    let finding = verdict.findings().iter().find(|finding| finding.object == object);
    finding.unwrap_or_else(|| panic!("{check} does not name {object}: {verdict:?}")).remedy.clone()
}
