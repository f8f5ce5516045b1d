//! The rows that cases write: found by their tag, removed, and proved to be gone.

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding};
use serde_json::Value;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, AssertSqlSafe, Row as _};

use crate::case::{Query, Values};
use crate::contract::Rows;

/// What was there before the first write.
pub(crate) struct Before {
    tagged: Vec<Value>,
    counts: Vec<Value>,
}

impl Before {
    pub(crate) async fn look(context: &Context, rows: &Rows) -> Result<Self, CheckError> {
        // Asked before the first write, not after it.
        context.database.ephemeral()?;
        let none = Values::default();
        let tagged = fetch(context, &rows.tagged, &none).await?;
        Ok(Self { tagged, counts: fetch(context, &rows.counts, &none).await? })
    }

    /// Removes the rows with the tag that were not there before, and compares the counts.
    pub(crate) async fn restore(
        &self,
        context: &Context,
        rows: &Rows,
        evidence: &mut Evidence,
    ) -> Result<(), CheckError> {
        let pool = context.database.ephemeral()?.pool();
        let none = Values::default();
        for row in fetch(context, &rows.tagged, &none).await? {
            if self.tagged.contains(&row) {
                continue;
            }
            let key = row.as_object().and_then(|row| row.values().next());
            let Some(key) = key.and_then(Value::as_str) else {
                return Err(CheckError::Other(
                    "contract.toml: `tagged` must select one text: the key".into(),
                ));
            };
            sqlx::query(AssertSqlSafe(rows.remove.clone()))
                .bind(key)
                .execute(pool)
                .await
                .map_err(runbook::context::classify)?;
        }
        let after = fetch(context, &rows.counts, &none).await?;
        evidence.examine(1);
        if after != self.counts {
            evidence.find(Finding::error(
                "row counts",
                format!("before {}, after the clean-up {}", shown(&self.counts), shown(&after)),
                "look for rows that the cases wrote without the tag of contract.toml",
            ));
        }
        Ok(())
    }
}

/// The rows of a query, each a JSON object.
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

fn shown(rows: &[Value]) -> String {
    rows.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
