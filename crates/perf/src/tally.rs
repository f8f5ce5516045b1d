//! The evidence of a check that looks at every query: which were examined, and which could not be.

use std::collections::BTreeMap;

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Verdict};

use crate::bound::Stopped;
use crate::query::Query;

/// Gathers evidence query by query. A query that could not be measured is said to be so and never counts as
/// examined; when none could be, the check is not measured.
#[derive(Debug)]
pub struct Tally {
    /// The evidence so far.
    pub evidence: Evidence,
    unmeasured: Vec<(String, String)>,
}

impl Tally {
    /// Evidence about things called `noun`.
    pub fn of(noun: &str) -> Self {
        Self { evidence: Evidence::of(noun), unmeasured: Vec::new() }
    }

    /// Notes that this query could not be judged here, and why.
    pub fn skip(&mut self, query: &Query, reason: impl Into<String>) {
        self.unmeasured.push((query.file.clone(), reason.into()));
    }

    /// Weighs the evidence. `summary` gets the number examined.
    pub fn verdict(mut self, summary: impl FnOnce(u64) -> String) -> Verdict {
        let examined = self.evidence.examined();
        let silent = !self.evidence.findings().iter().any(Finding::is_error);
        if examined == 0 && silent && !self.unmeasured.is_empty() {
            return Verdict::not_measured(format!(
                "none of {} queries could be judged: {}",
                self.unmeasured.len(),
                reasons(&self.unmeasured)
            ));
        }
        let mut words = summary(examined);
        if !self.unmeasured.is_empty() {
            words = format!("{words} · {} not measured", self.unmeasured.len());
        }
        for (file, reason) in self.unmeasured {
            self.evidence.find(Finding::advice(
                file,
                format!("not measured: {reason}"),
                "measure it where it can be: with more rows, or with examples that select some",
            ));
        }
        if examined > 0 {
            self.evidence.summarise(words);
        }
        self.evidence.verdict()
    }
}

/// Every query of the settings.
///
/// # Errors
/// The first query file that is wrong, with its line.
pub fn queries(context: &Context) -> Result<Vec<Query>, CheckError> {
    Query::all(&context.settings).map_err(|error| CheckError::Other(error.to_string()))
}

/// The words for a query that the database refuses.
pub fn unmeasured(stopped: Stopped) -> String {
    match stopped {
        Stopped::Broken(why) => format!("the database refuses it: {why}"),
        Stopped::Unmeasured(why) => why,
    }
}

/// Reasons with how often each was given, the commonest first.
fn reasons(unmeasured: &[(String, String)]) -> String {
    let mut counted = BTreeMap::<&str, usize>::new();
    for (_, reason) in unmeasured {
        *counted.entry(reason).or_default() += 1;
    }
    let mut counted: Vec<_> = counted.into_iter().collect();
    counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let words: Vec<String> =
        counted.iter().take(3).map(|(reason, count)| format!("{reason} ({count})")).collect();
    let more = counted.len().saturating_sub(3);
    if more == 0 { words.join("; ") } else { format!("{}; and {more} other reasons", words.join("; ")) }
}

/// `1 block`, `316 blocks`.
pub fn blocks(number: i64) -> String {
    if number == 1 { "1 block".into() } else { format!("{number} blocks") }
}
