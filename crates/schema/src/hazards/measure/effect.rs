//! What one statement did: locks, rows, rewrites, bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use runbook::check::CheckError;
use serde::Serialize;
use sqlx::FromRow;
use sqlx::postgres::PgConnection;

/// Tables and the modes in which they, or an index of theirs, were locked.
pub type Locks = BTreeSet<(String, String)>;

/// What a relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// A table, partitioned or not.
    Table,
    /// A materialized view.
    MaterializedView,
    /// A view.
    View,
    /// An index, partitioned or not.
    Index,
    /// A sequence.
    Sequence,
    /// Anything else that has a name among relations.
    Other,
}

impl Sort {
    fn of(kind: &str) -> Self {
        match kind {
            "r" | "p" => Self::Table,
            "m" => Self::MaterializedView,
            "v" => Self::View,
            "i" | "I" => Self::Index,
            "S" => Self::Sequence,
            _ => Self::Other,
        }
    }

    /// What stands before its name; nothing for a table.
    fn word(self) -> &'static str {
        match self {
            Self::Table | Self::Other => "",
            Self::MaterializedView => "materialized view ",
            Self::View => "view ",
            Self::Index => "index ",
            Self::Sequence => "sequence ",
        }
    }
}

/// A lock that was taken, on the relation that it is on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Lock {
    /// What the relation is.
    pub kind: Sort,
    /// The relation.
    pub relation: String,
    /// Its table, where it is an index; else itself.
    pub table: String,
    /// The mode: `ShareLock`.
    pub mode: String,
}

/// Locks by relation, in words: `projects ShareLock, index ix_a AccessExclusiveLock`. More than `most` indexes that are locked
/// in one way are counted.
pub fn in_words(locks: &BTreeSet<Lock>, most: usize) -> Vec<String> {
    let mut by_relation: BTreeMap<(Sort, &str), Vec<&str>> = BTreeMap::new();
    for lock in locks {
        by_relation.entry((lock.kind, &lock.relation)).or_default().push(&lock.mode);
    }
    let mut words = Vec::new();
    let mut indexes: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for ((sort, relation), modes) in by_relation {
        if sort == Sort::Index {
            indexes.entry(modes.join(", ")).or_default().push(relation);
        } else {
            words.push(format!("{}{relation} {}", sort.word(), modes.join(", ")));
        }
    }
    for (modes, names) in indexes {
        if names.len() > most {
            words.push(format!("{} indexes {modes}", names.len()));
        } else {
            words.extend(names.iter().map(|name| format!("index {name} {modes}")));
        }
    }
    words
}

/// How much a statement had to read and write.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Volume {
    /// Rows that were read one after another, or by an index build.
    pub read: u64,
    /// Rows that were written: inserted, updated, deleted.
    pub written: u64,
    /// Bytes of what was read, rewritten and built.
    pub bytes: f64,
}

/// What one statement did.
#[derive(Debug, Clone, Default)]
pub struct Effect {
    /// Its place in the script.
    pub statement: usize,
    /// The locks that it took or went on holding on relations that others can see, by table.
    pub locks: Locks,
    /// The same by relation: indexes and sequences have locks of their own.
    pub taken: BTreeSet<Lock>,
    /// Tables that have rows of before which it updated or deleted, and how many.
    pub touched: BTreeMap<String, u64>,
    /// Relations that were written anew.
    pub rewritten: BTreeSet<String>,
    /// How much it read and wrote.
    pub volume: Volume,
    /// Bytes of WAL that it wrote; of the whole server meanwhile, where there is no `pg_stat_statements`.
    pub wal: u64,
    /// Bytes that it wrote to temporary files; not told of one in a transaction, where there is no `pg_stat_statements`.
    pub temporary: u64,
    /// How long it took in the copy.
    pub took: Duration,
    /// Whether it lets others by on purpose: it ran outside a transaction and CONCURRENTLY, or committed in between.
    pub watched: bool,
}

#[derive(Debug, Clone, FromRow)]
pub(super) struct Relation {
    oid: i64,
    name: String,
    table_name: String,
    kind: String,
    filenode: i64,
    bytes: i64,
    rows_read: i64,
    rows_inserted: i64,
    rows_updated: i64,
    rows_deleted: i64,
    rows_estimated: f64,
}

/// The relations at one moment, by their OID.
#[derive(Debug, Clone, Default)]
pub(super) struct State(BTreeMap<i64, Relation>);

impl State {
    pub(super) async fn read(connection: &mut PgConnection) -> Result<Self, CheckError> {
        let relations: Vec<Relation> = sqlx::query_as(include_str!("relations.sql"))
            .fetch_all(connection)
            .await
            .map_err(runbook::context::classify)?;
        Ok(Self(relations.into_iter().map(|relation| (relation.oid, relation)).collect()))
    }

