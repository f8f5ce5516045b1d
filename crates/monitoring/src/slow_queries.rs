//! The time that each statement took, by pg_stat_statements.

use std::collections::BTreeMap;

use runbook::check::{Check, CheckError};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Measurement, Threshold, Verdict};

use crate::window::{Compared, History, Span, Statement, Statements, Stretch};

/// Its check.
pub(crate) const CHECK: Check =
    Check::live_safe("monitoring.slow_queries", "No statement is slow on average", |context| {
        Box::pin(run(context))
    });

/// Under this many calls a mean says little (a report, a migration, a check of ours), and a slow one is advice.
const JUDGED_CALLS: i64 = 5;
/// From so many times the mean of the same weekday and hour on, a statement is named: weeks differ by less than twice …
const SLOWER: f64 = 2.0;
/// … and by so many milliseconds at least: twice nothing is nothing.
const SLOWER_MS: f64 = 1.0;

async fn run(context: &Context) -> Result<Verdict, CheckError> {
    let bound = context.settings.thresholds.query_ms;
    let span = Span::of(context).await?;
    let (statements, compared) = read(context, &span)?;
    let baseline = compared.as_ref().and_then(|compared| compared.baseline.as_ref().ok());
    let baseline = baseline.map(Baseline::of);
    let mut evidence = Evidence::of(format!("statements that were called {JUDGED_CALLS} times or more"));
    let mut slowest = 0.0_f64;
    let mut calls = 0;
    for entry in statements.entries.values() {
        calls += entry.calls;
        let mean = mean(entry);
        let judged = entry.calls >= JUDGED_CALLS;
        if judged {
            evidence.examine(1);
            slowest = slowest.max(mean);
        }
        if mean >= bound {
            evidence.find(finding(entry, mean, judged, baseline.as_ref()));
        } else if let Some(slower) = baseline.as_ref().and_then(|baseline| baseline.slower(entry, mean)) {
            evidence.find(slower);
        }
    }
    if statements.forgotten > 0 {
        evidence.find(Finding::advice(
            "pg_stat_statements",
            format!("{} times it forgot statements for want of room", statements.forgotten),
            "raise pg_stat_statements.max",
        ));
    }
    if evidence.examined() > 0 {
        evidence.measure(Measurement::new("slowest mean", slowest, "ms").within(Threshold::Below(bound)));
        // The slowest on average need not be what the server is busy with.
        let total: f64 = statements.entries.values().map(|entry| entry.milliseconds).sum();
        let most = statements.entries.values().max_by(|a, b| a.milliseconds.total_cmp(&b.milliseconds));
        if let Some(most) = most.filter(|_| total > 0.0) {
            let text = most.text.escape_debug().to_string();
            let share = 100.0 * most.milliseconds / total;
            evidence.measure(Measurement::new(format!("share of all time: {text}"), share, "%"));
            evidence.measure(Measurement::new(format!("total time: {text}"), most.milliseconds, "ms"));
        }
        if let Some(baseline) = &baseline {
            evidence.measure(Measurement::new("total time", total, "ms"));
            let name = format!("total time, {}", baseline.words);
            evidence.measure(Measurement::new(name, baseline.milliseconds, "ms"));
        }
        let (number, all) = (evidence.examined(), statements.entries.len());
        evidence.summarise(format!(
            "slowest mean {slowest:.1} ms of {number} statements out of {all}, {calls} calls {}",
            when(&span, compared.as_ref())
        ));
    }
    Ok(evidence.verdict())
}

/// What the statements did: since the reading before where there is a history, else as the window says.
fn read(context: &Context, span: &Span) -> Result<(Statements, Option<Compared>), CheckError> {
    let Some(history) = History::of(context) else { return Ok((span.statements()?, None)) };
    let now = span.to.statements.clone().map_err(CheckError::Missing)?;
    let compared = history.compare(&now)?;
    // A window that was opened in this run is narrower, and what was asked for.
    let since = compared.window.as_ref().filter(|_| span.from.is_none());
    let statements = match since {
        Some(window) => window.statements.clone(),
        None => span.statements()?,
    };
    Ok((statements, Some(compared)))
}

/// When that was, and what it is compared with.
fn when(span: &Span, compared: Option<&Compared>) -> String {
    let Some(compared) = compared else { return span.words().into() };
    let window = match &compared.window {
        Some(window) if span.from.is_none() => format!("from {}", window.words()),
        _ => span.words().into(),
    };
    match &compared.baseline {
        Ok(baseline) => format!("{window}, beside {}", baseline.words()),
        Err(why) => format!("{window}; no baseline: {why}"),
    }
}

/// The same weekday and hour of an earlier week, by text: a table that was made anew gives its statements other ids.
struct Baseline {
    words: String,
    milliseconds: f64,
    /// Calls and milliseconds.
    statements: BTreeMap<String, (i64, f64)>,
}

impl Baseline {
    fn of(stretch: &Stretch) -> Self {
        let mut statements: BTreeMap<String, (i64, f64)> = BTreeMap::new();
        for entry in stretch.statements.entries.values() {
            let sum = statements.entry(entry.text.clone()).or_default();
            sum.0 += entry.calls;
            sum.1 += entry.milliseconds;
        }
        let milliseconds = statements.values().map(|(_, milliseconds)| milliseconds).sum();
        Self { words: stretch.words(), milliseconds, statements }
    }

    /// Its mean then, with its calls.
    #[allow(clippy::cast_precision_loss, reason = "a mean of counters")]
    fn mean(&self, entry: &Statement) -> Option<(f64, i64)> {
        let (calls, milliseconds) = self.statements.get(&entry.text)?;
        Some((milliseconds / *calls as f64, *calls))
    }

    fn beside(&self, entry: &Statement) -> String {
        match self.mean(entry) {
            Some((mean, calls)) => format!("; {mean:.1} ms over {calls} calls {}", self.words),
            None => format!("; it was not called {}", self.words),
        }
    }

    /// One that is within its bound, and slower than it was: worth a look, no failure.
    fn slower(&self, entry: &Statement, mean: f64) -> Option<Finding> {
        let (then, calls) = self.mean(entry)?;
        if calls.min(entry.calls) < JUDGED_CALLS || mean < then * SLOWER || mean - then < SLOWER_MS {
            return None;
        }
        let problem = format!(
            "took {mean:.1} ms on average over {} calls{}: {:.1} times as long",
            entry.calls,
            self.beside(entry),
            mean / then
        );
        let remedy = "compare its plan and its rows with those of that time";
        Some(Finding::advice(entry.text.escape_debug().to_string(), problem, remedy))
    }
}

#[allow(clippy::cast_precision_loss, reason = "a mean of counters")]
fn mean(entry: &Statement) -> f64 {
    entry.milliseconds / entry.calls as f64
}

fn finding(entry: &Statement, mean: f64, judged: bool, baseline: Option<&Baseline>) -> Finding {
    let longest =
        if entry.longest > 0.0 { format!(", {:.1} ms at most", entry.longest) } else { String::new() };
    let problem = format!(
        "took {mean:.1} ms on average over {} calls{longest}, {} blocks a call{}",
        entry.calls,
        entry.blocks / entry.calls,
        baseline.map(|baseline| baseline.beside(entry)).unwrap_or_default()
    );
    let remedy = "EXPLAIN (ANALYZE, BUFFERS) it on a copy, and look for a missing index or a changed plan";
    let object = entry.text.escape_debug().to_string();
    if judged { Finding::error(object, problem, remedy) } else { Finding::advice(object, problem, remedy) }
}
