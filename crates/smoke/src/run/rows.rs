//! Rows of the target's database, each a JSON object.

use runbook::check::CheckError;
use runbook::context::Context;
use serde_json::Value;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, Row as _};

use crate::case::{Query, Values};
use crate::http::shortened_to;

/// So much of the database's view is told, in characters.
const ROWS: usize = 600;

/// The rows of a query.
pub(crate) async fn fetch(
    context: &Context,
    query: &Query,
    values: &Values,
) -> Result<Vec<Value>, CheckError> {
    let mut arguments = PgArguments::default();
    for value in &query.with {
        // A NUL, which no text of Postgres holds, stands in no row.
        let text = values.fill(value).replace('\0', "\u{fffd}");
        arguments
            .add(text)
            .map_err(|error| CheckError::Other(format!("a value cannot be bound: {error}")))?;
    }
    let rows = context.reader().await?.rows(&query.sql, arguments).await?;
    rows.iter().map(|row| row.try_get("row").map_err(CheckError::Database)).collect()
}

/// The rows of a query that asks for one key.
pub(super) async fn of_key(context: &Context, query: &Query, key: &str) -> Result<Vec<Value>, CheckError> {
    let mut values = Values::default();
    values.put("key", key.to_owned());
    fetch(context, query, &values).await
}

/// Rows in few words: `no row`, or what they hold.
pub(super) fn shown(rows: &[Value]) -> String {
    match rows {
        [] => "no row".to_owned(),
        rows => shortened_to(&rows.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "), ROWS),
    }
}
