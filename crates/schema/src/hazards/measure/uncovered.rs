//! Foreign keys that a migration adds without an index: from then on, whoever deletes a row of the other table waits
//! until the whole of this one is read.

use runbook::check::CheckError;
use runbook::context::classify;
use runbook::ephemeral::Ephemeral;
use sqlx::FromRow;

use super::forecast::{Wait, Who, grown};
use super::{Plan, connect};
use crate::hazards::script::Script;

#[derive(Debug, Clone, FromRow)]
pub(super) struct Uncovered {
    child: String,
    parent: String,
    name: String,
    bytes: f64,
}

pub(super) async fn read(database: &Ephemeral) -> Result<Vec<Uncovered>, CheckError> {
    let mut session = connect(database).await?;
    sqlx::query_as(include_str!("uncovered.sql")).fetch_all(&mut session).await.map_err(classify)
}

/// The waits of those that are new, at the target's size.
pub(super) fn waits(
    script: &Script,
    before: &[Uncovered],
    small: &[Uncovered],
    large: &[Uncovered],
    plan: &Plan,
) -> Vec<Wait> {
    let same = |a: &Uncovered, b: &Uncovered| (&a.child, &a.name) == (&b.child, &b.name);
    let statement = script.statements.iter().position(|s| s.sql.to_uppercase().contains("REFERENCES"));
    let new = large.iter().filter(|key| !before.iter().any(|known| same(known, key)));
    new.map(|key| {
        let less = small.iter().find(|known| same(known, key)).map_or(key.bytes, |known| known.bytes);
        Wait {
            seconds: grown(less, key.bytes, plan) / plan.bytes_per_second,
            statement: statement.unwrap_or_default(),
            table: key.parent.clone(),
            mode: None,
            who: Who::Deleters,
        }
    })
    .collect()
}
