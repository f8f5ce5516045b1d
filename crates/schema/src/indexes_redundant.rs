//! Two indexes where one would do: every write pays for both. Whether that is worth it is a matter of taste,
//! so a finding here is advice.

use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Verdict};
use sqlx::FromRow;

pub(crate) const CHECK: Check =
    Check::live_safe("schema.indexes.redundant", "no index does what another does as well", run);

#[derive(FromRow)]
struct Index {
    id: i64,
    name: String,
    table_id: i64,
    /// All that makes two indexes the same, but for uniqueness.
    identity: String,
    /// Method, predicate and options: what two indexes share of which one is a prefix of the other.
    frame: String,
    /// Column, operator class, collation and order of each key, in order; empty where one is an expression.
    keys: Vec<String>,
    includes: bool,
    is_unique: bool,
    /// Owns a constraint, or is the replica identity.
    needed: bool,
}

fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(check(context))
}

async fn check(context: &Context) -> Result<Verdict, CheckError> {
    let indexes: Vec<Index> = crate::fetch(context, include_str!("indexes_redundant.sql")).await?;
    let mut evidence = Evidence::of("indexes");
    for index in &indexes {
        evidence.examine(1);
        if let Some(problem) = problem(index, &indexes) {
            evidence.find(Finding::advice(
                &index.name,
                problem,
                format!("DROP INDEX CONCURRENTLY {}", index.name),
            ));
        }
    }
    Ok(evidence.verdict())
}

fn problem(index: &Index, all: &[Index]) -> Option<String> {
    if index.needed {
        return None;
    }
    let others = || all.iter().filter(|other| other.id != index.id && other.table_id == index.table_id);
    if let Some(twin) = others().find(|other| is_twin(index, other)) {
        return Some(format!("it is the same as {}", twin.name));
    }
    let longer = others().find(|other| is_prefix(index, other))?;
    Some(format!("its columns are the first of {}, which can take its place", longer.name))
}

/// Whether `other` does all that `index` does; of two equals, the second is the one too many.
fn is_twin(index: &Index, other: &Index) -> bool {
    let covers = other.is_unique || !index.is_unique;
    let stronger = other.needed || (other.is_unique && !index.is_unique);
    index.identity == other.identity && covers && (stronger || other.name < index.name)
}

fn is_prefix(index: &Index, other: &Index) -> bool {
    !index.is_unique
        && !index.includes
        && !index.keys.is_empty()
        && index.frame == other.frame
        && other.keys.len() > index.keys.len()
        && other.keys.starts_with(&index.keys)
}
