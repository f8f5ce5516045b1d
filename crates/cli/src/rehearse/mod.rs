//! `runbook rehearse`: the whole deployment and its rollback, on a database, a service and a worker of our own.

mod process;
mod stage;
mod work;

use std::sync::Arc;

use runbook::action::Deployment;
use runbook::procedure::{Journal, Run, Silent};
use runbook::report::files::Folder;
use runbook::report::{Decision, RunKind, Target, TargetKind};
use runbook::settings::{MigrationTool, Settings};

use crate::arguments::{Global, Rehearse, Tool};
use crate::failure::{Exit, Failure};
use crate::progress::Progress;
use crate::screen::Screen;
use crate::settings::System;
use crate::verify::{finish, print_title};
use crate::{settings, signals};

use stage::Stage;
use work::Work;

/// Rehearses, and leaves the report.
pub(crate) async fn rehearse(command: &Rehearse, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    // First of all: whatever goes wrong from here on, an earlier run's verdict is not left in its place.
    let folder = Folder::open(&command.report).map_err(Failure::said)?;
    let stop = signals::stop();
    let System { mut settings, registry, procedure } = settings::load(global)?;
    if let Some(tool) = command.tool {
        settings.migrations.tool = match tool {
            Tool::Sqlx => MigrationTool::Sqlx,
            Tool::Alembic => MigrationTool::Alembic,
        };
    }
    let usual = settings.data.scale;
    if let Some(scale) = command.scale {
        if settings.data.generate.is_none() {
            return Err(Failure::said(
                "--scale: [data] generate names no data set that could be of any size",
            ));
        }
        settings.data.scale = scale;
    }
    let deployment = deployment(command, &settings)?;
    let journal = Journal::create(&folder.path().join("journal.jsonl"))
        .map_err(|error| Failure::said(format!("the journal cannot be written: {error}")))?;
    let settings = Arc::new(settings);
    harness::use_settings(Arc::clone(&settings));
    let further = registry.checks.iter().filter(|check| procedure.words_of(check.id).is_empty());
    let further: Vec<_> = further.copied().collect();
    let progress = Progress::new(screen, &procedure, further.len());
    let work = Work::make(folder.path())?;
    let staged = tokio::select! {
        staged = Stage::set(&settings, &deployment, work.path(), &registry, &progress) => staged,
        () = stopped(stop.clone()) => {
            progress.finish();
            return Ok(Exit::Interrupted);
        }
    };
    let stage = staged.inspect_err(|_| progress.finish())?;
    let target = Target {
        kind: TargetKind::Ephemeral,
        name: "ephemeral".into(),
        server: Some(stage.server.clone()),
        from: Some(deployment.from.clone().unwrap_or_else(|| "nothing".into())),
        to: Some(deployment.to.clone()),
    };
    print_title(screen, &stage.context, RunKind::Rehearsal, &target, &progress);
    let run = Run {
        procedure: &procedure,
        context: &stage.context,
        kind: RunKind::Rehearsal,
        target,
        further,
        only: None,
        observer: if screen.json || screen.quiet { &Silent } else { &progress },
        journal: Some(journal),
        stop: stop.clone(),
    };
    let report = run.carry_out().await;
    progress.finish();
    stage.strike().await;
    drop(work);
    folder.save(&report).map_err(Failure::said)?;
    finish(screen, &report, Some(&folder.path().join("report.html").display().to_string()))?;
    if let (Decision::Incomplete, Some(scale)) =
        (report.verdict, command.scale.filter(|scale| *scale < usual))
    {
        screen.row(&format!(
            "With --scale {scale} the tables can be too small for what is required; without it there are {usual} rows.\n"
        ));
    }
    Ok(if *stop.borrow() { Exit::Interrupted } else { report.verdict.into() })
}

/// The revisions of this deployment: of the command line, then of the settings, then the newest and the one before.
fn deployment(command: &Rehearse, settings: &Settings) -> Result<Deployment, Failure> {
    let migrator = migrations::open(settings).map_err(Failure::said)?;
    let history: Vec<&str> = migrator.history().iter().map(|revision| revision.id.as_str()).collect();
    let place = |flag: &str, id: &str| {
        history.iter().position(|known| *known == id).ok_or_else(|| {
            Failure::said(format!("{flag} {id}: there is no such revision; there are {}", history.join(", ")))
        })
    };
    let Some(last) = history.len().checked_sub(1) else {
        return Err(Failure::said("there are no migrations, so there is nothing to deploy"));
    };
    let to = command.to.as_deref().map_or(Ok(last), |id| place("--to", id))?;
    let from = match (&command.from, &settings.migrations.deployed) {
        (Some(id), _) => Some(place("--from", id)?),
        (None, Some(id)) => Some(place("[migrations] deployed", id)?),
        (None, None) => to.checked_sub(1),
    };
    if from.is_some_and(|from| from >= to) {
        let from = from.and_then(|at| history.get(at)).copied().unwrap_or_default();
        return Err(Failure::said(format!(
            "--from {from} is not before --to {}; name an older one",
            history[to]
        )));
    }
    Ok(Deployment { from: from.map(|at| history[at].to_owned()), to: history[to].to_owned() })
}

async fn stopped(mut stop: tokio::sync::watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}
