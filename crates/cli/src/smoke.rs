//! `runbook smoke`: the API's contract, on a service of our own or on one that others use; and a load on it.

#[cfg(feature = "rehearse")]
mod own;
mod report;
mod show;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ::smoke::load::Load;
use ::smoke::{Contract, ServiceLog, Writer};
use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args};
use runbook::context::{Api, Context, Database};
use runbook::grant::WriteGrant;
use runbook::live::Live;
use runbook::report::TargetKind;
use runbook::report::files::Folder;
use runbook::settings::Settings;
use runbook::verdict::Outcome;

use crate::arguments::Global;
use crate::failure::{Exit, Failure};
use crate::screen::Screen;
use crate::settings::System;
use crate::{settings, signals};

use report::Began;
use show::Answered;

/// `runbook smoke`
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("live"),
    group = ArgGroup::new("deed"),
    after_help = "Examples:
  runbook smoke                                        the whole contract, on a database and a service of our own
  runbook smoke --target staging --read-only           what writes nothing, on staging
  runbook smoke --target staging --allow-writes staging
  runbook smoke --curl --case create_test_project
  runbook smoke --load 30s -c 32 --base-url https://apex.staging.example --report load"
)]
pub(crate) struct Smoke {
    /// A target of runbook.toml: [targets.NAME]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), group = "live")]
    target: Option<String>,
    /// The address of the database behind the API
    #[arg(long, value_name = "URL", group = "live")]
    database_url: Option<String>,
    /// The address of the API [default: the target's]
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Only what writes nothing
    #[arg(long)]
    read_only: bool,
    /// Write tagged rows to this target, and remove them; it must be named again
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), requires = "target", conflicts_with = "read_only")]
    allow_writes: Option<String>,
    /// One case of the contract
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    case: Option<String>,
    /// Print the cases as commands for a shell, and send nothing
    #[arg(long, group = "deed")]
    curl: bool,
    /// Put a load of reads on the API for so long (30s, 2m)
    #[arg(long, value_name = "TIME", value_parser = duration, group = "deed")]
    load: Option<Duration>,
    /// How many requests of a load are on their way at once
    #[arg(short, long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    /// Write report.json, report.html and report.junit.xml into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "curl")]
    report: Option<PathBuf>,
    /// Requests a second of a load [default: four fifths of what the connections reach]
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
}

/// Smokes, and says how it went.
pub(crate) async fn smoke(command: &Smoke, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let System { settings, .. } = settings::load(global)?;
    let folder = command.report.as_deref().map(Folder::open).transpose().map_err(Failure::said)?;
    let contract = Contract::load(&settings).map_err(|error| *error)?;
    let contract = contract.ok_or_else(|| Failure::said("runbook.toml names no [api] cases"))?;
    if let Some(name) = &command.case
        && contract.case(name).is_none()
    {
        let known: Vec<&str> = contract.cases.iter().map(|case| case.name.as_str()).collect();
        return Err(Failure::said(format!(
            "--case {name}: there is no such case; there are {}",
            known.join(", ")
        )));
    }
    let base = base(command, &settings)?;
    if command.curl {
        let base = base.or_else(|| settings.api.base_url.clone());
        let base = base.ok_or_else(|| Failure::said("--curl: name the API with --base-url"))?;
        let chosen =
            contract.cases.iter().filter(|case| command.case.as_ref().is_none_or(|name| *name == case.name));
        let texts: Vec<String> =
            chosen.map(|case| case.as_curl(base.trim_end_matches('/'), &settings.api)).collect();
        screen.print(&texts.join("\n"));
        return Ok(Exit::Go);
    }
    if let Some(base) = &base {
        ::smoke::reach(&settings, base).await.map_err(Failure::said)?;
    }
    if let Some(during) = command.load {
        let load = Load { during, connections: usize::from(command.connections), rate: command.rate };
        return loaded(command, settings, base, &load, screen, folder.as_ref()).await;
    }
    if command.target.is_none() && command.database_url.is_none() {
        if base.is_some() {
            return Err(Failure::said(
                "the rows behind the answers belong to the contract: name the database with --target or --database-url",
            ));
        }
        return on_our_own(command, settings, screen, folder.as_ref()).await;
    }
    let context = live(command, settings, base).await?;
    checked(command, &context, screen, folder.as_ref()).await
}

