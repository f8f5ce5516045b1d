//! What the topics share.

use std::path::Path;
use std::sync::Arc;

use runbook::check::Check;
use runbook::context::Context;
use runbook::settings::Settings;
use runbook::verdict::{Finding, Verdict};

/// A context whose budgets a busy machine keeps: 25 times as wide, so that what breaks them is planted.
pub fn patient(database: &harness::Database) -> Context {
    with(database.context(), |settings| {
        settings.perf.budget_factor = 25.0;
        settings.perf.samples = 20;
        settings.perf.warm_up = 0;
        // With budgets so wide no neighbour is mistaken for a slow query.
        settings.perf.rounds = 1;
    })
}

/// The same context with other settings.
pub fn with(mut context: Context, change: impl FnOnce(&mut Settings)) -> Context {
    change(Arc::make_mut(&mut context.settings));
    context
}

/// A context whose only query is this text.
pub fn with_query(context: Context, folder: &Path, text: &str) -> Context {
    std::fs::write(folder.join("only.sql"), text).unwrap();
    with(context, |settings| settings.perf.queries = folder.to_owned())
}

/// Runs one check of this suite.
pub async fn run(check: &str, context: &Context) -> Verdict {
    let checks = perf::checks();
    let check: &Check = checks.iter().find(|known| known.id == check).unwrap();
    check.run(context).await
}

/// The problems of a verdict's errors, with their objects.
pub fn errors(verdict: &Verdict) -> Vec<String> {
    let errors = verdict.findings().iter().filter(|finding| finding.is_error());
    errors.map(|finding| format!("{}: {}", finding.object, finding.problem)).collect()
}

/// The problem of the finding about this object.
pub fn about<'v>(verdict: &'v Verdict, object: &str) -> &'v Finding {
    let found = verdict.findings().iter().find(|finding| finding.object == object);
    found.unwrap_or_else(|| panic!("nothing about {object}: {:?}", verdict.findings()))
}
