//! How the values of each column of a table may come about.

use std::fmt::Write as _;

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::checks::{self, Asked};
use super::facts::{Column, Facts, Key, Table};
use super::{Derived, toml};
use crate::HarnessError;

/// Values of rows that are there, to refer to.
const TAKEN: i64 = 1000;
/// Nulls in columns that may be null.
const NULLS: f64 = 0.1;

/// The `[[table.column]]` entries of a table.
pub(super) async fn of(
    connection: &mut PgConnection,
    facts: &Facts,
    table: &Table,
    rows: u64,
    derived: &mut Derived,
) -> Result<String, HarnessError> {
    let there = count(connection, table).await?;
    derived.there += there;
    let mut text = String::new();
    let distinct = distinct(facts, table);
    for column in &table.columns {
        let foreign = table.foreign.iter().find(|key| key.columns.contains(&column.name));
        let unique = distinct.contains(&column.name.as_str());
        let make = match foreign {
            Some(key) => refer(connection, facts, table, column, key, unique, &derived.tables).await?,
            None if column.counted && !referred(facts, table, column) => continue,
            None if unique => Some(set_apart(connection, table, column, rows, there).await?),
            None => plain(column)?,
        };
        let Some(make) = make else { continue };
        if column.counted {
            derived.counters.push((table.quoted.clone(), column.quoted.clone()));
        }
        for unread in checks::read(&column.checks).unread {
            let _ = writeln!(
                text,
                "\n# Not understood, so the values may not keep it: {}",
                unread.replace('\n', " ")
            );
        }
        let _ = write!(text, "\n[[table.column]]\nname = {}\n", toml(&column.name));
        if !column.required && !unique && foreign.is_none_or(|key| key.columns.len() == 1) {
            let _ = writeln!(text, "null_share = {NULLS}");
        }
        let _ = writeln!(text, "make = {make}");
    }
    Ok(text)
}

/// One column of each unique key that is another one in each row: the first that can be, best one that refers to nothing.
fn distinct<'t>(facts: &Facts, table: &'t Table) -> Vec<&'t str> {
    let mut chosen: Vec<&str> = Vec::new();
    for key in &table.unique {
        if key.columns.iter().any(|name| chosen.contains(&name.as_str())) {
            continue;
        }
        let column = |name: &&String| table.column(name);
        let refers = |name: &str| table.foreign.iter().any(|key| key.columns.iter().any(|own| own == name));
        // A counter is unique by itself where it is left to the server.
        let counts = key
            .columns
            .iter()
            .filter_map(|name| table.column(name))
            .any(|column| column.counted && !referred(facts, table, column));
        if counts {
            continue;
        }
        let free =
            key.columns.iter().find(|name| !refers(name) && column(name).is_some_and(can_be_set_apart));
        if let Some(name) = free {
            chosen.push(name);
        } else {
            chosen.extend(key.columns.iter().filter(|name| refers(name)).map(String::as_str));
        }
    }
    chosen
}

fn can_be_set_apart(column: &Column) -> bool {
    checks::read(&column.checks).values.is_none()
        && matches!(
            column.kind.as_str(),
            "int2"
                | "int4"
                | "int8"
                | "numeric"
                | "float8"
                | "text"
                | "varchar"
                | "bpchar"
                | "citext"
                | "uuid"
        )
}

/// Whether a table that is filled refers to this column, so that its values must be known.
fn referred(facts: &Facts, table: &Table, column: &Column) -> bool {
    facts.tables.iter().flat_map(|other| &other.foreign).any(|key| {
        key.of() == (table.schema.as_str(), table.name.as_str()) && key.of_columns.contains(&column.name)
    })
}

async fn refer(
    connection: &mut PgConnection,
    facts: &Facts,
    table: &Table,
    column: &Column,
    key: &Key,
    unique: bool,
    filled: &[String],
) -> Result<Option<String>, HarnessError> {
    let at = key.columns.iter().position(|name| *name == column.name).unwrap_or(0);
    let other = &key.of_columns[at];
    let (schema, name) = key.of();
    match facts.place(key).map(|place| &facts.tables[place]) {
        // To itself: no row yet to refer to.
        Some(parent) if parent.quoted == table.quoted => {
            if column.required {
                Ok(Some(format!("{{ text = {} }}", toml(&format!("${{{other}}}")))))
            } else {
                Ok(None)
            }
        }
        Some(parent) if filled.contains(&parent.quoted) => {
            let make = if unique { "turn" } else { "pick" };
            let spread =
                if unique { String::new() } else { format!(", zipf = 0.5, group = {}", toml(&key.name)) };
            Ok(Some(format!(
                "{{ {make} = {{ table = {}, column = {}{spread} }} }}",
                toml(&format!("{}.{}", parent.schema, parent.name)),
                toml(other)
            )))
        }
        // Of a circle: left null.
        Some(_) => Ok(None),
        None if key.columns.len() > 1 => Err(HarnessError::Other(format!(
            "{}: {} refers to several columns of {schema}.{name}, which is not filled: fill both",
            table.quoted, key.name
        ))),
        None => {
            let sql = format!(
                "SELECT {column}::text FROM {schema}.{name} ORDER BY 1 LIMIT {TAKEN}",
                column = quote(other),
                schema = quote(schema),
                name = quote(name)
            );
            let values: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
                .fetch_all(connection)
                .await
                .map_err(HarnessError::sql("reading what a foreign key refers to"))?;
            if values.is_empty() && column.required {
                return Err(HarnessError::Other(format!(
                    "{}: {} refers to {schema}.{name}, which is empty: fill it as well",
                    table.quoted, key.name
                )));
            }
            Ok((!values.is_empty()).then(|| choice(&values)))
        }
    }
}

