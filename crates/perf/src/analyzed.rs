//! Four checks of what the plans of the critical queries did when they were executed.
//!
//! `perf.queries.spill`, `perf.queries.estimates`, `perf.queries.buffers` and `perf.queries.discarded` each execute
//! every query once under `EXPLAIN (ANALYZE, BUFFERS)`, so they are for ephemeral databases.

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::report::counted;
use runbook::verdict::{Finding, Measurement, Verdict};

use crate::bound::{Bound, Stopped};
use crate::explain::analyze;
use crate::index::quoted;
use crate::plan::{Node, Plan};
use crate::query::{Buffers, Query};
use crate::relations::Catalogue;
use crate::svg::svg;
use crate::tally::{self, Tally};

/// An estimate may be so many times too high or too low.
const FACTOR: f64 = 10.0;
/// Fewer rows than this are no matter, however wrong their estimate.
const FEW_ROWS: f64 = 100.0;
/// The share of rows that a filter may throw away.
const DISCARDED: f64 = 0.9;
/// Fewer discarded rows than this cost nothing to speak of.
const FEW_DISCARDED: f64 = 1000.0;
/// Fewer blocks than this are no matter, however few rows they gave.
const FEW_BLOCKS: u64 = 100;

/// `perf.queries.spill`: no sort and no hash of a critical query goes to disk.
pub async fn spill(context: &Context) -> Result<Verdict, CheckError> {
    each(context, "none spills", |query, plan, _, tally| {
        for node in plan.nodes() {
            let Some(what) = spilled(node) else { continue };
            tally.evidence.find(Finding::error(
                &query.file,
                format!("{}: {} {what}", quoted(query), node.title()),
                "give it an index in the order that it sorts by, let it read fewer rows, or raise work_mem for its role",
            ));
        }
    })
    .await
}

/// `perf.queries.estimates`: the planner is not wrong about rows by more than a factor of ten.
pub async fn estimates(context: &Context) -> Result<Verdict, CheckError> {
    each(context, "none is misjudged", |query, plan, _, tally| {
        // The lowest node is where the estimate goes wrong; those above inherit it.
        if let Some((node, estimated, rows)) = misjudged(&plan.root, false) {
            tally.evidence.find(Finding::error(
                &query.file,
                format!(
                    "{}: {} was planned for {estimated:.0} rows and gave {rows:.0}",
                    quoted(query),
                    node.title()
                ),
                "ANALYZE its tables; where columns depend on each other, CREATE STATISTICS on them",
            ));
        }
    })
    .await
}

/// `perf.queries.buffers`: no critical query asks for more blocks than the rows it returns are worth.
pub async fn buffers(context: &Context) -> Result<Verdict, CheckError> {
    let limit = context.settings.perf.buffers_per_row;
    each(context, "all within their budget", |query, plan, rows, tally| {
        // Once for each query, here where its blocks are the matter.
        tally.evidence.draw(&query.states, svg(&query.states, plan));
        let budget = match query.buffers {
            Some(Buffers::Any) => return,
            Some(Buffers::ARow(budget)) => budget,
            None => limit,
        };
        let blocks = plan.root.actual.blocks();
        let a_row = blocks as f64 / rows.max(1.0);
        tally.evidence.measure(Measurement::new(format!("blocks a row of {}", query.name), a_row, "blocks"));
        if blocks >= FEW_BLOCKS && a_row > budget as f64 {
            tally.evidence.find(Finding::error(
                &query.file,
                format!(
                    "{} asks for {blocks} blocks to return {rows:.0} rows: {a_row:.0} a row, and its budget is {budget}",
                    quoted(query)
                ),
                "look at its plan (runbook explain) for a scan that reads what it does not need; where it must, add \
                 `-- buffers: N a row` to its header",
            ));
        }
    })
    .await
}

/// `perf.queries.discarded`: no filter of a critical query throws away nearly all that was read.
pub async fn discarded(context: &Context) -> Result<Verdict, CheckError> {
    let catalogue = Catalogue::read(&mut context.reader().await?, &context.settings.database.schemas).await?;
    each(context, "none throws away what it reads", |query, plan, _, tally| {
        for node in plan.nodes() {
            let (gone, kept) = (node.actual.discarded(), node.actual.all_rows());
            if gone < FEW_DISCARDED || gone / (gone + kept) <= DISCARDED || catalogue.may_scan(query, node) {
                continue;
            }
            let filter = node.details().into_iter().filter(|(what, _)| matches!(*what, "filter" | "join"));
            let filter: Vec<String> = filter.map(|(_, text)| text).collect();
            tally.evidence.find(Finding::error(
                &query.file,
                format!(
                    "{}: {} reads {:.0} rows and throws {gone:.0} of them away by {}",
                    quoted(query),
                    node.title(),
                    gone + kept,
                    filter.join(" and ")
                ),
                "put the filter's columns into the index; where the scan is right, add `-- sequential: TABLE` to its header",
            ));
        }
    })
    .await
}

