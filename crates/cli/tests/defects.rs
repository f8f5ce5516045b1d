//! Invariant 2, across suites: every check has a defect, and a defect is found by no other suite's check than it names.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use futures_util::StreamExt as _;
use harness::Database;
use harness::defects::{self, Defect};
use rstest::rstest;
use runbook::check::{Check, Safety};
use runbook::procedure::Registry;
use runbook::verdict::Outcome;

use crate::folder::workspace;

fn registry() -> Registry {
    let suites = [
        schema::checks(),
        integrity::checks(),
        smoke::checks(),
        perf::checks(),
        recovery::checks(),
        monitoring::checks(),
    ];
    Registry::of(suites.into_iter().flatten(), [])
}

#[test]
fn no_check_lacks_a_defect() {
    let folder = workspace().join("fixtures/defects");
    let registry = registry();
    assert!(registry.checks.len() > 40, "{}", registry.checks.len());
    let lacking: Vec<&str> = registry
        .checks
        .iter()
        .map(|check| check.id)
        .filter(|id| std::fs::read_dir(folder.join(id)).map_or(true, |mut files| files.next().is_none()))
        .collect();
    assert!(lacking.is_empty(), "{lacking:#?}");
    // And no folder is left over from a check that is gone.
    let known: BTreeSet<&str> = registry.checks.iter().map(|check| check.id).collect();
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(name.as_str()), "fixtures/defects/{name} belongs to no check");
    }
}

#[tokio::test]
async fn no_check_fails_on_the_clean_database() {
    let failing = failing(&Database::loaded(10_000).await.unwrap(), None).await;
    assert!(failing.is_empty(), "{failing:?}");
}

/// Each suite's own tests prove that its check finds a defect, and that none of its other checks does.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_defect_is_found_by_another_suite_than_its_own(
    #[values("schema", "integrity", "perf", "monitoring")] suite: &str,
) {
    let defects = defects::of(suite);
    assert!(!defects.is_empty(), "{suite}");
    let judged =
        futures_util::stream::iter(defects).map(|defect| tokio::spawn(judge(defect))).buffer_unordered(2);
    let wrong: Vec<String> = judged.filter_map(async |wrong| wrong.unwrap()).collect().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_defect_is_of_a_suite_whose_defects_are_shown_to_the_others() {
    let defects = defects::all();
    assert!(defects.len() > 40, "{}", defects.len());
    let suites: BTreeSet<String> =
        defects.iter().filter_map(|defect| defect.check.split('.').next().map(str::to_owned)).collect();
    // Each has its case in the test above.
    assert_eq!(suites, ["schema", "integrity", "perf", "monitoring"].map(str::to_owned).into());
}

/// What is wrong with the answer to a defect.
async fn judge(defect: Defect) -> Option<String> {
    let database = database(&defect.check).await;
    defect.plant(&database).await.unwrap();
    let others: Vec<&str> = failing(&database, defect.check.split('.').next())
        .await
        .into_iter()
        .filter(|id| !defect.also.iter().any(|also| also == id))
        .collect();
    let path = defect.path.strip_prefix(workspace()).unwrap_or(&defect.path).display();
    (!others.is_empty()).then(|| format!("{path}: {others:?} failed, and its header does not name them"))
}

/// A database on which a defect of this check can be seen: plans need rows, the rest is quicker without many.
async fn database(check: &str) -> Database {
    let made =
        if check.starts_with("perf") { Database::loaded(10_000).await } else { Database::seeded().await };
    made.unwrap()
}

/// The ids of the checks that fail: all that only read a database and take no time of it, but those of `suite`.
async fn failing(database: &Database, suite: Option<&str>) -> BTreeSet<&'static str> {
    static MADE: LazyLock<schema::Made> = LazyLock::new(schema::Made::default);
    let context = database.context();
    // What the migrations make is the same for each of them.
    context.stash.put(MADE.clone());
    let mut failing = BTreeSet::new();
    let mut checks = registry().checks;
    // The server counts what the others read as well, and the planner chooses how they do: monitoring is asked first.
    checks.sort_by_key(|check| check.suite() != "monitoring");
    for check in checks {
        if asks_the_database(&check)
            && Some(check.suite()) != suite
            && check.run(&context).await.outcome() == Outcome::Fail
        {
            failing.insert(check.id);
        }
    }
    failing
}

/// A latency is measured, and a test asserts no time.
fn asks_the_database(check: &Check) -> bool {
    check.safety == Safety::Live
        && ["schema", "integrity", "perf", "monitoring"].contains(&check.suite())
        && check.id != "perf.queries.latency"
}
