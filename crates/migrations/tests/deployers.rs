//! Two deployers at once: one applies, the other waits; nothing is applied twice.

use harness::Database;
use rstest::rstest;
use runbook::settings::MigrationTool;

#[rstest]
#[case::sqlx(MigrationTool::Sqlx)]
#[case::alembic(MigrationTool::Alembic)]
#[tokio::test]
async fn two_deployers_apply_each_revision_once(#[case] tool: MigrationTool) {
    let db = Database::empty().await.unwrap();
    let migrator = migrations::open_with(&harness::settings(), tool).unwrap();
    let (one, other) = tokio::join!(migrator.upgrade(db.url(), "007"), migrator.upgrade(db.url(), "007"));
    let mut applied = one.unwrap();
    applied.extend(other.unwrap());
    assert_eq!(applied, ["001", "002", "003", "004", "005", "006", "007"]);
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM calibration_constants").fetch_one(db.pool()).await.unwrap();
    assert_eq!(rows, 6);
}

#[tokio::test]
async fn a_deployer_who_waits_too_long_says_so() {
    let db = Database::migrated().await.unwrap();
    let mut settings = (*harness::settings()).clone();
    let mut holder = db.pool().acquire().await.unwrap();
    sqlx::migrate::Migrate::lock(&mut *holder).await.unwrap();
    settings.limits.command = std::time::Duration::from_millis(200);
    let migrator = migrations::open_with(&settings, MigrationTool::Sqlx).unwrap();
    let error = migrator.upgrade(db.url(), "007").await.unwrap_err().to_string();
    assert!(error.contains("was not done within 0.2 s"), "{error}");
}
