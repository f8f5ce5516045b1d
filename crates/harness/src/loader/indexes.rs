//! Indexes that wait until the rows are there: built once over all rows, several at a time, instead of row by row.
//!
//! They are not dropped. Created again from its definition, an index may differ from what it was (the server prints
//! `ANY (ARRAY[…])` over varchar so that reading it back gives another expression), and what leans on it would be
//! lost. They are marked as not ready, which rows that are written then leave alone, and REINDEX takes the mark away. The
//! marks are set in the transaction that writes the rows: a load that is killed before it ends leaves the table as it was,
//! and one that is killed afterwards leaves invalid indexes, for all to see. Only databases of our own are loaded like
//! this.

use std::sync::Arc;

use sqlx::FromRow;
use sqlx::postgres::PgConnection;

use super::compile::Compiled;
use super::crew::Sent;
use super::stream::{Target, Watch};
use crate::HarnessError;
use crate::template::execute;

/// A table that is filled, with its indexes.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// Its name with its schema, quoted.
    pub(super) shown: String,
    schema: String,
    name: String,
    indexes: Vec<Index>,
}

#[derive(Debug, Clone, FromRow)]
struct Index {
    name: String,
    /// Its name without its schema, quoted.
    bare: String,
    /// How many columns its entries have.
    columns: i16,
    /// Whether the table can be written anew in its order.
    clusterable: bool,
    /// Whether the table is marked as having been.
    clustered: bool,
}

/// A table, and the entries of the data set that fill it.
pub(super) struct Fill {
    pub(super) table: Table,
    entries: Vec<Target>,
    rows: u64,
}

/// The tables of these entries, with the indexes that are in use.
pub(super) async fn of(
    connection: &mut PgConnection,
    targets: &[Target],
) -> Result<Vec<Table>, HarnessError> {
    let mut tables: Vec<Table> = Vec::new();
    for target in targets {
        if tables.iter().any(|table| table.holds(target)) {
            continue;
        }
        let indexes: Vec<Index> = sqlx::query_as(include_str!("indexes.sql"))
            .bind(&target.schema)
            .bind(&target.name)
            .fetch_all(&mut *connection)
            .await
            .map_err(HarnessError::sql("reading the indexes of a table"))?;
        let shown = format!("{}.{}", super::quote(&target.schema), super::quote(&target.name));
        let (schema, name) = (target.schema.clone(), target.name.clone());
        tables.push(Table { shown, schema, name, indexes });
    }
    Ok(tables)
}

/// Whether the role may mark indexes as not ready: it takes a superuser.
pub(super) async fn may_be_set_aside(
    connection: &mut PgConnection,
    tables: &[Table],
) -> Result<bool, HarnessError> {
    let names: Vec<&str> =
        tables.iter().flat_map(|table| &table.indexes).map(|index| index.name.as_str()).collect();
    execute(connection, "BEGIN".into()).await?;
    let tried = sqlx::query(include_str!("set_aside.sql")).bind(names).execute(&mut *connection).await;
    execute(connection, "ROLLBACK".into()).await?;
    Ok(tried.is_ok())
}

/// Each table with its entries, the largest first. The entries of one table stay in one stream: its rows, and its serial
/// numbers, have an order.
pub(super) fn filled(targets: Vec<Target>, tables: Vec<Table>, compiled: &Compiled) -> Vec<Fill> {
    let mut fills: Vec<Fill> =
        tables.into_iter().map(|table| Fill { table, entries: Vec::new(), rows: 0 }).collect();
    for target in targets {
        if let Some(fill) = fills.iter_mut().find(|fill| fill.table.holds(&target)) {
            fill.rows += target.rows(compiled);
            fill.entries.push(target);
        }
    }
    fills.sort_by_key(|fill| std::cmp::Reverse(fill.rows));
    fills
}

/// The indexes, those that take longest first: the others then fill the gaps, and what is sorted on disk is largest while
/// the least of the indexes is there.
pub(super) fn builds(fills: &[Fill]) -> Vec<String> {
    let mut all: Vec<(u64, &Index)> =
        fills.iter().flat_map(|fill| fill.table.indexes.iter().map(|index| (fill.rows, index))).collect();
    all.sort_by_key(|(rows, index)| std::cmp::Reverse((*rows, index.columns)));
    all.into_iter().map(|(_, index)| index.name.clone()).collect()
}

impl Table {
    fn holds(&self, target: &Target) -> bool {
        self.schema == target.schema && self.name == target.name
    }

    /// Gives the table a file that is new in this transaction, with the few rows that it has: what COPY needs to write
    /// frozen rows. `false` where no index lends itself to it.
    async fn anew(&self, connection: &mut PgConnection) -> Result<bool, HarnessError> {
        let by = self.indexes.iter().filter(|index| index.clusterable);
        let Some(by) = by.max_by_key(|index| index.clustered) else { return Ok(false) };
        execute(connection, format!("CLUSTER {} USING {}", self.shown, by.bare)).await?;
        if !by.clustered {
            execute(connection, format!("ALTER TABLE {} SET WITHOUT CLUSTER", self.shown)).await?;
        }
        Ok(true)
    }
}

impl Fill {
    /// Writes the rows, all or none.
    pub(super) async fn carry_out(
        self,
        connection: &mut PgConnection,
        compiled: &Arc<Compiled>,
        watch: &Watch<'_>,
    ) -> Result<Vec<Sent>, HarnessError> {
        execute(connection, "BEGIN".into()).await?;
        let frozen = self.table.anew(connection).await?;
        let names: Vec<&str> = self.table.indexes.iter().map(|index| index.name.as_str()).collect();
        sqlx::query(include_str!("set_aside.sql"))
            .bind(names)
            .execute(&mut *connection)
            .await
            .map_err(HarnessError::sql("setting indexes aside"))?;
        let mut sent = Vec::new();
        for entry in self.entries {
            let (place, name) = (entry.place, entry.name.clone());
            let (rows, bytes) = entry.send(connection, compiled, watch, frozen).await?;
            sent.push(Sent { place, name, rows, bytes });
        }
        execute(connection, "COMMIT".into()).await?;
        Ok(sent)
    }
}
