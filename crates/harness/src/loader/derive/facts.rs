//! What the catalogue says.

use sqlx::FromRow;
use sqlx::postgres::PgConnection;

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
    /// Partitioned, with no partition.
    hollow: bool,
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
                    hollow: false,
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
            table.hollow = known.parts.is_empty();
            if !known.open {
                table.columns.iter_mut().for_each(|column| column.partitions.clone_from(&known.parts));
            }
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
        if let Some(table) = self.tables.iter().find(|table| table.hollow) {
            return Err(HarnessError::Other(format!(
                "{} is partitioned and has no partition that could take rows: create one first, or name other tables \
                 with --table",
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
