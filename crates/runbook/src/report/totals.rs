//! How a report counts, in whatever form it is drawn.

use std::fmt;

use super::Report;
use crate::verdict::Outcome;

/// How many passed, failed and were not measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Not measured.
    pub not_measured: usize,
}

impl Report {
    /// What JUnit has as its cases: every result, and every line or criterion that has none.
    pub fn totals(&self) -> Totals {
        let lines = self.steps.iter().flat_map(|step| &step.lines);
        let bare_lines = lines.filter(|line| line.results().next().is_none()).map(|line| line.verdict);
        let bare = self.criteria.iter().filter(|criterion| criterion.checks.is_empty());
        let bare = bare.map(|criterion| criterion.verdict).chain(bare_lines);
        let mut totals = Totals::default();
        for outcome in self.results().map(|result| result.verdict).chain(bare) {
            match outcome {
                Outcome::Pass => totals.passed += 1,
                Outcome::Fail => totals.failed += 1,
                Outcome::NotMeasured => totals.not_measured += 1,
            }
        }
        totals
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} not measured", self.passed, self.failed, self.not_measured)
    }
}
