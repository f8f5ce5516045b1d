//! `runbook verify`: every check that only reads, on a database that others use.

use std::env::VarError;
use std::sync::Arc;

use runbook::check::Safety;
use runbook::context::{Api, Context, Database};
use runbook::live::Live;
use runbook::procedure::{Run, Silent};
use runbook::report::files::Folder;
use runbook::report::{Report, RunKind, Target, TargetKind};
use runbook::secret::DatabaseUrl;
use runbook::settings::{Settings, TargetSection};

use crate::arguments::{Global, Verify};
use crate::failure::{Exit, Failure, near};
use crate::progress::Progress;
use crate::screen::Screen;
use crate::settings::System;
use crate::{settings, signals};

/// Looks, and writes nothing but the report.
pub(crate) async fn verify(command: &Verify, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let system = settings::load(global)?;
    let only = command.only.as_deref();
    if let Some(only) = only
        && !system.registry.checks.iter().any(|check| selects(only, check.id))
    {
        let known: Vec<&str> =
            system.registry.checks.iter().flat_map(|check| [check.suite(), check.id]).collect();
        return Err(Failure::said(format!(
            "--only {only}: there is no such suite or check{}; `runbook list` shows all",
            near(only, &known)
        )));
    }
    let folder = command.report.as_deref().map(Folder::open).transpose().map_err(Failure::said)?;
    let (name, section) = target(command, &system.settings)?;
    let url = address_of(command.database_url.as_deref(), &section, name.as_deref().unwrap_or_default())?;
    let limits = system.settings.limits.reading();
    let startup = system.settings.limits.startup;
    let live = Live::connect_within(&url, limits, startup).await.map_err(Failure::said)?;
    let database = Database::Live(live);
    let server = server(&database, system.settings.database.minimum_version).await?;
    let System { settings, registry, procedure } = system;
    let mut context = Context::new(Arc::new(settings), database);
    context.api = section.api.map(|base| Api { base_url: base.trim_end_matches('/').to_owned() });
    context.backups = section.backups;
    integrity::validate(&context).await?;
    if let Some(file) = &command.resume {
        let started = integrity::Resume::start(&context, file).await;
        started.map_err(|error| Failure::said(format!("--resume: {error}")))?;
    }
    if let Some(file) = &command.history {
        let started = monitoring::History::start(&context, file).await;
        started.map_err(|error| Failure::said(format!("--history: {error}")))?;
    }
    let further = registry.checks.iter().filter(|check| check.safety == Safety::Live);
    let further: Vec<_> = further.filter(|check| procedure.words_of(check.id).is_empty()).copied().collect();
    let progress = Progress::new(screen, &procedure, further.len());
    let target = Target {
        kind: TargetKind::Live,
        name: name.unwrap_or_else(|| url.to_string()),
        server: Some(server),
        from: None,
        to: None,
    };
    print_title(screen, &context, RunKind::Verification, &target, &progress);
    context.stash.put(progress.meter());
    let selected = |id: &str| only.is_none_or(|only| selects(only, id));
    integrity::ask_together(&context, selected);
    let stop = signals::stop();
    let run = Run {
        procedure: &procedure,
        context: &context,
        kind: RunKind::Verification,
        target,
        further,
        only: only.is_some().then_some(&selected as &(dyn Fn(&str) -> bool + Send + Sync)),
        observer: if screen.json || screen.quiet { &Silent } else { &progress },
        journal: None,
        stop: stop.clone(),
    };
    let report = run.carry_out().await;
    progress.finish();
    let page = folder.as_ref().map(|folder| folder.path().join("report.html").display().to_string());
    finish(screen, &report, page.as_deref())?;
    if let Some(folder) = &folder {
        folder.save(&report).map_err(Failure::said)?;
    }
    Ok(if *stop.borrow() { Exit::Interrupted } else { report.verdict.into() })
}

