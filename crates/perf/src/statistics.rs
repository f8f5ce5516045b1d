//! `perf.queries.statistics`: each critical query keeps its index where the tables were never analysed, as after a
//! restore or a major upgrade.

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::report::counted;
use runbook::verdict::{Finding, Verdict};

use crate::bound::{Bound, Stopped};
use crate::explain::{explain, without_statistics};
use crate::index::{Use, judge, quoted, used};
use crate::plan::Plan;
use crate::query::Query;
use crate::relations::Catalogue;
use crate::seqscan::forbidden;
use crate::tally::{self, Tally};

pub async fn run(context: &Context) -> Result<Verdict, CheckError> {
    let queries = tally::queries(context)?;
    let catalogue = Catalogue::read(&mut context.reader().await?, &context.settings.database.schemas).await?;
    let small = context.settings.thresholds.small_table_blocks;
    let mut tally = Tally::of("queries");
    let mut differing = 0;
    for query in &queries {
        let (with, without) = match both(query, context).await {
            Ok(both) => both,
            Err(stopped) => {
                tally.skip(query, tally::unmeasured(stopped));
                continue;
            }
        };
        let kept = |plan: &Plan| {
            judge(query, plan, &catalogue, small) != Use::Missed
                && forbidden(query, plan, &catalogue, small).is_empty()
        };
        if !kept(&with) {
            // Another check says so; the statistics cannot be blamed for it.
            tally.skip(query, "its plan with statistics misses the expected index as well");
            continue;
        }
        tally.evidence.examine(1);
        let lost = !kept(&without);
        if lost || with.indexes() != without.indexes() {
            differing += 1;
            let problem = format!(
                "{} uses {} with statistics, and {} without",
                quoted(query),
                used(&with),
                used(&without)
            );
            tally.evidence.find(if lost {
                let remedy = "make ANALYZE a step of every restore and upgrade, before traffic comes back; or give it an \
                              index that it needs no statistics for";
                Finding::error(&query.file, problem, remedy)
            } else {
                Finding::advice(&query.file, problem, "run ANALYZE after a restore")
            });
        }
    }
    Ok(tally.verdict(|examined| {
        format!("{} planned without statistics · {differing} differ", counted(examined, "queries"))
    }))
}

async fn both(query: &Query, context: &Context) -> Result<(Plan, Plan), Stopped> {
    let pool = context.database.ephemeral()?.pool();
    let mut reader = context.reader().await?;
    let bound = Bound::of(query, &mut reader).await?;
    let with = explain(query, &bound, &mut reader).await?;
    drop(reader);
    Ok((with, without_statistics(query, &bound, pool).await?))
}
