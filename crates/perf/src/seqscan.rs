//! `perf.queries.seqscan`: no critical query reads a large table from end to end, unless its header allows it.

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::{Finding, Verdict};

use crate::index::{planned, quoted};
use crate::plan::Plan;
use crate::query::{Expectation, Query};
use crate::relations::{Catalogue, Relation};
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
                        relation.shown,
                        tally::blocks(relation.blocks)
                    ),
                );
                continue;
            }
            None => {
                tally.skip(query, "it reads no table of the system's schemas");
                continue;
            }
        }
        for relation in forbidden(query, &plan, &catalogue, small) {
            tally.evidence.find(Finding::error(
                &query.file,
                format!("{} reads all {} blocks of {}", quoted(query), relation.blocks, relation.shown),
                format!(
                    "give it an index that fits; where the scan is right, add `-- sequential: {}` to its header",
                    relation.name
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

/// The tables of at least `small` blocks that the plan reads from end to end and may not.
pub fn forbidden<'c>(query: &Query, plan: &Plan, catalogue: &'c Catalogue, small: i64) -> Vec<&'c Relation> {
    if allows_all(query, plan, catalogue) {
        return Vec::new();
    }
    let scanned =
        plan.sequential().into_iter().filter(|name| !query.sequential.iter().any(|known| known == name));
    scanned.filter_map(|name| catalogue.relation(name)).filter(|relation| relation.blocks >= small).collect()
}

/// Whether the header expects no index where the tables are this large.
fn allows_all(query: &Query, plan: &Plan, catalogue: &Catalogue) -> bool {
    *query.expectation(catalogue.rows(plan)) == Expectation::Nothing
}
