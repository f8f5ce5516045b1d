//! How much room a data set needs, asked before anything is written.

use std::sync::Arc;

use runbook::secret::DatabaseUrl;
use runbook::settings::Settings;

use super::compile::Compiled;
use super::plan::Plan;
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
    let mut size = Size { rows: 0, sent: 0, stored: 0, peak: 0 };
    let mut largest = 0;
    for target in targets(&mut connection, &compiled, settings).await? {
        let rows = target.rows(&compiled);
        let looked_at = rows.clamp(1, LOOKED_AT);
        let mut bytes = 0;
        let numbers = (0..looked_at).map(|number| number * (rows / looked_at).max(1));
        target.generate(&compiled, numbers, |piece, _| {
            bytes += piece.len() as u64;
            true
        })?;
        let sent = bytes.saturating_mul(rows) / looked_at;
        let indexes = index_count(&mut connection, &target.schema, &target.name).await?;
        let indexed = rows.saturating_mul(INDEX_ENTRY);
        size.rows += rows;
        size.sent += sent;
        size.stored += sent + rows * ROW_OVERHEAD + indexed.saturating_mul(indexes);
        largest = largest.max(indexed);
    }
    close(connection).await?;
    // Between two checkpoints the log may grow to `max_wal_size`, 4 GB on servers of ours.
    size.peak = size.stored + largest * 2 + size.stored.min(4 << 30);
    Ok(size)
}

async fn index_count(
    connection: &mut sqlx::PgConnection,
    schema: &str,
    table: &str,
) -> Result<u64, HarnessError> {
    let count: i64 = sqlx::query_scalar(include_str!("index_count.sql"))
        .bind(schema)
        .bind(table)
        .fetch_one(connection)
        .await
        .map_err(HarnessError::sql("counting the indexes of a table"))?;
    Ok(u64::try_from(count).unwrap_or(0))
}
