//! The long form of `writers`: `make soak`, or `RUNBOOK_SOAK_RUNS=20 make soak ARGS="-p integrity"`.

use harness::Database;

use crate::writers::silent_beside_writers;

/// Runs, where `RUNBOOK_SOAK_RUNS` does not say.
const RUNS: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: `make soak`"]
async fn two_hundred_runs_beside_writers_raise_no_false_alarm() {
    let runs = std::env::var("RUNBOOK_SOAK_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS);
    let db = Database::loaded(1000).await.unwrap();
    let (passed, hindered) = silent_beside_writers(&db, runs).await;
    assert!(passed >= runs * 9, "{passed} passed, {hindered} were not measured");
}
