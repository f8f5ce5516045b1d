//! Restoring a dump into an empty database.

use std::io::Write as _;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use runbook::secret::DatabaseUrl;
use sqlx::{Connection as _, PgConnection};
use tempfile::NamedTempFile;

use crate::child::Child;
use crate::error::RecoveryError;
use crate::programs::Programs;
use crate::properties::conninfo;
use crate::undumped::Undumped;

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
        self.pg_restore(dump, into, None).await
    }

    /// Restores into a new database, with what no dump holds.
    ///
    /// # Errors
    /// As [`Self::run`], and when something of that could not be made.
    pub async fn run_with(
        &self,
        dump: &Path,
        into: &DatabaseUrl,
        undumped: &Undumped,
    ) -> Result<(), RecoveryError> {
        let mut copy = self.connect(into).await?;
        undumped.empty(&mut copy).await?;
        if undumped.is_in_the_dumps_way() {
            self.in_parts(dump, into, undumped, &mut copy).await?;
        } else {
            self.run(dump, into).await?;
        }
        let _ = copy.close().await;
        Ok(())
    }

    /// What the dump would make otherwise than it was is made between its parts, or left out.
    async fn in_parts(
        &self,
        dump: &Path,
        into: &DatabaseUrl,
        undumped: &Undumped,
        copy: &mut PgConnection,
    ) -> Result<(), RecoveryError> {
        let entries = contents(self.programs, dump, self.limit).await?;
        let entries: Vec<Entry<'_>> = entries.iter().filter_map(|line| Entry::parse(line)).collect();
        let mut rest: Vec<Entry<'_>> = entries.into_iter().filter(|entry| !entry.names_an_oid()).collect();
        if undumped.has_versions() {
            let (schemas, others) = rest.into_iter().partition(Entry::is_schema);
            self.pg_restore(dump, into, Some(&schemas)).await?;
            undumped.extend(copy).await?;
            rest = others;
        }
        self.pg_restore(dump, into, Some(&rest)).await?;
        undumped.switch(copy).await
    }

    /// A session that takes every name for the server's own, and no longer than a restore may.
    async fn connect(&self, url: &DatabaseUrl) -> Result<PgConnection, RecoveryError> {
        let limit = self.limit.as_millis().clamp(1, 2_147_483_647).to_string();
        let own = [
            ("search_path", "pg_catalog"),
            ("statement_timeout", limit.as_str()),
            ("idle_session_timeout", "0"),
            ("default_transaction_read_only", "off"),
        ];
        let options = url.connect_options().application_name("runbook").options(own);
        Ok(PgConnection::connect_with(&options).await?)
    }

    /// All of the dump, or these entries of it.
    async fn pg_restore(
        &self,
        dump: &Path,
        into: &DatabaseUrl,
        only: Option<&Vec<Entry<'_>>>,
    ) -> Result<(), RecoveryError> {
        let list = match only {
            Some(entries) if entries.is_empty() => return Ok(()),
            Some(entries) => Some(list_of(entries)?),
            None => None,
        };
        let name = into.connect_options().get_database().unwrap_or_default().to_owned();
        let mut child = Child::new("pg_restore", &self.programs.pg_restore())
            .args(["--exit-on-error", "--no-password"])
            // The name of a database may look like a connection string, so it is given as one.
            .args(["--dbname".to_owned(), conninfo(&name)]);
        if let Some(list) = &list {
            child = child.args(["--use-list".as_ref(), list.path().as_os_str()]);
        }
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

/// A line of `pg_restore --list`: `3345; 0 16386 TABLE DATA public projects owner`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    id: &'a str,
    /// From the kind on.
    what: &'a str,
}

impl<'a> Entry<'a> {
    /// `None` where it is not such a line.
    pub(crate) fn parse(line: &'a str) -> Option<Self> {
        let (id, rest) = line.split_once("; ")?;
        let what = rest.splitn(3, ' ').nth(2)?;
        Some(Self { id, what })
    }

    /// Of the data of a table: its schema, its name and its owner, bare, with spaces between them and line breaks as spaces.
    pub(crate) fn data(&self) -> Option<&'a str> {
        self.what.strip_prefix("TABLE DATA ")
    }

    fn is_schema(&self) -> bool {
        self.what.starts_with("SCHEMA - ")
    }

    /// A trigger of a constraint, by its name in the dumped database: where it fires otherwise on a partition than on its
    /// parent, `pg_dump` says so (15 to 18), and no other database has a trigger of that name.
    fn names_an_oid(&self) -> bool {
        self.what.starts_with("TRIGGER ")
            && ["RI_ConstraintTrigger_a_", "RI_ConstraintTrigger_c_"]
                .iter()
                .any(|name| self.what.contains(name))
    }
}

/// A file for `--use-list`, gone when dropped.
fn list_of(entries: &[Entry<'_>]) -> Result<NamedTempFile, RecoveryError> {
    let folder = std::env::temp_dir();
    let mut file = NamedTempFile::new().map_err(RecoveryError::file(&folder, "write to"))?;
    let text: String = entries.iter().map(|entry| format!("{};\n", entry.id)).collect();
    file.write_all(text.as_bytes()).map_err(RecoveryError::file(&folder, "write to"))?;
    Ok(file)
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
