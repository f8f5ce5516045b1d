//! A sequence that runs out stops every insert; the column it feeds, or one that refers to that column, may be
//! narrower than the sequence itself.

use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Measurement, Threshold, Verdict};
use sqlx::FromRow;

pub(crate) const CHECK: Check =
    Check::live_safe("schema.sequences.exhaustion", "no sequence is about to run out", run);

#[derive(FromRow)]
struct Sequence {
    name: String,
    /// The column that sets the limit, where one is narrower than the sequence.
    narrow: Option<String>,
    /// Share of the values that were given out, in percent.
    used: f64,
    readable: bool,
}

fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(check(context))
}

async fn check(context: &Context) -> Result<Verdict, CheckError> {
    let limit = context.settings.thresholds.sequence_used;
    let sequences: Vec<Sequence> = crate::fetch(context, include_str!("sequences_exhaustion.sql")).await?;
    let mut evidence = Evidence::of("sequences");
    let mut fullest: f64 = 0.0;
    for sequence in sequences {
        if !sequence.readable {
            return Err(CheckError::NotPermitted(format!(
                "where {0} stands is hidden from this role; GRANT SELECT ON SEQUENCE {0} TO it",
                sequence.name
            )));
        }
        evidence.examine(1);
        fullest = fullest.max(sequence.used);
        if sequence.used > limit {
            evidence.find(describe(&sequence));
        }
    }
    if evidence.examined() > 0 {
        evidence.measure(Measurement::new("fullest sequence", fullest, "%").within(Threshold::AtMost(limit)));
    }
    Ok(evidence.verdict())
}

fn describe(sequence: &Sequence) -> Finding {
    let (problem, remedy) = match &sequence.narrow {
        Some(column) => (
            format!("{:.1} % of the values that {column} can hold are given out", sequence.used),
            format!(
                "widen {column} to bigint, and the sequence with `ALTER SEQUENCE {} AS bigint`",
                sequence.name
            ),
        ),
        None => (
            format!("{:.1} % of its values are given out", sequence.used),
            format!("ALTER SEQUENCE {} AS bigint, and widen the columns it feeds", sequence.name),
        ),
    };
    Finding::error(&sequence.name, problem, remedy)
}
