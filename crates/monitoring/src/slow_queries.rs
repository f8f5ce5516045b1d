//! The time that each statement took, by pg_stat_statements.

use runbook::check::{Check, CheckError};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Measurement, Threshold, Verdict};

use crate::window::{Span, Statement};

/// Its check.
pub(crate) const CHECK: Check =
    Check::live_safe("monitoring.slow_queries", "No statement is slow on average", |context| {
        Box::pin(run(context))
    });

/// Under this many calls a mean says little (a report, a migration, a check of ours), and a slow one is advice.
const JUDGED_CALLS: i64 = 5;

async fn run(context: &Context) -> Result<Verdict, CheckError> {
    let bound = context.settings.thresholds.query_ms;
    let span = Span::of(context).await?;
    let statements = span.statements()?;
    let mut evidence = Evidence::of("statements");
    evidence.examine(statements.entries.len() as u64);
    let mut slowest = 0.0_f64;
    let mut calls = 0;
    for entry in statements.entries.values() {
        calls += entry.calls;
        let mean = mean(entry);
        let judged = entry.calls >= JUDGED_CALLS;
        if judged {
            slowest = slowest.max(mean);
        }
        if mean >= bound {
            evidence.find(finding(entry, mean, judged));
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
        let number = evidence.examined();
        evidence.summarise(format!(
            "slowest mean {slowest:.1} ms of {number} statements, {calls} calls {}",
            span.words()
        ));
    }
    Ok(evidence.verdict())
}

#[allow(clippy::cast_precision_loss, reason = "a mean of counters")]
fn mean(entry: &Statement) -> f64 {
    entry.milliseconds / entry.calls as f64
}

fn finding(entry: &Statement, mean: f64, judged: bool) -> Finding {
    let longest =
        if entry.longest > 0.0 { format!(", {:.1} ms at most", entry.longest) } else { String::new() };
    let problem = format!(
        "took {mean:.1} ms on average over {} calls{longest}, {} blocks a call",
        entry.calls,
        entry.blocks / entry.calls
    );
    let remedy = "EXPLAIN (ANALYZE, BUFFERS) it on a copy, and look for a missing index or a changed plan";
    let object = entry.text.escape_debug().to_string();
    if judged { Finding::error(object, problem, remedy) } else { Finding::advice(object, problem, remedy) }
}
