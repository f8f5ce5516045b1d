//! What the catalogue says.

use std::collections::BTreeSet;

use sqlx::FromRow;
use sqlx::postgres::PgConnection;

use super::{checks, expression};
use crate::HarnessError;

/// The tables of some schemas.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) tables: Vec<Table>,
    /// Whether row for row of all tables belong together.
    pub(super) aligned: bool,
}

#[derive(Debug)]
pub(super) struct Table {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) quoted: String,
    pub(super) columns: Vec<Column>,
    /// The columns of each key that is unique.
    pub(super) unique: Vec<Key>,
    pub(super) foreign: Vec<Key>,
    /// Why no row can be made that a partition takes.
    closed: Option<String>,
}

#[derive(Debug, FromRow)]
pub(super) struct Column {
    schema: String,
    table: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) declared: String,
    pub(super) modifier: i32,
    pub(super) required: bool,
    pub(super) has_default: bool,
    pub(super) counted: bool,
    pub(super) labels: Vec<String>,
    pub(super) checks: Vec<String>,
    quoted_table: String,
    pub(super) quoted: String,
    /// What each partition of its table holds.
    #[sqlx(skip)]
    pub(super) partitions: Vec<String>,
}

#[derive(Debug, FromRow)]
struct Partitioned {
    schema: String,
    table: String,
    open: bool,
    parts: Vec<String>,
    hashed: Option<f64>,
}

#[derive(Debug, FromRow)]
pub(super) struct Key {
    schema: String,
    table: String,
    kind: String,
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    #[sqlx(default)]
    of_schema: Option<String>,
    #[sqlx(default)]
    of_table: Option<String>,
    pub(super) of_columns: Vec<String>,
    /// Of some rows only.
    pub(super) partial: bool,
}

/// A foreign key's other side.
impl Key {
    pub(super) fn of(&self) -> (&str, &str) {
        (self.of_schema.as_deref().unwrap_or_default(), self.of_table.as_deref().unwrap_or_default())
    }
}

impl Table {
    /// Whether a migration tool keeps its revision here: by the names that ours have, or by their columns where the
    /// tool was told another name.
    fn is_history(&self) -> bool {
        let columns: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        matches!(
            self.name.as_str(),
            migrations::sql_files::VERSION_TABLE | migrations::alembic::VERSION_TABLE
        ) || columns == ["version_num"]
            || columns == ["version", "description", "installed_on", "success", "checksum", "execution_time"]
    }

    /// Tells its columns what its partitions take.
    fn divide(&mut self, known: Partitioned) {
        let Partitioned { open, parts, hashed, .. } = known;
        if parts.is_empty() {
            self.closed = Some("has no partition that could take rows: create one first".into());
        }
        if open || parts.is_empty() {
            return;
        }
        if let Some(hashed) = hashed {
            if hashed < 0.999 {
                self.closed =
                    Some("its partitions by hash leave some rows out: create the missing ones".into());
            }
            return;
        }
        let names = |part: &str| {
            let expr = expression::parse(part)?;
            let names: BTreeSet<String> = expr.columns().into_iter().map(ToOwned::to_owned).collect();
            let known = |name: &String| {
                self.column(name).is_some_and(|column| checks::keeps(&expr, name, &column.kind))
            };
            names.iter().all(known).then_some(names)
        };
        let read: Vec<(String, BTreeSet<String>)> =
            parts.iter().filter_map(|part| names(part).map(|names| (part.clone(), names))).collect();
        let Some((_, first)) = read.first() else {
            self.closed = Some(format!("what its partitions take cannot be read ({})", parts[0]));
            return;
        };
        // Of two columns that are bound together the values of one partition are taken.
        let taken = if first.len() > 1 { 1 } else { read.len() };
        let parts: Vec<String> = read.into_iter().take(taken).map(|(part, _)| part).collect();
        for column in &mut self.columns {
            // Ranges and lists take no null, whatever the column may hold.
            let no_null = format!("({} IS NOT NULL)", column.quoted);
            column.required |= parts.iter().all(|part| part.contains(&no_null));
            column.partitions.clone_from(&parts);
        }
    }

    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether one of these columns may be null.
    pub(super) fn may_be_null(&self, columns: &[String]) -> bool {
        columns.iter().any(|name| self.column(name).is_some_and(|column| !column.required))
    }
}

