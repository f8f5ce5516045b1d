//! The rows of a unit that only one of the two databases has.

use std::collections::{BTreeMap, HashMap};

use runbook::check::CheckError;
use runbook::reader::Reader;
use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;

use super::units::Unit;
use crate::state::{Table, filled};

/// The rows of each table of the manifest, by its name: `(count, hash)`.
pub(super) type Known<'a> = HashMap<&'a str, (i64, &'a str)>;

/// The names of the columns of which this holds.
pub(super) fn columns(table: &Table, holds: impl Fn((&str, &str)) -> bool) -> Vec<String> {
    let typed = table.columns.iter().zip(&table.types);
    typed.filter(|(name, of)| holds((name, of))).map(|(name, _)| name.clone()).collect()
}

/// Whether every table of a unit has a column of this name whose values are written alike.
pub(super) fn is_common(column: (&str, &str), unit: &Unit) -> bool {
    unit.old.iter().chain(&unit.new).all(|table| has((column.0, column.1), table))
}

fn has((name, of): (&str, &str), table: &Table) -> bool {
    let mut typed = table.columns.iter().zip(&table.types);
    typed.any(|(other, kind)| other == name && (kind == of || written_as(kind) == written_as(of)))
}

/// Types of one answer write the same value alike, of whatever length or width.
fn written_as(of: &str) -> &str {
    match of {
        _ if of == "text" || of.starts_with("character varying") && !of.ends_with(']') => "text",
        "smallint" | "integer" | "bigint" => "integer",
        other => other,
    }
}

/// `t.a, t.b`
pub(super) fn qualified(columns: &[String]) -> String {
    columns.iter().map(|name| format!("t.{name}")).collect::<Vec<_>>().join(", ")
}

/// `(in old only, in new only)`, counting equal rows as often as they are there.
pub(super) async fn differing(
    old: &mut Reader,
    new: &mut Reader,
    unit: &Unit,
    known: &Known<'_>,
) -> Result<(i64, i64), CheckError> {
    let Some(first) = unit.old.first() else { return Ok((0, count_all(new, &unit.new).await?)) };
    let common = columns(first, |column| is_common(column, unit));
    if unit.new.is_empty() || common.is_empty() && !first.columns.is_empty() {
        return Ok((count_all(old, &unit.old).await?, count_all(new, &unit.new).await?));
    }
    let written = qualified(&common);
    let fill = |sql: &str, side: &[Table]| {
        filled(sql, &[("{rows}", &rows_of(side, &written)), ("{columns}", &written)])
    };

    let in_old: Vec<(i64, i64, String)> = old.fetch(&fill(include_str!("buckets.sql"), &unit.old)).await?;
    if is_as_known(unit, &in_old, known) {
        return Ok((0, 0));
    }
    let in_new: Vec<(i64, i64, String)> = new.fetch(&fill(include_str!("buckets.sql"), &unit.new)).await?;
    let unlike = unlike(&in_old, &in_new);
    if unlike.is_empty() {
        return Ok((0, 0));
    }
    let arguments = || {
        let mut arguments = PgArguments::default();
        arguments.add(unlike.clone()).map_err(|error| CheckError::Other(error.to_string()))?;
        Ok::<_, CheckError>(arguments)
    };
    let mut balance: HashMap<i64, i64> = HashMap::new();
    let sql = fill(include_str!("hashes.sql"), &unit.old);
    for (hash, rows) in old.fetch_with::<(i64, i64)>(&sql, arguments()?).await? {
        *balance.entry(hash).or_default() += rows;
    }
    let sql = fill(include_str!("hashes.sql"), &unit.new);
    for (hash, rows) in new.fetch_with::<(i64, i64)>(&sql, arguments()?).await? {
        *balance.entry(hash).or_default() -= rows;
    }
    let lost = balance.values().filter(|rows| **rows > 0).sum();
    let returned = -balance.values().filter(|rows| **rows < 0).sum::<i64>();
    Ok((lost, returned))
}

/// The rows of these tables, to stand behind FROM and be called `t`.
fn rows_of(tables: &[Table], columns: &str) -> String {
    match tables {
        [table] => format!("ONLY {}", table.quoted),
        tables => {
            let each = tables.iter().map(|table| format!("SELECT {columns} FROM ONLY {} AS t", table.quoted));
            format!("({})", each.collect::<Vec<_>>().join(" UNION ALL "))
        }
    }
}

/// Whether the manifest says that the restored table holds just these rows: it was hashed already, and the sum of the buckets
/// is that hash.
fn is_as_known(unit: &Unit, in_old: &[(i64, i64, String)], known: &Known<'_>) -> bool {
    let ([before], [after]) = (unit.old.as_slice(), unit.new.as_slice()) else { return false };
    // Of a table of an extension, the manifest knows some of the rows only.
    let whole = before.dumped && before.condition.is_empty();
    if !whole || before.columns != after.columns || before.types != after.types {
        return false;
    }
    let total = in_old.iter().map(|(_, rows, _)| rows).sum::<i64>();
    let hash: Option<i128> = in_old.iter().map(|(_, _, hash)| hash.parse::<i128>().ok()).sum();
    let of_manifest = known.get(after.quoted.as_str()).map(|(rows, hash)| (*rows, hash.parse::<i128>().ok()));
    of_manifest == Some((total, hash))
}

/// The buckets that are not the same in both.
fn unlike(old: &[(i64, i64, String)], new: &[(i64, i64, String)]) -> Vec<i64> {
    let map = |side: &[(i64, i64, String)]| -> BTreeMap<i64, (i64, String)> {
        side.iter().map(|(bucket, rows, hash)| (*bucket, (*rows, hash.clone()))).collect()
    };
    let (old, new) = (map(old), map(new));
    let mut buckets: Vec<i64> =
        old.keys().chain(new.keys()).copied().filter(|bucket| old.get(bucket) != new.get(bucket)).collect();
    buckets.sort_unstable();
    buckets.dedup();
    buckets
}

async fn count_all(reader: &mut Reader, tables: &[Table]) -> Result<i64, CheckError> {
    let mut rows = 0;
    for table in tables {
        let sql = format!("SELECT pg_catalog.count(*) FROM ONLY {}", table.quoted);
        rows += reader.scalar::<i64>(&sql).await?;
    }
    Ok(rows)
}

/// How many rows of these tables hold something in the columns of which this holds, and their names.
pub(super) async fn holding(
    reader: &mut Reader,
    tables: &[Table],
    which: impl Fn((&str, &str)) -> bool,
) -> Result<Values, CheckError> {
    let mut found = Values::default();
    for table in tables {
        let chosen = columns(table, &which);
        if chosen.is_empty() {
            continue;
        }
        let sql = format!(
            "SELECT pg_catalog.count(*) FROM ONLY {} AS t WHERE pg_catalog.num_nonnulls({}) > 0",
            table.quoted,
            qualified(&chosen)
        );
        found.rows += reader.scalar::<i64>(&sql).await?;
        let further: Vec<_> = chosen.into_iter().filter(|name| !found.columns.contains(name)).collect();
        found.columns.extend(further);
    }
    Ok(found)
}

/// Values in columns that the other database has not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    /// The columns, quoted for SQL.
    pub columns: Vec<String>,
    /// How many rows hold something in one of them.
    pub rows: i64,
}
