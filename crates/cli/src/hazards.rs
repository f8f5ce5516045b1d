//! `runbook hazards`: what migrations would do to a busy database.

#[cfg(feature = "rehearse")]
mod measure;
#[cfg(not(feature = "rehearse"))]
#[path = "hazards/no_measure.rs"]
mod measure;
mod show;

use std::path::Path;

use runbook::settings::MigrationTool;
use schema::hazards::corpus::{self, Case};
use schema::hazards::score::Score;
use schema::hazards::{Found, Runs, Script, lint, lint_after, page};

use crate::arguments::{Global, Hazards};
use crate::failure::{Exit, Failure};
use crate::screen::Screen;
use crate::settings::{self, System};

/// A migration, what was before it, and where it stands.
struct Looked {
    script: Script,
    before: Vec<String>,
    /// The texts of those before it that are pending too.
    earlier: Vec<String>,
    /// Those of them that are in no revision.
    #[cfg_attr(not(feature = "rehearse"), allow(dead_code, reason = "read by the feature that is off"))]
    given: Vec<Script>,
    /// The revision of its copies.
    #[cfg_attr(not(feature = "rehearse"), allow(dead_code, reason = "read by the feature that is off"))]
    previous: Option<String>,
}

/// Below this the rules are not good enough: of the whole, text and measurement together.
const TARGET: f64 = 0.97;

/// Looks at files or pending migrations, scores the rules, or draws their page.
pub(crate) async fn hazards(command: &Hazards, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let system = settings::load(global)?;
    if command.score {
        return score(command, &system, screen).await;
    }
    if command.docs {
        return docs(command, &system, screen).await;
    }
    let looked =
        if command.files.is_empty() { pending(command, &system).await? } else { files(command, &system)? };
    if looked.is_empty() {
        screen.print("no migration is pending\n");
        return Ok(Exit::Go);
    }
    let mut shown = Vec::new();
    for looked in &looked {
        let found = lint_after(&looked.script, &looked.before, &looked.earlier, &system.settings.hazards)
            .map_err(|error| *error)?;
        shown.push(judged(command, &system, looked, found).await?);
    }
    show::print(&shown, screen)?;
    Ok(if shown.iter().any(show::Shown::is_hazard) {
        Exit::NoGo
    } else if shown.iter().any(show::Shown::is_incomplete) {
        Exit::Incomplete
    } else {
        Exit::Go
    })
}

/// Each file as `psql -f` would run it, after those that are named before it; one of the migrations' folder as its tool
/// would.
fn files(command: &Hazards, system: &System) -> Result<Vec<Looked>, Failure> {
    let history = history(system)?;
    let mut looked = Vec::new();
    let mut given: Vec<Script> = Vec::new();
    for file in &command.files {
        let own = history.iter().position(|(path, _, _)| same(path, file));
        let runs = if own.is_some() { Runs::SentWhole } else { Runs::AsWritten };
        let script = Script::read(file, runs).map_err(|error| *error)?;
        let known = own.unwrap_or(history.len());
        let mut before: Vec<String> = history.iter().take(known).map(|(_, _, text)| text.clone()).collect();
        before.push(corpus::setup_of(&script.text));
        let previous = known.checked_sub(1).and_then(|at| history.get(at)).map(|(_, id, _)| id.clone());
        // One of the folder stands on its revision, and not on what was named before it.
        let given_before = if own.is_some() { Vec::new() } else { given.clone() };
        if own.is_none() {
            given.push(script.clone());
        }
        let earlier = given_before.iter().map(|script| script.text.clone()).collect();
        looked.push(Looked { script, before, earlier, given: given_before, previous });
    }
    Ok(looked)
}

