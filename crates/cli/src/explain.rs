//! `runbook explain`: a critical query's plan, drawn.

use std::sync::Arc;
use std::time::Duration;

use perf::{Bound, Catalogue, Plan, Query, Stopped};
use runbook::context::{Context, Database};
use runbook::grant::WriteGrant;
use runbook::live::Live;
use runbook::reader::Reader;
use runbook::secret::DatabaseUrl;
use runbook::settings::Settings;
use sqlx::{Connection as _, PgConnection};

use crate::arguments::{Explain, Global, Verify};
use crate::failure::{Exit, Failure, near};
use crate::screen::Screen;
use crate::{settings, verify};

/// Draws it.
pub(crate) async fn explain(command: &Explain, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let settings = Arc::new(settings::load(global)?.settings);
    let queries = Query::some(&settings).map_err(|error| *error)?;
    let Some(name) = &command.query else {
        let width = queries.iter().map(|query| query.name.len()).max().unwrap_or_default();
        for query in &queries {
            screen.print(&format!("{:width$}  {}\n", query.name, query.states));
        }
        return Ok(Exit::Go);
    };
    let query = queries.iter().find(|query| query.name == *name).ok_or_else(|| {
        let known: Vec<&str> = queries.iter().map(|query| query.name.as_str()).collect();
        Failure::said(format!(
            "there is no query {name}{}: `runbook explain` lists those of {}",
            near(name, &known),
            settings.path(&settings.perf.queries).display()
        ))
    })?;
    if settings.data.scale == 0 && command.scale.is_none() {
        return Err(Failure::said(
            "[data] scale = 0: a query without rows shows nothing; --scale N names another size",
        ));
    }
    let live = command.target.is_some() || command.database_url.is_some();
    if !live && command.analyze.is_some() {
        return Err(Failure::said(
            "--analyze is for --target and --database-url: on a database of ours it is executed anyway",
        ));
    }
    let Explained { plan, advice, unknown } = if live {
        on_live(command, query, &settings).await?
    } else {
        on_own(command, query, &settings).await?
    };
    if let Some(file) = &command.svg {
        std::fs::write(file, perf::svg(&query.states, &plan)).map_err(|error| {
            Failure::said(format!("--svg {}: it cannot be written: {error}", file.display()))
        })?;
    }
    if screen.json {
        let value = serde_json::json!({ "query": query.name, "states": query.states, "plan": perf::tree(&plan, true),
            "execution_ms": plan.execution_ms, "advice": advice });
        screen.print(&format!("{value}\n"));
        return ended(unknown);
    }
    screen.row(&format!("{}: {}\n{}\n\n", query.file, query.states, query.sql()));
    screen.print(&perf::tree(&plan, screen.style.unicode));
    if let Some(advice) = advice {
        screen.print(&format!("\n{advice}\n"));
    }
    ended(unknown)
}

/// What is known of a query.
struct Explained {
    plan: Plan,
    advice: Option<String>,
    /// A sentence for whatever its header names and that is not there.
    unknown: Vec<String>,
}

/// The plan was drawn; what its header expects of it cannot be told where it names what is not there.
fn ended(unknown: Vec<String>) -> Result<Exit, Failure> {
    match unknown.into_iter().next() {
        Some(sentence) => Err(Failure::said(sentence)),
        None => Ok(Exit::Go),
    }
}

async fn unknown(
    query: &Query,
    bound: &Bound,
    reader: &mut Reader,
    settings: &Settings,
) -> Result<Vec<String>, Failure> {
    let catalogue = Catalogue::read(reader, &settings.database.schemas).await.map_err(Failure::said)?;
    query.faults(bound, &catalogue, reader).await.map_err(|stopped| said(query, &stopped))
}

