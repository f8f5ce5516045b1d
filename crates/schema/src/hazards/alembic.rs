//! The SQL of alembic revisions, taken both ways: what `alembic upgrade --sql` writes, and what is really sent. They
//! differ wherever a revision asks the database something, or fills in values.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use migrations::alembic::Program;
use runbook::check::CheckError;
use runbook::secret::DatabaseUrl;
use runbook::settings::Settings;

/// An alembic project of the settings.
#[derive(Debug, Clone)]
pub struct Capture {
    program: Program,
    folder: PathBuf,
    limit: std::time::Duration,
}

impl Capture {
    /// Finds alembic and the project.
    ///
    /// # Errors
    /// When either is missing.
    pub fn of(settings: &Settings) -> Result<Self, CheckError> {
        let program = Program::find(&settings.root).map_err(crate::unasked)?;
        let folder = settings.migrations.alembic.as_ref().ok_or_else(|| {
            CheckError::Missing("the settings name no alembic project; set `alembic` under [migrations]".into())
        })?;
        Ok(Self { program, folder: settings.path(folder), limit: settings.limits.command })
    }

    /// What `--sql` writes for the revisions after `from` (`None`: from the first) up to `to`.
    ///
    /// # Errors
    /// With alembic's last words.
    pub async fn offline(&self, from: Option<&str>, to: &str) -> Result<String, CheckError> {
        // Nothing is connected to; an env.py may ask for an address all the same.
        self.run("offline", from, to, "postgres://nobody@127.0.0.1:1/nothing").await
    }

    /// What is sent to a database of ours that stands at `from`, which stands at `to` afterwards.
    ///
    /// # Errors
    /// With alembic's last words.
    pub async fn sent(&self, url: &DatabaseUrl, from: Option<&str>, to: &str) -> Result<String, CheckError> {
        self.run("sent", from, to, url.expose()).await
    }

    async fn run(&self, mode: &str, from: Option<&str>, to: &str, url: &str) -> Result<String, CheckError> {
        let mut command = tokio::process::Command::new(self.program.python());
        command.args(["-c", include_str!("capture.py"), mode]).arg(ini(&self.folder));
        command.args([from.unwrap_or("base"), to]).current_dir(&self.folder).env("DATABASE_URL", url);
        command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(self.limit, command.output());
        let output = output.await.map_err(|_| {
            CheckError::Interrupted(format!("alembic did not write revision {to} within {} s", self.limit.as_secs_f64()))
        })?;
        let output = output.map_err(|error| CheckError::Other(format!("alembic could not be run: {error}")))?;
        let printed = String::from_utf8_lossy(&output.stdout);
        match printed.split_once("\n-- captured\n") {
            Some((_, sql)) if output.status.success() => Ok(sql.to_owned()),
            _ => {
                let words = String::from_utf8_lossy(&output.stderr);
                let last = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
                Err(CheckError::Other(format!("alembic failed at revision {to}: {}", last.replace(url, "…").trim())))
            }
        }
    }
}

fn ini(folder: &Path) -> PathBuf {
    // From the project's own folder, in which it runs.
    let _ = folder;
    PathBuf::from("alembic.ini")
}
