//! What a rehearsal is played on: a database with its rows, the service, a worker, last night's backup.

use std::path::Path;
use std::sync::Arc;

use harness::Database;
use runbook::action::Deployment;
use runbook::action::services::{Process as _, Processes};
use runbook::context::{Api, Context};
use runbook::procedure::Registry;
use runbook::settings::{ServiceStart, Settings};
use runbook::verdict::Outcome;
use secrecy::SecretString;

use super::process::{ChildProcess, Filled};
use crate::failure::Failure;
use crate::progress::Progress;

/// The action that makes a backup; a rehearsal has one made before it begins, as every night before a deployment.
const BACKUP: &str = "recovery.backup.create";

/// Everything that lives as long as a rehearsal.
pub(super) struct Stage {
    pub(super) context: Context,
    /// `PostgreSQL 15.18 (local)`
    pub(super) server: String,
    processes: Processes,
    // Last: the database goes after those that use it.
    _database: Database,
}

impl Stage {
    /// Sets it up.
    ///
    /// # Errors
    /// In one sentence: no backend, a migration that fails, a service that does not start.
    pub(super) async fn set(
        settings: &Arc<Settings>,
        deployment: &Deployment,
        work: &Path,
        registry: &Registry,
        progress: &Progress,
    ) -> Result<Self, Failure> {
        progress.doing("making a database");
        let database = database(settings, deployment).await?;
        let server = server(&database).await?;
        let mut context = database.context();
        context.settings = Arc::clone(settings);
        context.backups = Some(work.join("backups"));
        context.stash.put(deployment.clone());
        progress.doing("starting the service");
        let token = token();
        context.stash.put(smoke::AdminToken(SecretString::from(token.clone())));
        let fill = |name: &str| Filled {
            database_url: database.url().expose().to_owned(),
            token: token.clone(),
            state: work.join(format!("{name}.state.json")),
        };
        let mut processes = Processes::default();
        if let Some(start) = &settings.api.start {
            let service = started("api", start, fill("api"), settings).await?;
            context.api = service.address().map(|address| Api { base_url: format!("http://{address}") });
            processes.api = Some(service);
        }
        if let Some(start) = &settings.services.worker {
            processes.workers.push(started("worker", start, fill("worker"), settings).await?);
        }
        context.stash.put(processes.clone());
        progress.doing("making last night's backup");
        backup(registry, &context, work).await?;
        Ok(Self { context, server, processes, _database: database })
    }

    /// Takes it down: the processes before the database. What is left, the harness's watcher reclaims.
    pub(super) async fn strike(self) {
        for process in self.processes.api.iter().chain(&self.processes.workers) {
            let _ = process.stop().await;
        }
    }
}

async fn database(settings: &Settings, deployment: &Deployment) -> Result<Database, Failure> {
    let made = match (&deployment.from, &settings.data.generate) {
        (None, _) => Database::empty().await,
        (Some(from), Some(_)) if settings.data.scale > 0 => {
            Database::loaded_at(from, settings.data.scale).await
        }
        (Some(from), _) => Database::seeded_at(from).await,
    };
    made.map_err(Failure::said)
}

/// Its version, and where it came from.
async fn server(database: &Database) -> Result<String, Failure> {
    let mut reader = database.reader().await.map_err(Failure::said)?;
    let version: String = reader.scalar("SHOW server_version").await.map_err(Failure::said)?;
    let version = version.split_whitespace().next().unwrap_or_default().to_owned();
    Ok(format!("PostgreSQL {version}"))
}

async fn started(
    name: &str,
    start: &ServiceStart,
    filled: Filled,
    settings: &Settings,
) -> Result<Arc<ChildProcess>, Failure> {
    let process = ChildProcess::new(name, start, filled, settings);
    process.start().await.map_err(|error| Failure::said(format!("the {name} of the rehearsal: {error}")))?;
    Ok(Arc::new(process))
}

/// Last night's backup, where the suites can make one.
async fn backup(registry: &Registry, context: &Context, work: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt as _;
    let folder = work.join("backups");
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&folder)
        .map_err(|error| Failure::said(format!("{}: {error}", folder.display())))?;
    let Some(action) = registry.action(BACKUP) else { return Ok(()) };
    let verdict =
        action.run(context).await.map_err(|error| Failure::said(format!("last night's backup: {error}")))?;
    if verdict.outcome() == Outcome::Fail {
        let problem = verdict.findings().first().map_or("it failed", |finding| finding.problem.as_str());
        return Err(Failure::said(format!("last night's backup: {problem}")));
    }
    Ok(())
}

/// A token for the service of this rehearsal: two random hash seeds of the standard library.
fn token() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    format!("{:016x}{:016x}", RandomState::new().hash_one(1), RandomState::new().hash_one(2))
}
