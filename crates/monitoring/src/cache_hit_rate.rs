//! The share of blocks that were found in shared buffers.

use runbook::check::{Check, CheckError};
use runbook::context::Context;
use runbook::verdict::{Evidence, Measurement, Threshold, Verdict};

use crate::window::{Span, percent};

/// Its check.
pub(crate) const CHECK: Check =
    Check::live_safe("monitoring.cache_hit_rate", "Blocks are found in the buffer cache", |context| {
        Box::pin(run(context))
    });

async fn run(context: &Context) -> Result<Verdict, CheckError> {
    let thresholds = &context.settings.thresholds;
    let span = Span::of_counters(context).await?;
    let blocks = span.blocks()?;
    let asked = blocks.hit + blocks.read;
    let needed = needed(&span, blocks.blocks, thresholds.cache_hit_rate, thresholds.minimum_traffic);
    if asked < needed {
        return Err(CheckError::Missing(format!(
            "{asked} blocks asked for {}, and a rate needs {needed}",
            span.words()
        )));
    }
    let mut evidence = Evidence::of("blocks");
    evidence.examine(u64::try_from(asked).unwrap_or(0));
    let rate = percent(blocks.hit, asked);
    let bound = Threshold::Above(thresholds.cache_hit_rate);
    evidence.measure(Measurement::new("blocks found in shared buffers", rate, "%").within(bound));
    evidence.summarise(format!("{rate:.2} % of {asked} blocks {}", span.words()));
    Ok(evidence.verdict())
}

/// How much traffic a rate needs. Since a reset, each block may have been read once from cold: only when so many more
/// were asked for that this alone cannot break the threshold does a low rate mean a cache that is too small.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "an estimate in blocks")]
fn needed(span: &Span, size: i64, threshold: f64, minimum: i64) -> i64 {
    let cold = if span.from.is_none() { size as f64 / (1.0 - threshold / 100.0).max(0.001) } else { 0.0 };
    minimum.max(cold as i64).max(1)
}
