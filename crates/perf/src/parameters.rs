//! `perf.queries.parameters`: a critical query keeps its index for the rarest and the commonest value of a parameter.

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::reader::Reader;
use runbook::verdict::{Finding, Verdict};

use crate::bound::{Bound, Stopped};
use crate::explain::explain;
use crate::index::{Use, judge, quoted, used};
use crate::plan::Plan;
use crate::query::{Distribution, Query};
use crate::relations::Catalogue;
use crate::seqscan::forbidden;
use crate::tally::{self, Tally};

/// One value that was tried.
struct Tried {
    /// `rarest`, `commonest`.
    which: &'static str,
    value: String,
    plan: Plan,
}

pub async fn run(context: &Context) -> Result<Verdict, CheckError> {
    let queries = tally::queries(context)?;
    let catalogue = Catalogue::read(&mut context.reader().await?, &context.settings.database.schemas).await?;
    let small = context.settings.thresholds.small_table_blocks;
    let mut tally = Tally::of("queries with a distribution");
    let mut differing = 0;
    for query in &queries {
        for distribution in &query.distributions {
            let (example, tried) = match both(query, distribution, context).await {
                Ok(both) => both,
                Err(stopped) => {
                    tally.skip(query, tally::unmeasured(stopped));
                    continue;
                }
            };
            let tried = match tried {
                Ok(tried) => tried,
                Err(Stopped::Broken(why)) => {
                    tally.evidence.examine(1).find(broken(query, &why));
                    continue;
                }
                Err(Stopped::Unmeasured(why)) => {
                    tally.skip(query, why);
                    continue;
                }
            };
            let kept = |plan: &Plan| {
                judge(query, plan, &catalogue, small) != Use::Missed
                    && forbidden(query, plan, &catalogue, small).is_empty()
            };
            if !kept(&example) {
                // Another check says so; the value cannot be blamed for it.
                tally.skip(query, "its plan with the example misses the expected index as well");
                continue;
            }
            tally.evidence.examine(1);
            for tried in tried {
                let lost = !kept(&tried.plan);
                if lost || tried.plan.indexes() != example.indexes() {
                    differing += 1;
                    tally.evidence.find(finding(query, distribution, &example, &tried, lost));
                }
            }
        }
    }
    Ok(tally.verdict(|examined| {
        format!("{examined} parameters planned with their rarest and commonest values · {differing} differ")
    }))
}

/// The plan for the example, and those for the rarest and the commonest value, or why these cannot be tried.
async fn both(
    query: &Query,
    distribution: &Distribution,
    context: &Context,
) -> Result<(Plan, Result<Vec<Tried>, Stopped>), Stopped> {
    let mut reader = context.reader().await?;
    let bound = Bound::of(query, &mut reader).await?;
    let example = explain(query, &bound, &mut reader).await?;
    Ok((example, tried(query, distribution, &bound, &mut reader).await))
}

async fn tried(
    query: &Query,
    distribution: &Distribution,
    bound: &Bound,
    reader: &mut Reader,
) -> Result<Vec<Tried>, Stopped> {
    bound.fits(query, distribution, reader).await?;
    let mut tried = Vec::new();
    for (which, order) in [("rarest", "ASC"), ("commonest", "DESC")] {
        let bound = bound.with(query, distribution, order, reader).await?;
        let value = bound.values[distribution.number - 1].shown().to_owned();
        tried.push(Tried { which, value, plan: explain(query, &bound, reader).await? });
    }
    Ok(tried)
}

fn broken(query: &Query, why: &str) -> Finding {
    Finding::error(
        &query.file,
        format!("{} cannot be tried with other values: {why}", quoted(query)),
        "name a column that the parameter is compared with, or take the line out of the header",
    )
}

fn finding(query: &Query, distribution: &Distribution, example: &Plan, tried: &Tried, lost: bool) -> Finding {
    let problem = format!(
        "{} uses {} with its example, and {} with the {} {}.{} ({})",
        quoted(query),
        used(example),
        used(&tried.plan),
        tried.which,
        distribution.table,
        distribution.column,
        tried.value.escape_debug()
    );
    if lost {
        let remedy =
            "add an index that serves it for every value, or treat that value apart in the application";
        Finding::error(&query.file, problem, remedy)
    } else {
        Finding::advice(&query.file, problem, "nothing, while both plans keep the budget")
    }
}
