//! What can be wrong with an ephemeral database, each as one sentence that says what to do.

use std::path::{Path, PathBuf};

/// Why an ephemeral database could not be had: one sentence that says what to do. Its `Debug` is that
/// sentence too, because tests unwrap it.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum HarnessError {
    /// Nothing here can run Postgres.
    #[error(
        "no Postgres can be had: {0}; start Docker or Podman, install PostgreSQL (`make` does it), name its folder in RUNBOOK_PG_BIN, or name a server in RUNBOOK_DATABASE_URL"
    )]
    NoBackend(String),
    /// The server or its programs are too old.
    #[error("{what} is PostgreSQL {found}, and at least {minimum} is needed: name a newer one in {remedy}")]
    TooOld {
        /// The program or the server.
        what: String,
        /// Its version.
        found: String,
        /// The oldest that is supported.
        minimum: u32,
        /// The variable that names another.
        remedy: &'static str,
    },
    /// The server of `RUNBOOK_DATABASE_URL` does not answer.
    #[error(
        "{url} (RUNBOOK_DATABASE_URL) cannot be reached: {reason}; check the address, or unset it to use a server of our own"
    )]
    Unreachable {
        /// The address, without its password.
        url: String,
        /// What the driver said.
        reason: String,
    },
    /// The role of `RUNBOOK_DATABASE_URL` may not create databases.
    #[error(
        "{url} (RUNBOOK_DATABASE_URL) has no CREATEDB: run `ALTER ROLE {role} CREATEDB` there, or name another role"
    )]
    NoCreateDb {
        /// The address, without its password.
        url: String,
        /// The role, quoted.
        role: String,
    },
    /// The port is in use.
    #[error("port {port} on 127.0.0.1 is taken: stop what listens there, or name another port")]
    PortTaken {
        /// The port.
        port: u16,
    },
    /// There is no room for a data directory.
    #[error("{} is {}: {free} MiB are free and {needed} MiB are needed for a data directory; make room, or name another folder in {remedy}", .folder.display(), if *free < crate::space::NEEDED_MIB { "full" } else { "too small" })]
    NoSpace {
        /// The folder that was asked.
        folder: PathBuf,
        /// Mebibytes free.
        free: u64,
        /// Mebibytes needed.
        needed: u64,
        /// The variable that names another folder.
        remedy: &'static str,
    },
    /// The server did not come up, or went.
    #[error("the ephemeral server {what}: {reason}")]
    Server {
        /// What it did not do.
        what: &'static str,
        /// The end of its log, or what the system said.
        reason: String,
    },
    /// The settings, the migrations, the seeds or the data set are wrong.
    #[error("{0}")]
    Fixtures(String),
    /// The database answered with an error.
    #[error("{doing} failed: {reason}")]
    Sql {
        /// What was being done.
        doing: String,
        /// The database's message and SQLSTATE.
        reason: String,
    },
    /// A file or a process could not be used.
    #[error("{}: {reason}", .path.display())]
    Io {
        /// The file or the program.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Said in one sentence.
    #[error("{0}")]
    Other(String),
}

// A test unwraps these: what it prints is the sentence.
impl std::fmt::Debug for HarnessError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl HarnessError {
    pub(crate) fn io(path: &Path) -> impl Fn(std::io::Error) -> Self {
        let path = path.to_owned();
        move |error| {
            if error.kind() == std::io::ErrorKind::StorageFull {
                return crate::space::full(&path);
            }
            Self::Io { path: path.clone(), reason: error.to_string() }
        }
    }

    pub(crate) fn sql(doing: impl Into<String>) -> impl FnOnce(sqlx::Error) -> Self {
        let doing = doing.into();
        move |error| Self::Sql { doing, reason: runbook::context::describe(&error) }
    }
}
