#![doc = include_str!("../README.md")]

use runbook::context::BoxFuture;
use runbook::reader::Reader;
use runbook::secret::DatabaseUrl;
use runbook::settings::{MigrationTool, Settings};

/// Why a migration could not be read or applied: one sentence that names the file, the line where there is
/// one, and the tool's own message.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// Said in one sentence.
    #[error("{0}")]
    Other(String),
}

/// One revision of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Its id: `006`.
    pub id: String,
    /// What it is called in its file: `envelope columns`.
    pub name: String,
    /// The revisions it follows; none for a root.
    pub parents: Vec<String>,
    /// Whether it can be undone.
    pub reversible: bool,
    /// The SQL that applies it, where it is SQL.
    pub sql: Option<String>,
}

/// One interface over sqlx's migrations and alembic's.
pub trait Migrator: Send + Sync {
    /// The tool's name, as a person knows it.
    fn tool(&self) -> &'static str;

    /// All revisions, oldest first.
    fn history(&self) -> &[Revision];

    /// The revision that the database stands at, `None` before the first. It only reads.
    fn current<'a>(&'a self, reader: &'a mut Reader) -> BoxFuture<'a, Result<Option<String>, MigrationError>>;

    /// Applies what is pending up to and with `to`. Returns the ids that were applied.
    fn upgrade<'a>(&'a self, url: &'a DatabaseUrl, to: &'a str) -> BoxFuture<'a, Result<Vec<String>, MigrationError>>;

    /// Reverts down to `to`, which stays applied; `None` reverts everything. Returns the ids that were reverted.
    fn downgrade<'a>(
        &'a self,
        url: &'a DatabaseUrl,
        to: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<String>, MigrationError>>;

    /// The newest revision's id.
    fn head(&self) -> Option<&str> {
        self.history().last().map(|revision| revision.id.as_str())
    }
}

/// Opens the migrations that the settings name, with the tool that they name.
///
/// # Errors
/// When a file cannot be read, does not parse, is doubled, or leaves a gap.
pub fn open(settings: &Settings) -> Result<Box<dyn Migrator>, MigrationError> {
    open_with(settings, settings.migrations.tool)
}

/// Opens the migrations that the settings name for one tool.
///
/// # Errors
/// As [`open`].
pub fn open_with(_settings: &Settings, _tool: MigrationTool) -> Result<Box<dyn Migrator>, MigrationError> {
    Err(MigrationError::Other("not built yet".into()))
}
