//! What cannot be read, or may not be, is one sentence or a finding; nothing passes and nothing is changed.

use std::sync::Arc;
use std::time::Duration;

use harness::Database;
use runbook::context::{Context, Database as Target};
use runbook::ephemeral::Ephemeral;
use runbook::verdict::Outcome;

use crate::{copied, execute, pointed_at, verdict};

/// The checks that read the files of the migrations.
const OF_FILES: [&str; 6] = [
    "schema.catalogue.drift",
    "schema.hazards.measured",
    "schema.hazards.static",
    "schema.migrations.head",
    "schema.migrations.history",
    "schema.migrations.reversible",
];

#[tokio::test]
async fn files_that_cannot_be_read_are_a_finding_of_the_history_and_nothing_else_passes() {
    let db = Database::migrated().await.unwrap();
    let large = vec![b' '; 50 << 20];
    for (name, bytes, problem) in [
        ("008_x.up.sql", b"SELECT 1;\n-- \xff\n".as_slice(), "it is not UTF-8"),
        ("008_x.up.sql", &large, "it is 50 MB, and 8 is the most that a migration may be"),
        ("008_x.up.sql", b"SELECT 1;\nCREATE TABEL t (a int);\n", "it does not parse"),
        ("008-x.up.sql", b"SELECT 1;", "its name has not the form NUMBER_NAME.up.sql"),
    ] {
        let folder = copied([(name, bytes)]);
        refused(&pointed_at(&db, folder.path()), problem).await;
    }
    let none = tempfile::tempdir().unwrap();
    refused(&pointed_at(&db, none.path()), "there is no migration in it").await;
    refused(&pointed_at(&db, &none.path().join("nowhere")), "the migrations folder ").await;
    let head: String = sqlx::query_scalar("SELECT max(version)::text FROM _sqlx_migrations")
        .fetch_one(db.pool())
        .await
        .unwrap();
    assert_eq!(head, "7");
}

/// The history fails with the problem, and no other check of the files passes; each says why in one line.
async fn refused(context: &Context, problem: &str) {
    for id in OF_FILES {
        let verdict = verdict(context, id).await;
        if id == "schema.migrations.history" {
            assert_eq!(verdict.outcome(), Outcome::Fail, "{problem}: {verdict:?}");
            let findings = verdict.findings();
            assert!(findings.iter().any(|finding| finding.problem.starts_with(problem)), "{findings:?}");
        } else {
            assert_eq!(verdict.outcome(), Outcome::NotMeasured, "{problem}: {id}: {verdict:?}");
            let reason = verdict.reason().unwrap();
            assert!(!reason.contains('\n') && !reason.is_empty(), "{id}: {reason}");
        }
    }
}

#[tokio::test]
async fn allowance_that_is_wrong_is_a_finding_with_its_line() {
    let db = Database::migrated().await.unwrap();
    let index = "CREATE INDEX ix_zz ON projects (customer);\n";
    for (comment, problem) in [
        (
            "-- runbook: allow index-not-concurent because x",
            "there is no rule `index-not-concurent` to allow",
        ),
        ("-- runbook: allow index-not-concurrent", "it allows `index-not-concurrent` without a reason"),
    ] {
        let folder = copied([("008_x.up.sql", format!("SELECT 1;\n{comment}\n{index}"))]);
        let verdict = verdict(&pointed_at(&db, folder.path()), "schema.hazards.static").await;
        assert_eq!(verdict.outcome(), Outcome::Fail, "{verdict:?}");
        let errors: Vec<(&str, &str)> = verdict
            .findings()
            .iter()
            .filter(|finding| finding.is_error())
            .map(|finding| (finding.object.as_str(), finding.problem.as_str()))
            .collect();
        assert_eq!(errors, [("008_x.up.sql:2", problem)]);
    }
}

#[tokio::test]
async fn catalogue_that_the_role_may_not_read_is_named_and_nothing_passes_on_the_rest() {
    let db = Database::migrated().await.unwrap();
    execute(
        &db,
        "GRANT SELECT ON _sqlx_migrations TO pg_monitor; REVOKE SELECT ON pg_catalog.pg_trigger FROM PUBLIC",
    )
    .await;
    let role =
        "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET role = pg_monitor', current_database()); END$$";
    execute(&db, role).await;
    let context = anew(&db, |_| {}).await;
    for id in ["schema.catalogue.drift", "schema.triggers.enabled"] {
        let verdict = verdict(&context, id).await;
        assert_eq!(verdict.outcome(), Outcome::NotMeasured, "{id}: {verdict:?}");
        assert_eq!(verdict.reason(), Some("permission denied for table pg_trigger (SQLSTATE 42501)"), "{id}");
    }
}

#[tokio::test]
async fn question_that_is_cut_off_in_the_middle_is_not_measured() {
    let db = Database::migrated().await.unwrap();
    // The catalogue's later questions wait for it, the first ones do not.
    let mut holder = db.pool().begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE pg_catalog.pg_publication IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *holder)
        .await
        .unwrap();
    for (statement, lock, said) in [
        (Duration::from_millis(300), Duration::from_secs(30), "statement timeout"),
        (Duration::from_secs(30), Duration::from_millis(300), "lock timeout"),
    ] {
        let context = anew(&db, |limits| {
            limits.statement = statement;
            limits.lock = lock;
        })
        .await;
        let verdict = verdict(&context, "schema.catalogue.drift").await;
        assert_eq!(verdict.outcome(), Outcome::NotMeasured, "{verdict:?}");
        let reason = verdict.reason().unwrap();
        assert!(reason.contains(said) && !reason.contains('\n'), "{reason}");
    }
    holder.rollback().await.unwrap();
}

#[tokio::test]
async fn schema_of_the_settings_that_is_not_there_is_never_passed_over() {
    let db = Database::migrated().await.unwrap();
    let mut context = db.context();
    let mut settings = (*context.settings).clone();
    settings.database.schemas.push("nowhere".into());
    settings.schema.application_role = Some("pg_monitor".into());
    context.settings = Arc::new(settings);
    for id in ["schema.privileges.application", "schema.indexes.valid", "schema.triggers.enabled"] {
        let verdict = verdict(&context, id).await;
        let said = "nowhere: the settings name this schema and the database lacks it";
        assert_eq!(verdict.reason(), Some(said), "{id}: {verdict:?}");
    }
}

/// A context whose sessions are new, with these limits.
async fn anew(db: &Database, change: impl Fn(&mut runbook::settings::Limits)) -> Context {
    let mut context = db.context();
    let mut settings = (*context.settings).clone();
    change(&mut settings.limits);
    let limits = settings.limits.reading();
    context.settings = Arc::new(settings);
    context.database = Target::Ephemeral(Ephemeral::adopt(db.url().clone(), limits).await.unwrap());
    context
}
