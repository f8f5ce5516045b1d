//! `runbook diff A B`: what differs between two databases, or between a database and what migrations make, and the
//! statements that would make B like A.

use migrations::catalogue::{Catalogue, Difference, Kind, script};
use runbook::live::Live;
use runbook::secret::DatabaseUrl;
use runbook::settings::Settings;
use serde::Serialize;

use crate::arguments::{Diff, Global, Verify};
use crate::failure::{Exit, Failure};
use crate::screen::Screen;
use crate::{settings, surroundings, verify};

/// One side: what it is called in the output, and what it holds.
pub(crate) struct Side {
    pub(crate) name: String,
    pub(crate) catalogue: Catalogue,
}

/// A difference, as `--json` tells it.
#[derive(Serialize)]
struct Told<'a> {
    object: String,
    part: Option<&'a str>,
    a: Option<&'a str>,
    b: Option<&'a str>,
    access: bool,
    statements: Vec<&'a str>,
    /// Why no statement mends it, or what is left for a person to do.
    by_hand: Option<&'a str>,
}

/// Prints what differs. 0: nothing; 1: something.
pub(crate) async fn diff(command: &Diff, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let settings = settings::load(global)?.settings;
    let mut a = side(&settings, &command.a).await?;
    let mut b = side(&settings, &command.b).await?;
    // What migrations make is made on a copy, which has no settings and rights of its own.
    let whole = |side: &Side| side.catalogue.names().any(|object| object.kind == Kind::Database);
    if !(whole(&a) && whole(&b)) {
        (a.catalogue, b.catalogue) = (a.catalogue.without_database(), b.catalogue.without_database());
    }
    if command.no_access {
        (a.catalogue, b.catalogue) = (a.catalogue.without_access(), b.catalogue.without_access());
    }
    // Two sides of which neither has anything are a mistake in the settings, not two equal databases.
    let schemas = settings.database.schemas.join(", ");
    if a.catalogue.is_empty() && b.catalogue.is_empty() {
        return Err(Failure::said(format!(
            "neither side has anything in {schemas}; mend [database] schemas"
        )));
    }
    let differences = Catalogue::diff(&a.catalogue, &b.catalogue);
    if screen.json {
        let text = serde_json::to_string_pretty(&differences.iter().map(tell).collect::<Vec<_>>());
        screen.print(&(text.map_err(Failure::said)? + "\n"));
    } else if command.sql {
        screen.print(&statements(&differences, settings.database.schemas.first()));
    } else {
        for difference in &differences {
            screen.row(&row(difference, &a.name, &b.name));
        }
        let objects = a.catalogue.len().max(b.catalogue.len());
        let last = match differences.len() {
            0 => format!("{objects} objects, and no difference\n"),
            1 => format!("1 difference in {objects} objects\n"),
            many => format!("{many} differences in {objects} objects\n"),
        };
        screen.print(&last);
    }
    Ok(if differences.is_empty() { Exit::Go } else { Exit::NoGo })
}

/// A live database, by the name of its target or by its address.
pub(crate) async fn live(
    settings: &Settings,
    target: Option<&str>,
    url: Option<&str>,
) -> Result<Side, Failure> {
    let asked = Verify {
        target: target.map(ToOwned::to_owned),
        database_url: url.map(ToOwned::to_owned),
        only: None,
        report: None,
        resume: None,
        history: None,
    };
    let (name, section) = verify::target(&asked, settings)?;
    let url = verify::address_of(url, &section, name.as_deref().unwrap_or_default())?;
    let url = surroundings::with_kept_options(url)?;
    let limits = &settings.limits;
    let live = Live::connect_within(&url, limits.reading(), limits.startup).await.map_err(Failure::said)?;
    let name = name.unwrap_or_else(|| url.to_string());
    let mut reader = live.reader().await.map_err(Failure::said)?;
    let catalogue = Catalogue::read_whole(&mut reader, &settings.database.schemas).await;
    let catalogue = catalogue.map_err(|error| Failure::said(format!("{name}: {error}")))?;
    Ok(Side { name, catalogue })
}

/// The tools whose migrations make a side.
const TOOLS: [&str; 2] = ["sqlx", "alembic"];

/// Whether a side is what a tool's migrations make, on a database of our own.
pub(crate) fn is_made(side: &str) -> bool {
    TOOLS.contains(&side.split_once('@').map_or(side, |(tool, _)| tool))
}

