//! A rehearsal of the restore: the dump in a scratch database, compared with its manifest.

use std::sync::Arc;
use std::time::{Duration, Instant};

use runbook::check::CheckError;
use runbook::context::Context;
use sqlx::{Connection as _, PgConnection};

use crate::backup::checksum;
use crate::error::RecoveryError;
use crate::folder::Dump;
use crate::manifest::Manifest;
use crate::programs::Programs;
use crate::restore::Restore;
use crate::rollback::close_idle;
use crate::state::{Difference, State};
use crate::subscriptions;

/// What restoring a dump into a scratch database showed.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// SHA-256 of the dump that was restored, and of the manifest that it was compared with.
    pub of: (String, Option<String>),
    /// Why it could not be restored.
    pub failure: Option<String>,
    /// How many tables, sequences and catalogue lines the restored database holds.
    pub examined: u64,
    /// How many rows it holds.
    pub rows: i64,
    /// In what it differs from the manifest; `None` when there is no manifest to compare with.
    pub differences: Option<Vec<Difference>>,
    /// How long the restore took.
    pub took: Duration,
}

/// Restores a dump into a scratch database and compares. A dump that was rehearsed with this context already is not
/// restored again.
///
/// # Errors
/// When there is no scratch database, or it could not be read. A dump that cannot be restored is no error of this
/// function: see [`Rehearsal::failure`].
pub async fn rehearse(
    context: &Context,
    programs: &Programs,
    dump: &Dump,
    manifest: Option<&Manifest>,
) -> Result<Arc<Rehearsal>, RecoveryError> {
    let of = (checksum(&dump.path)?.0, manifest.map(Manifest::checksum).transpose()?);
    if let Some(earlier) = context.stash.get::<Rehearsal>()
        && earlier.of == of
    {
        return Ok(earlier);
    }
    let scratch = context.scratch()?.empty().await?;
    let database = scratch.database();
    let mut rehearsal =
        Rehearsal { of, failure: None, examined: 0, rows: 0, differences: None, took: Duration::ZERO };
    let begun = Instant::now();
    let settings = &context.settings;
    let how = Restore {
        programs,
        jobs: settings.backup.restore_jobs,
        limit: settings.limits.command,
        // The scratch database may stand on a server without the roles of the target.
        privileges: false,
    };
    let name = database.url().connect_options().get_database().unwrap_or_default().to_owned();
    if let Some(manifest) = manifest {
        let mut control = control(database.url()).await?;
        manifest.database.read_alike(&mut control, &name, false).await?;
        let _ = control.close().await;
        close_idle(database.pool()).await;
    }
    let restored = match manifest {
        Some(manifest) => how.run_with(&dump.path, database.url(), &manifest.undumped).await,
        None => how.run(&dump.path, database.url()).await,
    };
    rehearsal.took = begun.elapsed();
    if let Err(error) = restored {
        rehearsal.failure = Some(error.to_string());
    } else {
        if let Some(manifest) = manifest {
            let mut control = control(database.url()).await?;
            manifest.database.configure(&mut control, &name, false).await?;
            let _ = control.close().await;
            close_idle(database.pool()).await;
        }
        let state = State::read(&mut database.reader().await?).await?.without_privileges();
        rehearsal.examined = state.len();
        rehearsal.rows = state.tables.iter().map(|table| table.rows).sum();
        rehearsal.differences =
            manifest.map(|manifest| manifest.state.clone().without_privileges().differences(&state));
    }
    // The harness could not drop a database that has one.
    subscriptions::remove(&mut *database.pool().acquire().await?).await?;
    context.stash.put(rehearsal.clone());
    Ok(Arc::new(rehearsal))
}

async fn control(url: &runbook::secret::DatabaseUrl) -> Result<PgConnection, RecoveryError> {
    let url = url.with_database("postgres").map_err(|error| CheckError::Other(error.to_string()))?;
    let options = url.connect_options().application_name("runbook");
    Ok(PgConnection::connect_with(&options).await?)
}
