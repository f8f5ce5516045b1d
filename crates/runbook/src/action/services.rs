//! `services.*`: telling people, and stopping and starting what uses the database.
//!
//! Each runs the command of `[services]`; where a rehearsal runs processes of its own ([`Processes`] in the stash),
//! those are stopped and started as well, and seen to be.

use std::sync::Arc;

use super::{Action, ActionFuture, Place, run_command};
use crate::check::CheckError;
use crate::context::{BoxFuture, Context};
use crate::verdict::{Evidence, Verdict};

/// A process that this run started, and may stop and start again.
pub trait Process: Send + Sync {
    /// What it is called: `worker`.
    fn name(&self) -> &str;

    /// Stops it, and returns when it is gone.
    fn stop(&self) -> BoxFuture<'_, Result<(), CheckError>>;

    /// Starts it, and returns when it works.
    fn start(&self) -> BoxFuture<'_, Result<(), CheckError>>;

    /// Whether it is there now: asked of the system, not remembered.
    fn is_running(&self) -> BoxFuture<'_, bool>;

    /// Its number, while it runs and where that is known: what it costs can then be asked of the system.
    fn pid(&self) -> Option<u32> {
        None
    }
}

/// The processes of a rehearsal; put into the stash.
#[derive(Clone, Default)]
pub struct Processes {
    /// Not critical: stopped during maintenance.
    pub workers: Vec<Arc<dyn Process>>,
    /// Serves requests: stopped for a rollback only.
    pub api: Option<Arc<dyn Process>>,
}

/// The actions.
pub fn actions() -> Vec<Action> {
    vec![
        Action::new("services.halt", "stop everything that uses the database", |c| Box::pin(halt(c))),
        Action::new("services.notify", "tell the stakeholders", notify),
        Action::new("services.resume", "start everything that uses the database", |c| Box::pin(resume(c))),
        Action::new("services.start", "start the services that are not critical", |c| Box::pin(start(c))),
        Action::new("services.stop", "stop the services that are not critical", |c| Box::pin(stop(c))),
    ]
}

fn notify(context: &Context) -> ActionFuture<'_> {
    Box::pin(async move {
        let Some(argv) = &context.settings.services.notify else {
            return Ok(Verdict::not_measured("runbook.toml names no command for it ([services] notify)"));
        };
        let place =
            context.stash.get::<Place>().map_or_else(String::new, |place| format!(": {}", place.step));
        let message = format!("{}{place}", context.settings.system.title);
        let output = run_command(context, argv, &[&message]).await?;
        let mut evidence = Evidence::of("commands");
        let said = output.text.lines().last().unwrap_or_default();
        evidence.examine(1).summarise(if said.is_empty() { message } else { said.to_owned() });
        Ok(evidence.verdict())
    })
}

async fn stop(context: &Context) -> Result<Verdict, CheckError> {
    let services = &context.settings.services;
    switch(context, services.stop.as_deref(), "stop", &workers(context), false).await
}

async fn start(context: &Context) -> Result<Verdict, CheckError> {
    let services = &context.settings.services;
    switch(context, services.start.as_deref(), "start", &workers(context), true).await
}

async fn halt(context: &Context) -> Result<Verdict, CheckError> {
    let services = &context.settings.services;
    let command = services.halt.as_deref().or(services.stop.as_deref());
    switch(context, command, "halt", &all(context), false).await
}

async fn resume(context: &Context) -> Result<Verdict, CheckError> {
    let services = &context.settings.services;
    let command = services.resume.as_deref().or(services.start.as_deref());
    switch(context, command, "resume", &all(context), true).await
}

fn workers(context: &Context) -> Vec<Arc<dyn Process>> {
    context.stash.get::<Processes>().map(|processes| processes.workers.clone()).unwrap_or_default()
}

fn all(context: &Context) -> Vec<Arc<dyn Process>> {
    let processes = context.stash.get::<Processes>();
    processes.map(|p| p.api.iter().chain(&p.workers).cloned().collect()).unwrap_or_default()
}

/// Runs the command, and stops or starts our own processes; each is looked at afterwards.
async fn switch(
    context: &Context,
    command: Option<&[String]>,
    key: &str,
    processes: &[Arc<dyn Process>],
    up: bool,
) -> Result<Verdict, CheckError> {
    if command.is_none() && processes.is_empty() {
        return Ok(Verdict::not_measured(format!("runbook.toml names no command for it ([services] {key})")));
    }
    let mut evidence = Evidence::of("services");
    let mut said = Vec::new();
    if let Some(argv) = command {
        let output = run_command(context, argv, &[]).await?;
        evidence.examine(1);
        said.extend(output.text.lines().last().map(ToOwned::to_owned));
    }
    for process in processes {
        let name = process.name();
        if up {
            process.start().await?;
        } else {
            process.stop().await?;
        }
        if process.is_running().await != up {
            let state = if up { "is not running although it was started" } else { "is still running" };
            return Err(CheckError::Other(format!("{name} {state}")));
        }
        evidence.examine(1);
        said.push(format!("{name} {}", if up { "running" } else { "stopped" }));
    }
    evidence.summarise(said.join(" · "));
    Ok(evidence.verdict())
}
