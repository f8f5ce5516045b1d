//! The share of scans that used an index.

use runbook::check::{Check, CheckError};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Measurement, Threshold, Verdict};

use crate::window::{Span, Table, percent};

/// Its check.
pub(crate) const CHECK: Check = Check::live_safe(
    "monitoring.index_hit_rate",
    "Tables past a size are read through their indexes",
    |context| Box::pin(run(context)),
);

async fn run(context: &Context) -> Result<Verdict, CheckError> {
    let thresholds = &context.settings.thresholds;
    let span = Span::of_counters(context).await?;
    let mut tables = span.tables()?;
    let all = tables.len();
    tables.retain(|table| table.blocks >= thresholds.small_table_blocks);
    let small = all - tables.len();
    if all > 0 && tables.is_empty() {
        return Err(CheckError::Missing(format!(
            "all {small} tables are smaller than {} blocks, and so rightly read by sequential scans",
            thresholds.small_table_blocks
        )));
    }
    let total = |count: fn(&Table) -> i64| tables.iter().map(count).sum::<i64>();
    let (by_index, sequential) = (total(|table| table.idx_scans), total(|table| table.seq_scans));
    let scans = by_index + sequential;
    // Of no traffic at all there is no rate, whatever the settings ask for.
    let needed = thresholds.minimum_traffic.max(1);
    if scans < needed {
        return Err(CheckError::Missing(format!(
            "{scans} scans {}, and a rate needs {needed}",
            span.words()
        )));
    }
    let mut evidence = Evidence::of("scans");
    evidence.examine(u64::try_from(scans).unwrap_or(0));
    let rate = percent(by_index, scans);
    let bound = Threshold::Above(thresholds.index_hit_rate);
    evidence.measure(Measurement::new("scans that used an index", rate, "%").within(bound));
    let (hit, read) = (total(|table| table.idx_hit), total(|table| table.idx_read));
    if hit + read > 0 {
        evidence.measure(Measurement::new(
            "index blocks found in shared buffers",
            percent(hit, hit + read),
            "%",
        ));
    }
    for table in &tables {
        let scans = table.idx_scans + table.seq_scans;
        if scans > 0 && !bound.holds(percent(table.idx_scans, scans)) {
            evidence.find(Finding::advice(
                &table.name,
                format!(
                    "{} of {scans} scans of its {} blocks were sequential",
                    table.seq_scans, table.blocks
                ),
                "look for the statements that filter it by columns without an index (EXPLAIN)",
            ));
        }
    }
    evidence.summarise(format!(
        "{rate:.1} % of {scans} scans {}; {small} tables under {} blocks left out",
        span.words(),
        thresholds.small_table_blocks
    ));
    Ok(evidence.verdict())
}
