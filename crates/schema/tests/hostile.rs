//! A database that is nothing like the system under deployment, with names that no one should choose.

use std::sync::Arc;

use harness::Database;
use migrations::catalogue::Catalogue;
use runbook::context::Context;
use runbook::verdict::Outcome;

use crate::{execute, verdict};

const SCHEMA: &str = include_str!("hostile.sql");
const FAULTS: &str = include_str!("hostile_faults.sql");

/// The checks that look at objects alone, whatever tool made them.
const OF_OBJECTS: [&str; 8] = [
    "schema.constraints.validated",
    "schema.foreign_keys.covered",
    "schema.indexes.redundant",
    "schema.indexes.valid",
    "schema.sequences.exhaustion",
    "schema.tables.logged",
    "schema.tables.primary_key",
    "schema.triggers.enabled",
];

/// Functions of the server under these names are called by the checks.
const LIKE_THE_SERVERS: [&str; 10] = [
    "format(text, name, name)",
    "quote_ident(name)",
    "unnest(smallint[])",
    "pg_get_expr(text, oid)",
    "concat_ws(text, text)",
    "current_setting(text, integer)",
    "array_agg(text)",
    "pg_relation_size(oid)",
    "string_to_array(text, text, text, text)",
    "pg_get_constraintdef(bigint)",
];

async fn hostile() -> (Database, Context) {
    let db = Database::empty().await.unwrap();
    execute(&db, SCHEMA).await;
    let mut context = db.context();
    let mut settings = (*context.settings).clone();
    settings.database.schemas = vec!["sel\"ect".into(), "Другая схема".into()];
    context.settings = Arc::new(settings);
    (db, context)
}

#[tokio::test]
async fn hostile_names_are_silent_while_all_is_sound() {
    let (_db, context) = hostile().await;
    for id in OF_OBJECTS {
        let verdict = verdict(&context, id).await;
        assert_eq!(verdict.outcome(), Outcome::Pass, "{id}: {verdict:?}");
        assert!(verdict.findings().is_empty(), "{id}: {verdict:?}");
    }
}

#[tokio::test]
async fn every_fault_under_a_hostile_name_is_found_and_its_remedy_runs() {
    let (db, context) = hostile().await;
    execute(&db, FAULTS).await;
    for id in OF_OBJECTS {
        let found = verdict(&context, id).await;
        assert!(!found.findings().is_empty(), "{id}: {found:?}");
        for finding in found.findings() {
            // A remedy that is a whole statement can be pasted as it stands.
            if finding.remedy.chars().next().is_some_and(char::is_uppercase) && !finding.remedy.contains('…')
            {
                let statement = finding.remedy.split(", and ").next().unwrap().replace("CONCURRENTLY ", "");
                execute(&db, &statement).await;
            }
        }
    }
    for id in [
        "schema.indexes.valid",
        "schema.constraints.validated",
        "schema.triggers.enabled",
        "schema.foreign_keys.covered",
        "schema.tables.logged",
    ] {
        let verdict = verdict(&context, id).await;
        assert_eq!(verdict.outcome(), Outcome::Pass, "{id} after its remedies: {verdict:?}");
    }
}

/// Functions of the system under the names of the server's own: the guard of a reader knows no better than to refuse a
/// call that might be one of them, and arguments may fit them better.
#[tokio::test]
async fn functions_that_are_named_like_the_servers_are_taken_for_nobodys() {
    let (db, context) = hostile().await;
    for name in LIKE_THE_SERVERS {
        let function = format!(
            "CREATE FUNCTION {name} RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''it was called''; END'"
        );
        execute(&db, &function).await;
    }
    execute(&db, "CREATE AGGREGATE count(text) (SFUNC = textcat, STYPE = text)").await;
    let schemas = ["public".to_owned(), "sel\"ect".to_owned()];
    let catalogue = Catalogue::read(&mut db.reader().await.unwrap(), &schemas).await.unwrap();
    assert!(catalogue.text().contains("function quote_ident("), "{}", catalogue.text());
    for id in OF_OBJECTS {
        let verdict = verdict(&context, id).await;
        assert_eq!(verdict.outcome(), Outcome::Pass, "{id}: {verdict:?}");
    }
}

#[tokio::test]
async fn catalogue_of_hostile_names_reads_the_same_twice() {
    let (db, context) = hostile().await;
    let schemas = &context.settings.database.schemas;
    let one = Catalogue::read(&mut db.reader().await.unwrap(), schemas).await.unwrap();
    let other = Catalogue::read(&mut db.reader().await.unwrap(), schemas).await.unwrap();
    assert_eq!(Catalogue::diff(&one, &other), []);
    let text = one.text();
    assert!(text.contains("table \"o\"\"r.der\"\n"), "{text}");
    assert!(text.contains("table \"Другая схема\".\"select\"\n"), "{text}");
}
