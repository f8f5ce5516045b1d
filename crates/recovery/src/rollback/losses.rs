//! What a rollback loses: rows, large objects and positions of sequences that the replaced database holds and the restored
//! one does not.

use std::collections::{BTreeMap, HashMap};

use runbook::check::CheckError;
use runbook::reader::Reader;
use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;

use super::positions::{Moved, moved};
use crate::state::{LargeObject, State, Table, filled, large_objects, tables};

/// Tables in which the migration tools keep their books: a deployment writes there, and a rollback takes it back.
const BOOKKEEPING: [&str; 2] = [migrations::sql_files::VERSION_TABLE, migrations::alembic::VERSION_TABLE];

/// What [`Loss::table`] says of the large objects, which are in no table of a user's.
pub const LARGE_OBJECTS: &str = "large objects";

/// What one table lost, or one sequence, or the large objects ([`LARGE_OBJECTS`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Schema and name, quoted for SQL.
    pub table: String,
    /// Rows (as they were at the end) that are gone: inserted or changed since the backup.
    pub lost: i64,
    /// Rows (as they were at the backup) that came back: deleted or changed since.
    pub returned: i64,
    /// Whether the table itself is gone, because it was made since the backup.
    pub table_gone: bool,
    /// Whether it is the books of a migration tool.
    pub bookkeeping: bool,
    /// The columns, quoted for SQL, that the restored table lacks or has with another type, where rows hold something in them.
    pub uncompared: Vec<String>,
    /// How many rows do: what of it was written since the backup cannot be told.
    pub uncompared_rows: i64,
    /// For a sequence, where it stood and stands. It has no rows.
    pub sequence: Option<Moved>,
}

/// Compares two databases: the rows, table by table, by the columns that both have (those that hold something in other columns
/// are counted), the large objects, and where the sequences stand. What lost nothing is left out.
pub(super) async fn count(
    old: &mut Reader,
    new: &mut Reader,
    restored: &State,
) -> Result<Vec<Loss>, CheckError> {
    old.spell_out(true).await?;
    new.spell_out(true).await?;
    let known: HashMap<&str, (i64, &str)> = restored
        .tables
        .iter()
        .map(|table| (table.table.as_str(), (table.rows, table.hash.as_str())))
        .collect();
    let mut new_tables: BTreeMap<String, Table> =
        tables(new).await?.into_iter().map(|table| (table.quoted.clone(), table)).collect();
    let mut found = Vec::new();
    for before in tables(old).await? {
        let mut loss = Loss::none(&before);
        match new_tables.remove(&before.quoted) {
            None => (loss.lost, loss.table_gone) = (rows(old, &before.quoted).await?, true),
            Some(after) => {
                (loss.lost, loss.returned) = differing(old, new, &before, &after, &known).await?;
                let other = columns(&before, |column| !is_common(column, &after));
                if !other.is_empty() && other.len() < before.columns.len() {
                    let sql = format!(
                        "SELECT pg_catalog.count(*) FROM ONLY {} AS t WHERE pg_catalog.num_nonnulls({}) > 0",
                        before.quoted,
                        qualified(&other)
                    );
                    loss.uncompared_rows = old.scalar(&sql).await?;
                    loss.uncompared = other;
                }
            }
        }
        found.push(loss);
    }
    for (table, after) in new_tables {
        found.push(Loss { returned: rows(new, &table).await?, ..Loss::none(&after) });
    }
    found.retain(|loss| loss.lost > 0 || loss.returned > 0 || loss.table_gone || loss.uncompared_rows > 0);
    for (name, moved) in moved(old, new).await? {
        found.push(Loss {
            table_gone: moved.stands.is_none(),
            sequence: Some(moved),
            ..Loss::of(name, false)
        });
    }
    found.sort_by(|a, b| a.table.cmp(&b.table));
    found.extend(of_large_objects(large_objects(old).await?, large_objects(new).await?));
    Ok(found)
}

/// The large objects that are in the one database and not, or not the same, in the other.
fn of_large_objects(old: Vec<LargeObject>, new: Vec<LargeObject>) -> Option<Loss> {
    let map = |side: Vec<LargeObject>| -> BTreeMap<i64, LargeObject> {
        side.into_iter().map(|object| (object.id, object)).collect()
    };
    let (old, new) = (map(old), map(new));
    let only_in = |side: &BTreeMap<i64, LargeObject>, other: &BTreeMap<i64, LargeObject>| {
        let count = side.iter().filter(|(id, object)| other.get(id) != Some(object)).count();
        i64::try_from(count).unwrap_or(i64::MAX)
    };
    let (lost, returned) = (only_in(&old, &new), only_in(&new, &old));
    (lost > 0 || returned > 0).then(|| Loss { lost, returned, ..Loss::of(LARGE_OBJECTS.to_owned(), false) })
}

