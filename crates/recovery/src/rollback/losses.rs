//! What a rollback loses: rows that the replaced database holds and the restored one does not.

use std::collections::{BTreeMap, HashMap};

use runbook::check::CheckError;
use runbook::reader::Reader;
use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;

use crate::state::{State, Table, tables};

/// Tables in which the migration tools keep their books: a deployment writes there, and a rollback takes it back.
const BOOKKEEPING: [&str; 2] = [migrations::sql_files::VERSION_TABLE, migrations::alembic::VERSION_TABLE];

/// What one table lost.
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
}

/// Compares the rows of two databases, table by table, by the columns that both have. Tables without a loss are left out.
pub(super) async fn count(
    old: &mut Reader,
    new: &mut Reader,
    restored: &State,
) -> Result<Vec<Loss>, CheckError> {
    let known: HashMap<&str, (i64, &str)> = restored
        .tables
        .iter()
        .map(|table| (table.table.as_str(), (table.rows, table.hash.as_str())))
        .collect();
    let mut new_tables: BTreeMap<String, Table> =
        tables(new).await?.into_iter().map(|table| (table.quoted.clone(), table)).collect();
    let mut found = Vec::new();
    for before in tables(old).await? {
        let (lost, returned, table_gone) = match new_tables.remove(&before.quoted) {
            None => (rows(old, &before.quoted).await?, 0, true),
            Some(after) => {
                let (lost, returned) = differing(old, new, &before, &after, &known).await?;
                (lost, returned, false)
            }
        };
        if lost > 0 || returned > 0 || table_gone {
            let bookkeeping = BOOKKEEPING.contains(&before.name.as_str());
            found.push(Loss { table: before.quoted, lost, returned, table_gone, bookkeeping });
        }
    }
    for (table, after) in new_tables {
        let returned = rows(new, &table).await?;
        let bookkeeping = BOOKKEEPING.contains(&after.name.as_str());
        found.push(Loss { table, lost: 0, returned, table_gone: false, bookkeeping });
    }
    found.retain(|loss| loss.lost > 0 || loss.returned > 0 || loss.table_gone);
    found.sort_by(|a, b| a.table.cmp(&b.table));
    Ok(found)
}

/// `(in old only, in new only)`, counting equal rows as often as they are there.
async fn differing(
    old: &mut Reader,
    new: &mut Reader,
    before: &Table,
    after: &Table,
    known: &HashMap<&str, (i64, &str)>,
) -> Result<(i64, i64), CheckError> {
    let typed = |table: &Table| -> Vec<(String, String)> {
        table.columns.iter().cloned().zip(table.types.iter().cloned()).collect()
    };
    let (all_before, all_after) = (typed(before), typed(after));
    let common: Vec<&str> = all_before
        .iter()
        .filter(|column| all_after.contains(column))
        .map(|(name, _)| name.as_str())
        .collect();
    if common.is_empty() && !all_before.is_empty() {
        return Ok((rows(old, &before.quoted).await?, rows(new, &after.quoted).await?));
    }
    let columns: Vec<String> = common.iter().map(|name| format!("t.{name}")).collect();
    let fill = |sql: &str| sql.replace("{columns}", &columns.join(", ")).replace("{table}", &before.quoted);

    let in_old: Vec<(i64, i64, String)> = old.fetch(&fill(include_str!("buckets.sql"))).await?;
    if all_before == all_after {
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
    reader.scalar(&format!("SELECT count(*) FROM ONLY {table}")).await
}
