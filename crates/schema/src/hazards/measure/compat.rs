//! Whether the application of before still works: its statements, made up from the catalogue and from rows that it
//! wrote, are tried before the migration and again after it. What worked and no longer does is broken.

use std::collections::{BTreeMap, BTreeSet};

use runbook::check::CheckError;
use runbook::context::classify;
use runbook::ephemeral::Ephemeral;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, FromRow};

use super::run::send;
use super::{connect, execute};

/// Of each table so many rows are written again as the application might.
const ROWS: usize = 3;

#[derive(Debug, Clone, FromRow)]
struct Column {
    #[sqlx(rename = "oid")]
    table: i64,
    name: String,
    kind: String,
    number: i16,
    column_name: String,
    type_name: String,
    category: String,
    has_default: bool,
    is_generated: bool,
    is_unique: bool,
    is_key: bool,
}

/// A statement that the application may send, and what it does in words.
#[derive(Debug, Clone)]
struct Probe {
    what: String,
    sql: String,
    /// It only counts where the type of this column has changed.
    when: Option<(i64, i16, String)>,
}

/// The statements that worked before.
#[derive(Debug)]
pub(super) struct Probes {
    probes: Vec<Probe>,
    guards: BTreeSet<String>,
    hidden: BTreeSet<String>,
    constraints: BTreeSet<String>,
}

impl Probes {
    /// Makes them up and tries them.
    pub(super) async fn of(database: &Ephemeral) -> Result<Self, CheckError> {
        let mut session = connect(database).await?;
        let columns: Vec<Column> =
            sqlx::query_as(include_str!("tables.sql")).fetch_all(&mut session).await.map_err(classify)?;
        let literals: Vec<(String, String, String)> =
            sqlx::query_as(include_str!("literals.sql")).fetch_all(&mut session).await.map_err(classify)?;
        let promises: Vec<(String, String)> =
            sqlx::query_as(include_str!("promises.sql")).fetch_all(&mut session).await.map_err(classify)?;
        let mut tables: BTreeMap<String, Vec<Column>> = BTreeMap::new();
        for column in columns {
            tables.entry(column.name.clone()).or_default().push(column);
        }
        let mut probes = Vec::new();
        for (table, columns) in &tables {
            probes.push(read(table, columns));
            if !columns.iter().any(|column| matches!(column.kind.as_str(), "v" | "m")) {
                let rows = sample(&mut session, table, columns).await?;
                probes.extend(writes(table, columns, &rows, &literals));
            }
        }
        probes.extend(promises.into_iter().map(|(what, sql)| Probe { what, sql, when: None }));
        let guards = names(&mut session, include_str!("guards.sql")).await?;
        let hidden = names(&mut session, include_str!("hidden.sql")).await?;
        let constraints = names(&mut session, include_str!("constraints.sql")).await?;
        let worked = tried(&mut session, &probes).await?;
        let probes = probes
            .into_iter()
            .zip(worked)
            .filter(|(_, error)| error.is_none())
            .map(|(probe, _)| probe)
            .collect();
        Ok(Self { probes, guards, hidden, constraints })
    }