/// A context on a service that others use.
async fn live(command: &Smoke, settings: Settings, base: Option<String>) -> Result<Context, Failure> {
    let base =
        base.ok_or_else(|| Failure::said("name the API with --base-url, or as `api` of the target"))?;
    let section = match &command.target {
        Some(name) => settings.targets.get(name).cloned().unwrap_or_default(),
        None => runbook::settings::TargetSection::default(),
    };
    let url = crate::verify::address_of(
        command.database_url.as_deref(),
        &section,
        command.target.as_deref().unwrap_or_default(),
    )?;
    if !command.read_only && command.allow_writes.is_none() {
        let name = command.target.as_deref().unwrap_or("NAME");
        return Err(Failure::said(format!(
            "the contract writes tagged rows and removes them: allow it with --target {name} --allow-writes {name}, or \
             leave it with --read-only"
        )));
    }
    let connected = Live::connect_within(&url, settings.limits.reading(), settings.limits.startup);
    let connected = connected.await.map_err(Failure::said)?;
    let mut context = Context::new(Arc::new(settings), Database::Live(connected));
    context.api = Some(Api { base_url: base.trim_end_matches('/').to_owned() });
    if let Some(variable) = &context.settings.api.log_variable
        && let Some(path) = std::env::var_os(variable)
    {
        context.stash.put(ServiceLog::file(PathBuf::from(path)));
    }
    if let (Some(allowed), Some(target)) = (&command.allow_writes, &command.target) {
        let grant = WriteGrant::from_command_line(target).filter(|grant| grant.target() == allowed);
        let grant = grant.ok_or_else(|| {
            Failure::said(format!("--allow-writes {allowed} does not name the target, {target}"))
        })?;
        context.stash.put(Writer::granted(&grant, &url).await.map_err(Failure::said)?);
    }
    Ok(context)
}

/// Every check that may be asked, one after another. A signal ends it after the one that is running: its rows are
/// removed first.
async fn checked(
    command: &Smoke,
    context: &Context,
    screen: &Screen,
    folder: Option<&Folder>,
) -> Result<Exit, Failure> {
    let stop = signals::stop();
    let began = Began::now();
    let mut answered = Vec::new();
    if let Some(name) = &command.case {
        let started = std::time::Instant::now();
        let verdict = ::smoke::run_case(context, name).await.map_err(Failure::said)?;
        answered.push(Answered::new(name, "", verdict, started.elapsed()));
    } else {
        for check in &::smoke::checks() {
            if *stop.borrow() {
                return Ok(Exit::Interrupted);
            }
            let started = std::time::Instant::now();
            let asked = match command.read_only {
                true => ::smoke::ask_reading(context, check).await,
                false => Some(::smoke::ask(context, check).await),
            };
            let Some(verdict) = asked else { continue };
            let one = Answered::new(check.id, check.title, verdict, started.elapsed());
            screen.row(&one.row(&screen.style));
            answered.push(one);
        }
    }
    if screen.json {
        screen.print(&show::json(&answered)?);
    } else {
        if command.case.is_some() {
            answered.iter().for_each(|one| screen.row(&one.row(&screen.style)));
        }
        screen.print(&show::last(&answered));
    }
    if let Some(folder) = folder {
        let base = context.api.as_ref().map_or("", |api| api.base_url.as_str());
        let kind = if context.database.is_live() { TargetKind::Live } else { TargetKind::Ephemeral };
        let name = command.target.clone().unwrap_or_else(|| base.to_owned());
        let title = "The API's contract";
        began.save(folder, &context.settings, (kind, name), title, &answered)?;
    }
    let any = |outcome| answered.iter().any(|one| one.verdict.outcome() == outcome);
    Ok(match (any(Outcome::Fail), any(Outcome::NotMeasured)) {
        (true, _) => Exit::NoGo,
        (false, true) => Exit::Incomplete,
        (false, false) => Exit::Go,
    })
}

