//! What is timed, what is not, and what is said about it. No time here depends on the machine: faults sleep.

use std::time::Duration;

use harness::Database;
use rstest::rstest;
use runbook::context::Context;
use runbook::ephemeral::Ephemeral;
use runbook::reader::ReadLimits;
use runbook::verdict::{Outcome, Threshold};

use crate::support::{about, errors, patient, run, with, with_query};

const LATENCY: &str = "perf.queries.latency";

#[tokio::test]
async fn the_worst_query_is_named_with_its_time_and_the_runbooks_limit() {
    let db = Database::seeded().await.unwrap();
    harness::defects::of("perf")
        .into_iter()
        .find(|defect| defect.check == LATENCY)
        .unwrap()
        .plant(&db)
        .await
        .unwrap();
    let verdict = run(LATENCY, &patient(&db)).await;
    let worst = verdict.measurements().last().unwrap();
    // Two queries read the view, and either may be the slower one.
    assert!(
        worst.name.starts_with("worst p95 (") && worst.name.contains("the statistics of"),
        "{}",
        worst.name
    );
    assert!(worst.value >= 300.0, "{}", worst.value);
    assert_eq!(worst.threshold, Some(Threshold::Below(50.0 * 25.0)));
    assert!(verdict.summary().unwrap().starts_with("worst p95 "), "{:?}", verdict.summary());
}

#[tokio::test]
async fn each_timed_query_is_measured_against_its_own_budget() {
    let db = Database::loaded(10_000).await.unwrap();
    let verdict = run(LATENCY, &patient(&db)).await;
    let by_id = verdict.measurements().iter().find(|one| one.name == "p95 of project_by_id").unwrap();
    assert_eq!((by_id.threshold, by_id.unit.as_str()), (Some(Threshold::AtMost(250.0)), "ms"));
    assert!(by_id.value > 0.0);
    assert_eq!(verdict.measurements().len(), usize::try_from(verdict.examined()).unwrap() + 1);
}

#[tokio::test]
async fn a_query_that_meets_the_statement_timeout_is_over_its_budget() {
    let db = Database::empty().await.unwrap();
    sqlx::query("CREATE VIEW slow AS SELECT pg_sleep(60) IS NULL AS slept").execute(db.pool()).await.unwrap();
    let limits = ReadLimits {
        statement: Duration::from_millis(200),
        lock: Duration::from_secs(1),
        idle: Duration::from_secs(60),
    };
    let hasty = Ephemeral::adopt(db.url().clone(), limits).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let context = Context::new(harness::settings(), runbook::context::Database::Ephemeral(hasty));
    let context = with_query(
        context,
        folder.path(),
        "-- states: a view that sleeps\n-- budget: 10 ms\n-- indexes: none\n-- rows: 1\nSELECT slept FROM slow",
    );
    let verdict = run(LATENCY, &context).await;
    assert_eq!(verdict.outcome(), Outcome::Fail, "{:?}", verdict.reason());
    assert_eq!(errors(&verdict).len(), 1);
}

#[tokio::test]
async fn a_query_is_compiled_as_the_service_would_find_it() {
    let db = Database::empty().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let context = with_query(
        patient(&db),
        folder.path(),
        "-- states: a row where the server compiles\n-- budget: 10 s\n-- indexes: none\n-- rows: 1\n\
         SELECT 1 AS compiled WHERE current_setting('jit') = 'on'",
    );
    let verdict = run(LATENCY, &context).await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{:?}", verdict.reason());
}

#[tokio::test]
async fn a_query_that_waits_for_a_lock_is_not_measured() {
    let db = Database::empty().await.unwrap();
    sqlx::raw_sql("CREATE TABLE held (a int); INSERT INTO held VALUES (1)").execute(db.pool()).await.unwrap();
    let mut holder = db.pool().begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE held").execute(&mut *holder).await.unwrap();
    let limits = ReadLimits {
        statement: Duration::from_secs(30),
        lock: Duration::from_millis(50),
        idle: Duration::from_secs(60),
    };
    let reading = Ephemeral::adopt(db.url().clone(), limits).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let context = Context::new(harness::settings(), runbook::context::Database::Ephemeral(reading));
    let context = with_query(
        context,
        folder.path(),
        "-- states: a locked table\n-- budget: 10 ms\n-- indexes: none\n-- rows: 1\nSELECT a FROM held",
    );
    let verdict = run("perf.queries.rows", &context).await;
    assert_eq!(verdict.outcome(), Outcome::NotMeasured);
    assert!(verdict.reason().unwrap().contains("lock timeout"), "{:?}", verdict.reason());
}

#[tokio::test]
async fn a_query_whose_example_selects_nothing_is_not_timed() {
    let db = Database::migrated().await.unwrap();
    let verdict = run(LATENCY, &patient(&db)).await;
    let finding = about(&verdict, "queries/project_by_id.sql");
    assert!(!finding.is_error());
    assert_eq!(
        finding.problem,
        "not measured: queries/project_by_id.sql:5: parameter $1 (project_id) has no value here: its example selects nothing"
    );
    assert!(verdict.measurements().iter().all(|one| one.name != "p95 of project_by_id"));
}

#[rstest]
#[case::none(0)]
#[case::as_many_as_have_no_percentile(19)]
#[tokio::test]
async fn too_few_samples_are_no_verdict(#[case] samples: u32) {
    let db = Database::seeded().await.unwrap();
    let verdict = run(LATENCY, &with(db.context(), |settings| settings.perf.samples = samples)).await;
    assert_eq!(verdict.outcome(), Outcome::NotMeasured);
    let reason = verdict.reason().unwrap();
    assert!(reason.starts_with(&format!("samples = {samples} in [perf]: of fewer than 20")), "{reason}");
}