    /// The names of tables and materialized views.
    pub(super) fn tables(&self) -> impl Iterator<Item = &str> {
        let tables = self.0.values().filter(|r| matches!(r.kind.as_str(), "r" | "p" | "m"));
        tables.map(|relation| relation.name.as_str())
    }

    /// Locks by table, of relations that were there already.
    pub(super) fn locks(&self, held: &[(i64, String)]) -> Locks {
        let visible = held.iter().filter_map(|(oid, mode)| {
            let relation = self.0.get(oid)?;
            // Nobody writes to a materialized view but those who refresh it.
            let harmless = relation.kind == "S" || (relation.kind == "m" && mode != "AccessExclusiveLock");
            (!harmless).then(|| (relation.table_name.clone(), mode.clone()))
        });
        // What every reader and writer takes hides what matters.
        visible.filter(|(_, mode)| mode != "AccessShareLock").collect()
    }

    /// Locks by relation, of those that were there already. What every reader takes is left out.
    pub(super) fn taken(&self, held: &[(i64, String)]) -> BTreeSet<Lock> {
        let visible = held.iter().filter_map(|(oid, mode)| Some((self.0.get(oid)?, mode)));
        visible
            .filter(|(_, mode)| *mode != "AccessShareLock")
            .map(|(relation, mode)| Lock {
                kind: Sort::of(&relation.kind),
                relation: relation.name.clone(),
                table: relation.table_name.clone(),
                mode: mode.clone(),
            })
            .collect()
    }

    /// The difference that a statement made: `self` before it, `after` after it, `start` before its transaction.
    pub(super) fn difference(&self, after: &Self, start: &Self) -> Effect {
        let mut effect = Effect::default();
        for (oid, now) in &after.0 {
            let was = self.0.get(oid);
            let count =
                |of: fn(&Relation) -> i64| u64::try_from(of(now) - was.map_or(0, of)).unwrap_or_default();
            let (read, inserted) = (count(|r| r.rows_read), count(|r| r.rows_inserted));
            let touched = count(|r| r.rows_updated) + count(|r| r.rows_deleted);
            if matches!(now.kind.as_str(), "r" | "p" | "m" | "t") {
                effect.volume.read += read;
                effect.volume.written += inserted + touched;
                // The size before: a rewrite reads the old file.
                let bytes = was.map_or(now.bytes, |was| was.bytes.max(now.bytes)) as f64;
                let rows = was.map_or(0.0, |was| was.rows_estimated).max(1.0);
                let wide = if rows > 1.0 { bytes / rows } else { 200.0 };
                effect.volume.bytes += (read as f64 * wide).min(bytes.max(read as f64 * 8.0));
                // The row and its new version, and about as much WAL.
                effect.volume.bytes += 2.0 * wide * (inserted + touched) as f64;
            }
            if now.kind == "i" && was.is_some_and(|was| was.filenode == now.filenode) {
                // Entries that a scan of it gave, as when a foreign key is looked up.
                effect.volume.read += read;
                let wide = now.bytes as f64 / now.rows_estimated.max(1.0);
                effect.volume.bytes += (read as f64 * wide).min(now.bytes as f64);
            }
            if touched > 0 && start.0.contains_key(oid) {
                effect.touched.insert(now.name.clone(), touched);
            }
            let fresh_file = was.is_none_or(|was| was.filenode != now.filenode);
            if fresh_file && matches!(now.kind.as_str(), "r" | "m" | "i" | "t") {
                effect.volume.bytes += 2.0 * now.bytes as f64;
                if start.0.contains_key(oid) {
                    effect.rewritten.insert(now.name.clone());
                }
            }
        }
        effect
    }
}

/// The locks that a session holds.
pub(super) async fn held(connection: &mut PgConnection, by: i32) -> Result<Vec<(i64, String)>, CheckError> {
    let held = sqlx::query_as(include_str!("locks.sql")).bind(by).fetch_all(connection).await;
    held.map_err(runbook::context::classify)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_told_by_relation_and_many_indexes_are_counted() {
        let lock = |kind, relation: &str, mode: &str| Lock {
            kind,
            relation: relation.into(),
            table: "t".into(),
            mode: mode.into(),
        };
        let locks: BTreeSet<Lock> = [
            lock(Sort::Index, "b", "AccessExclusiveLock"),
            lock(Sort::Table, "t", "ShareLock"),
            lock(Sort::Index, "a", "AccessExclusiveLock"),
            lock(Sort::Sequence, "s", "RowExclusiveLock"),
            lock(Sort::Table, "t", "AccessExclusiveLock"),
        ]
        .into();
        assert_eq!(
            in_words(&locks, 2),
            [
                "t AccessExclusiveLock, ShareLock",
                "sequence s RowExclusiveLock",
                "index a AccessExclusiveLock",
                "index b AccessExclusiveLock"
            ]
        );
        assert_eq!(in_words(&locks, 1)[2], "2 indexes AccessExclusiveLock");
    }
}
