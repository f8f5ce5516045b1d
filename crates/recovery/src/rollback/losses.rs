//! What a rollback loses: rows, large objects and positions of sequences that the replaced database holds and the restored
//! one does not.

use std::collections::BTreeMap;

use runbook::check::CheckError;
use runbook::reader::Reader;

use super::positions::{Moved, moved};
use super::rows::{Known, Values, columns, differing, holding, is_common};
use super::units::{Unit, units};
use crate::state::{LargeObject, State, large_objects, tables};

/// Tables in which the migration tools keep their books: a deployment writes there, and a rollback takes it back.
const BOOKKEEPING: [&str; 2] = [migrations::sql_files::VERSION_TABLE, migrations::alembic::VERSION_TABLE];

/// What [`Loss::table`] says of the large objects, which are in no table of a user's.
pub const LARGE_OBJECTS: &str = "large objects";

/// What one table lost, or one sequence, or the large objects ([`LARGE_OBJECTS`]). The partitions of a table are told as one
/// where they are not those of before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Schema and name, quoted for SQL.
    pub table: String,
    /// The name that the table has again, where it was renamed since the backup.
    pub again: Option<String>,
    /// Rows (as they were at the end) that are gone: inserted or changed since the backup.
    pub lost: i64,
    /// Rows (as they were at the backup) that came back: deleted or changed since.
    pub returned: i64,
    /// Whether the table itself is gone, because it was made since the backup.
    pub table_gone: bool,
    /// Whether it is the books of a migration tool.
    pub bookkeeping: bool,
    /// What rows hold in columns that the restored table lacks or has with another type: what of it was written since the
    /// backup cannot be told.
    pub uncompared: Values,
    /// What rows hold again in columns that were dropped since the backup: what was written there before that is not known.
    pub dropped: Values,
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
    let known: Known<'_> = restored
        .tables
        .iter()
        .map(|table| (table.table.as_str(), (table.rows, table.hash.as_str())))
        .collect();
    let mut found = Vec::new();
    for unit in units(tables(old).await?, tables(new).await?) {
        let mut loss = Loss::none(&unit);
        (loss.lost, loss.returned) = differing(old, new, &unit, &known).await?;
        if !unit.old.is_empty() && !unit.new.is_empty() {
            let compares = unit.old.iter().any(|table| !columns(table, |of| is_common(of, &unit)).is_empty());
            if compares {
                loss.uncompared = holding(old, &unit.old, |of| !is_common(of, &unit)).await?;
            }
            let there = |name: &str| unit.old.iter().any(|table| table.columns.iter().any(|had| had == name));
            loss.dropped = holding(new, &unit.new, |(name, _)| !there(name)).await?;
        }
        found.push(loss);
    }
    found.retain(|loss| {
        let rows = [loss.lost, loss.returned, loss.uncompared.rows, loss.dropped.rows];
        loss.table_gone || rows.iter().any(|rows| *rows > 0)
    });
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
    fn none(unit: &Unit) -> Self {
        let mut members = unit.old.iter().chain(&unit.new);
        let bookkeeping = members.any(|table| BOOKKEEPING.contains(&table.name.as_str()));
        Self {
            again: unit.again.clone(),
            table_gone: unit.new.is_empty(),
            ..Self::of(unit.name.clone(), bookkeeping)
        }
    }

    fn of(table: String, bookkeeping: bool) -> Self {
        Self {
            table,
            again: None,
            lost: 0,
            returned: 0,
            table_gone: false,
            bookkeeping,
            uncompared: Values::default(),
            dropped: Values::default(),
            sequence: None,
        }
    }

    /// Whether it is of a table, and counts rows.
    pub fn is_of_rows(&self) -> bool {
        self.sequence.is_none() && self.table != LARGE_OBJECTS
    }
}