/// Values of which no two are the same, and none is there.
async fn set_apart(
    connection: &mut PgConnection,
    table: &Table,
    column: &Column,
    rows: u64,
    there: u64,
) -> Result<String, HarnessError> {
    let unfit = |why: String| {
        HarnessError::Other(format!(
            "{}.{}: {why}; fill it by a data set of your own ([data] generate)",
            table.quoted, column.quoted
        ))
    };
    match column.kind.as_str() {
        "uuid" => Ok("\"uuid\"".into()),
        "int2" | "int4" | "int8" | "numeric" | "float8" => {
            let sql = format!("SELECT coalesce(max({}), 0)::bigint FROM {}", column.quoted, table.quoted);
            let last: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
                .fetch_one(connection)
                .await
                .map_err(HarnessError::sql("looking for the largest key"))?;
            let most = match column.kind.as_str() {
                "int2" => i64::from(i16::MAX),
                "int4" => i64::from(i32::MAX),
                _ => i64::MAX,
            };
            if last.saturating_add_unsigned(rows) > most {
                return Err(unfit(format!("{} cannot count {rows} rows from {last} on", column.declared)));
            }
            Ok(format!("{{ sequence = {} }}", last + 1))
        }
        "text" | "varchar" | "bpchar" | "citext" => {
            let limit = limit(column, &checks::read(&column.checks)).unwrap_or(63);
            // Rows that are there may have been written by the same rule.
            let mark = if there == 0 { "_".to_owned() } else { format!("_{there}_") };
            let digits = rows.to_string().len();
            let room = limit
                .checked_sub(digits + mark.len())
                .ok_or_else(|| unfit(format!("{rows} different values do not fit {}", column.declared)))?;
            let name: String = column.name.chars().filter(char::is_ascii_alphanumeric).take(room).collect();
            Ok(format!("{{ text = {} }}", toml(&format!("{name}{mark}${{row:{digits}}}"))))
        }
        _ => Err(unfit(format!("values of type {} cannot be set apart", column.declared))),
    }
}

/// Values of a column of no key. `None` leaves it to its default.
fn plain(column: &Column) -> Result<Option<String>, HarnessError> {
    let asked = checks::read(&column.checks);
    if let Some(values) = &asked.values {
        return Ok(Some(choice(values)));
    }
    let number = |from: f64, to: f64, decimals: u32| {
        let least = asked.least.unwrap_or_else(|| from.min(asked.most.unwrap_or(from)));
        let most = asked.most.unwrap_or_else(|| to.max(least));
        format!("{{ number = {{ min = {least:?}, max = {most:?}, decimals = {decimals} }} }}")
    };
    Ok(Some(match column.kind.as_str() {
        "enum" => choice(&column.labels),
        "int2" | "int4" | "int8" | "interval" => number(0.0, 1000.0, 0),
        "float4" | "float8" => number(0.0, 1000.0, 3),
        "numeric" => {
            // The modifier of numeric(p, s) is p * 65536 + s + 4.
            let (precision, scale) = match u32::try_from(column.modifier - 4) {
                Ok(modifier) => (modifier >> 16, modifier & 0x7ff),
                Err(_) => (6, 2),
            };
            let whole = precision.saturating_sub(scale).min(3);
            number(0.0, 10_f64.powi(i32::try_from(whole).unwrap_or(0)) - 1.0, scale.min(9))
        }
        "bool" => "{ flag = 0.5 }".into(),
        "text" | "varchar" | "bpchar" | "citext" | "name" => {
            let bytes = limit(column, &asked).unwrap_or(400);
            format!("{{ words = {{ median = 4.0, longest = 60, bytes = {bytes} }} }}")
        }
        "timestamptz" | "timestamp" | "date" | "time" => {
            "{ time = { max_seconds = 7776000, rising = true } }".into()
        }
        "json" | "jsonb" => "{ text = '{\"row\": ${row}}' }".into(),
        "xml" => "{ text = '<row>${row}</row>' }".into(),
        "uuid" => "\"uuid\"".into(),
        "bytea" => "{ bytes = 16 }".into(),
        // 10.0.0.0 to 10.255.255.255.
        "inet" | "cidr" => "{ number = { min = 167772160.0, max = 184549375.0 } }".into(),
        "array" => "{ constant = \"{}\" }".into(),
        _ if !column.required || column.has_default => return Ok(None),
        _ => {
            return Err(HarnessError::Other(format!(
                "{}: columns of type {} cannot be generated, and this one needs a value; give it a default, or \
                 leave its table out with --table",
                column.quoted, column.declared
            )));
        }
    }))
}

/// Bytes that a text may have.
fn limit(column: &Column, asked: &Asked) -> Option<usize> {
    // The modifier of varchar(n) and char(n) is n + 4.
    let declared = match column.kind.as_str() {
        "varchar" | "bpchar" => usize::try_from(column.modifier - 4).ok(),
        "name" => Some(63),
        _ => None,
    };
    declared.into_iter().chain(asked.length).min()
}

fn choice(values: &[String]) -> String {
    let list: Vec<String> = values.iter().map(|value| toml(value)).collect();
    format!("{{ choice = {{ values = [{}] }} }}", list.join(", "))
}

async fn count(connection: &mut PgConnection, table: &Table) -> Result<u64, HarnessError> {
    let there: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {}", table.quoted)))
        .fetch_one(connection)
        .await
        .map_err(HarnessError::sql("counting the rows that are there"))?;
    Ok(u64::try_from(there).unwrap_or(0))
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
