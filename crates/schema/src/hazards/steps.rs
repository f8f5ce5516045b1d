//! The migrations of the settings, each with those before it, and which of them are pending.

use std::path::Path;

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::settings::{MigrationTool, Settings};

use super::alembic::Capture;
use super::script::{Runs, Script};

/// One migration.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its revision.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The revision before it.
    pub previous: Option<String>,
    /// Its statements; of alembic, what `--sql` writes.
    pub script: Script,
    /// The texts of the migrations before it that are applied.
    pub before: Vec<String>,
    /// The texts of those before it that are pending too.
    pub earlier: Vec<String>,
    /// Whether it is not applied yet.
    pub pending: bool,
    /// Why its statements are not known: alembic could not write them without a database.
    pub unwritten: Option<String>,
}

/// Every migration of the settings; pending are those after `current`.
///
/// # Errors
/// When one cannot be read or taken apart.
pub async fn steps(context: &Context, current: Option<&str>) -> Result<Vec<Step>, CheckError> {
    of_settings(&context.settings, current).await
}

/// The same, without a database.
///
/// # Errors
/// As [`steps`].
pub async fn of_settings(settings: &Settings, current: Option<&str>) -> Result<Vec<Step>, CheckError> {
    let owned = settings.clone();
    let opened = tokio::task::spawn_blocking(move || migrations::open(&owned)).await;
    let migrator = opened.map_err(|error| CheckError::Other(error.to_string()))?.map_err(crate::unasked)?;
    let pending: Vec<String> = migrator.pending(current).iter().map(|revision| revision.id.clone()).collect();
    let history = migrator.history();
    let before =
        |at: usize| at.checked_sub(1).and_then(|at| history.get(at)).map(|revision| revision.id.as_str());
    let texts: Vec<Option<Result<String, String>>> = match settings.migrations.tool {
        MigrationTool::Sqlx => history.iter().map(|revision| revision.sql.clone().map(Ok)).collect(),
        MigrationTool::Alembic => {
            let pairs: Vec<(Option<&str>, &str)> =
                history.iter().enumerate().map(|(at, revision)| (before(at), revision.id.as_str())).collect();
            Capture::of(settings)?.offline(&pairs).await?.into_iter().map(Some).collect()
        }
    };
    let runs = match settings.migrations.tool {
        MigrationTool::Sqlx => Runs::SentWhole,
        MigrationTool::Alembic => Runs::AsWritten,
    };
    let mut steps: Vec<Step> = Vec::new();
    for (at, (revision, text)) in history.iter().zip(texts).enumerate() {
        let Some(text) = text else { continue };
        let (text, unwritten) = match text {
            Ok(text) => (text, None),
            Err(words) => (String::new(), Some(words)),
        };
        let previous = before(at).map(str::to_owned);
        let script = parse(&revision.file, text, runs)?;
        let texts = |pending: bool| {
            let of_kind = steps.iter().filter(move |step| step.pending == pending);
            of_kind.map(|step| step.script.text.clone()).collect()
        };
        let (before, earlier) = (texts(false), texts(true));
        let pending = pending.contains(&revision.id);
        let (id, name) = (revision.id.clone(), revision.name.clone());
        steps.push(Step { id, name, previous, script, before, earlier, pending, unwritten });
    }
    Ok(steps)
}

/// Takes captured SQL apart; lines are those of the SQL, not of the Python file.
///
/// # Errors
/// When it does not parse.
pub fn parse(file: &Path, text: String, runs: Runs) -> Result<Script, CheckError> {
    Script::parse(file, text, runs).map_err(|error| CheckError::Other(error.to_string()))
}
