//! The counters of the server at one moment.

use std::collections::BTreeMap;

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::reader::Reader;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, FromRow};

/// What the server has counted so far.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub tables: BTreeMap<i64, Table>,
    pub blocks: Blocks,
    /// Or why they could not be read, or were not.
    pub statements: Result<Statements, String>,
}

/// Whether the statements are read as well: the server then reads the texts of all of its databases, up to a second's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Texts {
    Read,
    Spared,
}

/// A table's counters.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Table {
    pub relation: i64,
    pub name: String,
    pub seq_scans: i64,
    pub idx_scans: i64,
    pub idx_hit: i64,
    pub idx_read: i64,
    /// Its size now, in blocks.
    pub blocks: i64,
}

/// The database's counters.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Blocks {
    pub hit: i64,
    pub read: i64,
    /// When they were last set to nothing.
    pub reset: String,
    /// The database's size now, in blocks.
    pub blocks: i64,
}

/// What pg_stat_statements has counted.
#[derive(Debug, Clone)]
pub(crate) struct Statements {
    pub reset: String,
    pub forgotten: i64,
    pub entries: BTreeMap<(i64, i64, bool), Statement>,
}

/// A statement's counters.
#[derive(Debug, Clone, FromRow, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Statement {
    pub role: i64,
    pub id: i64,
    pub top: bool,
    pub text: String,
    pub calls: i64,
    pub milliseconds: f64,
    pub longest: f64,
    pub blocks: i64,
}

impl Statement {
    pub fn key(&self) -> (i64, i64, bool) {
        (self.role, self.id, self.top)
    }

    /// Whether no counter went back since an earlier reading.
    fn continues(&self, before: &Self) -> bool {
        before.calls <= self.calls && before.milliseconds <= self.milliseconds && before.blocks <= self.blocks
    }
}

impl Statements {
    /// What was done since an earlier reading; those that were not called are left out.
    ///
    /// # Errors
    /// When they were reset in between.
    pub fn since(mut self, earlier: &Self) -> Result<Self, CheckError> {
        if earlier.reset != self.reset {
            return Err(super::reset("of statements"));
        }
        self.forgotten = super::grown(earlier.forgotten, self.forgotten, "of statements")?;
        for (key, entry) in &mut self.entries {
            // One that was forgotten in between, or reset for itself, and came again counts from nothing.
            let Some(before) = earlier.entries.get(key).filter(|before| entry.continues(before)) else {
                continue;
            };
            entry.calls -= before.calls;
            entry.milliseconds -= before.milliseconds;
            entry.blocks -= before.blocks;
            // The longest of all time may be older than the window.
            entry.longest = 0.0;
        }
        self.entries.retain(|_, entry| entry.calls > 0);
        Ok(self)
    }
}

#[derive(Debug, FromRow)]
struct Extension {
    schema: String,
    role: String,
    version: String,
    recent: bool,
    permitted: bool,
    track: String,
}

#[derive(Debug, FromRow)]
struct Resets {
    reset: String,
    forgotten: i64,
}

impl Snapshot {
    /// Reads the counters. What pg_stat_statements lacks is kept as its reason.
    pub async fn take(context: &Context, texts: Texts) -> Result<Self, CheckError> {
        let mut reader = context.reader().await?;
        let tables: Vec<Table> =
            reader.fetch_with(include_str!("tables.sql"), one(&context.settings.database.schemas)?).await?;
        let mut blocks: Vec<Blocks> = reader.fetch(include_str!("database.sql")).await?;
        let blocks = blocks
            .pop()
            .ok_or_else(|| CheckError::Missing("the server keeps no statistics of this database".into()))?;
        let ignored = &context.settings.monitoring.ignore_statements;
        let statements = match texts {
            Texts::Read => statements(&mut reader, ignored).await.map_err(|error| error.to_string()),
            Texts::Spared => Err("the statements were not read".into()),
        };
        Ok(Self {
            tables: tables.into_iter().map(|table| (table.relation, table)).collect(),
            blocks,
            statements,
        })
    }
}

async fn statements(reader: &mut Reader, ignored: &[String]) -> Result<Statements, CheckError> {
    let found: Vec<Extension> = reader.fetch(include_str!("extension.sql")).await?;
    let Some(extension) = found.first() else {
        let text = "pg_stat_statements is not created in this database: CREATE EXTENSION pg_stat_statements";
        return Err(CheckError::Missing(text.into()));
    };
    if !extension.recent {
        return Err(CheckError::Missing(format!(
            "pg_stat_statements is of version {}, and 1.9 or newer is needed: ALTER EXTENSION pg_stat_statements UPDATE",
            extension.version
        )));
    }
    if !extension.permitted {
        return Err(CheckError::NotPermitted(format!(
            "the role may not see the statements of others: GRANT pg_read_all_stats TO {}",
            extension.role
        )));
    }
    if extension.track == "none" {
        return Err(CheckError::Missing("pg_stat_statements.track is none: set it to top".into()));
    }
    let qualified = |sql: &str| sql.replace("{schema}", &extension.schema);
    let resets: Vec<Resets> =
        reader.fetch(&qualified(include_str!("resets.sql"))).await.map_err(not_loaded)?;
    let entries: Vec<Statement> = reader
        .fetch_with(&qualified(include_str!("statements.sql")), one(&ignored.to_vec())?)
        .await
        .map_err(not_loaded)?;
    let resets = resets.into_iter().next().unwrap_or(Resets { reset: "never".into(), forgotten: 0 });
    Ok(Statements {
        reset: resets.reset,
        forgotten: resets.forgotten,
        entries: entries.into_iter().map(|entry| (entry.key(), entry)).collect(),
    })
}

/// The extension says of itself that its library is missing; how to mend it, it does not say.
fn not_loaded(error: CheckError) -> CheckError {
    match &error {
        CheckError::Database(sqlx::Error::Database(database))
            if database.code().as_deref() == Some("55000") =>
        {
            CheckError::Missing(
                "pg_stat_statements is not loaded: add it to shared_preload_libraries and restart the server"
                    .into(),
            )
        }
        _ => error,
    }
}

fn one(list: &Vec<String>) -> Result<PgArguments, CheckError> {
    let mut arguments = PgArguments::default();
    arguments
        .add(list)
        .map_err(|error| CheckError::Other(format!("the settings cannot be sent: {error}")))?;
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(calls: i64, milliseconds: f64) -> Statements {
        let text = "SELECT $1".to_owned();
        let entry =
            Statement { role: 1, id: 2, top: true, text, calls, milliseconds, longest: 9.0, blocks: calls };
        let entries = BTreeMap::from([(entry.key(), entry)]);
        Statements { reset: "never".into(), forgotten: 0, entries }
    }

    #[test]
    fn a_statement_that_was_reset_for_itself_counts_from_nothing() {
        let earlier = statements(10, 1000.0);
        for (later, calls, milliseconds) in [
            (statements(30, 1060.0), 20, 60.0),
            (statements(5, 20.0), 5, 20.0),
            (statements(20, 40.0), 20, 40.0),
        ] {
            let since = later.since(&earlier).unwrap();
            let entry = since.entries.values().next().unwrap();
            assert_eq!(entry.calls, calls, "{entry:?}");
            assert!((entry.milliseconds - milliseconds).abs() < 1e-9, "{entry:?}");
        }
    }
}
