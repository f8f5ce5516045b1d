//! What was begun and what was done, a JSON object a line, written as it happens: what is left after a crash.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A journal file, readable by its owner alone.
#[derive(Debug)]
pub struct Journal {
    file: Mutex<File>,
}

/// One entry.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    at: String,
    event: &'a str,
    step: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a str>,
}

impl Journal {
    /// A new journal, in place of an older one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn create(path: &Path) -> std::io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = File::options().create_new(true).append(true).mode(0o600).open(path)?;
        Ok(Self { file: Mutex::new(file) })
    }

    /// Notes that something begins.
    ///
    /// # Errors
    /// When the disk is full: what cannot be noted is not begun.
    pub fn begin(&self, step: &str, line: &str, id: &str) -> std::io::Result<()> {
        self.write("begin", step, Some(line), Some(id), None)
    }

    /// Notes how it ended.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub fn end(&self, step: &str, line: &str, id: &str, outcome: &str) -> std::io::Result<()> {
        self.write("end", step, Some(line), Some(id), Some(outcome))
    }

    /// Notes the end of the run.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub fn close(&self, outcome: &str) -> std::io::Result<()> {
        self.write("run", "", None, None, Some(outcome))
    }

    fn write(
        &self,
        event: &str,
        step: &str,
        line: Option<&str>,
        id: Option<&str>,
        outcome: Option<&str>,
    ) -> std::io::Result<()> {
        let at = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        let mut text = serde_json::to_string(&Entry { at, event, step, line, id, outcome })?;
        text.push('\n');
        // One write an entry: a reader never sees half of one.
        self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(text.as_bytes())
    }
}
