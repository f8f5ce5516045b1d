//! Go, no-go, or incomplete.

use std::collections::BTreeSet;

use crate::report::{CheckResult, Decision, Report, value};
use crate::verdict::Outcome;

/// Why something was not measured that the end of the run cut off.
pub(super) const INTERRUPTED: &str = "the run was interrupted";

/// Weighs a report: any error is `no_go`; a required check that was not measured, or not asked, is `incomplete`, and so is a
/// report of which nothing was measured.
/// Returns the decision and its reasons, a sentence each.
pub(super) fn decide(
    report: &Report,
    required: &[String],
    interrupted: Option<&str>,
    stands: impl Fn(&str) -> bool,
) -> (Decision, Vec<String>) {
    let mut failed = Vec::new();
    let mut seen = BTreeSet::new();
    for result in report.results().filter(|result| result.verdict == Outcome::Fail) {
        if seen.insert(&result.id) {
            failed.push(format!("{}: {}", result.id, cause(result)));
        }
    }
    let mut missing = Vec::new();
    for id in required {
        let mut results = report.results().filter(|result| result.id == *id).peekable();
        if results.peek().is_none() {
            match stands(id) {
                // What stopped the run is said already.
                true if interrupted.is_some() || !failed.is_empty() => {}
                true => missing.push(format!("{id}: required, and not reached")),
                false => missing.push(format!("{id}: required, and no line of the runbook asked it")),
            }
        } else if let Some(result) = results.find(|result| result.verdict == Outcome::NotMeasured) {
            let reason = result.reason.as_deref().unwrap_or("it gave no reason");
            let cut_off = interrupted.is_some() && reason.ends_with(INTERRUPTED);
            if cut_off || (reason.starts_with("not reached") && !failed.is_empty()) {
                continue;
            }
            missing.push(format!("{id}: required, and not measured: {reason}"));
        }
    }
    // What was asked for answers nothing where none of it was measured.
    if missing.is_empty()
        && interrupted.is_none()
        && let Some(first) = report.results().next()
        && report.results().all(|result| result.verdict == Outcome::NotMeasured)
    {
        let reason = first.reason.as_deref().unwrap_or("it gave no reason");
        missing.push(format!("nothing was measured: {}: {reason}", first.id));
    }
    let decision = match (failed.is_empty(), missing.is_empty() && interrupted.is_none()) {
        (false, _) => Decision::NoGo,
        (true, false) => Decision::Incomplete,
        (true, true) => Decision::Go,
    };
    let reasons = failed.into_iter().chain(interrupted.map(ToOwned::to_owned)).chain(missing).collect();
    (decision, reasons)
}

/// What is wrong, in a few words.
fn cause(result: &CheckResult) -> String {
    if let Some(finding) = result.findings.iter().find(|finding| finding.is_error()) {
        let more = result.errors() - 1;
        let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
        return format!("{} {}{more}", finding.object, finding.predicate());
    }
    match result.broken().next() {
        Some(broken) => format!("{} is {}", broken.name, value(broken.value, &broken.unit)),
        None => result.words(),
    }
}
