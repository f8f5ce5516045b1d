//! What one statement did: locks, rows, rewrites, bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use runbook::check::CheckError;
use sqlx::FromRow;
use sqlx::postgres::PgConnection;

/// Tables and the modes in which they, or an index of theirs, were locked.
pub type Locks = BTreeSet<(String, String)>;

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
    /// The locks that it took or went on holding on relations that others can see.
    pub locks: Locks,
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
