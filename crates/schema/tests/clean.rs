//! The clean system is silent, and a check that has nothing to look at does not pass.

use harness::Database;
use runbook::verdict::Outcome;

use crate::{REVERSIBLE, failed, verdict, verdicts};

#[tokio::test]
async fn seeded_database_is_silent_and_every_check_passes() {
    let db = Database::seeded().await.unwrap();
    let verdicts = verdicts(&db.context()).await;
    assert_eq!(failed(&verdicts), []);
    for (id, verdict) in &verdicts {
        match *id {
            // The application's role is nobody of this server, and a server of our own has settings of its own.
            "schema.privileges.application" | "schema.server.settings" => {
                assert_eq!(verdict.outcome(), Outcome::NotMeasured, "{id}: {verdict:?}");
            }
            _ => assert_eq!(verdict.outcome(), Outcome::Pass, "{id}: {verdict:?}"),
        }
    }
    assert_eq!(verdicts["schema.foreign_keys.covered"].examined(), 2);
    assert_eq!(verdicts["schema.migrations.head"].examined(), 7);
    assert_eq!(verdicts["schema.migrations.head"].summary(), Some("sqlx at 007, head 007"));
}

#[tokio::test]
async fn redundant_indexes_of_the_design_are_advice() {
    let db = Database::migrated().await.unwrap();
    let verdict = verdict(&db.context(), "schema.indexes.redundant").await;
    assert_eq!(verdict.outcome(), Outcome::Pass);
    let objects: Vec<&str> = verdict.findings().iter().map(|finding| finding.object.as_str()).collect();
    assert_eq!(
        objects,
        [
            "public.ix_payloads_project_module",
            "public.ix_project_events_project_id",
            "public.ix_project_payloads_project_id",
            "public.ix_projects_account_status",
        ]
    );
    assert_eq!(
        verdict.findings()[3].problem,
        "its columns are the first of public.ix_projects_account_status_created, which can take its place"
    );
}

#[tokio::test]
async fn every_migration_goes_up_down_and_up_again_with_data() {
    let db = Database::migrated().await.unwrap();
    let verdict = verdict(&db.context(), REVERSIBLE).await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{verdict:?}");
    assert_eq!(verdict.summary(), Some("7 of 7 up, down and up again with data"));
    let losses: Vec<&str> = verdict.findings().iter().map(|finding| finding.object.as_str()).collect();
    let losing = ["001 projects", "004 reference rows", "007 partition metadata"];
    assert_eq!(losses, losing, "{verdict:?}");
    assert_eq!(verdict.findings()[2].problem, "its revert loses rows: 2 of public.partition_metadata");
}

#[tokio::test]
async fn database_with_nothing_in_it_passes_no_check_of_its_objects() {
    let db = Database::empty().await.unwrap();
    for (id, verdict) in verdicts(&db.context()).await {
        let expected = match id {
            "schema.migrations.head" => Outcome::Fail,
            // They do not look at objects of the system.
            "schema.hazards.static" | "schema.migrations.history" | "schema.server.version" => Outcome::Pass,
            // What the system needs is not there.
            "schema.columns.wide_enough" | "schema.extensions.current" => Outcome::Fail,
            _ => Outcome::NotMeasured,
        };
        assert_eq!(verdict.outcome(), expected, "{id}: {verdict:?}");
    }
}

#[tokio::test]
async fn schema_of_the_settings_that_is_not_there_keeps_every_check_from_passing() {
    let db = Database::migrated().await.unwrap();
    let mut context = db.context();
    let mut settings = (*context.settings).clone();
    settings.database.schemas = vec!["public".into(), "moved away".into()];
    context.settings = settings.into();
    let verdict = verdict(&context, "schema.indexes.valid").await;
    let reason = "\"moved away\": the settings name this schema and the database lacks it";
    assert_eq!(verdict.reason(), Some(reason));
}

#[tokio::test]
async fn drift_without_a_scratch_server_is_not_measured() {
    let db = Database::migrated().await.unwrap();
    let mut context = db.context();
    context.scratch = None;
    let verdict = verdict(&context, "schema.catalogue.drift").await;
    assert_eq!(verdict.reason(), Some("there is no server for scratch databases"));
}
