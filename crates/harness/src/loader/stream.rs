//! One table's rows on their way: made on a thread of their own, sent by binary COPY, a few pieces in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::FromRow;
use sqlx::postgres::PgConnection;
use tokio::sync::mpsc;

use super::compile::Compiled;
use super::encode::{Encoder, FOOTER, HEADER};
use super::progress::Progress;
use super::value::Row;
use crate::HarnessError;

/// How much is sent at once, in bytes.
const PIECE: usize = 256 * 1024;
/// Pieces that wait to be sent: with the one being filled and the one being sent, what a stream keeps in memory.
const WAITING: usize = 2;

/// An entry of the data set, and where in the database it goes.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Which entry.
    pub(super) place: usize,
    pub(super) schema: String,
    pub(super) name: String,
    /// The columns that are sent: which of the entry's, and how.
    pub(super) columns: Vec<(usize, Encoder)>,
    /// `COPY … FROM STDIN`.
    pub(super) statement: String,
}

#[derive(Debug, FromRow)]
struct ColumnFact {
    name: String,
    kind: String,
    element: i64,
    quoted: String,
}

impl Target {
    /// Looks the entry's table up. `None` when it is optional and not there.
    ///
    /// # Errors
    /// When the table or a column is not there, or its type cannot be generated: file, line and name.
    pub(super) async fn find(
        connection: &mut PgConnection,
        compiled: &Compiled,
        place: usize,
        schema: &str,
    ) -> Result<Option<Self>, HarnessError> {
        let plan = &compiled.plan;
        let table = &plan.tables[place];
        let schema = table.schema.as_deref().unwrap_or(schema);
        let name = table.name.get_ref();
        let facts: Vec<ColumnFact> = sqlx::query_as(include_str!("columns.sql"))
            .bind(schema)
            .bind(name)
            .fetch_all(&mut *connection)
            .await
            .map_err(HarnessError::sql("reading the columns of a table"))?;
        if facts.is_empty() {
            if table.optional {
                return Ok(None);
            }
            return Err(plan.wrong(
                &table.name,
                format!(
                    "there is no table {schema}.{name} at this revision; `optional = true` leaves it out then"
                ),
            ));
        }
        let (mut columns, mut quoted) = (Vec::new(), Vec::new());
        for (number, column) in table.columns.iter().enumerate() {
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
            let encoder = Encoder::of(&fact.kind, u32::try_from(fact.element).unwrap_or(0));
            let encoder = encoder.ok_or_else(|| {
                plan.wrong(&column.name, format!("columns of type {} cannot be generated", fact.kind))
            })?;
            columns.push((number, encoder));
            quoted.push(fact.quoted.as_str());
        }
        let statement = format!(
            "COPY {}.{} ({}) FROM STDIN WITH (FORMAT binary)",
            super::quote(schema),
            super::quote(name),
            quoted.join(", ")
        );
        let (schema, name) = (schema.to_owned(), name.clone());
        Ok(Some(Self { place, schema, name, columns, statement }))
    }

    /// The rows it gets.
    pub(super) fn rows(&self, compiled: &Compiled) -> u64 {
        compiled.tables[self.place].rows
    }

    /// Makes the rows, in pieces, until all are made or `take` wants no more.
    pub(super) fn generate(
        &self,
        compiled: &Compiled,
        numbers: impl Iterator<Item = u64>,
        mut take: impl FnMut(Vec<u8>, u64) -> bool,
    ) -> Result<(), HarnessError> {
        let mut buffer = Vec::with_capacity(PIECE + 4096);
        buffer.extend_from_slice(HEADER);
        let count = i16::try_from(self.columns.len()).unwrap_or(i16::MAX);
        let mut rows = 0;
        for number in numbers {
            let row = Row { table: self.place, number };
            buffer.extend_from_slice(&count.to_be_bytes());
            for (column, encoder) in &self.columns {
                compiled.field(row, *column, encoder, &mut buffer)?;
            }
            rows += 1;
            if buffer.len() >= PIECE {
                let full = std::mem::replace(&mut buffer, Vec::with_capacity(PIECE + 4096));
                if !take(full, std::mem::take(&mut rows)) {
                    return Ok(());
                }
            }
        }
        buffer.extend_from_slice(FOOTER);
        take(buffer, rows);
        Ok(())
    }

    /// Makes and sends all rows, `frozen` where the table's file is new in this transaction. Returns how many the server
    /// took, and the bytes sent.
    pub(super) async fn send(
        self,
        connection: &mut PgConnection,
        compiled: &Arc<Compiled>,
        watch: &Watch<'_>,
        frozen: bool,
    ) -> Result<(u64, u64), HarnessError> {
        let what = format!("{}: writing {}", compiled.plan.file.display(), self.name);
        let failed = |error| HarnessError::sql(what.clone())(error);
        if self.columns.is_empty() {
            // COPY knows no rows of which every column is left to its default.
            let table = format!("{}.{}", super::quote(&self.schema), super::quote(&self.name));
            let rows = i64::try_from(self.rows(compiled)).unwrap_or(i64::MAX);
            let sql = format!("INSERT INTO {table} SELECT FROM generate_series(1, {rows}::bigint)");
            let done = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(connection).await.map_err(failed)?;
            watch.sent(done.rows_affected());
            return Ok((done.rows_affected(), 0));
        }
        let statement = if frozen {
            format!("{}, FREEZE)", self.statement.trim_end_matches(')'))
        } else {
            self.statement.clone()
        };
        let mut copy = connection.copy_in_raw(&statement).await.map_err(failed)?;
        let (sender, mut pieces) = mpsc::channel(WAITING);
        let making = Arc::clone(compiled);
        let thread = tokio::task::spawn_blocking(move || {
            let all = 0..self.rows(&making);
            // Who no longer takes pieces has failed and says why itself.
            self.generate(&making, all, |piece, rows| sender.blocking_send((piece, rows)).is_ok())
        });
        let mut bytes = 0;
        while let Some((piece, rows)) = pieces.recv().await {
            bytes += piece.len() as u64;
            copy.send(piece).await.map_err(failed)?;
            watch.sent(rows);
        }
        match thread.await {
            Ok(Ok(())) => Ok((copy.finish().await.map_err(failed)?, bytes)),
            Ok(Err(error)) => {
                // The server answers an abort with an error, which says nothing new.
                let _ = copy.abort("the rows cannot be made").await;
                Err(error)
            }
            Err(error) => Err(HarnessError::Other(format!("{what}: {error}"))),
        }
    }
}

/// The rows of all streams, for who watches.
pub(super) struct Watch<'w> {
    pub(super) progress: &'w dyn Progress,
    pub(super) sent: AtomicU64,
    pub(super) of: u64,
}

impl Watch<'_> {
    fn sent(&self, rows: u64) {
        let before = self.sent.fetch_add(rows, Ordering::Relaxed);
        self.progress.rows(before + rows, self.of);
    }
}
