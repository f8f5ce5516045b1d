//! What the system needs of its schema and its server: rights of the application's role, settings, keys that last.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use harness::Database;
use runbook::context::{Context, Database as Target};
use runbook::live::Live;
use runbook::settings::Settings;
use runbook::verdict::{Outcome, Verdict};
use serde::Deserialize;

use crate::{execute, verdict};

const PRIVILEGES: &str = "schema.privileges.application";
const SETTINGS: &str = "schema.server.settings";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Planted {
    plants: String,
    object: String,
    problem: String,
    remedy: Option<String>,
    application_role: Option<String>,
    #[serde(default)]
    settings: BTreeMap<String, String>,
}

#[tokio::test]
async fn every_right_that_the_application_lacks_is_named_with_its_grant() {
    let db = Database::migrated().await.unwrap();
    for planted in read(PRIVILEGES) {
        let context =
            with(&db, |settings| settings.schema.application_role = planted.application_role.clone());
        let verdict = verdict(&context, PRIVILEGES).await;
        found(&planted, &verdict);
    }
}

#[tokio::test]
async fn a_role_that_has_every_right_passes_and_a_new_table_is_closed_to_it() {
    let db = Database::migrated().await.unwrap();
    // A role that every server has: what it is given stays within this database.
    let grants = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO pg_monitor;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO pg_monitor";
    execute(&db, grants).await;
    let context = with(&db, |settings| settings.schema.application_role = Some("pg_monitor".into()));
    let before = verdict(&context, PRIVILEGES).await;
    assert_eq!(before.outcome(), Outcome::Pass, "{before:?}");
    execute(&db, "CREATE TABLE \"Ne\"\"w\" (a serial)").await;
    let after = verdict(&context, PRIVILEGES).await;
    let remedies: Vec<&str> = after.findings().iter().map(|finding| finding.remedy.as_str()).collect();
    assert_eq!(
        remedies,
        [
            "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE public.\"Ne\"\"w\" TO pg_monitor",
            "GRANT USAGE ON SEQUENCE public.\"Ne\"\"w_a_seq\" TO pg_monitor",
        ]
    );
    for remedy in remedies {
        execute(&db, remedy).await;
    }
    assert_eq!(verdict(&context, PRIVILEGES).await.outcome(), Outcome::Pass);
}

#[tokio::test]
async fn every_setting_that_is_not_as_it_should_be_is_named() {
    let db = Database::migrated().await.unwrap();
    for planted in read(SETTINGS) {
        let mut context = with(&db, |settings| settings.schema.settings = planted.settings.clone());
        context.database = Target::Live(live(&db).await);
        found(&planted, &verdict(&context, SETTINGS).await);
    }
}

#[tokio::test]
async fn a_setting_is_read_as_the_database_and_not_as_this_session_has_it() {
    let db = Database::migrated().await.unwrap();
    let alter = "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = ''30s''', current_database()); END$$";
    execute(&db, alter).await;
    let mut context = with(&db, |settings| {
        settings.schema.settings = BTreeMap::from([
            ("statement_timeout".into(), "30s".into()),
            ("max_connections".into(), ">= 10".into()),
        ]);
    });
    context.database = Target::Live(live(&db).await);
    let verdict = verdict(&context, SETTINGS).await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{verdict:?}");
    assert_eq!(verdict.examined(), 2);
}

/// Such a setting looks as if the server had none of its name.
#[tokio::test]
async fn a_setting_that_the_role_may_not_see_is_not_measured() {
    let db = Database::migrated().await.unwrap();
    let become_another = "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET role = pg_signal_backend', current_database()); END$$";
    execute(&db, become_another).await;
    let of = |wanted: &[(&str, &str)]| {
        let wanted: BTreeMap<String, String> =
            wanted.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        with(&db, |settings| settings.schema.settings = wanted)
    };
    let libraries = ("shared_preload_libraries", "pg_stat_statements");
    let mut context = of(&[libraries]);
    context.database = Target::Live(live(&db).await);
    let hidden = verdict(&context, SETTINGS).await;
    let grant = "GRANT pg_read_all_settings TO pg_signal_backend";
    assert!(hidden.reason().is_some_and(|reason| reason.ends_with(grant)), "{hidden:?}");
    // What it may see is judged all the same.
    let mut context = of(&[libraries, ("max_connections", ">= 1000000")]);
    context.database = Target::Live(live(&db).await);
    let judged = verdict(&context, SETTINGS).await;
    assert_eq!(judged.outcome(), Outcome::Fail, "{judged:?}");
    assert!(judged.findings().iter().any(|finding| finding.remedy == grant), "{judged:?}");
}

