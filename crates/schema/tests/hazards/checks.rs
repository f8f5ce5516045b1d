//! The two checks: planted migrations, and what is only reported.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use harness::Database;
use runbook::verdict::{Outcome, Severity};
use serde::Deserialize;

use super::SMALL;
use crate::{copied, pointed_at, verdict};

const STATIC: &str = "schema.hazards.static";
const MEASURED: &str = "schema.hazards.measured";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Planted {
    plants: String,
    object: String,
    problem: String,
    write: BTreeMap<String, String>,
}

#[tokio::test]
async fn planted_migration_is_found_in_its_text() {
    let db = Database::migrated().await.unwrap();
    for planted in read(STATIC) {
        let folder = copied(&planted.write);
        let verdict = verdict(&pointed_at(&db, folder.path()), STATIC).await;
        assert_eq!(verdict.outcome(), Outcome::Fail, "{}: {verdict:?}", planted.plants);
        found(&planted, &verdict);
    }
}

#[tokio::test]
async fn planted_migration_is_found_on_a_copy_and_not_in_its_text() {
    let db = Database::migrated().await.unwrap();
    for planted in read(MEASURED) {
        let folder = copied(&planted.write);
        let mut context = pointed_at(&db, folder.path());
        Arc::make_mut(&mut context.settings).hazards.sizes = SMALL;
        assert_eq!(verdict(&context, STATIC).await.outcome(), Outcome::Pass, "{}", planted.plants);
        let verdict = verdict(&context, MEASURED).await;
        assert_eq!(verdict.outcome(), Outcome::Fail, "{}: {verdict:?}", planted.plants);
        found(&planted, &verdict);
    }
}

#[tokio::test]
async fn applied_migrations_are_reported_and_gate_nothing() {
    let db = Database::migrated().await.unwrap();
    let verdict = verdict(&db.context(), STATIC).await;
    assert_eq!((verdict.outcome(), verdict.examined()), (Outcome::Pass, 7), "{verdict:?}");
    let objects: Vec<&str> = verdict.findings().iter().map(|finding| finding.object.as_str()).collect();
    assert!(objects.contains(&"002_status_and_module_checks.up.sql"), "{objects:?}");
    assert!(verdict.findings().iter().all(|finding| finding.severity == Severity::Advice));
}

#[tokio::test]
async fn pending_migrations_of_the_fixtures_would_be_stopped_before_they_were_applied() {
    let db = Database::at("004").await.unwrap();
    let verdict = verdict(&db.context(), STATIC).await;
    assert_eq!(verdict.outcome(), Outcome::Fail);
    let named = |part: &str| verdict.findings().iter().any(|f| f.is_error() && f.object.starts_with(part));
    assert!(named("005_") && named("006_") && !named("007_"), "{:#?}", verdict.findings());
}

#[tokio::test]
async fn allowed_hazard_of_a_pending_migration_passes_with_its_reason() {
    let db = Database::migrated().await.unwrap();
    let text = "-- runbook: allow index-not-concurrent because the maintenance window is on\n\
        CREATE INDEX ix_zz ON projects (customer);\n";
    let folder = copied([("008_allowed.up.sql", text)]);
    let verdict = verdict(&pointed_at(&db, folder.path()), STATIC).await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{verdict:?}");
    let accepted: Vec<&str> = verdict.findings().iter().filter_map(|f| f.accepted.as_deref()).collect();
    assert_eq!(accepted, ["the maintenance window is on"]);
}

fn read(check: &str) -> Vec<Planted> {
    let folder = harness::settings().path(Path::new("defects").join(check));
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read: Vec<Planted> =
        files.map(|file| toml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()).collect();
    assert!(!read.is_empty());
    read
}

#[track_caller]
fn found(planted: &Planted, verdict: &runbook::verdict::Verdict) {
    let seen = verdict.findings().iter().any(|finding| {
        finding.is_error()
            && finding.object == planted.object
            && finding.problem.starts_with(&planted.problem)
    });
    assert!(seen, "{}: {:#?}", planted.plants, verdict.findings());
}
