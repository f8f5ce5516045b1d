//! The SQL of alembic revisions, taken both ways: what `alembic upgrade --sql` writes, and what is really sent. They
//! differ wherever a revision asks the database something, or fills in values.

use std::path::PathBuf;
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
            CheckError::Missing(
                "the settings name no alembic project; set `alembic` under [migrations]".into(),
            )
        })?;
        Ok(Self { program, folder: settings.path(folder), limit: settings.limits.command })
    }

    /// What `--sql` writes for each revision of `steps`: the one before it (`None` of the first), and itself. Where it
    /// cannot write one, alembic's words why.
    ///
    /// # Errors
    /// When alembic cannot be run at all.
    pub async fn offline(
        &self,
        steps: &[(Option<&str>, &str)],
    ) -> Result<Vec<Result<String, String>>, CheckError> {
        // Nothing is connected to; an env.py may ask for an address all the same.
        self.run("offline", steps, "postgres://nobody@127.0.0.1:1/nothing").await
    }

    /// What is sent to a database of ours that stands at `from`, which stands at `to` afterwards.
    ///
    /// # Errors
    /// With alembic's last words.
    pub async fn sent(&self, url: &DatabaseUrl, from: Option<&str>, to: &str) -> Result<String, CheckError> {
        let sent = self.run("sent", &[(from, to)], url.expose()).await?.into_iter().next();
        let failed = |words: String| CheckError::Other(format!("alembic failed at revision {to}: {words}"));
        sent.unwrap_or_else(|| Err("it said nothing".into()))
            .map_err(|words| failed(words.replace(url.expose(), &url.to_string())))
    }

    async fn run(
        &self,
        mode: &str,
        steps: &[(Option<&str>, &str)],
        url: &str,
    ) -> Result<Vec<Result<String, String>>, CheckError> {
        let last = steps.last().map(|(_, to)| (*to).to_owned()).unwrap_or_default();
        let mut command = tokio::process::Command::new(self.program.python());
        command.args(["-c", include_str!("capture.py"), mode, "alembic.ini"]).current_dir(&self.folder);
        command.args(steps.iter().map(|(from, to)| format!("{}:{to}", from.unwrap_or("base"))));
        for variable in DatabaseUrl::LIBPQ_VARIABLES {
            command.env_remove(variable);
        }
        command.env("DATABASE_URL", url).env("PYTHONDONTWRITEBYTECODE", "1");
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(self.limit, command.output());
        let output = output.await.map_err(|_| {
            let seconds = self.limit.as_secs_f64();
            CheckError::Interrupted(format!("alembic did not write revision {last} within {seconds} s"))
        })?;
        let output =
            output.map_err(|error| CheckError::Other(format!("alembic could not be run: {error}")))?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let mut written = Vec::new();
        for line in printed.split('\n') {
            // In JSON, since nothing that stands in SQL could be told from a mark around it.
            let text = |mark: &str| serde_json::from_str::<String>(line.strip_prefix(mark)?).ok();
            if let Some(sql) = text("runbook-captured ") {
                written.push(Ok(sql));
            } else if let Some(words) = text("runbook-failed ") {
                written.push(Err(words.trim().to_owned()));
            }
        }
        if output.status.success() && written.len() == steps.len() {
            return Ok(written);
        }
        let words = String::from_utf8_lossy(&output.stderr);
        let words = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        Err(CheckError::Other(format!(
            "alembic failed up to revision {last}: {}",
            words.replace(url, "…").trim()
        )))
    }
}
