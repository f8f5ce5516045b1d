//! How the values of each column of a table may come about.

use std::fmt::Write as _;

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::apart::{self, Way, referred};
use super::checks::Asked;
use super::domain::{DAY, Grid, START, few, grid, length, said, unfit};
use super::facts::{Column, Facts, Key, Table};
use super::refer::{Settled, refers_to};
use super::{Derived, pairs, toml};
use crate::HarnessError;

/// Values of rows that are there, to refer to.
const TAKEN: i64 = 1000;
/// Nulls in columns that may be null.
const NULLS: f64 = 0.1;
/// Seconds of 90 days.
const SPAN: f64 = 7_776_000.0;

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
    let settled = Settled::of(facts, table)?;
    let ways = apart::ways(connection, facts, (table, &settled), (rows, there), derived).await?;
    for column in &table.columns {
        let foreign = settled.key(&column.name);
        let way = ways.get(&column.name);
        let make = match (foreign, way) {
            (_, Some(Way::InTurn(values, stride))) => Some(in_turn(values, *stride)),
            (Some(_), _) if settled.is_left(&column.name) => None,
            (Some(key), _) => {
                // Of one key all columns come from the same row.
                let turn = facts.aligned || key.columns.iter().any(|name| ways.get(name) == Some(&Way::Turn));
                refer(connection, facts, table, column, key, turn, &derived.tables).await?
            }
            (None, _) if column.counted && !referred(facts, table, column) => None,
            (None, Some(_)) => Some(apart::make(connection, table, column, rows, there).await?),
            (None, None) => {
                let free = |name: &str| settled.key(name).is_none() && !ways.contains_key(name);
                match pairs::later(table, column, free)? {
                    Some(make) => Some(make),
                    None => plain(table, column)?,
                }
            }
        };
        let Some(make) = make else { continue };
        for unread in Asked::of(column).unread {
            let _ = writeln!(
                text,
                "\n# Not understood, so the values may not keep it: {}",
                unread.replace('\n', " ")
            );
        }
        let _ = write!(text, "\n[[table.column]]\nname = {}\n", toml(&column.name));
        let alone = foreign.is_none_or(|key| {
            key.columns.len() == 1
                && table.foreign.iter().filter(|other| other.columns.contains(&column.name)).count() == 1
        });
        if !column.required && way.is_none() && alone && !referred(facts, table, column) {
            let _ = writeln!(text, "null_share = {NULLS}");
        }
        let _ = writeln!(text, "make = {make}");
    }
    Ok(text)
}