#[tokio::test]
async fn an_extension_that_is_needed_and_missing_is_named_with_what_makes_it() {
    let db = Database::migrated().await.unwrap();
    let context = with(&db, |settings| {
        settings.schema.extensions = vec!["hstore".into(), "no such \"thing\"".into()];
    });
    let verdict = verdict(&context, "schema.extensions.current").await;
    let remedies: Vec<&str> = verdict.findings().iter().map(|finding| finding.remedy.as_str()).collect();
    assert_eq!(
        remedies,
        [
            "install the package of \"no such \"\"thing\"\"\" on the server, then CREATE EXTENSION \"no such \"\"thing\"\"\"",
            "CREATE EXTENSION hstore",
        ]
    );
}

#[tokio::test]
async fn a_key_whose_growth_nobody_knows_is_examined_and_not_projected() {
    let db = Database::seeded().await.unwrap();
    let context = with(&db, |settings| settings.schema.rows_per_day.clear());
    let verdict = verdict(&context, "schema.keys.exhaustion").await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{verdict:?}");
    assert!(verdict.examined() >= 5 && verdict.measurements().is_empty(), "{verdict:?}");
}

fn with(db: &Database, change: impl FnOnce(&mut Settings)) -> Context {
    let mut context = db.context();
    let mut settings = (*context.settings).clone();
    change(&mut settings);
    context.settings = Arc::new(settings);
    context
}

async fn live(db: &Database) -> Live {
    Live::connect(db.url(), harness::settings().limits.reading()).await.unwrap()
}

fn read(check: &str) -> Vec<Planted> {
    let folder = harness::settings().path(Path::new("defects").join(check));
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let planted: Vec<Planted> =
        files.map(|file| toml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()).collect();
    assert!(planted.len() >= 2);
    planted
}

#[track_caller]
fn found(planted: &Planted, verdict: &Verdict) {
    assert_eq!(verdict.outcome(), Outcome::Fail, "{}: {verdict:?}", planted.plants);
    let seen = verdict.findings().iter().any(|finding| {
        finding.object == planted.object
            && finding.problem.starts_with(&planted.problem)
            && planted.remedy.as_ref().is_none_or(|remedy| finding.remedy == *remedy)
    });
    assert!(seen, "{}: {:#?}", planted.plants, verdict.findings());
}

/// From 18 on; before it, no constraint can be so.
#[tokio::test]
async fn constraint_that_is_not_enforced_is_told_from_one_that_is_not_valid() {
    let db = Database::migrated().await.unwrap();
    let query = "SELECT current_setting('server_version_num')::integer";
    let version: i32 = sqlx::query_scalar(query).fetch_one(db.pool()).await.unwrap();
    if version < 180_000 {
        return;
    }
    let plant = "ALTER TABLE projects ADD CONSTRAINT loose CHECK (name <> '') NOT ENFORCED;
        ALTER TABLE project_events ALTER CONSTRAINT fk_events_project_id NOT ENFORCED";
    execute(&db, plant).await;
    let verdict = verdict(&db.context(), "schema.constraints.validated").await;
    let found: Vec<(&str, &str)> = verdict
        .findings()
        .iter()
        .map(|finding| (finding.problem.as_str(), finding.remedy.as_str()))
        .collect();
    let problem = "it is NOT ENFORCED: no row is checked, old or new";
    let foreign = "ALTER TABLE public.project_events ALTER CONSTRAINT fk_events_project_id ENFORCED";
    let check = "ALTER TABLE public.projects DROP CONSTRAINT loose, and add it again enforced";
    assert_eq!(found, [(problem, foreign), (problem, check)]);
    execute(&db, foreign).await;
}