/// On a database that others use: the plan alone, unless it was allowed to execute the query.
async fn on_live(command: &Explain, query: &Query, settings: &Arc<Settings>) -> Result<Explained, Failure> {
    if command.scale.is_some() {
        return Err(Failure::said("--scale is for a database of ours; a live one has the rows that it has"));
    }
    let asked = Verify {
        target: command.target.clone(),
        database_url: command.database_url.clone(),
        only: None,
        report: None,
        resume: None,
        history: None,
    };
    let (name, section) = verify::target(&asked, settings)?;
    let given = asked.database_url.as_deref();
    let url = verify::address_of(given, &section, name.as_deref().unwrap_or_default())?;
    let mut limits = settings.limits.reading();
    if let Some(text) = &command.analyze {
        limits.statement = duration(text).ok_or_else(|| {
            Failure::said(format!("--analyze {text}: it is not a time such as 5s or 500ms"))
        })?;
        let options = url.connect_options();
        let name = name.as_deref().or(options.get_database()).unwrap_or(options.get_username());
        if WriteGrant::from_command_line(name).is_none() {
            return Err(Failure::said(format!(
                "--analyze executes the query on {name}, and that takes --allow-writes {name}; without --analyze it is \
                 only planned"
            )));
        }
    }
    let live = Live::connect_within(&url, limits, settings.limits.startup).await.map_err(Failure::said)?;
    let context = Context::new(Arc::clone(settings), Database::Live(live));
    let mut reader = context.reader().await.map_err(Failure::said)?;
    let bound = Bound::of(query, &mut reader).await.map_err(|stopped| said(query, &stopped))?;
    // Planned in any case: a reader judges the statement by what this database knows of its functions.
    let mut plan =
        perf::explain(query, &bound, &mut reader).await.map_err(|stopped| said(query, &stopped))?;
    if command.analyze.is_some() {
        let executed = executed(query, &bound, &url, limits.statement).await;
        plan = executed.map_err(|stopped| said(query, &stopped))?;
    }
    let unknown = unknown(query, &bound, &mut reader, settings).await?;
    Ok(Explained { plan, advice: None, unknown })
}

async fn executed(query: &Query, bound: &Bound, url: &DatabaseUrl, limit: Duration) -> Result<Plan, Stopped> {
    let options = url.connect_options().application_name("runbook");
    let connecting = PgConnection::connect_with(&options);
    let mut connection = connecting.await.map_err(runbook::context::classify)?;
    let plan = perf::analyze_within(query, bound, &mut connection, limit).await;
    let _ = connection.close().await;
    plan
}

/// On an ephemeral database with generated rows: executed, and with an index proposed where one would help.
#[cfg(feature = "rehearse")]
async fn on_own(command: &Explain, query: &Query, settings: &Arc<Settings>) -> Result<Explained, Failure> {
    /// Past so many rows the database is kept for the next time.
    const KEPT_FROM: u64 = 50_000;
    harness::use_settings(Arc::clone(settings));
    let scale = command.scale.unwrap_or(settings.data.scale);
    if scale < KEPT_FROM {
        let database = harness::Database::loaded(scale).await.map_err(Failure::said)?;
        return looked_at(query, &database, settings).await;
    }
    let watch = Arc::new(harness::loader::Unwatched);
    let kept = harness::Kept::loaded(scale, watch).await.map_err(Failure::said)?;
    let answer = looked_at(query, &kept, settings).await;
    kept.close().await.map_err(Failure::said)?;
    answer
}

#[cfg(feature = "rehearse")]
async fn looked_at(
    query: &Query,
    database: &runbook::ephemeral::Ephemeral,
    settings: &Settings,
) -> Result<Explained, Failure> {
    let mut reader = database.reader().await.map_err(Failure::said)?;
    let bound = Bound::of(query, &mut reader).await.map_err(|stopped| said(query, &stopped))?;
    let unknown = unknown(query, &bound, &mut reader, settings).await?;
    drop(reader);
    // Twice: the first execution fills the buffers.
    perf::analyze(query, &bound, database).await.map_err(|stopped| said(query, &stopped))?;
    let plan = perf::analyze(query, &bound, database).await.map_err(|stopped| said(query, &stopped))?;
    let advice = match perf::advise(query, &bound, database.pool()).await {
        Ok(Some(advice)) => format!(
            "an index would help: {}\n  cost {:.0} → {:.0}, about {} kB\n\n{}",
            advice.statement,
            advice.before,
            advice.after,
            advice.bytes / 1024,
            perf::tree(&advice.plan, true)
        ),
        Ok(None) => "no further index would lower its cost by a fifth".into(),
        Err(stopped) => stopped.to_string(),
    };
    Ok(Explained { plan, advice: Some(advice), unknown })
}

#[cfg(not(feature = "rehearse"))]
async fn on_own(_: &Explain, _: &Query, _: &Arc<Settings>) -> Result<Explained, Failure> {
    Err(Failure::said(
        "this program was built without the feature `rehearse`, so it explains on --target or --database-url only",
    ))
}

fn said(query: &Query, stopped: &Stopped) -> Failure {
    Failure::said(query.said(stopped))
}

fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.')?);
    let number: f64 = number.parse().ok()?;
    let seconds = match unit.trim() {
        "ms" => number / 1e3,
        "s" => number,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok().filter(|limit| !limit.is_zero())
}
