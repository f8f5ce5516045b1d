//! How much room a data set needs, asked before anything is written.

use std::sync::Arc;

use runbook::secret::DatabaseUrl;
use runbook::settings::Settings;
use sqlx::PgConnection;

use super::compile::Compiled;
use super::derive::Derived;
use super::plan::Plan;
use super::stream::Target;
use super::{close, connect, targets};
use crate::HarnessError;

/// Rows of each entry that are made to know how long they are.
const LOOKED_AT: u64 = 400;
/// What a row takes in a table besides its bytes: its header, its pointer, and padding.
const ROW_OVERHEAD: u64 = 40;
/// What an entry of an index takes, on average over APEX's: 18 indexes of 8,000,000 rows took 1.1 GB.
const INDEX_ENTRY: u64 = 34;

/// The size of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Rows of all tables.
    pub rows: u64,
    /// Bytes that are sent.
    pub sent: u64,
    /// Bytes of tables and indexes afterwards, about.
    pub stored: u64,
    /// Bytes of disk while it is loaded: the largest index is sorted on disk, and the log is written beside.
    pub peak: u64,
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

    /// Mebibytes of disk while it is loaded.
    pub fn peak_mib(&self) -> u64 {
        self.peak >> 20
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
    let mut size = Size { rows: 0, sent: 0, stored: 0, peak: 0 };
    let mut largest = 0;
    for target in targets {
        let rows = target.rows(compiled);
        let looked_at = rows.clamp(1, LOOKED_AT);
        let mut bytes = 0;
        let numbers = (0..looked_at).map(|number| number * (rows / looked_at).max(1));
        target.generate(compiled, numbers, |piece, _| {
            bytes += piece.len() as u64;
            true
        })?;
        let sent = bytes.saturating_mul(rows) / looked_at;
        let indexes = index_count(connection, &target.schema, &target.name).await?;
        let indexed = rows.saturating_mul(INDEX_ENTRY);
        size.rows += rows;
        size.sent += sent;
        size.stored += sent + rows.saturating_mul(ROW_OVERHEAD) + indexed.saturating_mul(indexes);
        largest = largest.max(indexed);
    }
    // Between two checkpoints the log may grow to `max_wal_size`, 4 GB on servers of ours.
    size.peak = size.stored + largest * 2 + size.stored.min(4 << 30);
    Ok(size)
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
    fn more_than_the_disk_holds_is_one_sentence_with_both_figures() {
        let size = Size { rows: 80, sent: 5 << 20, stored: 20 << 20, peak: 30 << 20 };
        let folder = std::path::Path::new("/disk");
        assert!(enough(folder, &size, Some(30)).is_ok());
        assert!(enough(folder, &size, None).is_ok(), "what is not known is not refused");
        assert_eq!(
            enough(folder, &size, Some(29)).unwrap_err().to_string(),
            "80 rows need about 30 MiB while they are loaded, and /disk has 29 MiB free; ask for fewer rows, or make room"
        );
    }
}
