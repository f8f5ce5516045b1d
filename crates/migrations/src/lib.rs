#![doc = include_str!("../README.md")]

mod actions;
pub mod alembic;
pub mod catalogue;
mod error;
mod lock;
mod problem;
mod revision;
pub mod sql_files;
mod state;

use std::path::PathBuf;

use runbook::context::BoxFuture;
use runbook::reader::Reader;
use runbook::secret::DatabaseUrl;
use runbook::settings::{MigrationTool, Settings};

pub use actions::actions;
pub use error::MigrationError;
pub use problem::Problem;
pub use revision::Revision;

/// One interface over sqlx's migrations and alembic's.
pub trait Migrator: Send + Sync {
    /// The tool's name, as a person knows it.
    fn tool(&self) -> &'static str;

    /// All revisions, oldest first.
    fn history(&self) -> &[Revision];

    /// The table in which the tool keeps the revision: `_sqlx_migrations`, `alembic_version`.
    fn version_table(&self) -> &'static str;

    /// The revision that the database stands at, `None` before the first. It only reads.
    ///
    /// A version table that says something impossible (a revision nobody knows, a changed file, a hole) is a
    /// [`MigrationError`] for which [`MigrationError::is_state`] holds.
    fn current<'a>(&'a self, reader: &'a mut Reader)
    -> BoxFuture<'a, Result<Option<String>, MigrationError>>;

    /// Applies what is pending up to and with `to`. Returns the ids that were applied: none when another
    /// deployer was first, for whom this one waits.
    fn upgrade<'a>(
        &'a self,
        url: &'a DatabaseUrl,
        to: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, MigrationError>>;

    /// Reverts down to `to`, which stays applied; `None` reverts everything. Returns the ids that were reverted,
    /// in the order in which they were.
    fn downgrade<'a>(
        &'a self,
        url: &'a DatabaseUrl,
        to: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<String>, MigrationError>>;

    /// The newest revision's id.
    fn head(&self) -> Option<&str> {
        self.history().last().map(|revision| revision.id.as_str())
    }

    /// The revisions that follow `current`, oldest first; all of them where it is `None`.
    fn pending(&self, current: Option<&str>) -> &[Revision] {
        let history = self.history();
        let done = current
            .and_then(|id| history.iter().position(|revision| revision.id == id))
            .map_or(0, |at| at + 1);
        history.get(done..).unwrap_or_default()
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
pub fn open_with(settings: &Settings, tool: MigrationTool) -> Result<Box<dyn Migrator>, MigrationError> {
    let folder = folder(settings, tool)?;
    let limit = settings.limits.command;
    Ok(match tool {
        MigrationTool::Sqlx => Box::new(sql_files::SqlFiles::open(&folder, limit)?),
        MigrationTool::Alembic => Box::new(alembic::Alembic::open(&settings.root, &folder, limit)?),
    })
}

/// Everything that is wrong with the files of one tool, and the revisions that could be read all the same.
/// [`open_with`] stops at the first of these problems.
///
/// # Errors
/// When the folder cannot be read, or the tool is not installed.
pub fn examine(
    settings: &Settings,
    tool: MigrationTool,
) -> Result<(Vec<Revision>, Vec<Problem>), MigrationError> {
    let folder = folder(settings, tool)?;
    match tool {
        MigrationTool::Sqlx => {
            let found = sql_files::Folder::read(&folder)?;
            Ok((found.revisions, found.problems))
        }
        MigrationTool::Alembic => {
            let program = alembic::Program::find(&settings.root)?;
            let project = alembic::Project::read(&program, &folder, settings.limits.command)?;
            Ok((project.revisions, project.problems))
        }
    }
}

fn folder(settings: &Settings, tool: MigrationTool) -> Result<PathBuf, MigrationError> {
    let (key, folder) = match tool {
        MigrationTool::Sqlx => ("sqlx", &settings.migrations.sqlx),
        MigrationTool::Alembic => ("alembic", &settings.migrations.alembic),
    };
    let folder = folder.as_ref().ok_or(MigrationError::NotConfigured { key })?;
    Ok(settings.path(folder))
}
