//! Reversible SQL files, applied by sqlx: `001_projects.up.sql` and `001_projects.down.sql`.

mod apply;
mod folder;
mod line;
mod numbering;
mod run;

use std::path::Path;
use std::time::Duration;

use runbook::context::BoxFuture;
use runbook::reader::Reader;
use runbook::secret::DatabaseUrl;
use sqlx::FromRow;

pub use folder::Folder;

use crate::{MigrationError, Migrator, Revision, state};

/// sqlx's default version table.
pub const VERSION_TABLE: &str = "_sqlx_migrations";

/// A folder of SQL migrations without a fault in it.
#[derive(Debug)]
pub struct SqlFiles {
    folder: Folder,
    limit: Duration,
}

/// A row of the version table.
#[derive(Debug, FromRow)]
pub(crate) struct Applied {
    version: i64,
    success: bool,
    checksum: Vec<u8>,
}

impl SqlFiles {
    /// Reads and judges the folder; `limit` bounds an upgrade or a downgrade.
    ///
    /// # Errors
    /// The first problem of [`Folder::read`].
    pub fn open(folder: &Path, limit: Duration) -> Result<Self, MigrationError> {
        let mut folder = Folder::read(folder)?;
        if folder.problems.is_empty() {
            return Ok(Self { folder, limit });
        }
        Err(MigrationError::Bad(folder.problems.swap_remove(0)))
    }

    /// Weighs the rows of the version table against the files.
    fn stand(&self, applied: &[Applied], table: &str) -> Result<Option<String>, MigrationError> {
        let id_of =
            |version: i64| self.folder.id(version).map_or_else(|| version.to_string(), ToOwned::to_owned);
        if let Some(dirty) = applied.iter().find(|row| !row.success) {
            return Err(MigrationError::Dirty { id: id_of(dirty.version), table: table.into() });
        }
        if let Some(ahead) = applied.iter().rev().find(|row| self.folder.up(row.version).is_none()) {
            return Err(MigrationError::Ahead {
                found: ahead.version.to_string(),
                head: self.head().unwrap_or("none").to_owned(),
            });
        }
        for row in applied {
            if self.folder.up(row.version).is_some_and(|up| *up.checksum != row.checksum) {
                let id = id_of(row.version);
                let file = self.revision(&id)?.file.clone();
                return Err(MigrationError::Checksum { id, file, table: table.into() });
            }
        }
        let Some(newest) = applied.iter().map(|row| row.version).max() else { return Ok(None) };
        let missing = self
            .folder
            .versions()
            .find(|version| *version < newest && !applied.iter().any(|row| row.version == *version));
        if let Some(missing) = missing {
            return Err(MigrationError::Hole {
                missing: id_of(missing),
                above: id_of(newest),
                table: table.into(),
            });
        }
        Ok(Some(id_of(newest)))
    }

    fn revision(&self, id: &str) -> Result<&Revision, MigrationError> {
        self.history().iter().find(|revision| revision.id == id).ok_or_else(|| {
            MigrationError::UnknownRevision {
                id: id.to_owned(),
                known: self.history().iter().map(|r| r.id.as_str()).collect::<Vec<_>>().join(", "),
            }
        })
    }
}

impl Migrator for SqlFiles {
    fn tool(&self) -> &'static str {
        "sqlx"
    }

    fn history(&self) -> &[Revision] {
        &self.folder.revisions
    }

    fn version_table(&self) -> &'static str {
        VERSION_TABLE
    }

    fn current<'a>(
        &'a self,
        reader: &'a mut Reader,
    ) -> BoxFuture<'a, Result<Option<String>, MigrationError>> {
        Box::pin(async move {
            let Some(table) = state::locate(reader, VERSION_TABLE).await? else { return Ok(None) };
            let sql = format!("SELECT version, success, checksum FROM {table} ORDER BY version");
            let applied: Vec<Applied> = reader.fetch(&sql).await?;
            self.stand(&applied, VERSION_TABLE)
        })
    }

    fn upgrade<'a>(
        &'a self,
        url: &'a DatabaseUrl,
        to: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, MigrationError>> {
        Box::pin(self.within("the upgrade", self.apply_to(url, to)))
    }

    fn downgrade<'a>(
        &'a self,
        url: &'a DatabaseUrl,
        to: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<String>, MigrationError>> {
        Box::pin(self.within("the downgrade", self.revert_to(url, to)))
    }
}