    /// Those that no longer work, with the server's words.
    pub(super) async fn broken(&self, database: &Ephemeral) -> Result<Vec<String>, CheckError> {
        let mut session = connect(database).await?;
        let types: Vec<Column> =
            sqlx::query_as(include_str!("tables.sql")).fetch_all(&mut session).await.map_err(classify)?;
        let changed = |when: &Option<(i64, i16, String)>| match when {
            None => true,
            Some((table, number, was)) => {
                types.iter().any(|c| (c.table, c.number) == (*table, *number) && c.type_name != *was)
            }
        };
        let counted: Vec<Probe> = self.probes.iter().filter(|probe| changed(&probe.when)).cloned().collect();
        let answers = tried(&mut session, &counted).await?;
        let mut broken: Vec<String> = counted
            .iter()
            .zip(answers)
            .filter_map(|(probe, error)| Some((probe, error?)))
            .filter(|(_, error)| self.counts(error))
            .map(|(probe, error)| format!("{}: {}", probe.what, runbook::context::describe(&error)))
            .collect();
        let there: Vec<(String,)> =
            sqlx::query_as(include_str!("there.sql")).fetch_all(&mut session).await.map_err(classify)?;
        let hidden = names(&mut session, include_str!("hidden.sql")).await?;
        for table in hidden.difference(&self.hidden) {
            broken.push(format!("every row of {table} is hidden from all roles but its owner"));
        }
        let now = names(&mut session, include_str!("guards.sql")).await?;
        for promise in self.guards.difference(&now) {
            let still = |name: &str| {
                there
                    .iter()
                    .any(|(known,)| known == name || known.trim_matches('"') == name.trim_matches('"'))
            };
            if subjects(promise).into_iter().all(still) {
                broken.push(format!("no longer true: {promise}"));
            }
        }
        // Several statements break for one reason.
        let mut told = BTreeSet::new();
        broken.retain(|text| told.insert(text.clone()));
        Ok(broken)
    }

    /// The rows obey a new key, so the application that wrote them is taken to obey it: that a made-up row or delete
    /// does not is no evidence.
    fn counts(&self, error: &sqlx::Error) -> bool {
        let Some(error) = error.as_database_error() else { return true };
        let key = matches!(error.code().as_deref(), Some("23503" | "23505" | "23P01"));
        !key || error.constraint().is_none_or(|name| self.constraints.contains(name))
    }
}

/// The table, and the trigger, that a promise of `guards.sql` is about.
fn subjects(promise: &str) -> Vec<&str> {
    if let Some(trigger) = promise.strip_prefix("the trigger ") {
        let trigger = trigger.strip_prefix("of ").unwrap_or(trigger);
        let (trigger, rest) = trigger.rsplit_once(" on ").unwrap_or((trigger, ""));
        return vec![trigger, rest.trim_end_matches(" fires")];
    }
    promise.rsplit_once(" on ").map(|(_, table)| table).into_iter().collect()
}