/// A load on the service of the address, or on one of our own.
async fn loaded(
    command: &Smoke,
    settings: Settings,
    base: Option<String>,
    load: &Load,
    screen: &Screen,
    folder: Option<&Folder>,
) -> Result<Exit, Failure> {
    let began = Began::now();
    let Some(base) = base else { return load_on_our_own(settings, load, screen, folder).await };
    let figures = ::smoke::load::put(&settings, &base, load).await.map_err(Failure::said)?;
    show::figures(screen, &figures, None)?;
    if let Some(folder) = folder {
        let name = command.target.clone().unwrap_or(base);
        began.save_load(folder, &settings, (TargetKind::Live, name), &figures, None)?;
    }
    Ok(Exit::Go)
}

#[cfg(feature = "rehearse")]
async fn on_our_own(
    command: &Smoke,
    settings: Settings,
    screen: &Screen,
    folder: Option<&Folder>,
) -> Result<Exit, Failure> {
    let own = own::Own::start(settings).await?;
    checked(command, &own.context, screen, folder).await
}

#[cfg(feature = "rehearse")]
async fn load_on_our_own(
    settings: Settings,
    load: &Load,
    screen: &Screen,
    folder: Option<&Folder>,
) -> Result<Exit, Failure> {
    let began = Began::now();
    let own = own::Own::start(settings).await?;
    let settings = &own.context.settings;
    let figures = ::smoke::load::put(settings, &own.base(), load).await.map_err(Failure::said)?;
    show::figures(screen, &figures, own.peak_memory())?;
    if let Some(folder) = folder {
        let target = (TargetKind::Ephemeral, "a service of our own".to_owned());
        began.save_load(folder, settings, target, &figures, own.peak_memory())?;
    }
    Ok(Exit::Go)
}

#[cfg(not(feature = "rehearse"))]
async fn on_our_own(
    _command: &Smoke,
    _settings: Settings,
    _screen: &Screen,
    _folder: Option<&Folder>,
) -> Result<Exit, Failure> {
    Err(without())
}

#[cfg(not(feature = "rehearse"))]
async fn load_on_our_own(
    _settings: Settings,
    _load: &Load,
    _screen: &Screen,
    _folder: Option<&Folder>,
) -> Result<Exit, Failure> {
    Err(without())
}

#[cfg(not(feature = "rehearse"))]
fn without() -> Failure {
    Failure::said(
        "this program was built without the feature `rehearse`, so that it starts no database of its own: name a target",
    )
}

/// Where the API is: the command line, or the target.
fn base(command: &Smoke, settings: &Settings) -> Result<Option<String>, Failure> {
    let target = match &command.target {
        None => None,
        Some(name) => {
            let known = || settings.targets.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let section = settings.targets.get(name);
            Some(section.ok_or_else(|| {
                Failure::said(format!("runbook.toml has no [targets.{name}]; it names {}", known()))
            })?)
        }
    };
    Ok(command.base_url.clone().or_else(|| target.and_then(|section| section.api.clone())))
}

/// `30s`, `2m`, `1.5h`; a bare number is seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let factor = match unit {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{unit}` is not a unit of time: ms, s, m, h")),
    };
    let seconds = number.parse::<f64>().map_err(|_| format!("`{text}` is not a time, as 30s is"))? * factor;
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if (Duration::from_millis(100)..=Duration::from_hours(24)).contains(&time) => Ok(time),
        _ => Err("a load lasts from 100ms to 24h".into()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 1_000_000.0 => Ok(rate),
        _ => Err("a rate is a number above 0, in requests a second".into()),
    }
}