impl Facts {
    pub(super) async fn read(
        connection: &mut PgConnection,
        schemas: &[String],
    ) -> Result<Self, HarnessError> {
        let failed = || HarnessError::sql("reading the catalogue");
        let columns: Vec<Column> = sqlx::query_as(include_str!("columns.sql"))
            .bind(schemas)
            .fetch_all(&mut *connection)
            .await
            .map_err(failed())?;
        let keys: Vec<Key> = sqlx::query_as(include_str!("keys.sql"))
            .bind(schemas)
            .fetch_all(&mut *connection)
            .await
            .map_err(failed())?;
        let mut tables: Vec<Table> = Vec::new();
        for column in columns {
            match tables.last_mut().filter(|last| last.name == column.table && last.schema == column.schema) {
                Some(last) => last.columns.push(column),
                None => tables.push(Table {
                    schema: column.schema.clone(),
                    name: column.table.clone(),
                    quoted: column.quoted_table.clone(),
                    columns: vec![column],
                    unique: Vec::new(),
                    foreign: Vec::new(),
                    closed: None,
                }),
            }
        }
        for key in keys {
            let table = tables.iter_mut().find(|table| table.name == key.table && table.schema == key.schema);
            if let Some(table) = table {
                if key.kind == "f" { table.foreign.push(key) } else { table.unique.push(key) }
            }
        }
        let partitioned: Vec<Partitioned> = sqlx::query_as(include_str!("partitions.sql"))
            .bind(schemas)
            .fetch_all(&mut *connection)
            .await
            .map_err(failed())?;
        for known in partitioned {
            let table =
                tables.iter_mut().find(|table| table.name == known.table && table.schema == known.schema);
            let Some(table) = table else { continue };
            table.divide(known);
        }
        Ok(Self { tables, aligned: false })
    }

    /// Keeps the named tables, or all.
    pub(super) fn keep(&mut self, only: &[String], schemas: &[String]) -> Result<(), HarnessError> {
        let is = |table: &Table, name: &str| {
            table.name == name || format!("{}.{}", table.schema, table.name) == name || table.quoted == name
        };
        for name in only {
            if !self.tables.iter().any(|table| is(table, name)) {
                return Err(HarnessError::Other(format!(
                    "there is no table {name} in {}: name another, or leave it out for all",
                    schemas.join(", ")
                )));
            }
        }
        // A row too many there, and no tool knows the revision any more.
        let history =
            self.tables.iter().find(|table| table.is_history() && only.iter().any(|name| is(table, name)));
        if let Some(table) = history {
            return Err(HarnessError::Other(format!(
                "{} is the history of the migrations, which only their tool writes: name other tables with --table, or \
                 none for all",
                table.quoted
            )));
        }
        self.tables.retain(|table| !table.is_history());
        if !only.is_empty() {
            self.tables.retain(|table| only.iter().any(|name| is(table, name)));
        }
        if self.tables.is_empty() {
            return Err(HarnessError::Other(format!(
                "there is no table to fill in {}: migrate first, or name other schemas in [database] schemas",
                schemas.join(", ")
            )));
        }
        let closed = self.tables.iter().find_map(|table| table.closed.as_ref().map(|why| (table, why)));
        if let Some((table, why)) = closed {
            return Err(HarnessError::Other(format!(
                "{} is partitioned, and {why}; name other tables with --table, or fill it by a data set of your own \
                 ([data] generate)",
                table.quoted
            )));
        }
        Ok(())
    }

    /// Where a table that is filled stands.
    pub(super) fn place(&self, key: &Key) -> Option<usize> {
        let (schema, name) = key.of();
        self.tables.iter().position(|table| table.schema == schema && table.name == name)
    }
}
