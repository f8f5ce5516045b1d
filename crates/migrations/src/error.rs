use std::path::PathBuf;
use std::time::Duration;

use runbook::check::CheckError;

use crate::Problem;

/// Why a migration could not be read or applied: one sentence that names the file, the line where there is
/// one, and the tool's own message.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The settings name no folder for the tool.
    #[error("the settings name no folder for this tool; set `{key}` under [migrations] in runbook.toml")]
    NotConfigured {
        /// The key of `[migrations]`.
        key: &'static str,
    },
    /// The folder cannot be read.
    #[error("the migrations folder {} cannot be read: {reason}", folder.display())]
    Unreadable {
        /// The folder.
        folder: PathBuf,
        /// The system's own words.
        reason: String,
    },
    /// A file is wrong.
    #[error("{0}")]
    Bad(Problem),
    /// A revision was asked for that no file has.
    #[error("there is no revision `{id}`; known are {known}")]
    UnknownRevision {
        /// What was asked for.
        id: String,
        /// What there is.
        known: String,
    },
    /// The database was migrated by newer files.
    #[error(
        "the database is ahead: it stands at revision `{found}`, which these files do not know (their newest is `{head}`); \
         deploy the version of the code that has it"
    )]
    Ahead {
        /// What the version table says.
        found: String,
        /// The newest revision of the files.
        head: String,
    },
    /// A file was changed after it was applied.
    #[error(
        "revision `{id}` was changed after it was applied: {} no longer has the checksum in {table}; restore the file \
         and write a new revision", file.display()
    )]
    Checksum {
        /// The revision.
        id: String,
        /// Its file.
        file: PathBuf,
        /// The version table.
        table: String,
    },
    /// A revision is marked as failed.
    #[error(
        "revision `{id}` was left half applied (success = false in {table}); mend it by hand, then delete its row"
    )]
    Dirty {
        /// The revision.
        id: String,
        /// The version table.
        table: String,
    },
    /// A revision is missing below one that is applied.
    #[error("revision `{missing}` is not applied although `{above}` is; apply it by hand or restore {table}")]
    Hole {
        /// The one that is not applied.
        missing: String,
        /// The newest that is.
        above: String,
        /// The version table.
        table: String,
    },
    /// The version table is not as the tool makes it.
    #[error("{0}")]
    VersionTable(String),
    /// A revision has no way back.
    #[error("revision `{id}` cannot be undone: {} has no counterpart that reverts it; write one, or restore a backup", file.display())]
    Irreversible {
        /// The revision.
        id: String,
        /// The file that applies it.
        file: PathBuf,
    },
    /// The database refused a statement of a migration.
    #[error(
        "revision `{id}` failed at {place}: {message}; it was rolled back, unless it runs outside a transaction"
    )]
    Failed {
        /// The revision.
        id: String,
        /// The file, with the line where the database named one.
        place: String,
        /// The database's own words.
        message: String,
    },
    /// It took longer than it may.
    #[error("{what} was not done within {} s; raise `command_seconds` under [limits], or see who holds the lock", limit.as_secs_f64())]
    TimedOut {
        /// What was being done.
        what: String,
        /// `command_seconds`.
        limit: Duration,
    },
    /// alembic is not installed.
    #[error(
        "alembic was not found ({looked}); run `make setup`, or install it with `python3 -m venv .venv && \
         .venv/bin/pip install -r fixtures/alembic/requirements.txt`, or name the program in RUNBOOK_ALEMBIC"
    )]
    NoAlembic {
        /// Where it was looked for.
        looked: String,
    },
    /// alembic, or its project's `env.py`, failed.
    #[error("alembic failed at {what}: {message}")]
    Alembic {
        /// What it was asked to do.
        what: String,
        /// Its own last words.
        message: String,
    },
    /// The database could not be asked.
    #[error(transparent)]
    Database(#[from] CheckError),
}

impl MigrationError {
    /// Whether this tells of the database's own state (a finding), as opposed to a question that could not be
    /// asked.
    pub fn is_state(&self) -> bool {
        matches!(
            self,
            Self::Ahead { .. }
                | Self::Checksum { .. }
                | Self::Dirty { .. }
                | Self::Hole { .. }
                | Self::VersionTable(_)
        )
    }
}

impl From<sqlx::Error> for MigrationError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(runbook::context::classify(error))
    }
}
