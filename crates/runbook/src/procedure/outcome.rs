//! What becomes of a line and a step, from what was done and found.

use std::time::Instant;

use crate::action::Action;
use crate::check::CheckError;
use crate::report::Line;
use crate::verdict::{Evidence, Finding, Outcome, Verdict};

pub(super) fn failure(action: &Action, error: &CheckError) -> Verdict {
    let mut evidence = Evidence::of("actions");
    let remedy = "mend the cause and begin again; the journal says what was done";
    evidence.examine(1).find(Finding::error(action.title, format!("was not done: {error}"), remedy));
    evidence.verdict()
}

/// Failed where anything failed, not measured where anything (or everything) was not, otherwise passed.
pub(super) fn worst(outcomes: &[Outcome]) -> Outcome {
    if outcomes.contains(&Outcome::Fail) {
        Outcome::Fail
    } else if outcomes.is_empty() || outcomes.contains(&Outcome::NotMeasured) {
        Outcome::NotMeasured
    } else {
        Outcome::Pass
    }
}

/// A step failed where a line failed, and passed where one passed; a line that nothing here can measure does not
/// hold it back, unless it is required.
pub(super) fn whole(lines: &[Line]) -> Outcome {
    let missing =
        lines.iter().flat_map(Line::results).any(|r| r.required && r.verdict == Outcome::NotMeasured);
    let has = |outcome| lines.iter().any(|line| line.verdict == outcome);
    match (has(Outcome::Fail), missing, has(Outcome::Pass)) {
        (true, _, _) => Outcome::Fail,
        (false, false, true) => Outcome::Pass,
        _ => Outcome::NotMeasured,
    }
}

/// Seconds since, to the millisecond.
pub(super) fn rounded(began: Instant) -> f64 {
    (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0
}

pub(super) fn first_row(words: &str) -> &str {
    words.lines().next().unwrap_or_default()
}
