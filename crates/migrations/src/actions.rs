//! What a deployment does with the migrations: apply them, say where the database stands, take them back.

use runbook::action::{Action, Deployment};
use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Verdict};

use crate::{MigrationError, Migrator, open};

/// The actions, in the order of their ids.
pub fn actions() -> Vec<Action> {
    vec![
        Action::new("migrations.current", "say which revision the database stands at", |context| {
            Box::pin(current(context))
        }),
        Action::new("migrations.downgrade", "take the deployment's migrations back", |context| {
            Box::pin(downgrade(context))
        }),
        Action::new("migrations.upgrade", "apply the migrations that are pending", |context| {
            Box::pin(upgrade(context))
        }),
    ]
}

async fn upgrade(context: &Context) -> Result<Verdict, CheckError> {
    let url = context.database.ephemeral()?.url().clone();
    let migrator = open(&context.settings).map_err(said)?;
    let to = target(context, migrator.as_ref())?;
    let before = stands_at(context, migrator.as_ref()).await?;
    let applied = migrator.upgrade(&url, &to).await.map_err(said)?;
    let mut evidence = Evidence::of("migrations");
    evidence.examine(count(&applied));
    let from = before.unwrap_or_else(|| "nothing".into());
    evidence.summarise(format!("{from} → {to} · {} applied with {}", applied.join(", "), migrator.tool()));
    Ok(evidence.verdict())
}

async fn current(context: &Context) -> Result<Verdict, CheckError> {
    let migrator = open(&context.settings).map_err(said)?;
    let to = target(context, migrator.as_ref())?;
    let stands = stands_at(context, migrator.as_ref()).await?;
    let mut evidence = Evidence::of("databases");
    evidence.examine(1);
    let shown = stands.as_deref().unwrap_or("no revision");
    let newest = if migrator.head() == stands.as_deref() { " (newest)" } else { "" };
    evidence.summarise(format!("{shown}{newest}"));
    if stands.as_deref() != Some(to.as_str()) {
        let problem = format!("stands at {shown}, and {to} was to be deployed");
        evidence.find(Finding::error("database", problem, "apply what is pending, or roll back"));
    }
    Ok(evidence.verdict())
}

async fn downgrade(context: &Context) -> Result<Verdict, CheckError> {
    let url = context.database.ephemeral()?.url().clone();
    let migrator = open(&context.settings).map_err(said)?;
    let deployment = context.stash.get::<Deployment>();
    let Some(deployment) = deployment else {
        return Err(CheckError::Missing(
            "nothing was deployed in this run, so there is nothing to take back".into(),
        ));
    };
    let reverted = migrator.downgrade(&url, deployment.from.as_deref()).await.map_err(said)?;
    let mut evidence = Evidence::of("migrations");
    evidence.examine(count(&reverted));
    let from = deployment.from.as_deref().unwrap_or("nothing");
    evidence.summarise(format!("{} taken back · at {from}", reverted.join(", ")));
    Ok(evidence.verdict())
}

/// The revision to deploy: the run's, or the newest.
fn target(context: &Context, migrator: &dyn Migrator) -> Result<String, CheckError> {
    if let Some(deployment) = context.stash.get::<Deployment>() {
        return Ok(deployment.to.clone());
    }
    let head = migrator.head().map(ToOwned::to_owned);
    head.ok_or_else(|| CheckError::Missing("there are no migrations to apply".into()))
}

async fn stands_at(context: &Context, migrator: &dyn Migrator) -> Result<Option<String>, CheckError> {
    let mut reader = context.reader().await?;
    migrator.current(&mut reader).await.map_err(said)
}

fn said(error: MigrationError) -> CheckError {
    CheckError::Other(error.to_string())
}

fn count(ids: &[String]) -> u64 {
    u64::try_from(ids.len()).unwrap_or(u64::MAX)
}
