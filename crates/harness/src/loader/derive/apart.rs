//! What makes the rows of a table differ where a unique key asks for it.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::checks::Asked;
use super::domain::{DAY, START, few, grid, length, said, too_few, unfit};
use super::facts::{Column, Facts, Key, Table};
use super::makes::quote;
use super::refer::{Settled, refers_to};
use super::{Derived, toml};
use crate::HarnessError;

/// So many values of a row that is there are listed at most.
const LISTED: u64 = 100_000;
/// 10.0.0.0
const ADDRESS: f64 = 167_772_160.0;

/// How a column of a unique key comes about.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Way {
    /// Another value in each row.
    Apart,
    /// The rows of the table that it refers to, in turn.
    Turn,
    /// These in turn, each so many times in a row.
    InTurn(Vec<String>, u64),
}

/// How the columns of the unique keys of a table come about, so that no two of `rows` rows are the same.
pub(super) async fn ways(
    connection: &mut PgConnection,
    facts: &Facts,
    (table, settled): (&Table, &Settled<'_>),
    (rows, there): (u64, u64),
    derived: &Derived,
) -> Result<BTreeMap<String, Way>, HarnessError> {
    let mut ways = BTreeMap::new();
    // The narrow ones first: what they ask for serves the wide ones too.
    let mut keys: Vec<&Key> = table.unique.iter().collect();
    keys.sort_by_key(|key| key.columns.len());
    for key in keys {
        let columns: Vec<&Column> = key.columns.iter().filter_map(|name| table.column(name)).collect();
        let settled_already = columns.iter().any(|column| {
            matches!(ways.get(&column.name), Some(Way::Apart | Way::Turn))
                || (column.counted && !referred(facts, table, column))
                || (ways.contains_key(&column.name) && columns.len() == 1)
        });
        if columns.is_empty() || settled_already {
            continue;
        }
        let mut most = 0.0_f64;
        let mut free = None;
        for column in columns.iter().filter(|column| settled.key(&column.name).is_none()) {
            let room = room(table, column)?.unwrap_or(0.0);
            most = most.max(room);
            if free.is_none() && room >= as_float(rows) && few(column, &Asked::of(column)).is_none() {
                free = Some(column.name.clone());
            }
        }
        if let Some(name) = free {
            ways.insert(name, Way::Apart);
            continue;
        }
        if let Some(foreign) = turning(facts, table, settled, key, derived) {
            ways.extend(foreign.columns.iter().map(|name| (name.clone(), Way::Turn)));
            continue;
        }
        let mut lists: Vec<(&Column, Vec<String>)> = Vec::new();
        for column in &columns {
            if let Some(list) = list(connection, facts, table, column, settled.key(&column.name)).await? {
                lists.push((column, list));
            }
        }
        if let (true, Some((column, list))) = (there > 0, lists.first_mut()) {
            let there = texts(connection, table, column).await?;
            list.retain(|value| !there.contains(value));
        }
        let product: f64 = lists.iter().map(|(_, list)| as_float(list.len() as u64)).product();
        let fresh = lists.iter().all(|(column, _)| !ways.contains_key(&column.name));
        if !lists.is_empty() && product >= as_float(rows) && fresh {
            let mut stride = 1;
            for (column, list) in lists {
                let count = list.len() as u64;
                ways.insert(column.name.clone(), Way::InTurn(list, stride));
                stride = stride.saturating_mul(count.max(1));
            }
        } else if !key.partial {
            let first = columns[0];
            if lists.is_empty() && most < 1.0 {
                let why = format!("values of type {} cannot be set apart for {}", first.declared, key.name);
                return Err(unfit(table, first, &why));
            }
            let what: Vec<String> = columns.iter().map(|column| said(column, &Asked::of(column))).collect();
            let what = format!("{} ({})", key.name, what.join(", "));
            let fits = if lists.is_empty() { most } else { product.max(most) };
            return Err(too_few(table, first, &what, fits, rows));
        }
    }
    Ok(ways)
}

/// Whether a table that is filled refers to this column, so that its values must be known.
pub(super) fn referred(facts: &Facts, table: &Table, column: &Column) -> bool {
    facts
        .tables
        .iter()
        .flat_map(|other| &other.foreign)
        .any(|key| refers_to(key, table) && key.of_columns.contains(&column.name))
}

/// A foreign key to a table that is filled, of which each row is another value of `key`.
fn turning<'t>(
    facts: &Facts,
    table: &Table,
    settled: &Settled<'t>,
    key: &Key,
    derived: &Derived,
) -> Option<&'t Key> {
    key.columns.iter().filter_map(|name| settled.key(name)).find(|foreign| {
        let Some(parent) = facts.place(foreign).map(|place| &facts.tables[place]) else { return false };
        let filled = refers_to(foreign, table) || derived.tables.contains(&parent.quoted);
        let within: Vec<&String> = foreign
            .columns
            .iter()
            .zip(&foreign.of_columns)
            .filter(|(own, _)| key.columns.contains(own))
            .map(|(_, of)| of)
            .collect();
        let whole = within.len() == foreign.columns.len();
        let enough = whole
            || parent.unique.iter().any(|unique| unique.columns.iter().all(|name| within.contains(&name)));
        let chosen =
            foreign.columns.iter().all(|name| settled.key(name).is_some_and(|own| own.name == foreign.name));
        filled && enough && chosen && !foreign.columns.iter().any(|name| settled.is_left(name))
    })
}

