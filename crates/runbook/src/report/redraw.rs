//! Reading a report back.

use std::path::Path;

use super::{Report, SCHEMA_VERSION};

/// Why a file is not a report that can be drawn, in one sentence.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The system's words.
    #[error("{path}: cannot be read: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not JSON, or not of a report's shape.
    #[error("{path}: not a report: {source}")]
    Shape {
        /// The file.
        path: String,
        /// What is wrong, and where.
        source: serde_json::Error,
    },
    /// Made by another version.
    #[error(
        "{path}: has schema_version {found}, and this program reads {SCHEMA_VERSION}; redraw it with the program that made it"
    )]
    Version {
        /// The file.
        path: String,
        /// Its version.
        found: u64,
    },
}

impl Report {
    /// Reads a `report.json`.
    ///
    /// # Errors
    /// See [`Unreadable`].
    pub fn read(path: &Path) -> Result<Self, Unreadable> {
        let shown = || path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|source| Unreadable::File { path: shown(), source })?;
        let shape = |source| Unreadable::Shape { path: shown(), source };
        let value: serde_json::Value = serde_json::from_str(&text).map_err(shape)?;
        if let Some(found) = value.get("schema_version").and_then(serde_json::Value::as_u64)
            && found != u64::from(SCHEMA_VERSION)
        {
            return Err(Unreadable::Version { path: shown(), found });
        }
        // From the text and not from the value: its errors then name a line and a column.
        serde_json::from_str(&text).map_err(shape)
    }
}
