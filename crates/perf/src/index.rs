//! `perf.queries.index`: each critical query is planned with one of the indexes that its header expects.

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::{Finding, Verdict};

use crate::bound::{Bound, Stopped};
use crate::explain::explain;
use crate::plan::Plan;
use crate::query::{Expectation, Query};
use crate::relations::{Catalogue, Part};
use crate::tally::{self, Tally};

/// What a plan's indexes are, compared with those expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// One of the expected is used.
    Expected,
    /// None is expected at this size.
    NotExpected,
    /// None of the expected is used.
    Missed,
    /// None is used, and every table is so small that this is right.
    TooSmall(String),
}

pub async fn run(context: &Context) -> Result<Verdict, CheckError> {
    let queries = tally::queries(context)?;
    let catalogue = Catalogue::read(&mut context.reader().await?, &context.settings.database.schemas).await?;
    let small = context.settings.thresholds.small_table_blocks;
    let mut tally = Tally::of("queries");
    let mut without = 0;
    for query in &queries {
        let plan = match planned(query, context).await {
            Ok(plan) => plan,
            Err(Stopped::Broken(why)) => {
                tally.evidence.examine(1).find(broken(query, &why));
                continue;
            }
            Err(Stopped::Unmeasured(why)) => {
                tally.skip(query, why);
                continue;
            }
        };
        match judge(query, &plan, &catalogue, small) {
            Use::Expected => {
                tally.evidence.examine(1);
            }
            Use::NotExpected => without += 1,
            Use::Missed => {
                tally.evidence.examine(1).find(missed(query, &plan, &catalogue));
            }
            Use::TooSmall(why) => tally.skip(query, why),
        }
        for unknown in unknown(query, &plan, &catalogue) {
            tally.evidence.find(unknown);
        }
    }
    let errors = tally.evidence.findings().iter().filter(|finding| finding.is_error()).count() as u64;
    Ok(tally.verdict(|examined| {
        let rest = if without == 0 { String::new() } else { format!(" · {without} need none at this size") };
        format!("{} of {examined} queries use an expected index{rest}", examined.saturating_sub(errors))
    }))
}

/// The plan of a query in a session of its own.
///
/// # Errors
/// See [`Stopped`].
pub async fn planned(query: &Query, context: &Context) -> Result<Plan, Stopped> {
    let mut reader = context.reader().await?;
    let bound = Bound::of(query, &mut reader).await?;
    explain(query, &bound, &mut reader).await
}

/// Compares the indexes of `plan` with those that the header expects where the tables are this large.
pub fn judge(query: &Query, plan: &Plan, catalogue: &Catalogue, small: i64) -> Use {
    let largest = catalogue.largest(plan);
    let used = plan.indexes();
    let kept = match query.expectation(catalogue.rows(plan)) {
        Expectation::Nothing => return Use::NotExpected,
        Expectation::Any => !used.is_empty(),
        Expectation::OneOf(expected) => {
            used.iter().any(|used| expected.iter().any(|expected| catalogue.is(used, expected)))
        }
    };
    let is_small = |part: &Part<'_>| {
        // One small partition is read without an index where the whole table has it.
        part.blocks < small
            && (part.relation.whole_blocks < small || lacking(query, plan, catalogue).is_empty())
    };
    match largest {
        _ if kept => Use::Expected,
        Some(part) if is_small(&part) => Use::TooSmall(format!(
            "{} has {}, and indexes are expected from {small} on",
            part.shown(),
            tally::blocks(part.blocks)
        )),
        _ => Use::Missed,
    }
}

/// What a plan uses, in words.
pub fn used(plan: &Plan) -> String {
    let indexes: Vec<&str> = plan.indexes().into_iter().collect();
    let scans: Vec<&str> = plan.sequential().into_iter().collect();
    match (indexes.is_empty(), scans.is_empty()) {
        (false, _) => indexes.join(", "),
        (true, false) => format!("a sequential scan of {}", scans.join(", ")),
        (true, true) => "no index".into(),
    }
}

fn expected(query: &Query, catalogue: &Catalogue, plan: &Plan) -> Vec<String> {
    match query.expectation(catalogue.rows(plan)) {
        Expectation::OneOf(names) => names.clone(),
        Expectation::Any | Expectation::Nothing => Vec::new(),
    }
}

/// The expected indexes that are not there, or may not be used.
fn lacking(query: &Query, plan: &Plan, catalogue: &Catalogue) -> Vec<String> {
    let mut expected = expected(query, catalogue, plan);
    expected.retain(|name| !catalogue.index(name).is_some_and(|index| index.usable));
    expected
}

fn broken(query: &Query, why: &str) -> Finding {
    Finding::error(
        &query.file,
        format!("{} cannot be planned: {why}", quoted(query)),
        "restore what it reads, or change the query with the application",
    )
}

fn missed(query: &Query, plan: &Plan, catalogue: &Catalogue) -> Finding {
    let expected = expected(query, catalogue, plan);
    let unusable = expected.iter().filter_map(|name| catalogue.index(name)).find(|index| !index.usable);
    let missing: Vec<&str> =
        expected.iter().map(String::as_str).filter(|name| catalogue.index(name).is_none()).collect();
    let wanted = if expected.is_empty() { "any index".to_owned() } else { expected.join(" or ") };
    let remedy = if let Some(index) = unusable {
        format!("REINDEX INDEX CONCURRENTLY {}", index.shown)
    } else if missing.is_empty() {
        "ANALYZE its tables and look at its plan; where the new plan is right, name its index in the header"
            .into()
    } else {
        format!("create {} again, or name the index that serves it now in the header", missing.join(" or "))
    };
    Finding::error(
        &query.file,
        format!("{} uses {} where {wanted} is expected", quoted(query), used(plan)),
        remedy,
    )
}

fn unknown(query: &Query, plan: &Plan, catalogue: &Catalogue) -> Vec<Finding> {
    let missing = expected(query, catalogue, plan).into_iter().filter(|name| catalogue.index(name).is_none());
    missing
        .map(|name| {
            Finding::advice(
                &query.file,
                format!("its header expects {name}, and there is no such index"),
                "create the index, or take its name out of the header",
            )
        })
        .collect()
}

/// The query's sentence, in quotes.
pub fn quoted(query: &Query) -> String {
    format!("“{}”", query.states)
}
