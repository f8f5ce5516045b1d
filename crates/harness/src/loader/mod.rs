//! The generated data set: any number of rows, the same ones each time, by binary COPY.
//!
//! `[data] generate` in `runbook.toml` names a file that says, table by table and column by column, what the
//! rows look like (see [`Plan`]). A value is a function of its table, column and row number alone, so nothing is
//! kept in memory: what a row refers to is computed again.

mod encode;
mod plan;
mod value;

use runbook::settings::Settings;
use sqlx::FromRow;
use sqlx::postgres::PgConnection;

use crate::HarnessError;

pub use plan::{ColumnPlan, Each, Generator, Plan, TablePlan};

use encode::{Encoder, FOOTER, HEADER};
use value::Row;

/// How much is sent at once, in bytes.
const PIECE: usize = 256 * 1024;

/// A column as the catalogue has it.
#[derive(Debug, FromRow)]
struct ColumnFact {
    name: String,
    kind: String,
    quoted: String,
}

/// Generates `n` rows of the leading table and what belongs to them, refreshes materialized views, and vacuums
/// and analyses. Returns the tables with the rows that were written, in the order of the file.
///
/// # Errors
/// When the settings name no data set, or it does not fit the schema: file, line and key.
pub async fn load(
    connection: &mut PgConnection,
    settings: &Settings,
    n: u64,
) -> Result<Vec<(String, u64)>, HarnessError> {
    let Some(generate) = &settings.data.generate else {
        return Err(HarnessError::Fixtures(format!(
            "{}: [data] generate names no data set",
            settings.path("runbook.toml").display()
        )));
    };
    let plan = Plan::read(&settings.path(generate))?;
    let schema = settings.database.schemas.first().map_or("public", String::as_str);
    let mut written = Vec::new();
    for table in &plan.tables {
        let rows = copy_table(connection, &plan, table, schema, n).await?;
        written.push((table.name.get_ref().clone(), rows));
    }
    finish(connection, settings).await?;
    Ok(written)
}

async fn copy_table(
    connection: &mut PgConnection,
    plan: &Plan,
    table: &TablePlan,
    schema: &str,
    n: u64,
) -> Result<u64, HarnessError> {
    let name = table.name.get_ref();
    let facts: Vec<ColumnFact> = sqlx::query_as(include_str!("columns.sql"))
        .bind(schema)
        .bind(name)
        .fetch_all(&mut *connection)
        .await
        .map_err(HarnessError::sql("reading the columns of a table"))?;
    if facts.is_empty() {
        if table.optional {
            return Ok(0);
        }
        return Err(plan.wrong(&table.name, format!("there is no table {schema}.{name} at this revision")));
    }
    let mut columns = Vec::new();
    for column in &table.columns {
        let Some(fact) = facts.iter().find(|fact| fact.name == *column.name.get_ref()) else {
            if column.optional {
                continue;
            }
            let wanted = column.name.get_ref();
            return Err(plan.wrong(
                &column.name,
                format!("table {name} has no column {wanted} at this revision; `optional = true` leaves it out then"),
            ));
        };
        let encoder = Encoder::of(&fact.kind).ok_or_else(|| {
            plan.wrong(&column.name, format!("columns of type {} cannot be generated", fact.kind))
        })?;
        columns.push((column, encoder, fact.quoted.as_str()));
    }
    let rows = plan.rows(table, n);
    let list = columns.iter().map(|(_, _, quoted)| *quoted).collect::<Vec<_>>().join(", ");
    let statement =
        format!("COPY {}.{} ({list}) FROM STDIN WITH (FORMAT binary)", quote(schema), quote(name));
    let failed = |error| HarnessError::sql(format!("{}: writing {name}", plan.file.display()))(error);
    let mut copy = connection.copy_in_raw(&statement).await.map_err(failed)?;
    let mut buffer = Vec::with_capacity(PIECE + 4096);
    buffer.extend_from_slice(HEADER);
    let count = i16::try_from(columns.len()).unwrap_or(i16::MAX);
    for number in 0..rows {
        let row = Row { plan, table, number, n, depth: 0 };
        buffer.extend_from_slice(&count.to_be_bytes());
        for (column, encoder, _) in &columns {
            let value = row.value(column)?;
            encoder.write(&value, &mut buffer).map_err(|problem| plan.wrong(&column.name, problem))?;
        }
        if buffer.len() >= PIECE {
            copy.send(std::mem::take(&mut buffer)).await.map_err(failed)?;
            buffer.reserve(PIECE + 4096);
        }
    }
    buffer.extend_from_slice(FOOTER);
    copy.send(buffer).await.map_err(failed)?;
    copy.finish().await.map_err(failed)
}

/// Materialized views show the rows, and the planner knows them: as a database is that has been in use.
async fn finish(connection: &mut PgConnection, settings: &Settings) -> Result<(), HarnessError> {
    let views: Vec<String> = sqlx::query_scalar(include_str!("views.sql"))
        .bind(&settings.database.schemas)
        .fetch_all(&mut *connection)
        .await
        .map_err(HarnessError::sql("looking for materialized views"))?;
    for view in views {
        crate::template::execute(connection, format!("REFRESH MATERIALIZED VIEW {view}")).await?;
    }
    // Vacuumed too: index-only scans depend on it, and autovacuum is off here.
    crate::template::execute(connection, "VACUUM (ANALYZE)".into()).await
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
