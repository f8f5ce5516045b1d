//! Where alembic is, and the Python it belongs to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use runbook::secret::DatabaseUrl;

use super::child;
use crate::MigrationError;

/// alembic's program and the interpreter of its virtual environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    alembic: PathBuf,
    python: PathBuf,
}

impl Program {
    /// `RUNBOOK_ALEMBIC`, else `.venv/bin/alembic` beside the folder of the settings or in it, else `PATH`.
    ///
    /// # Errors
    /// [`MigrationError::NoAlembic`] with the places that were looked at.
    pub fn find(root: &Path) -> Result<Self, MigrationError> {
        let named = std::env::var_os("RUNBOOK_ALEMBIC").filter(|value| !value.is_empty()).map(PathBuf::from);
        let search = std::env::var_os("PATH").unwrap_or_default();
        Self::find_among(named.as_deref(), root, &std::env::split_paths(&search).collect::<Vec<_>>())
    }

    /// [`Self::find`] without the environment: `named` is the one program that is asked for, where one is.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub fn find_among(named: Option<&Path>, root: &Path, search: &[PathBuf]) -> Result<Self, MigrationError> {
        if let Some(named) = named {
            return Self::at(named).ok_or_else(|| MigrationError::NoAlembic {
                looked: format!("RUNBOOK_ALEMBIC is {}", named.display()),
            });
        }
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let own = root.ancestors().take(2).map(|folder| folder.join(".venv/bin/alembic"));
        let places: Vec<PathBuf> = own.chain(search.iter().map(|folder| folder.join("alembic"))).collect();
        places.iter().find_map(|place| Self::at(place)).ok_or_else(|| {
            let first = root.parent().unwrap_or(&root).join(".venv/bin/alembic");
            MigrationError::NoAlembic { looked: format!("neither {} nor on PATH", first.display()) }
        })
    }

    /// Runs alembic on a project and a database. The address reaches it through `DATABASE_URL` alone.
    ///
    /// # Errors
    /// With alembic's own last words, or when it takes longer than `limit`.
    pub async fn run(
        &self,
        folder: &Path,
        url: &DatabaseUrl,
        arguments: &[&str],
        limit: Duration,
    ) -> Result<(), MigrationError> {
        let mut command = tokio::process::Command::new(&self.alembic);
        command.arg("-c").arg(folder.join("alembic.ini")).args(arguments);
        // Psycopg would read them beside the address.
        for variable in DatabaseUrl::LIBPQ_VARIABLES {
            command.env_remove(variable);
        }
        command.current_dir(folder).env("DATABASE_URL", url.expose());
        let what = format!("`alembic {}`", arguments.join(" "));
        child::run(command, &what, url, limit).await
    }

    /// The program itself.
    pub fn path(&self) -> &Path {
        &self.alembic
    }

    /// What it says of its version: `1.17.2`.
    ///
    /// # Errors
    /// When it cannot be run, or does not answer within `limit`.
    pub fn version(&self, limit: Duration) -> Result<String, MigrationError> {
        let mut command = std::process::Command::new(&self.alembic);
        command.arg("--version");
        let said = child::run_blocking(command, "`alembic --version`", limit)?;
        Ok(said.split_whitespace().last().unwrap_or_default().to_owned())
    }

    /// The interpreter that alembic runs in, for a small program of our own.
    pub fn python(&self) -> &Path {
        &self.python
    }

    fn at(alembic: &Path) -> Option<Self> {
        // Absolute, since the child runs in the project's folder; links are kept: a virtual environment is one.
        let alembic = std::path::absolute(alembic).ok().filter(|path| path.is_file())?;
        let beside = ["python", "python3"].iter().filter_map(|name| Some(alembic.parent()?.join(name)));
        let python = interpreter(&alembic).or_else(|| beside.into_iter().find(|path| path.is_file()))?;
        Some(Self { alembic, python })
    }
}

/// The interpreter that the program's first line names.
fn interpreter(program: &Path) -> Option<PathBuf> {
    let text = std::fs::read(program).ok()?;
    let first = text.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(first).ok()?.strip_prefix("#!")?;
    let path = PathBuf::from(line.trim());
    let python = path.file_name()?.to_string_lossy().starts_with("python");
    (python && path.is_file()).then_some(path)
}
