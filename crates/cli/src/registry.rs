//! Every check and every action, from all suites: the one place that knows them all.

use runbook::procedure::Registry;

/// What the suites give.
pub(crate) fn registry() -> Registry {
    let checks = [
        schema::checks(),
        integrity::checks(),
        ::smoke::checks(),
        perf::checks(),
        recovery::checks(),
        monitoring::checks(),
    ];
    let actions = [migrations::actions(), ::smoke::actions(), recovery::actions(), monitoring::actions()];
    Registry::of(checks.into_iter().flatten(), actions.into_iter().flatten())
}
