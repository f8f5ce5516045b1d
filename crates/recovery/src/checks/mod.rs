//! The checks of this suite, a file each.

pub(crate) mod complete;
pub(crate) mod equal;
pub(crate) mod intact;
pub(crate) mod plan;
pub(crate) mod present;
pub(crate) mod private;
pub(crate) mod recent;
pub(crate) mod restorable;
mod room;

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::Verdict;

use crate::folder::{self, Dump, Listing};
use crate::programs::Programs;

/// What is in the target's folder of dumps; a folder that is not there is an empty one.
pub(crate) fn listing(context: &Context) -> Result<Listing, CheckError> {
    let folder = context.backups()?;
    if !folder.exists() {
        return Ok(Listing::default());
    }
    Ok(folder::list(folder, &context.settings.backup.prefix)?)
}

/// The newest dump, or the verdict of a check that has none to look at.
fn newest(context: &Context) -> Result<Result<Dump, Verdict>, CheckError> {
    Ok(listing(context)?
        .dumps
        .into_iter()
        .next()
        .ok_or_else(|| runbook::verdict::Evidence::of("dumps").verdict()))
}

/// The programs that fit the server of the target, looked for once a run.
pub(crate) async fn programs(context: &Context) -> Result<Programs, CheckError> {
    if let Some(found) = context.stash.get::<Programs>() {
        return Ok((*found).clone());
    }
    let mut reader = context.reader().await?;
    let version: i32 = reader.scalar("SELECT pg_catalog.current_setting('server_version_num')::int").await?;
    let programs = Programs::for_server(version.unsigned_abs() / 10_000).await?;
    context.stash.put(programs.clone());
    Ok(programs)
}
