//! How much room a data set needs, asked before anything is written.

use std::sync::Arc;

use runbook::secret::DatabaseUrl;
use runbook::settings::Settings;
use sqlx::{PgConnection, Row as _};

use super::compile::Compiled;
use super::crew::at_a_time;
use super::derive::Derived;
use super::plan::Plan;
use super::stream::Target;
use super::{close, connect, targets};
use crate::HarnessError;

/// Rows of each entry that are made to know how long they are …
const LOOKED_AT: u64 = 400;
/// … or so many bytes of them.
const LOOKED_AT_BYTES: u64 = 16 << 20;
/// What a row takes in a table besides its bytes: its header, its pointer, and padding.
const ROW_OVERHEAD: u64 = 40;
/// What an entry of an index takes, on average over APEX's: 18 indexes of 8,000,000 rows took 1.1 GB.
const INDEX_ENTRY: u64 = 34;
/// What an entry takes on disk while it is sorted, before equal ones share their key.
const SORTED_ENTRY: u64 = 64;
/// What the log may grow to between two checkpoints on servers of ours (`max_wal_size`) …
const LOG: u64 = 4 << 30;
/// … and on one that writes no log of rows in new files.
const LITTLE_LOG: u64 = 256 << 20;

/// The size of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Rows of all tables.
    pub rows: u64,
    /// Bytes that are sent.
    pub sent: u64,
    /// Bytes of tables and indexes afterwards, about.
    pub stored: u64,
    /// Bytes of disk past `stored` while indexes are built: what is sorted, less the indexes that are not there yet.
    pub sorting: u64,
}

impl Size {
    /// Mebibytes of what is sent.
    pub fn sent_mib(&self) -> u64 {
        self.sent >> 20
    }

    /// Mebibytes of tables and indexes afterwards.
    pub fn stored_mib(&self) -> u64 {
        self.stored >> 20
    }

    /// Mebibytes of disk while it is loaded, the server's log beside it.
    pub fn peak_mib(&self) -> u64 {
        self.with_log(LOG)
    }

    /// The same on a server that writes no log of rows in new files: the least room that will do.
    pub fn least_mib(&self) -> u64 {
        self.with_log(LITTLE_LOG)
    }

    fn with_log(&self, most: u64) -> u64 {
        self.stored.saturating_add(self.sorting).saturating_add(self.stored.min(most)) >> 20
    }
}

/// Estimates the size of [`load`](super::load) with `n` rows from a sample of the rows that it would write.
///
/// # Errors
/// As [`load`](super::load).
pub async fn estimate(url: &DatabaseUrl, settings: &Settings, n: u64) -> Result<Size, HarnessError> {
    let compiled = Compiled::new(Arc::new(Plan::of(settings)?), n)?;
    let mut connection = connect(url).await?;
    let targets = targets(&mut connection, &compiled, settings).await?;
    let size = size(&mut connection, &compiled, &targets).await?;
    close(connection).await?;
    Ok(size)
}

/// Estimates the size of [`fill`](super::fill) in the same way.
///
/// # Errors
/// As [`fill`](super::fill).
pub async fn estimate_derived(
    connection: &mut PgConnection,
    derived: &Derived,
    rows: u64,
) -> Result<Size, HarnessError> {
    let compiled = Compiled::new(Arc::new(derived.plan()?), rows)?;
    let targets = super::targets_of(connection, &compiled, "public").await?;
    size(connection, &compiled, &targets).await
}

/// Asks whether the disk below the server has room for a data set. Only a server on this machine can be asked, by a role
/// that may know where its data is; of any other one nothing is known, and nothing said.
///
/// # Errors
/// When there is less than is needed, with both figures.
pub async fn room(connection: &mut PgConnection, size: &Size) -> Result<(), HarnessError> {
    let folder: Option<String> = sqlx::query_scalar(include_str!("data_directory.sql"))
        .fetch_one(&mut *connection)
        .await
        .map_err(HarnessError::sql("asking where the server keeps its data"))?;
    let Some(folder) = folder.map(std::path::PathBuf::from).filter(|folder| folder.is_dir()) else {
        return Ok(());
    };
    enough(&folder, size, crate::space::free_mib(&folder))
}

/// Asks whether `folder` has room for `needed` mebibytes of the data set of the settings.
///
/// # Errors
/// When it has not: which file asks for how many rows, and both figures.
pub(crate) fn ask(
    folder: &std::path::Path,
    settings: &Settings,
    (n, size): (u64, &Size),
    needed: u64,
    remedy: &'static str,
) -> Result<(), HarnessError> {
    crate::space::ask(folder, needed, remedy).map_err(|error| told(settings, (n, size), &error))
}

/// The same of the server in a container of ours, which is asked itself; nothing is said where it has no `df`.
///
/// # Errors
/// As [`ask`].
pub(crate) async fn ask_container(
    connection: &mut PgConnection,
    settings: &Settings,
    (n, size): (u64, &Size),
    needed: u64,
) -> Result<(), HarnessError> {
    let free: Option<i64> =
        match sqlx::raw_sql(include_str!("free_in_container.sql")).fetch_optional(&mut *connection).await {
            Ok(row) => row.and_then(|row| row.try_get(0).ok()),
            Err(_) => None,
        };
    // It never becomes part of what is there.
    let _ = sqlx::raw_sql("ROLLBACK").execute(connection).await;
    match free.and_then(|free| u64::try_from(free).ok()) {
        Some(free) if free < needed => {
            let short = format!("about {needed} MiB are needed, and the container has {free} MiB free");
            Err(told(settings, (n, size), &short))
        }
        _ => Ok(()),
    }
}