/// Executes every query and lets `look` find what is wrong with its plan; it gets the rows that were returned.
async fn each(
    context: &Context,
    fine: &str,
    mut look: impl FnMut(&Query, &Plan, f64, &mut Tally),
) -> Result<Verdict, CheckError> {
    let queries = tally::queries(context)?;
    let mut tally = Tally::of("queries");
    for query in &queries {
        match executed(query, context).await {
            Ok(plan) => {
                tally.evidence.examine(1);
                look(query, &plan, plan.root.actual.all_rows(), &mut tally);
            }
            Err(stopped) => tally.skip(query, tally::unmeasured(stopped)),
        }
    }
    let wrong = tally.evidence.findings().iter().filter(|finding| finding.is_error()).count();
    let words = if wrong == 0 { fine.to_owned() } else { format!("{wrong} findings") };
    Ok(tally.verdict(|examined| format!("{} executed · {words}", counted(examined, "plans"))))
}

async fn executed(query: &Query, context: &Context) -> Result<Plan, Stopped> {
    let database = context.database.ephemeral()?;
    let mut reader = context.reader().await?;
    let bound = Bound::of(query, &mut reader).await?;
    drop(reader);
    analyze(query, &bound, database).await
}

/// What went to disk, in words.
pub(crate) fn spilled(node: &Node) -> Option<String> {
    let actual = &node.actual;
    if actual.sort_space.as_deref() == Some("Disk") {
        let method = actual.sort_method.as_deref().unwrap_or("sort");
        return Some(format!("wrote {} kB to disk ({method})", actual.sort_kb));
    }
    if actual.hash_batches > 1 {
        return Some(format!("was built in {} parts, {} blocks on disk", actual.hash_batches, actual.temp));
    }
    if actual.aggregate_batches > 1 || actual.disk_kb > 0 {
        return Some(format!("wrote {} kB to disk", actual.disk_kb));
    }
    None
}

/// The first node, from below, whose estimate is wrong. Below a node that stops early fewer rows than planned are
/// right, so that only more rows than planned count there.
pub(crate) fn misjudged(node: &Node, stops_early: bool) -> Option<(&Node, f64, f64)> {
    let stops = stops_early
        || matches!(node.node_type.as_str(), "Limit" | "Merge Join" | "Materialize" | "Memoize")
        || matches!(node.join_type.as_deref(), Some("Semi" | "Anti"));
    if let Some(below) = node.inputs.iter().find_map(|input| misjudged(input, stops)) {
        return Some(below);
    }
    // The server does not count the rows of a bitmap.
    if matches!(node.node_type.as_str(), "BitmapAnd" | "BitmapOr" | "Limit") {
        return None;
    }
    let (loops, rows) = (node.actual.loops?, node.actual.rows?);
    let (estimated, rows) = (node.rows * loops, rows * loops);
    let under = rows > estimated * FACTOR && rows >= FEW_ROWS;
    let over = !stops_early && estimated > rows.max(1.0) * FACTOR && estimated >= FEW_ROWS;
    (loops > 0.0 && (under || over)).then_some((node, estimated, rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(json: &str) -> Node {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn an_estimate_is_wrong_past_a_factor_of_ten_and_only_where_rows_matter() {
        let scan = |planned: u32, actual: u32| {
            format!(
                r#"{{"Node Type": "Seq Scan", "Plan Rows": {planned}, "Actual Rows": {actual}, "Actual Loops": 1}}"#
            )
        };
        assert!(misjudged(&node(&scan(10, 101)), false).is_some());
        assert!(misjudged(&node(&scan(1000, 9)), false).is_some());
        for (planned, actual) in [(10, 100), (1, 50), (99, 1), (1000, 100)] {
            assert!(misjudged(&node(&scan(planned, actual)), false).is_none(), "{planned} {actual}");
        }
        let limited = |inner: &str| {
            format!(
                r#"{{"Node Type": "Limit", "Plan Rows": 5, "Actual Rows": 5, "Actual Loops": 1, "Plans": [{inner}]}}"#
            )
        };
        assert!(misjudged(&node(&limited(&scan(9000, 5))), false).is_none(), "it stopped early");
        assert!(misjudged(&node(&limited(&scan(10, 500))), false).is_some());
    }

    #[test]
    fn what_goes_to_disk_is_seen_in_sorts_hashes_and_aggregates() {
        for json in [
            r#"{"Node Type": "Sort", "Sort Method": "external merge", "Sort Space Used": 800, "Sort Space Type": "Disk"}"#,
            r#"{"Node Type": "Hash", "Hash Batches": 4, "Temp Written Blocks": 90}"#,
            r#"{"Node Type": "Aggregate", "HashAgg Batches": 5, "Disk Usage": 1200}"#,
        ] {
            assert!(spilled(&node(json)).is_some(), "{json}");
        }
        let fine = r#"{"Node Type": "Sort", "Sort Method": "quicksort", "Sort Space Used": 25, "Sort Space Type": "Memory"}"#;
        assert_eq!(spilled(&node(fine)), None);
    }
}
