//! Hazards: what the text tells, and what a copy shows.

mod alembic;
mod checks;
mod measured;
mod server_wide;
mod soak;
mod text;
mod unusual;

use std::path::{Path, PathBuf};

use runbook::context::Context;
use runbook::settings::Settings;
use schema::hazards::measure::Plan;
use schema::hazards::{Found, Runs, Script, corpus, lint};

/// The texts of all migrations of the fixtures.
fn history() -> Vec<String> {
    let settings = harness::settings();
    let folder = settings.path(settings.migrations.sqlx.as_ref().unwrap());
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(".up.sql"));
    files.sort();
    files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

/// A script of this text, as sqlx would run it.
fn script(text: &str) -> Script {
    Script::parse(Path::new("008_test.up.sql"), text.to_owned(), Runs::Wrapped).unwrap()
}

/// What the text tells, with all migrations of the fixtures before it.
fn told(settings: &Settings, script: &Script) -> Vec<Found> {
    let mut before = history();
    before.push(corpus::setup_of(&script.text));
    lint(script, &before, &settings.hazards).unwrap()
}

/// The rules that make it a hazard.
fn errors(found: &[Found]) -> Vec<&'static str> {
    found.iter().filter(|found| found.is_error()).map(|found| found.rule.id).collect()
}

/// `bad.sql` or `good.sql` of a rule.
fn example(settings: &Settings, rule: &str, name: &str) -> Script {
    let path: PathBuf = settings.path("hazards").join(rule).join(name);
    Script::read(&path, Runs::Wrapped).unwrap_or_else(|error| panic!("{error}"))
}

/// As the settings measure, on copies of the newest revision.
fn plan(context: &Context, script: &Script) -> Plan {
    let mut plan = Plan::of(context, "007");
    plan.setup = corpus::setup_of(&script.text);
    plan
}

/// The facts are the same on smaller copies, which cost less.
const SMALL: [u64; 2] = [500, 2_000];

/// The same on smaller copies.
fn small(context: &Context, script: &Script) -> Plan {
    Plan { sizes: SMALL, ..plan(context, script) }
}
