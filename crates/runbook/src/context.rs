//! What a check or an action may use: settings, the database, the API, a place for scratch databases.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use crate::check::CheckError;
use crate::ephemeral::Ephemeral;
use crate::live::Live;
use crate::reader::{Opening, Reader};
use crate::settings::Settings;
use crate::stash::Stash;

/// The database of the target.
#[derive(Debug, Clone)]
pub enum Database {
    /// Somebody uses it.
    Live(Live),
    /// Ours.
    Ephemeral(Ephemeral),
}

impl Database {
    /// Whether it is live.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Live(_))
    }

    /// A read-only session.
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn reader(&self) -> Result<Reader, CheckError> {
        match self {
            Self::Live(live) => live.reader().await,
            Self::Ephemeral(ephemeral) => ephemeral.reader().await,
        }
    }

    /// A read-only session with limits or a snapshot of its own.
    ///
    /// # Errors
    /// When no connection can be had, or the snapshot is no longer there.
    pub async fn reader_with(&self, opening: &Opening) -> Result<Reader, CheckError> {
        match self {
            Self::Live(live) => live.reader_with(opening).await,
            Self::Ephemeral(ephemeral) => ephemeral.reader_with(opening).await,
        }
    }

    /// The ephemeral database, where it is one.
    ///
    /// # Errors
    /// On a live target.
    pub fn ephemeral(&self) -> Result<&Ephemeral, CheckError> {
        match self {
            Self::Ephemeral(ephemeral) => Ok(ephemeral),
            Self::Live(_) => {
                Err(CheckError::Missing("it writes, so it runs on an ephemeral database only".into()))
            }
        }
    }
}

/// The API of the target.
#[derive(Debug, Clone)]
pub struct Api {
    /// Base address, without a trailing slash.
    pub base_url: String,
}

/// A future that owns nothing but what it borrows from `'a`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where scratch databases come from. The harness implements it; suites ask for it and know no harness.
pub trait Scratch: Send + Sync {
    /// An empty database on the same server (or one of the same version), gone when the returned value is
    /// dropped.
    fn empty(&self) -> BoxFuture<'_, Result<Box<dyn ScratchDatabase>, CheckError>>;

    /// A database at a migration revision, with the seed rows that the settings name where `seeded`.
    fn at(&self, revision: &str, seeded: bool)
    -> BoxFuture<'_, Result<Box<dyn ScratchDatabase>, CheckError>>;

    /// A database at a migration revision, seeded, with `rows` generated rows of the data set's leading table and
    /// what belongs to them. A giver that has no data set says so.
    fn loaded(
        &self,
        revision: &str,
        rows: u64,
    ) -> BoxFuture<'_, Result<Box<dyn ScratchDatabase>, CheckError>> {
        let reason = format!("there is no data set to fill revision {revision} with {rows} rows");
        Box::pin(async { Err(CheckError::Missing(reason)) })
    }
}

/// A scratch database: reclaimed when dropped.
pub trait ScratchDatabase: Send + Sync {
    /// The database.
    fn database(&self) -> &Ephemeral;
}

/// What a check or an action may use.
#[derive(Clone)]
pub struct Context {
    /// `runbook.toml`, and where it stands.
    pub settings: Arc<Settings>,
    /// The database of the target.
    pub database: Database,
    /// The API of the target, where there is one.
    pub api: Option<Api>,
    /// Scratch databases, where they can be had.
    pub scratch: Option<Arc<dyn Scratch>>,
    /// The folder of the backups, where there is one.
    pub backups: Option<PathBuf>,
    /// What earlier steps left for later ones.
    pub stash: Arc<Stash>,
}

impl Context {
    /// A context with nothing but settings and a database.
    pub fn new(settings: Arc<Settings>, database: Database) -> Self {
        Self { settings, database, api: None, scratch: None, backups: None, stash: Arc::default() }
    }

    /// A read-only session on the target's database.
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn reader(&self) -> Result<Reader, CheckError> {
        self.database.reader().await
    }

    /// The API, or why there is none.
    ///
    /// # Errors
    /// When the target has no API.
    pub fn api(&self) -> Result<&Api, CheckError> {
        self.api.as_ref().ok_or_else(|| CheckError::Missing("the target names no API".into()))
    }

    /// Scratch databases, or why there are none.
    ///
    /// # Errors
    /// When none can be had.
    pub fn scratch(&self) -> Result<&dyn Scratch, CheckError> {
        self.scratch
            .as_deref()
            .ok_or_else(|| CheckError::Missing("there is no server for scratch databases".into()))
    }

    /// The folder of the backups, or why there is none.
    ///
    /// # Errors
    /// When the target names none.
    pub fn backups(&self) -> Result<&std::path::Path, CheckError> {
        self.backups.as_deref().ok_or_else(|| CheckError::Missing("the target names no backup folder".into()))
    }
}

/// Sorts a database error into the kinds that a person acts on differently.
pub fn classify(error: sqlx::Error) -> CheckError {
    let code = error.as_database_error().and_then(|e| e.code()).map(|code| code.into_owned());
    match code.as_deref() {
        Some("42501") => CheckError::NotPermitted(describe(&error)),
        Some("57014" | "55P03" | "40P01" | "40001" | "25P03") => CheckError::Interrupted(describe(&error)),
        _ => CheckError::Database(error),
    }
}

/// A database error as one lower-case fragment with its SQLSTATE, without any address.
pub fn describe(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(database) => match database.code() {
            Some(code) => format!("{} (SQLSTATE {code})", database.message()),
            None => database.message().to_owned(),
        },
        sqlx::Error::PoolTimedOut => "no connection could be had in time".into(),
        sqlx::Error::Io(io) => format!("the connection failed: {io}"),
        other => other.to_string(),
    }
}