/// The title row of a run.
pub(crate) fn print_title(
    screen: &Screen,
    context: &Context,
    kind: RunKind,
    target: &Target,
    progress: &Progress,
) {
    let empty = Report {
        schema_version: runbook::report::SCHEMA_VERSION,
        title: String::new(),
        system: String::new(),
        kind,
        verdict: runbook::report::Decision::Incomplete,
        reasons: Vec::new(),
        target: target.clone(),
        started_at: String::new(),
        seconds: 0.0,
        intro: Vec::new(),
        steps: Vec::new(),
        criteria_title: None,
        criteria: Vec::new(),
    };
    progress.print(&screen.style.title(&context.settings.system.title, &empty.banner()));
}

/// The criteria and the verdict, or the JSON.
pub(crate) fn finish(screen: &Screen, report: &Report, page: Option<&str>) -> Result<(), Failure> {
    if screen.json {
        screen.print(&report.to_json().map_err(Failure::said)?);
        return Ok(());
    }
    screen.row(&screen.style.criteria(report));
    let last = screen.style.verdict(report, page);
    let last = if screen.quiet { last.trim_start_matches('\n') } else { last.as_str() };
    screen.print(last);
    Ok(())
}

/// `PostgreSQL 15.18`, or why this server is too old.
async fn server(database: &Database, minimum: u32) -> Result<String, Failure> {
    let asked = async {
        let mut reader = database.reader().await?;
        let number: String = reader.scalar("SHOW server_version_num").await?;
        let version: String = reader.scalar("SHOW server_version").await?;
        Ok::<_, runbook::check::CheckError>((number, version))
    };
    let (number, version) = asked.await.map_err(Failure::said)?;
    let major = number.parse::<u32>().unwrap_or_default() / 10_000;
    if major < minimum {
        return Err(Failure::said(format!(
            "the server is PostgreSQL {version}, and at least {minimum} is needed ([database] minimum_version)"
        )));
    }
    let version = version.split_whitespace().next().unwrap_or_default();
    Ok(format!("PostgreSQL {version}"))
}

pub(crate) fn target(
    command: &Verify,
    settings: &Settings,
) -> Result<(Option<String>, TargetSection), Failure> {
    let Some(name) = &command.target else { return Ok((None, TargetSection::default())) };
    match settings.targets.get(name) {
        Some(section) => Ok((Some(name.clone()), section.clone())),
        None => {
            let known: Vec<&str> = settings.targets.keys().map(String::as_str).collect();
            let known = if known.is_empty() {
                "none is named there".into()
            } else {
                format!("it names {}", known.join(", "))
            };
            Err(Failure::said(format!("runbook.toml has no [targets.{name}]; {known}")))
        }
    }
}

/// Where the database is: the command line, the target's variable, or libpq's own variables.
pub(crate) fn address_of(
    given: Option<&str>,
    section: &TargetSection,
    name: &str,
) -> Result<DatabaseUrl, Failure> {
    if let Some(url) = given {
        return DatabaseUrl::parse(url).map_err(|error| Failure::said(format!("--database-url: {error}")));
    }
    match &section.database_url_variable {
        Some(variable) => {
            let value = std::env::var(variable).map_err(|error| {
                let state = match error {
                    VarError::NotPresent => "is not set",
                    VarError::NotUnicode(_) => "is not UTF-8",
                };
                Failure::said(format!(
                    "{variable} {state}: it holds the address of the database of [targets.{name}]"
                ))
            })?;
            DatabaseUrl::parse(&value).map_err(|error| Failure::said(format!("{variable}: {error}")))
        }
        // PG* variables, the service file and ~/.pgpass.
        None if DatabaseUrl::environment_names_one() => DatabaseUrl::from_environment()
            .map_err(|error| Failure::said(format!("[targets.{name}]: {error}"))),
        None => Err(Failure::said(format!(
            "[targets.{name}] names no database_url_variable, and neither PGHOST nor PGSERVICE is set"
        ))),
    }
}

fn selects(only: &str, id: &str) -> bool {
    id == only || id.strip_prefix(only).is_some_and(|rest| rest.starts_with('.'))
}
