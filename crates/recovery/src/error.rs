//! Why a backup or a rollback could not be carried out: one sentence, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use runbook::check::CheckError;

/// Why a backup or a rollback could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// A program or a folder that is needed is not there; the text says how to provide it.
    #[error("{0}")]
    Missing(String),
    /// A file or a folder could not be read or written.
    #[error("{}", told(.path, .doing, .source))]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What was tried: `write`, `read`, `create`.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A child process failed; the text is its own last message.
    #[error("{program} failed: {message}")]
    Child {
        /// `pg_dump` or `pg_restore`.
        program: &'static str,
        /// Its own words, on one line.
        message: String,
    },
    /// A child process was ended because it took too long.
    #[error("{program} was ended after {seconds} s; raise limits.command_seconds when it needs longer")]
    TooLong {
        /// `pg_dump` or `pg_restore`.
        program: &'static str,
        /// The limit, in seconds.
        seconds: f64,
    },
    /// A dump or its manifest is not what it should be.
    #[error("{0}")]
    Damaged(String),
    /// It was refused so that nothing is harmed; nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// The server was lost at the one moment from which both ways are possible; the text says how to tell.
    #[error("{0}")]
    Unknown(String),
    /// The database answered with an error.
    #[error(transparent)]
    Check(#[from] CheckError),
}

impl RecoveryError {
    /// A file error that says what was tried.
    pub(crate) fn file(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, doing, source }
    }
}

impl From<sqlx::Error> for RecoveryError {
    fn from(error: sqlx::Error) -> Self {
        Self::Check(runbook::context::classify(error))
    }
}

impl From<RecoveryError> for CheckError {
    fn from(error: RecoveryError) -> Self {
        match error {
            RecoveryError::Missing(text) => Self::Missing(text),
            RecoveryError::Check(check) => check,
            other => Self::Other(other.to_string()),
        }
    }
}

fn told(path: &Path, doing: &str, source: &io::Error) -> String {
    let path = path.display();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("cannot {doing} {path}: the disk is full; make room or name another folder")
        }
        io::ErrorKind::PermissionDenied => {
            format!(
                "cannot {doing} {path}: permission denied; give this user the right to, or name another folder"
            )
        }
        _ => format!("cannot {doing} {path}: {source}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_said_in_one_sentence() {
        let error = RecoveryError::file(Path::new("/b/x.dump"), "write")(io::ErrorKind::StorageFull.into());
        assert_eq!(
            error.to_string(),
            "cannot write /b/x.dump: the disk is full; make room or name another folder"
        );
    }
}