/// How many values a column can hold, about; `None` where no two can be told apart.
fn room(table: &Table, column: &Column) -> Result<Option<f64>, HarnessError> {
    let asked = Asked::of(column);
    if let Some(few) = few(column, &asked) {
        return Ok(Some(as_float(few.len() as u64)));
    }
    if let Some(grid) = grid(table, column, &asked)? {
        let (low, high) = grid.whole();
        let unit = if column.kind == "date" { DAY } else { 1.0 };
        return Ok(Some(((high - low) / unit).floor() + 1.0));
    }
    Ok(match column.kind.as_str() {
        "uuid" | "bytea" | "jsonb" => Some(f64::INFINITY),
        "inet" | "cidr" => Some(4_294_967_295.0 - ADDRESS),
        "text" | "varchar" | "bpchar" | "citext" | "name" => {
            let digits = length(column, &asked).1.unwrap_or(63).min(300);
            Some(10_f64.powi(i32::try_from(digits).unwrap_or(300)) - 1.0)
        }
        _ => None,
    })
}

/// The values of a column that has few: its own, or those of the rows that it refers to.
async fn list(
    connection: &mut PgConnection,
    facts: &Facts,
    table: &Table,
    column: &Column,
    foreign: Option<&Key>,
) -> Result<Option<Vec<String>>, HarnessError> {
    let Some(foreign) = foreign else {
        let asked = Asked::of(column);
        if let Some(few) = few(column, &asked) {
            return Ok(Some(few));
        }
        let Some(grid) = grid(table, column, &asked)? else { return Ok(None) };
        let unit = match column.kind.as_str() {
            "date" => DAY,
            "timestamp" | "timestamptz" | "time" | "interval" => return Ok(None),
            _ => 1.0,
        };
        let (low, high) = grid.whole();
        let values = |low: f64, high: f64| {
            #[allow(clippy::cast_possible_truncation, reason = "few")]
            (low as i64..=high as i64)
                .map(|number| if column.kind == "date" { date(number) } else { number.to_string() })
                .collect()
        };
        return Ok(((high - low) / unit < 1000.0).then(|| values(low / unit, high / unit)));
    };
    if facts.place(foreign).is_some() || foreign.columns.len() > 1 {
        return Ok(None);
    }
    let (schema, name) = foreign.of();
    let sql = format!(
        "SELECT DISTINCT {column}::text FROM {schema}.{name} WHERE {column} IS NOT NULL ORDER BY 1 LIMIT {LISTED}",
        column = quote(&foreign.of_columns[0]),
        schema = quote(schema),
        name = quote(name)
    );
    let listed = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(connection).await;
    listed.map(Some).map_err(HarnessError::sql("reading what a foreign key refers to"))
}

/// The date so many days after 2000-01-01.
fn date(days: i64) -> String {
    let first = time::Date::from_ordinal_date(2000, 1).ok();
    let date = first.and_then(|first| first.checked_add(time::Duration::days(days)));
    date.map_or_else(String::new, |date| date.to_string())
}

/// The values of a column that are there.
async fn texts(
    connection: &mut PgConnection,
    table: &Table,
    column: &Column,
) -> Result<Vec<String>, HarnessError> {
    let (quoted, of) = (&column.quoted, &table.quoted);
    let sql = format!("SELECT DISTINCT {quoted}::text FROM {of} WHERE {quoted} IS NOT NULL LIMIT {LISTED}");
    let texts = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(connection).await;
    texts.map_err(HarnessError::sql("reading the keys that are there"))
}

