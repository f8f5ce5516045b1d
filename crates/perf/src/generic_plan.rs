//! `perf.queries.generic_plan`: each critical query keeps its index under the plan of a prepared statement, which
//! may not look at the parameters and so cannot use a partial index whose predicate depends on one.

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::report::counted;
use runbook::verdict::{Finding, Verdict};

use crate::bound::{Bound, Stopped};
use crate::explain::{Generic, explain, generic};
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
    let mut tally = Tally::of("queries with parameters");
    let mut differing = 0;
    for query in queries.iter().filter(|query| !query.parameters.is_empty()) {
        let (custom, generic) = match both(query, context).await {
            Ok(both) => both,
            Err(stopped) => {
                tally.skip(query, tally::unmeasured(stopped));
                continue;
            }
        };
        let kept = judge(query, &custom, &catalogue, small) != Use::Missed
            && forbidden(query, &custom, &catalogue, small).is_empty();
        if !kept {
            // Another check says so; the generic plan cannot be blamed for it.
            tally.skip(query, "its plan with parameters misses the expected index as well");
            continue;
        }
        match judge(query, &generic.plan, &catalogue, small) {
            Use::TooSmall(why) => {
                tally.skip(query, why);
                continue;
            }
            Use::Expected | Use::NotExpected | Use::Missed => {
                tally.evidence.examine(1);
            }
        }
        let lost = judge(query, &generic.plan, &catalogue, small) == Use::Missed
            || !forbidden(query, &generic.plan, &catalogue, small).is_empty();
        if lost || custom.indexes() != generic.plan.indexes() {
            differing += 1;
            tally.evidence.find(finding(query, &custom, &generic, lost));
        }
    }
    Ok(tally.verdict(|examined| {
        format!("{} planned both ways · {differing} differ", counted(examined, "queries"))
    }))
}

async fn both(query: &Query, context: &Context) -> Result<(Plan, Generic), Stopped> {
    let mut reader = context.reader().await?;
    let bound = Bound::of(query, &mut reader).await?;
    let custom = explain(query, &bound, &mut reader).await?;
    drop(reader);
    Ok((custom, generic(query, &bound, context.database.ephemeral()?.pool()).await?))
}

fn finding(query: &Query, custom: &Plan, generic: &Generic, lost: bool) -> Finding {
    let when = if generic.chosen {
        "the server changes to it after five executions"
    } else {
        "the server keeps away from it unless plan_cache_mode = force_generic_plan"
    };
    let problem = format!(
        "{} uses {} with its parameters, and {} in the plan without them; {when}",
        quoted(query),
        used(custom),
        used(&generic.plan)
    );
    if lost {
        let remedy = "add an index that serves it for any value of its parameters, or write the value into the statement";
        Finding::error(&query.file, problem, remedy)
    } else {
        Finding::advice(&query.file, problem, "nothing, while both plans keep the budget")
    }
}