/// `postgres://…`, a target of the settings, or a tool with a revision: `sqlx`, `alembic@006`.
async fn side(settings: &Settings, text: &str) -> Result<Side, Failure> {
    if text.contains("://") {
        DatabaseUrl::parse(text).map_err(Failure::said)?;
        return live(settings, None, Some(text)).await;
    }
    let (tool, revision) = match text.split_once('@') {
        Some((tool, revision)) => (tool, Some(revision)),
        None => (text, None),
    };
    // What may be an address written wrongly may hold a password: it is not repeated.
    if !settings.targets.contains_key(text) && (text.is_empty() || text.contains([':', '/', '=']))
        || (text.contains('@') && !is_made(text))
    {
        return Err(Failure::said(
            "a side is neither an address (postgres://…), nor a target of runbook.toml, nor sqlx[@REV] or alembic[@REV]",
        ));
    }
    if settings.targets.contains_key(text) || !is_made(text) {
        return live(settings, Some(text), None).await;
    }
    made(settings, text, tool, revision).await
}

/// What migrations make, on a scratch database.
#[cfg(feature = "rehearse")]
async fn made(settings: &Settings, name: &str, tool: &str, revision: Option<&str>) -> Result<Side, Failure> {
    use runbook::settings::MigrationTool;

    let tool = if tool == "alembic" { MigrationTool::Alembic } else { MigrationTool::Sqlx };
    let own = settings.clone();
    // alembic is a child process that is waited for: not on a thread that others share.
    let opened = tokio::task::spawn_blocking(move || migrations::open_with(&own, tool)).await;
    let migrator = opened.map_err(Failure::said)?.map_err(Failure::said)?;
    let revision = match revision.or(migrator.head()) {
        Some(revision) => revision.to_owned(),
        None => return Err(Failure::said(format!("{name}: there are no migrations"))),
    };
    harness::use_settings(std::sync::Arc::new(settings.clone()));
    let scratch = harness::Database::empty().await.map_err(Failure::said)?;
    migrator.upgrade(scratch.url(), &revision).await.map_err(Failure::said)?;
    let mut reader = scratch.reader().await.map_err(Failure::said)?;
    let catalogue = Catalogue::read(&mut reader, &settings.database.schemas).await.map_err(Failure::said)?;
    Ok(Side { name: format!("{} at {revision}", migrator.tool()), catalogue })
}

#[cfg(not(feature = "rehearse"))]
async fn made(_: &Settings, name: &str, _: &str, _: Option<&str>) -> Result<Side, Failure> {
    Err(Failure::said(format!(
        "{name}: this program was built without the feature `rehearse`, so that it starts no database to apply \
         migrations to; name two databases"
    )))
}

fn tell(difference: &Difference) -> Told<'_> {
    Told {
        object: difference.object.to_string(),
        part: difference.part.as_deref(),
        a: difference.left.as_deref(),
        b: difference.right.as_deref(),
        access: difference.access,
        statements: difference.statements().collect(),
        by_hand: difference.by_hand(),
    }
}

fn row(difference: &Difference, a: &str, b: &str) -> String {
    let mut text = difference.object.to_string();
    if let Some(part) = &difference.part {
        text = format!("{text}, {part}");
    }
    for (name, said) in [(a, &difference.left), (b, &difference.right)] {
        let said = said.as_deref().unwrap_or("absent").replace('\n', "\n      ");
        text = format!("{text}\n    {name}: {said}");
    }
    for statement in difference.statements() {
        text = format!("{text}\n    mend: {}", statement.replace('\n', "\n      "));
    }
    if let Some(by_hand) = difference.by_hand() {
        text = format!("{text}\n    by hand: {by_hand}");
    }
    text + "\n"
}

/// The statements as a script, to be read before it is run.
fn statements(differences: &[Difference], home: Option<&String>) -> String {
    let mut text = String::new();
    if let Some(home) = home {
        text = format!(
            "SET search_path TO \"{}\";\nSET check_function_bodies TO off;\n",
            home.replace('"', "\"\"")
        );
    }
    for statement in script(differences) {
        text.push_str(statement);
        text.push_str(";\n");
    }
    for difference in differences {
        if let Some(by_hand) = difference.by_hand() {
            // A name may hold the end of a line, which is that of a comment, of either sort.
            let said = format!("by hand: {}: {by_hand}", difference.subject());
            text.push_str(&format!("-- {}\n", said.replace(['\n', '\r'], "\n-- ")));
        }
    }
    text
}
