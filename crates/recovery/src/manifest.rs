//! The manifest beside a dump: what the dump is, and what the database held when it was taken.

use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use crate::error::RecoveryError;
use crate::properties::Properties;
use crate::state::State;
use crate::undumped::Undumped;

/// The version of the manifest's form that this code writes and reads.
pub const FORMAT: u32 = 2;

/// What a dump is, and what the database held when it was taken. [`Self::state`] was read in the dump's own snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// The dump's file name.
    pub dump: String,
    /// SHA-256 of the dump, hexadecimal.
    pub sha256: String,
    /// The dump's size, in bytes.
    pub bytes: u64,
    /// The server's version: `15.18`.
    pub server_version: String,
    /// `pg_dump`'s version.
    pub pg_dump_version: String,
    /// The migration revision that the database stood at, where it could be read.
    pub revision: Option<String>,
    /// When the backup was begun.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// When the dump was complete.
    #[serde(with = "time::serde::rfc3339")]
    pub finished_at: OffsetDateTime,
    /// What belongs to the database and not to a dump of it: owner, grants, settings, comment.
    pub database: Properties,
    /// What is inside the database and in no dump of it.
    pub undumped: Undumped,
    /// Tables with their rows, sequences, and the catalogue.
    pub state: State,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// When it cannot be read, is not a manifest, or is of a form that this code does not know.
    pub fn read(path: &Path) -> Result<Self, RecoveryError> {
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let text = std::fs::read_to_string(path).map_err(RecoveryError::file(path, "read"))?;
        let damaged = |error: serde_json::Error| {
            RecoveryError::Damaged(format!(
                "{} is not a manifest: {error}; take a new backup",
                path.display()
            ))
        };
        let form: Form = serde_json::from_str(&text).map_err(damaged)?;
        if form.format != FORMAT {
            return Err(RecoveryError::Damaged(format!(
                "{} has form {}, and this runbook reads form {FORMAT}: use the runbook that wrote it, or take a new backup",
                path.display(),
                form.format
            )));
        }
        serde_json::from_str(&text).map_err(damaged)
    }

    /// How many rows the tables hold together.
    pub fn rows(&self) -> i64 {
        self.state.tables.iter().map(|table| table.rows).sum()
    }

    /// SHA-256 of its text, hexadecimal.
    pub(crate) fn checksum(&self) -> Result<String, RecoveryError> {
        Ok(Sha256::digest(self.text()?).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Writes and flushes it into an open file.
    pub(crate) fn write(&self, file: &mut std::fs::File, path: &Path) -> Result<(), RecoveryError> {
        file.write_all(self.text()?.as_bytes()).map_err(RecoveryError::file(path, "write"))?;
        file.sync_all().map_err(RecoveryError::file(path, "write"))
    }

    fn text(&self) -> Result<String, RecoveryError> {
        let text = serde_json::to_string_pretty(self);
        let text =
            text.map_err(|error| RecoveryError::Damaged(format!("the manifest cannot be written: {error}")))?;
        Ok(text + "\n")
    }
}
