//! A database that is nothing like the system under deployment, with names that no one should choose.

use std::sync::Arc;

use harness::Database;
use runbook::context::Context;
use runbook::verdict::Outcome;

use crate::{execute, failed, verdict, verdicts};

/// Two schemas, each object with a name that needs quoting; one of everything that the suite proves.
const SCHEMA: &str = include_str!("hostile.sql");

async fn hostile() -> (Database, Context) {
    let db = Database::empty().await.unwrap();
    execute(&db, SCHEMA).await;
    let mut context = db.context();
    let mut settings = (*context.settings).clone();
    settings.database.schemas = vec!["sel\"ect".into(), "Другая схема".into()];
    settings.integrity.rules = None;
    context.settings = Arc::new(settings);
    (db, context)
}

#[tokio::test]
async fn hostile_names_are_silent_while_their_rows_are_sound() {
    let (_db, context) = hostile().await;
    let verdicts = verdicts(&context).await;
    assert_eq!(failed(&verdicts), []);
    for (id, verdict) in verdicts {
        let expected = if id == "integrity.rules" { Outcome::NotMeasured } else { Outcome::Pass };
        assert_eq!(verdict.outcome(), expected, "{id}: {verdict:?}");
    }
}

#[tokio::test]
async fn every_fault_under_hostile_names_is_found_by_its_check() {
    let (db, context) = hostile().await;
    execute(&db, include_str!("hostile_faults.sql")).await;
    let verdicts = verdicts(&context).await;
    let found: Vec<(&str, usize)> = verdicts
        .iter()
        .filter(|(_, verdict)| verdict.outcome() == Outcome::Fail)
        .map(|(id, verdict)| (*id, verdict.findings().len()))
        .collect();
    assert_eq!(
        found,
        [
            ("integrity.constraints.check", 1),
            ("integrity.constraints.domains", 2),
            ("integrity.constraints.exclusion", 1),
            ("integrity.constraints.generated", 1),
            ("integrity.constraints.not_null", 1),
            ("integrity.constraints.unique", 2),
            // The two B-trees among the indexes that took no entries.
            ("integrity.corruption.btree", 2),
            ("integrity.foreign_keys.orphans", 2),
            ("integrity.matviews.fresh", 1),
            ("integrity.sequences.behind", 1),
        ],
        "{verdicts:#?}"
    );
}

#[tokio::test]
async fn schema_of_the_settings_that_is_not_there_keeps_every_check_from_passing() {
    let db = Database::seeded().await.unwrap();
    let mut context = db.context();
    let mut settings = (*context.settings).clone();
    settings.database.schemas = vec!["public".into(), "moved away".into()];
    context.settings = Arc::new(settings);
    let verdict = verdict(&context, "integrity.foreign_keys.orphans").await;
    assert_eq!(
        verdict.reason(),
        Some("\"moved away\": the settings name this schema and the database lacks it")
    );
}
