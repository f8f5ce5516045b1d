//! `perf.queries.seqscan`: no critical query reads a large table from end to end, unless its header allows it.

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::{Finding, Verdict};

use crate::index::{planned, quoted};
use crate::plan::Plan;
use crate::query::{Expectation, Query};
use crate::relations::{Catalogue, Part};
use crate::tally::{self, Tally};

pub async fn run(context: &Context) -> Result<Verdict, CheckError> {
    let queries = tally::queries(context)?;
    let catalogue = Catalogue::read(&mut context.reader().await?, &context.settings.database.schemas).await?;
    let small = context.settings.thresholds.small_table_blocks;
    let mut tally = Tally::of("queries");
    let mut allowed = 0;
    for query in &queries {
        let plan = match planned(query, context).await {
            Ok(plan) => plan,
            Err(stopped) => {
                tally.skip(query, tally::unmeasured(stopped));
                continue;
            }
        };
        for name in unknown(query, &catalogue) {
            tally.evidence.find(name);
        }
        if allows_all(query, &plan, &catalogue) {
            allowed += 1;
            continue;
        }
        match catalogue.largest(&plan) {
            Some(relation) if relation.blocks >= small => {
                tally.evidence.examine(1);
            }
            Some(relation) => {
                tally.skip(
                    query,
                    format!(
                        "{} has {}, and tables count from {small} on",
                        relation.shown(),
                        tally::blocks(relation.blocks)
                    ),
                );
                continue;
            }
            None => {
                tally.skip(query, "it reads no table other than the server's own");
                continue;
            }
        }
        for part in forbidden(query, &plan, &catalogue, small) {
            tally.evidence.find(Finding::error(
                &query.file,
                format!("{} reads all {} blocks of {}", quoted(query), part.blocks, words(&part)),
                format!(
                    "give it an index that fits; where the scan is right, add `-- sequential: {}` to its header",
                    part.named()
                ),
            ));
        }
    }
    let scans = tally.evidence.findings().len();
    Ok(tally.verdict(|examined| {
        let found = if scans == 0 { "none".to_owned() } else { scans.to_string() };
        let rest =
            if allowed == 0 { String::new() } else { format!(" · {allowed} may have one at this size") };
        format!("{found} in the plans of {examined} queries{rest}")
    }))
}

/// The tables of which the plan reads at least `small` blocks from end to end, and may not.
pub fn forbidden<'c>(query: &Query, plan: &Plan, catalogue: &'c Catalogue, small: i64) -> Vec<Part<'c>> {
    if allows_all(query, plan, catalogue) {
        return Vec::new();
    }
    let scanned = plan.scans().filter(|node| !catalogue.may_scan(query, node));
    catalogue.parts(scanned).into_iter().filter(|part| part.blocks >= small).collect()
}

fn words(part: &Part<'_>) -> String {
    match part.partitions {
        1 => part.shown().to_owned(),
        several => format!("{several} partitions of {}", part.shown()),
    }
}

fn unknown(query: &Query, catalogue: &Catalogue) -> Vec<Finding> {
    let missing = query.sequential.iter().filter(|(name, _)| !catalogue.has(name));
    missing
        .map(|(name, _)| {
            Finding::advice(
                &query.file,
                format!("its header lets it read {name} from end to end, and there is no such table"),
                "correct the name, or take it out of the header",
            )
        })
        .collect()
}

/// Whether the header expects no index where the tables are this large.
fn allows_all(query: &Query, plan: &Plan, catalogue: &Catalogue) -> bool {
    *query.expectation(catalogue.rows(plan)) == Expectation::Nothing
}
