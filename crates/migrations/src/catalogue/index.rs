//! A plain index, put together from its columns as `pg_get_indexdef` would write it.

use std::collections::HashMap;

use super::cells::Cells;
use super::gather::Column;

/// `pg_index.indoption`: descending, and nulls first.
const DESCENDING: i16 = 1;
const NULLS_FIRST: i16 = 2;
/// Types that the default operator class of another serves: `varchar` is indexed as `text`.
const VARCHAR: u32 = 1043;
const TEXT: u32 = 25;

/// A row of `indexes.sql`.
pub(super) struct Index {
    pub(super) oid: u32,
    pub(super) table: u32,
    pub(super) name: String,
    method: String,
    keys: Vec<i16>,
    key_count: i16,
    classes: Vec<u32>,
    collations: Vec<u32>,
    options: Vec<i16>,
    unique: bool,
    nulls_not_distinct: bool,
    partitioned: bool,
    pub(super) sound: bool,
    pub(super) clustered: bool,
    pub(super) replica_identity: bool,
    pub(super) tablespace: Option<String>,
    /// As Postgres writes it, where it was asked.
    pub(super) definition: Option<String>,
    /// The statistics targets of its expressions, by the number of the column: `1=100`.
    pub(super) statistics: Option<String>,
}

impl Index {
    pub(super) fn of(mut cells: Cells<'_>) -> Result<Self, sqlx::Error> {
        Ok(Self {
            oid: cells.oid()?,
            table: cells.oid()?,
            name: cells.next()?,
            method: cells.next()?,
            keys: cells.next()?,
            key_count: cells.next()?,
            classes: cells.oids()?,
            collations: cells.oids()?,
            options: cells.next()?,
            unique: cells.next()?,
            nulls_not_distinct: cells.next()?,
            partitioned: cells.next()?,
            sound: cells.next()?,
            clustered: cells.next()?,
            replica_identity: cells.next()?,
            tablespace: cells.next()?,
            definition: cells.next()?,
            statistics: cells.next()?,
        })
    }

    /// Whether there is more to say of it than a constraint says that it carries out.
    pub(super) fn is_remarkable(&self) -> bool {
        !self.sound || self.clustered || self.replica_identity || self.tablespace.is_some()
    }
}

/// `unique using btree (a, b DESC) INCLUDE (c)`; `None` where a column is odd enough to ask Postgres about.
pub(super) fn put_together(
    index: &Index,
    columns: &HashMap<(u32, i16), Column>,
    classes: &HashMap<u32, (u32, bool)>,
) -> Option<String> {
    let mut text = String::new();
    if index.unique {
        text.push_str("unique ");
    }
    if index.partitioned {
        text.push_str("only ");
    }
    text.push_str("using ");
    text.push_str(&index.method);
    text.push_str(" (");
    let count = usize::try_from(index.key_count).ok()?;
    for (at, number) in index.keys.iter().enumerate() {
        let column = columns.get(&(index.table, *number))?;
        if at == count {
            text.push_str(") INCLUDE (");
        } else if at > 0 {
            text.push_str(", ");
        }
        text.push_str(&column.name);
        if at >= count {
            continue;
        }
        let (kind, default) = classes.get(index.classes.get(at)?)?;
        let usual = *default && (*kind == column.kind || (column.kind == VARCHAR && *kind == TEXT));
        let collation = *index.collations.get(at)?;
        if !usual || (collation != 0 && collation != column.collation) {
            return None;
        }
        let option = *index.options.get(at)?;
        text.push_str(match (option & DESCENDING != 0, option & NULLS_FIRST != 0) {
            (true, false) => " DESC NULLS LAST",
            (true, true) => " DESC",
            (false, true) => " NULLS FIRST",
            (false, false) => "",
        });
    }
    text.push(')');
    if index.nulls_not_distinct {
        text.push_str(" NULLS NOT DISTINCT");
    }
    Some(text)
}
