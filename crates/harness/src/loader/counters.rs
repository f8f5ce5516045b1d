//! Sequences stand after the values that were written, as in a database that counted them itself.

use sqlx::postgres::PgConnection;

use super::compile::Compiled;
use super::stream::Target;
use crate::HarnessError;
use crate::template::execute;

/// A table with the columns of it that are written.
pub(super) struct Written {
    schema: String,
    table: String,
    columns: Vec<String>,
}

impl Written {
    pub(super) fn by(target: &Target, compiled: &Compiled) -> Self {
        let planned = &compiled.plan.tables[target.place].columns;
        let columns = target.columns.iter().map(|(number, _)| planned[*number].name.get_ref().clone());
        Self { schema: target.schema.clone(), table: target.name.clone(), columns: columns.collect() }
    }
}

/// Sets each sequence after the greatest value of the column that it feeds.
pub(super) async fn set(connection: &mut PgConnection, written: &[Written]) -> Result<(), HarnessError> {
    for Written { schema, table, columns } in written {
        let statements: Vec<String> = sqlx::query_scalar(include_str!("counters.sql"))
            .bind(schema)
            .bind(table)
            .bind(columns)
            .fetch_all(&mut *connection)
            .await
            .map_err(HarnessError::sql("looking for the sequences of a table"))?;
        for statement in statements {
            execute(connection, statement).await?;
        }
    }
    Ok(())
}
