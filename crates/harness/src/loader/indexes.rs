//! Indexes that wait until the rows are there: built once over all rows, several at a time, instead of row by row.
//!
//! They are not dropped. Created again from its definition, an index may differ from what it was (the server prints
//! `ANY (ARRAY[…])` over varchar so that reading it back gives another expression), and what leans on it would be
//! lost. They are marked as not ready, which rows that are written then leave alone, and REINDEX takes the mark away. A load
//! that is killed leaves them invalid, for all to see; only databases of our own are loaded like this.

use sqlx::postgres::PgConnection;

use super::stream::Target;
use crate::HarnessError;

/// The indexes of these tables.
pub(super) async fn of(
    connection: &mut PgConnection,
    targets: &[Target],
) -> Result<Vec<String>, HarnessError> {
    let mut indexes = Vec::new();
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for target in targets {
        let table = (target.schema.as_str(), target.name.as_str());
        if seen.contains(&table) {
            continue;
        }
        seen.push(table);
        let found: Vec<String> = sqlx::query_scalar(include_str!("indexes.sql"))
            .bind(table.0)
            .bind(table.1)
            .fetch_all(&mut *connection)
            .await
            .map_err(HarnessError::sql("reading the indexes of a table"))?;
        indexes.extend(found);
    }
    Ok(indexes)
}

/// Marks them as not ready. `false` when the role may not: it takes a superuser.
pub(super) async fn set_aside(connection: &mut PgConnection, indexes: &[String]) -> bool {
    sqlx::query(include_str!("set_aside.sql")).bind(indexes).execute(connection).await.is_ok()
}