/// Values of which no two are the same, and none is there.
pub(super) async fn make(
    connection: &mut PgConnection,
    table: &Table,
    column: &Column,
    rows: u64,
    there: u64,
) -> Result<String, HarnessError> {
    let asked = Asked::of(column);
    match column.kind.as_str() {
        "uuid" => return Ok("\"uuid\"".into()),
        "bytea" => return Ok("{ bytes = 16 }".into()),
        "jsonb" => return Ok(format!("{{ text = '{{\"row\": \"{there}_${{row}}\"}}' }}")),
        "text" | "varchar" | "bpchar" | "citext" | "name" => return text(table, column, &asked, rows, there),
        _ => {}
    }
    let (low, high) = match grid(table, column, &asked)? {
        Some(grid) if column.kind == "date" => (grid.low / DAY, grid.high / DAY),
        Some(grid) => grid.whole(),
        None => (0.0, 4_294_967_295.0),
    };
    let first = match column.kind.as_str() {
        "date" => START / DAY,
        "timestamp" | "timestamptz" => START,
        "time" => 0.0,
        "inet" | "cidr" => ADDRESS,
        _ => 1.0,
    };
    let first = if asked.least.is_some() { low } else { first };
    let after = last(connection, table, column).await?.map_or(f64::NEG_INFINITY, |last| last + 1.0);
    let start = after.max(low).max(first.min(high - as_float(rows) + 1.0));
    if start + as_float(rows) - 1.0 > high {
        let from = after.max(first).max(low);
        let what = format!("{} from {from:.0} on", said(column, &asked));
        return Err(too_few(table, column, &what, high - from + 1.0, rows));
    }
    Ok(format!("{{ sequence = {start:.0} }}"))
}

/// The largest value that is there, as its type is counted.
async fn last(
    connection: &mut PgConnection,
    table: &Table,
    column: &Column,
) -> Result<Option<f64>, HarnessError> {
    let name = &column.quoted;
    let (largest, which) = match column.kind.as_str() {
        "date" => (format!("max({name}) - '2000-01-01'::date"), format!("isfinite({name})")),
        "timestamp" | "timestamptz" => {
            (format!("extract(epoch FROM max({name})) - 946684800"), format!("isfinite({name})"))
        }
        "time" | "interval" => (format!("extract(epoch FROM max({name}))"), "true".into()),
        "inet" | "cidr" => {
            (format!("host(max({name}::inet))::inet - '0.0.0.0'::inet"), format!("family({name}) = 4"))
        }
        _ => (format!("max({name})"), "true".into()),
    };
    let sql = format!("SELECT ceil(({largest})::float8) FROM {} WHERE {which}", table.quoted);
    let last: Option<f64> = sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(connection)
        .await
        .map_err(HarnessError::sql("looking for the largest key"))?;
    Ok(last)
}

fn text(
    table: &Table,
    column: &Column,
    asked: &Asked,
    rows: u64,
    there: u64,
) -> Result<String, HarnessError> {
    let (shortest, longest) = length(column, asked);
    let limit = longest.unwrap_or_else(|| shortest.max(63));
    // Rows that are there may have been written by the same rule.
    let mark = if there == 0 { "_".to_owned() } else { format!("_{there}_") };
    let digits = rows.to_string().len();
    let (name, digits) = match limit.checked_sub(digits + mark.len()) {
        Some(room) => {
            let name: String = column.name.chars().filter(char::is_ascii_alphanumeric).take(room).collect();
            let name = name + &mark;
            let digits = digits.max(shortest.saturating_sub(name.len()));
            (name, digits)
        }
        None if there == 0 && digits <= limit => (String::new(), digits.max(shortest)),
        None => {
            let fits = i32::try_from(limit).map_or(0.0, |limit| 10_f64.powi(limit) - 1.0);
            let fits = if there == 0 { fits } else { 0.0 };
            return Err(too_few(table, column, &said(column, asked), fits, rows));
        }
    };
    if digits > limit.min(1000) {
        return Err(unfit(table, column, &format!("no text keeps {}", said(column, asked))));
    }
    Ok(format!("{{ text = {} }}", toml(&format!("{name}${{row:{digits}}}"))))
}

#[allow(clippy::cast_precision_loss, reason = "counts are compared")]
fn as_float(count: u64) -> f64 {
    count as f64
}