fn same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// The SQL migrations of the settings: file, revision, text.
fn history(system: &System) -> Result<Vec<(std::path::PathBuf, String, String)>, Failure> {
    if system.settings.migrations.sqlx.is_none() {
        return Ok(Vec::new());
    }
    let migrator = migrations::open_with(&system.settings, MigrationTool::Sqlx).map_err(Failure::said)?;
    let revisions = migrator.history().iter();
    Ok(revisions.filter_map(|r| Some((r.file.clone(), r.id.clone(), r.sql.clone()?))).collect())
}

/// What follows the deployed revision.
async fn pending(command: &Hazards, system: &System) -> Result<Vec<Looked>, Failure> {
    let migrator = migrations::open(&system.settings).map_err(Failure::said)?;
    let before_newest = || migrator.history().iter().rev().nth(1).map(|revision| revision.id.clone());
    let from =
        command.from.clone().or_else(|| system.settings.migrations.deployed.clone()).or_else(before_newest);
    if let Some(from) = &from
        && !migrator.history().iter().any(|revision| revision.id == *from)
    {
        let known: Vec<&str> = migrator.history().iter().map(|revision| revision.id.as_str()).collect();
        return Err(Failure::said(format!(
            "--from {from}: there is no such revision; known are {}",
            known.join(", ")
        )));
    }
    let steps = schema::hazards::steps::of_settings(&system.settings, from.as_deref())
        .await
        .map_err(Failure::said)?;
    if let Some((step, words)) =
        steps.iter().filter(|step| step.pending).find_map(|step| Some((step, step.unwritten.as_ref()?)))
    {
        return Err(Failure::said(format!(
            "revision {}: alembic cannot write its statements: {words}",
            step.id
        )));
    }
    let pending = steps.into_iter().filter(|step| step.pending);
    Ok(pending
        .map(|step| Looked {
            script: step.script,
            before: step.before,
            earlier: step.earlier,
            given: Vec::new(),
            previous: step.previous,
        })
        .collect())
}

/// The text's findings, or these and the measurement's.
async fn judged(
    command: &Hazards,
    system: &System,
    looked: &Looked,
    found: Vec<Found>,
) -> Result<show::Shown, Failure> {
    if !command.measure {
        return Ok(show::Shown::unmeasured(looked.script.clone(), found, None));
    }
    measure::measured(system, looked, found, command.rows).await
}

/// Precision and recall of the text's rules alone, and of text and measurement together.
async fn score(command: &Hazards, system: &System, screen: &Screen) -> Result<Exit, Failure> {
    let history: Vec<String> = history(system)?.into_iter().map(|(_, _, text)| text).collect();
    let cases = Case::all(&system.settings.path("hazards/corpus")).map_err(|error| *error)?;
    let mut alone = Score::default();
    let mut looked = Vec::new();
    for case in cases {
        let mut before = history.clone();
        before.push(case.setup.clone());
        let found = lint(&case.script, &before, &system.settings.hazards).map_err(|error| *error)?;
        alone.count(&case.script.name(), case.is_hazard(), found.iter().any(Found::is_error));
        looked.push((case, found));
    }
    screen.print(&show::score("the text's rules alone", &alone));
    let whole = measure::score(system, looked, command.record).await?;
    screen.print(&show::score("text and measurement together", &whole));
    let good = whole.recall() >= TARGET && whole.precision() >= TARGET;
    Ok(if good { Exit::Go } else { Exit::NoGo })
}

/// The page of the rules.
async fn docs(command: &Hazards, system: &System, screen: &Screen) -> Result<Exit, Failure> {
    let path = system.settings.path("hazards/measured.json");
    let mut record = page::read(&path).map_err(Failure::said)?;
    if command.measure {
        measure::examples(system, &mut record).await?;
        let text = serde_json::to_string_pretty(&record).map_err(Failure::said)? + "\n";
        std::fs::write(&path, text).map_err(|error| Failure::said(format!("{}: {error}", path.display())))?;
    }
    let target = system.settings.hazards.target_rows.unwrap_or(system.settings.data.scale);
    screen.print(&page::draw(&record, target));
    record.clear();
    Ok(Exit::Go)
}
