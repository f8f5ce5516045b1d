//! Every check and every action, from all suites: the one place that knows them all.

use runbook::procedure::Registry;

/// What the suites give.
pub(crate) fn registry() -> Registry {
    let checks = [
        schema::checks(),
        integrity::checks(),
        smoke::checks(),
        perf::checks(),
        recovery::checks(),
        monitoring::checks(),
    ];
    Registry::of(checks.into_iter().flatten(), Vec::new())
}