/// Which file asks for how many rows, before what is said of the room for them.
fn told(settings: &Settings, (n, size): (u64, &Size), short: &dyn std::fmt::Display) -> HarnessError {
    let file = settings.data.generate.as_ref().map_or_else(String::new, |file| {
        format!(
            "{}: {n} rows of its leading table are {} in all; ask for fewer: ",
            settings.path(file).display(),
            size.rows
        )
    });
    HarnessError::Fixtures(format!("{file}{short}"))
}

fn enough(folder: &std::path::Path, size: &Size, free: Option<u64>) -> Result<(), HarnessError> {
    match free {
        Some(free) if free < size.peak_mib() => Err(HarnessError::Other(format!(
            "{} rows need about {} MiB while they are loaded, and {} has {free} MiB free; ask for fewer rows, or make room",
            size.rows,
            size.peak_mib(),
            folder.display()
        ))),
        _ => Ok(()),
    }
}

async fn size(
    connection: &mut PgConnection,
    compiled: &Compiled,
    targets: &[Target],
) -> Result<Size, HarnessError> {
    let mut size = Size { rows: 0, sent: 0, stored: 0, sorting: 0 };
    let mut builds = Vec::new();
    for target in targets {
        let rows = target.rows(compiled);
        let spread = rows.clamp(1, LOOKED_AT);
        let (mut looked_at, mut bytes) = (0, 0);
        let numbers = (0..spread).map(|number| number * (rows / spread).max(1));
        target.generate(compiled, numbers, |piece, made| {
            bytes += piece.len() as u64;
            looked_at += made;
            bytes < LOOKED_AT_BYTES
        })?;
        let sent = portion(bytes, rows, looked_at.max(1));
        let indexes = index_count(connection, &target.schema, &target.name).await?;
        let entries = INDEX_ENTRY.saturating_mul(indexes).saturating_add(ROW_OVERHEAD);
        size.rows = size.rows.saturating_add(rows);
        size.sent = size.sent.saturating_add(sent);
        size.stored = size.stored.saturating_add(sent).saturating_add(rows.saturating_mul(entries));
        builds.extend((0..indexes).map(|_| rows));
    }
    size.sorting = sorting(builds, at_a_time());
    Ok(size)
}

/// What `rows` rows take where `looked_at` of them take so many bytes.
fn portion(bytes: u64, rows: u64, looked_at: u64) -> u64 {
    let all = u128::from(bytes) * u128::from(rows) / u128::from(looked_at);
    u64::try_from(all).unwrap_or(u64::MAX)
}

/// How far the disk is filled past its last state while indexes of so many entries are built, the largest first and so
/// many at a time: what is sorted for those in work, less what those in work and those to come will take.
fn sorting(mut builds: Vec<u64>, at_a_time: usize) -> u64 {
    builds.sort_unstable_by_key(|rows| std::cmp::Reverse(*rows));
    let bytes = |rows: &[u64], entry: u64| {
        rows.iter().fold(0_u64, |sum, rows| sum.saturating_add(rows.saturating_mul(entry)))
    };
    let states = (0..builds.len()).map(|place| {
        let to_come = &builds[place..];
        let in_work = &to_come[..at_a_time.min(to_come.len())];
        // An index in work is written while what it was sorted from is still there.
        let missing = bytes(to_come, INDEX_ENTRY).saturating_sub(bytes(in_work, INDEX_ENTRY));
        bytes(in_work, SORTED_ENTRY).saturating_sub(missing)
    });
    states.max().unwrap_or(0)
}

async fn index_count(connection: &mut PgConnection, schema: &str, table: &str) -> Result<u64, HarnessError> {
    let count: i64 = sqlx::query_scalar(include_str!("index_count.sql"))
        .bind(schema)
        .bind(table)
        .fetch_one(connection)
        .await
        .map_err(HarnessError::sql("counting the indexes of a table"))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sorted_takes_the_room_of_indexes_to_come() {
        let million = 1_000_000;
        // Two of many alike: what is sorted fits where the others will be.
        assert_eq!(sorting(vec![million; 10], 2), 2 * million * SORTED_ENTRY);
        // The last two are the small ones.
        let mixed = [vec![million; 8], vec![1000; 4]].concat();
        assert!(sorting(mixed, 2) < 2 * million * SORTED_ENTRY + 1);
        assert_eq!(sorting(vec![million], 2), million * SORTED_ENTRY);
        assert_eq!(sorting(Vec::new(), 2), 0);
        let size = Size { rows: 1, sent: 0, stored: 20 << 30, sorting: 1 << 30 };
        assert_eq!((size.peak_mib(), size.least_mib()), (25 << 10, (21 << 10) + 256));
    }

    #[test]
    fn more_than_the_disk_holds_is_one_sentence_with_both_figures() {
        let size = Size { rows: 80, sent: 5 << 20, stored: 10 << 20, sorting: 10 << 20 };
        let folder = std::path::Path::new("/disk");
        assert!(enough(folder, &size, Some(30)).is_ok());
        assert!(enough(folder, &size, None).is_ok(), "what is not known is not refused");
        assert_eq!(
            enough(folder, &size, Some(29)).unwrap_err().to_string(),
            "80 rows need about 30 MiB while they are loaded, and /disk has 29 MiB free; ask for fewer rows, or make room"
        );
    }
}
