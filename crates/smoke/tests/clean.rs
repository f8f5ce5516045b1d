//! On the faultless service everything passes, and nothing is left behind.

use std::path::PathBuf;

use harness::Database;
use rstest::rstest;
use runbook::document::Document;
use runbook::verdict::{Outcome, Verdict};

use crate::wrong::faultless;

#[track_caller]
fn passes(what: &str, verdict: &Verdict) {
    assert_eq!(verdict.outcome(), Outcome::Pass, "{what}: {:?} {:#?}", verdict.reason(), verdict.findings());
    assert!(verdict.examined() > 0, "{what}");
    assert_eq!(verdict.findings(), [], "{what}");
}

#[tokio::test]
async fn every_check_passes_and_leaves_the_rows_as_they_were() {
    let db = Database::seeded().await.unwrap();
    let serving = faultless(&db).await;
    let rows = "SELECT md5(string_agg(p::text, '' ORDER BY project_id)) FROM projects AS p";
    let before: String = sqlx::query_scalar(rows).fetch_one(db.pool()).await.unwrap();
    for check in smoke::checks() {
        passes(check.id, &check.run(&serving.context).await);
    }
    let after: String = sqlx::query_scalar(rows).fetch_one(db.pool()).await.unwrap();
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_database_one_revision_behind_passes_too() {
    let db = Database::seeded_at("006").await.unwrap();
    let serving = faultless(&db).await;
    for check in smoke::checks() {
        passes(check.id, &check.run(&serving.context).await);
    }
}

#[tokio::test]
async fn settings_of_the_database_change_no_verdict() {
    let db = Database::seeded().await.unwrap();
    for setting in [
        "default_transaction_isolation = 'serializable'",
        "datestyle = 'German, DMY'",
        "intervalstyle = 'sql_standard'",
        "timezone = 'Asia/Kathmandu'",
        "bytea_output = 'escape'",
        "extra_float_digits = -15",
        "standard_conforming_strings = off",
        "transform_null_equals = on",
        "quote_all_identifiers = on",
        "search_path = 'pg_temp', 'pg_catalog', 'public'",
        "plan_cache_mode = 'force_generic_plan'",
        "synchronous_commit = off",
    ] {
        db.execute(&format!(
            "DO $$BEGIN EXECUTE format($f$ALTER DATABASE %I SET {setting}$f$, current_database()); END$$"
        ))
        .await
        .unwrap();
    }
    let serving = faultless(&db).await;
    for check in smoke::checks() {
        passes(check.id, &check.run(&serving.context).await);
    }
}

#[rstest]
#[tokio::test]
async fn a_case_holds(
    #[files("../../fixtures/api/*.toml")]
    #[exclude("contract.toml$")]
    path: PathBuf,
) {
    let db = Database::seeded().await.unwrap();
    let serving = faultless(&db).await;
    let name = path.file_stem().unwrap().to_str().unwrap();
    passes(name, &smoke::run_case(&serving.context, name).await.unwrap());
}

#[tokio::test]
async fn each_curl_of_the_runbook_is_a_case_word_for_word() {
    let db = Database::empty().await.unwrap();
    let context = db.context();
    let contract = smoke::Contract::of(&context).unwrap();
    let document: &Document = &context.settings.document;
    let curls: Vec<&str> = document
        .sections
        .iter()
        .flat_map(|section| &section.lines)
        .flat_map(|line| &line.commands)
        .map(String::as_str)
        .filter(|command| command.starts_with("curl"))
        .collect();
    assert_eq!(curls.len(), 3);
    for curl in curls {
        assert!(contract.cases.iter().any(|case| case.command.as_deref() == Some(curl)), "no case is {curl}");
    }
}

#[tokio::test]
async fn a_case_whose_rows_are_not_there_is_left_out_and_told() {
    let db = Database::migrated().await.unwrap();
    let serving = faultless(&db).await;
    let verdict = smoke::run_case(&serving.context, "query_it_back").await.unwrap();
    assert_eq!(verdict.outcome(), Outcome::NotMeasured);
    assert!(verdict.findings()[0].problem.contains("left out"), "{:?}", verdict.findings());
}