async fn refer(
    connection: &mut PgConnection,
    facts: &Facts,
    table: &Table,
    column: &Column,
    key: &Key,
    turn: bool,
    filled: &[String],
) -> Result<Option<String>, HarnessError> {
    let at = key.columns.iter().position(|name| *name == column.name).unwrap_or(0);
    let other = &key.of_columns[at];
    let (schema, name) = key.of();
    let qualified = toml(&format!("{schema}.{name}"));
    match facts.place(key).map(|place| &facts.tables[place]) {
        // To itself: no row yet to refer to but the own one.
        Some(_) if refers_to(key, table) => Ok(column
            .required
            .then(|| format!("{{ turn = {{ table = {qualified}, column = {} }} }}", toml(other)))),
        Some(parent) if filled.contains(&parent.quoted) => {
            let make = if turn { "turn" } else { "pick" };
            let spread =
                if turn { String::new() } else { format!(", zipf = 0.5, group = {}", toml(&key.name)) };
            Ok(Some(format!("{{ {make} = {{ table = {qualified}, column = {}{spread} }} }}", toml(other))))
        }
        // Of a circle: left null.
        Some(_) => Ok(None),
        None if key.columns.len() > 1 => Err(HarnessError::Other(format!(
            "{}: {} refers to several columns of {schema}.{name}, which is not filled: fill both",
            table.quoted, key.name
        ))),
        None => {
            let sql = format!(
                "SELECT {column}::text FROM {schema}.{name} WHERE {column} IS NOT NULL ORDER BY 1 LIMIT {TAKEN}",
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

/// Values of a column of no key. `None` leaves it to its default.
fn plain(table: &Table, column: &Column) -> Result<Option<String>, HarnessError> {
    let asked = Asked::of(column);
    if let (false, Some(values)) = (column.kind == "bool" && asked.values.is_none(), few(column, &asked)) {
        if values.is_empty() {
            return Err(unfit(
                table,
                column,
                &format!("no value can be made that fits {}", said(column, &asked)),
            ));
        }
        return Ok(Some(choice(&values)));
    }
    if let Some(grid) = grid(table, column, &asked)? {
        return Ok(Some(match column.kind.as_str() {
            "date" | "timestamp" | "timestamptz" => moments(&grid, &asked, column.kind == "date"),
            "time" => format!(
                "{{ time = {{ min_seconds = {:?}, max_seconds = {:?}, rising = true }} }}",
                grid.low, grid.high
            ),
            _ => numbers(&grid, &asked),
        }));
    }
    Ok(Some(match column.kind.as_str() {
        "bool" => "{ flag = 0.5 }".into(),
        "text" | "varchar" | "bpchar" | "citext" | "name" => match length(column, &asked) {
            (0 | 1, longest) => {
                format!("{{ words = {{ median = 4.0, longest = 60, bytes = {} }} }}", longest.unwrap_or(400))
            }
            (shortest, longest) if shortest > longest.unwrap_or(1000).min(1000) => {
                return Err(unfit(table, column, &format!("no text keeps {}", said(column, &asked))));
            }
            (shortest, _) => {
                let of = 10_u64.pow(u32::try_from(shortest.min(3)).unwrap_or(3)) - 1;
                format!("{{ pool = {{ text = \"${{row:{shortest}}}\", of = {of} }} }}")
            }
        },
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
                "{}.{}: columns of type {} cannot be generated, and this one needs a value; give it a default, or \
                 leave its table out with --table",
                table.quoted, column.quoted, column.declared
            )));
        }
    }))
}

/// 0 to 1000 where nothing else is asked for.
fn numbers(grid: &Grid, asked: &Asked) -> String {
    let (low, high) = window(grid, asked, 0.0, 1000.0 * grid.scale());
    format!(
        "{{ number = {{ min = {:?}, max = {:?}, decimals = {} }} }}",
        low / grid.scale(),
        high / grid.scale(),
        grid.decimals
    )
}

/// 90 days from the epoch on where nothing else is asked for.
fn moments(grid: &Grid, asked: &Asked, whole_days: bool) -> String {
    let (low, high) = window(grid, asked, START, START + SPAN);
    let high = if low < START + SPAN && high > START { high.min(START + SPAN) } else { high };
    let low = if high > START { low.max(START) } else { low }.max(high - SPAN);
    // A date is any moment of its day.
    let high = if whole_days && high + DAY - 1.0 <= grid.high + DAY - 1.0 { high + DAY - 1.0 } else { high };
    format!(
        "{{ time = {{ min_seconds = {:?}, max_seconds = {:?}, rising = true }} }}",
        low - START,
        high - START
    )
}

/// The part of a grid that is used: as near to `from` and `to` as what is asked for allows.
pub(super) fn window(grid: &Grid, asked: &Asked, from: f64, to: f64) -> (f64, f64) {
    let (low, high) = match (asked.least, asked.most) {
        (Some(_), Some(_)) => (grid.low, grid.high),
        (Some(_), None) => (grid.low, to.max(grid.low + (to - from))),
        (None, Some(_)) if grid.high >= from => (from, grid.high),
        (None, Some(_)) => (grid.high - (to - from), grid.high),
        (None, None) => (from, to),
    };
    (low.max(grid.low), high.min(grid.high))
}

fn list(values: &[String]) -> String {
    let list: Vec<String> = values.iter().map(|value| toml(value)).collect();
    list.join(", ")
}

fn choice(values: &[String]) -> String {
    format!("{{ choice = {{ values = [{}] }} }}", list(values))
}

fn in_turn(values: &[String], stride: u64) -> String {
    format!("{{ in_turn = {{ values = [{}], stride = {stride} }} }}", list(values))
}

async fn count(connection: &mut PgConnection, table: &Table) -> Result<u64, HarnessError> {
    let there: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {}", table.quoted)))
        .fetch_one(connection)
        .await
        .map_err(HarnessError::sql("counting the rows that are there"))?;
    Ok(u64::try_from(there).unwrap_or(0))
}

pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