impl Loss {
    fn none(table: &Table) -> Self {
        Self::of(table.quoted.clone(), BOOKKEEPING.contains(&table.name.as_str()))
    }

    fn of(table: String, bookkeeping: bool) -> Self {
        Self {
            table,
            lost: 0,
            returned: 0,
            table_gone: false,
            bookkeeping,
            uncompared: Vec::new(),
            uncompared_rows: 0,
            sequence: None,
        }
    }

    /// Whether it is of a table, and counts rows.
    pub fn is_of_rows(&self) -> bool {
        self.sequence.is_none() && self.table != LARGE_OBJECTS
    }
}

/// The names of the columns of which this holds.
fn columns(table: &Table, holds: impl Fn((&str, &str)) -> bool) -> Vec<String> {
    let typed = table.columns.iter().zip(&table.types);
    typed.filter(|(name, of)| holds((name, of))).map(|(name, _)| name.clone()).collect()
}

/// Whether a table has a column of this name whose values are written alike.
fn is_common((name, of): (&str, &str), table: &Table) -> bool {
    // Of whatever length.
    let is_text = |of: &str| of == "text" || of.starts_with("character varying");
    let mut typed = table.columns.iter().zip(&table.types);
    typed.any(|(other, kind)| other == name && (kind == of || is_text(kind) && is_text(of)))
}

fn qualified(columns: &[String]) -> String {
    columns.iter().map(|name| format!("t.{name}")).collect::<Vec<_>>().join(", ")
}

/// `(in old only, in new only)`, counting equal rows as often as they are there.
async fn differing(
    old: &mut Reader,
    new: &mut Reader,
    before: &Table,
    after: &Table,
    known: &HashMap<&str, (i64, &str)>,
) -> Result<(i64, i64), CheckError> {
    let common = columns(before, |column| is_common(column, after));
    if common.is_empty() && !before.columns.is_empty() {
        return Ok((rows(old, &before.quoted).await?, rows(new, &after.quoted).await?));
    }
    let columns = qualified(&common);
    let fill = |sql: &str| filled(sql, &[("{table}", &before.quoted), ("{columns}", &columns)]);

    let in_old: Vec<(i64, i64, String)> = old.fetch(&fill(include_str!("buckets.sql"))).await?;
    // Of a table of an extension, the manifest knows some of the rows only.
    let whole = before.dumped && before.condition.is_empty();
    if whole && before.columns == after.columns && before.types == after.types {
        // The restored table was hashed already, and the sum of the buckets is that hash.
        let total = in_old.iter().map(|(_, rows, _)| rows).sum::<i64>();
        let hash: Option<i128> = in_old.iter().map(|(_, _, hash)| hash.parse::<i128>().ok()).sum();
        let of_manifest =
            known.get(before.quoted.as_str()).map(|(rows, hash)| (*rows, hash.parse::<i128>().ok()));
        if of_manifest == Some((total, hash)) {
            return Ok((0, 0));
        }
    }
    let in_new: Vec<(i64, i64, String)> = new.fetch(&fill(include_str!("buckets.sql"))).await?;
    let unlike = unlike(&in_old, &in_new);
    if unlike.is_empty() {
        return Ok((0, 0));
    }
    let sql = fill(include_str!("hashes.sql"));
    let arguments = || {
        let mut arguments = PgArguments::default();
        arguments.add(unlike.clone()).map_err(|error| CheckError::Other(error.to_string()))?;
        Ok::<_, CheckError>(arguments)
    };
    let mut balance: HashMap<i64, i64> = HashMap::new();
    for (hash, rows) in old.fetch_with::<(i64, i64)>(&sql, arguments()?).await? {
        *balance.entry(hash).or_default() += rows;
    }
    for (hash, rows) in new.fetch_with::<(i64, i64)>(&sql, arguments()?).await? {
        *balance.entry(hash).or_default() -= rows;
    }
    let lost = balance.values().filter(|rows| **rows > 0).sum();
    let returned = -balance.values().filter(|rows| **rows < 0).sum::<i64>();
    Ok((lost, returned))
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

async fn rows(reader: &mut Reader, table: &str) -> Result<i64, CheckError> {
    reader.scalar(&format!("SELECT pg_catalog.count(*) FROM ONLY {table}")).await
}