async fn names(session: &mut PgConnection, sql: &'static str) -> Result<BTreeSet<String>, CheckError> {
    let rows: Vec<(String,)> = sqlx::query_as(sql).fetch_all(session).await.map_err(classify)?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// Each statement's error; everything is rolled back.
async fn tried(session: &mut PgConnection, probes: &[Probe]) -> Result<Vec<Option<sqlx::Error>>, CheckError> {
    let mut answers = Vec::with_capacity(probes.len());
    execute(session, "BEGIN").await?;
    for probe in probes {
        let text = format!("SAVEPOINT probe; {}; ROLLBACK TO probe", probe.sql);
        match send(session, &text).await {
            Ok(()) => answers.push(None),
            Err(error) => {
                execute(session, "ROLLBACK TO probe").await?;
                answers.push(Some(error));
            }
        }
    }
    execute(session, "ROLLBACK").await?;
    Ok(answers)
}

fn read(table: &str, columns: &[Column]) -> Probe {
    let names: Vec<&str> = columns.iter().map(|column| column.column_name.as_str()).collect();
    let sql = format!("SELECT {} FROM {table} LIMIT 1", names.join(", "));
    Probe { what: format!("reading {table}"), sql, when: None }
}

/// Some rows, each value as a literal.
async fn sample(
    session: &mut PgConnection,
    table: &str,
    columns: &[Column],
) -> Result<Vec<Vec<String>>, CheckError> {
    let names: Vec<String> =
        columns.iter().map(|c| format!("quote_nullable({}::text)", c.column_name)).collect();
    let sql = format!(
        "SELECT ARRAY[{}] FROM {table} AS row_of ORDER BY md5(row_of::text) LIMIT {ROWS}",
        names.join(", ")
    );
    let rows: Vec<(Vec<String>,)> =
        sqlx::query_as(AssertSqlSafe(sql)).fetch_all(session).await.map_err(classify)?;
    if rows.is_empty() {
        return Ok(vec![columns.iter().map(plain).collect()]);
    }
    Ok(rows.into_iter().map(|(row,)| row).collect())
}

/// A value of a column where there is none to go by.
fn plain(column: &Column) -> String {
    let value = match column.category.as_str() {
        "S" => "''",
        "N" => "0",
        "B" => "false",
        "D" => "'2025-01-01'",
        "T" => "'1 day'",
        _ if column.type_name.starts_with("json") => "'{}'",
        _ => "NULL",
    };
    value.to_owned()
}

fn writes(
    table: &str,
    columns: &[Column],
    rows: &[Vec<String>],
    literals: &[(String, String, String)],
) -> Vec<Probe> {
    let mut probes = Vec::new();
    let probe = |what: String, sql: String| Probe { what, sql, when: None };
    for row in rows {
        let pairs: Vec<(&Column, &String)> =
            columns.iter().zip(row).filter(|(c, _)| !c.is_generated).collect();
        let key: Vec<String> = columns
            .iter()
            .zip(row)
            .filter(|(column, _)| column.is_key)
            .map(|(column, value)| format!("{} = {value}", column.column_name))
            .collect();
        // A new row like this one: its own keys, all else as it is; and once more without what has a default.
        for all in [true, false] {
            let chosen: Vec<&(&Column, &String)> =
                pairs.iter().filter(|(column, _)| all || !column.has_default).collect();
            let names: Vec<&str> = chosen.iter().map(|(column, _)| column.column_name.as_str()).collect();
            let values: Vec<String> = chosen.iter().map(|(column, value)| another(column, value)).collect();
            let sql = format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), values.join(", "));
            probes.push(probe(format!("inserting into {table}"), sql));
        }
        if key.is_empty() {
            continue;
        }
        let key = key.join(" AND ");
        let set: Vec<String> =
            pairs.iter().map(|(column, value)| format!("{} = {value}", column.column_name)).collect();
        probes.push(probe(
            format!("updating a row of {table}"),
            format!("UPDATE {table} SET {} WHERE {key}", set.join(", ")),
        ));
        probes.push(probe(format!("deleting a row of {table}"), format!("DELETE FROM {table} WHERE {key}")));
        for column in columns {
            if let Some(most) = most(column) {
                probes.push(Probe {
                    what: format!("writing the longest {} of {table}", column.column_name),
                    sql: format!("UPDATE {table} SET {} = {most} WHERE {key}", column.column_name),
                    when: Some((column.table, column.number, column.type_name.clone())),
                });
            }
        }
        for (_, column, value) in literals.iter().filter(|(of, _, _)| of == table) {
            probes.push(probe(
                format!("writing {value} to {column} of {table}"),
                format!("UPDATE {table} SET {column} = {value} WHERE {key}"),
            ));
        }
    }
    probes
}

/// The value for a row like another one: what must differ does.
fn another(column: &Column, value: &str) -> String {
    if !column.is_unique || value == "NULL" {
        return value.to_owned();
    }
    if column.has_default {
        return "DEFAULT".to_owned();
    }
    // Cut where it would no longer fit.
    let text = column.category == "S";
    if text { format!("(left({value}::text, 40) || '~new')::{}", column.type_name) } else { value.to_owned() }
}

/// The largest value that a column's type takes.
fn most(column: &Column) -> Option<String> {
    let inside = |name: &str| column.type_name.strip_prefix(name)?.strip_suffix(')').map(str::to_owned);
    if let Some(length) = inside("character varying(") {
        return Some(format!("repeat('x', {length})"));
    }
    match column.type_name.as_str() {
        "text" | "character varying" => Some("repeat('x', 1000)".into()),
        "integer" => Some("2147483647".into()),
        "bigint" => Some("9223372036854775807".into()),
        _ => {
            let sizes = inside("numeric(")?;
            let (precision, scale) = sizes.split_once(',')?;
            let whole = precision.parse::<usize>().ok()?.checked_sub(scale.parse().ok()?)?;
            Some("9".repeat(whole))
        }
    }
}
