//! The same checks where alembic is the tool of the deployment.

use std::sync::Arc;

use harness::Database;
use runbook::context::Context;
use runbook::settings::MigrationTool;
use runbook::verdict::Outcome;

use crate::{execute, verdict};

#[tokio::test]
async fn database_that_alembic_made_is_at_head_and_has_no_drift() {
    let db = Database::empty().await.unwrap();
    let context = by_alembic(&db);
    migrations::open(&context.settings).unwrap().upgrade(db.url(), "007").await.unwrap();
    let head = verdict(&context, "schema.migrations.head").await;
    assert_eq!(head.outcome(), Outcome::Pass, "{head:?}");
    assert_eq!(head.summary(), Some("alembic at 007, head 007"));
    let drift = verdict(&context, "schema.catalogue.drift").await;
    assert_eq!(drift.outcome(), Outcome::Pass, "{drift:?}");
    execute(&db, "INSERT INTO alembic_version VALUES ('0a1b')").await;
    let head = verdict(&context, "schema.migrations.head").await;
    let [finding] = head.findings() else { panic!("{head:?}") };
    assert_eq!(finding.object, "alembic_version");
    assert!(finding.problem.starts_with("alembic_version holds 2 revisions (007, 0a1b)"), "{finding:?}");
}

#[tokio::test]
async fn pending_revisions_are_named_with_alembics_own_command() {
    let db = Database::empty().await.unwrap();
    let context = by_alembic(&db);
    let head = verdict(&context, "schema.migrations.head").await;
    assert_eq!(head.findings().len(), 7);
    assert_eq!(head.findings()[0].object, "001 projects");
    assert_eq!(head.findings()[0].remedy, "apply it: `alembic upgrade 001`");
}

fn by_alembic(db: &Database) -> Context {
    let mut context = db.context();
    let mut settings = (*context.settings).clone();
    settings.migrations.tool = MigrationTool::Alembic;
    context.settings = Arc::new(settings);
    context
}
