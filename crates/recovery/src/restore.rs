//! Restoring a dump into an empty database.

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use runbook::secret::DatabaseUrl;

use crate::child::Child;
use crate::error::RecoveryError;
use crate::programs::Programs;
use crate::properties::conninfo;

/// Names what a dump holds, one entry a line (`pg_restore --list`), without the comments.
///
/// # Errors
/// When `pg_restore` cannot read it.
pub async fn contents(
    programs: &Programs,
    dump: &Path,
    limit: Duration,
) -> Result<Vec<String>, RecoveryError> {
    let listing = Child::new("pg_restore", &programs.pg_restore())
        .args(["--list".as_ref(), dump.as_os_str()])
        .run(limit)
        .await?;
    Ok(listing
        .lines()
        .filter(|line| !line.starts_with(';') && !line.is_empty())
        .map(ToOwned::to_owned)
        .collect())
}

/// How a dump is restored into an empty database.
#[derive(Debug, Clone, Copy)]
pub struct Restore<'a> {
    /// Where `pg_restore` is.
    pub programs: &'a Programs,
    /// How many connections restore side by side.
    pub jobs: NonZeroU32,
    /// How long it may take.
    pub limit: Duration,
    /// Whether owners and grants are restored as well; the roles must be there then.
    pub privileges: bool,
}

impl Restore<'_> {
    /// Restores, and stops at the first error.
    ///
    /// # Errors
    /// When anything in the dump could not be restored.
    pub async fn run(&self, dump: &Path, into: &DatabaseUrl) -> Result<(), RecoveryError> {
        let name = into.connect_options().get_database().unwrap_or_default().to_owned();
        let child = Child::new("pg_restore", &self.programs.pg_restore())
            .args(["--exit-on-error", "--no-password"])
            // The name of a database may look like a connection string, so it is given as one.
            .args(["--dbname".to_owned(), conninfo(&name)]);
        let child = if self.privileges { child } else { child.args(["--no-owner", "--no-privileges"]) };
        let child = match self.jobs.get() {
            // One transaction is one commit, and it leaves nothing behind when it is ended.
            1 => child.args(["--single-transaction"]),
            jobs => child.args([format!("--jobs={jobs}")]),
        };
        child.args([dump.as_os_str()]).database(into).run(self.limit).await?;
        Ok(())
    }
}

/// The runbook's own way: over the living database, `--clean --if-exists`. It is here for one test, which shows what
/// it leaves behind; nothing else calls it.
#[doc(hidden)]
pub async fn restore_over(
    programs: &Programs,
    dump: &Path,
    into: &DatabaseUrl,
    limit: Duration,
) -> Result<(), RecoveryError> {
    let name = into.connect_options().get_database().unwrap_or_default().to_owned();
    let child = Child::new("pg_restore", &programs.pg_restore())
        .args(["--clean", "--if-exists", "--no-password", "--dbname"])
        .args([conninfo(&name)])
        .args([dump.as_os_str()]);
    child.database(into).run(limit).await?;
    Ok(())
}
