//! Each check fires on each of its planted defects, no other check does, and all are silent on a clean database.

use harness::Database;
use rstest::rstest;
use runbook::verdict::Outcome;

use crate::support::{errors, patient, run, with};

#[tokio::test]
async fn every_check_passes_on_the_clean_database() {
    let db = Database::loaded(10_000).await.unwrap();
    let context = patient(&db);
    for check in perf::checks() {
        let verdict = check.run(&context).await;
        assert_eq!(
            verdict.outcome(),
            Outcome::Pass,
            "{}: {:?} {:?}",
            check.id,
            verdict.reason(),
            errors(&verdict)
        );
        // Of the queries, not all have a parameter whose distribution matters.
        let least = if check.id == "perf.queries.parameters" { 8 } else { 11 };
        assert!(verdict.examined() >= least, "{} looked at {} queries only", check.id, verdict.examined());
        // One of the four that execute each query draws its plan for the report.
        let drawn = if check.id == "perf.queries.buffers" { verdict.examined() } else { 0 };
        assert_eq!(verdict.drawings().len() as u64, drawn, "{}", check.id);
    }
}

#[rstest]
#[case::buffers("perf.queries.buffers")]
#[case::discarded("perf.queries.discarded")]
#[case::estimates("perf.queries.estimates")]
#[case::generic_plan("perf.queries.generic_plan")]
#[case::index("perf.queries.index")]
#[case::latency("perf.queries.latency")]
#[case::parameters("perf.queries.parameters")]
#[case::rows("perf.queries.rows")]
#[case::seqscan("perf.queries.seqscan")]
#[case::spill("perf.queries.spill")]
#[case::statistics("perf.queries.statistics")]
#[tokio::test]
async fn each_defect_fires_its_check_and_no_other(#[case] id: &str) {
    let defects: Vec<_> =
        harness::defects::of("perf").into_iter().filter(|defect| defect.check == id).collect();
    assert!(!defects.is_empty(), "{id} has no defect under fixtures/defects/{id}");
    for defect in defects {
        let db = Database::loaded(10_000).await.unwrap();
        defect.plant(&db).await.unwrap();
        // The other defects make a plan dearer; how long that takes on a busy machine is not what they are about.
        let context = with(patient(&db), |settings| {
            if id != "perf.queries.latency" {
                settings.perf.budget_factor = 1000.0;
            }
        });
        let mut wrong = Vec::new();
        for check in perf::checks() {
            let verdict = run(check.id, &context).await;
            let expected = check.id == id || defect.also.iter().any(|also| also == check.id);
            let fired = verdict.outcome() == Outcome::Fail;
            if fired != expected {
                wrong.push(format!(
                    "{}: fired {fired}, {:?} {:?}",
                    check.id,
                    verdict.reason(),
                    errors(&verdict)
                ));
            }
        }
        assert!(wrong.is_empty(), "{}: {wrong:#?}", defect.path.display());
    }
}

#[test]
fn every_check_is_among_the_cases_and_every_defect_has_a_check() {
    let checks: Vec<_> = perf::checks().iter().map(|check| check.id).collect();
    let mut sorted = checks.clone();
    sorted.sort_unstable();
    assert_eq!(checks, sorted);
    for id in &checks {
        assert!(include_str!("defects.rs").contains(&format!("(\"{id}\")")), "{id} is no case of this file");
    }
    for defect in harness::defects::of("perf") {
        assert!(checks.contains(&defect.check.as_str()), "{} is for no check", defect.path.display());
    }
}
