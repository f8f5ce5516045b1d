//! Counting the rows of every table.

use std::collections::BTreeMap;

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::ephemeral::Ephemeral;
use sqlx::FromRow;

#[derive(FromRow)]
struct Counted {
    name: String,
    rows: i64,
}

/// The exact number of rows of each table of the system, by its quoted name.
pub(crate) async fn count(
    context: &Context,
    database: &Ephemeral,
) -> Result<BTreeMap<String, i64>, CheckError> {
    let mut reader = database.reader().await?;
    let names: Vec<(String,)> = crate::fetch_by(&mut reader, context, include_str!("rows.sql")).await?;
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let counts: Vec<String> = names
        .iter()
        .map(|(name,)| {
            format!("SELECT '{}' AS name, pg_catalog.count(*) AS rows FROM {name}", name.replace('\'', "''"))
        })
        .collect();
    let counted: Vec<Counted> = reader.fetch(&counts.join(" UNION ALL ")).await?;
    Ok(counted.into_iter().map(|table| (table.name, table.rows)).collect())
}
