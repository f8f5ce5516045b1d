//! An alembic project, run by alembic in a child process.

mod child;
mod graph;
mod program;
mod project;

use std::path::{Path, PathBuf};
use std::time::Duration;

use runbook::context::BoxFuture;
use runbook::reader::Reader;
use runbook::secret::DatabaseUrl;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

pub use program::Program;
pub use project::Project;

use crate::{MigrationError, Migrator, Revision, lock, state};

/// alembic's default version table.
pub const VERSION_TABLE: &str = "alembic_version";

/// An alembic project whose revisions form one line.
#[derive(Debug)]
pub struct Alembic {
    program: Program,
    folder: PathBuf,
    revisions: Vec<Revision>,
    limit: Duration,
}

impl Alembic {
    /// Finds alembic and reads the project's revisions; `root` is the folder of the settings, `limit` bounds
    /// each child process.
    ///
    /// # Errors
    /// When alembic is not installed, and the first problem of [`Project::read`].
    pub fn open(root: &Path, folder: &Path, limit: Duration) -> Result<Self, MigrationError> {
        let program = Program::find(root)?;
        let folder = &std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let mut project = Project::read(&program, folder, limit)?;
        if !project.problems.is_empty() {
            return Err(MigrationError::Bad(project.problems.swap_remove(0)));
        }
        Ok(Self { program, folder: folder.to_owned(), revisions: project.revisions, limit })
    }

    /// Weighs the rows of the version table against the files.
    fn stand(&self, rows: &[String]) -> Result<Option<String>, MigrationError> {
        let [id] = rows else {
            return match rows.len() {
                // alembic leaves the table behind, empty, when it reverts the first revision.
                0 => Ok(None),
                many => Err(MigrationError::VersionTable(format!(
                    "{VERSION_TABLE} holds {many} revisions ({}) where one belongs; find out which branches were \
                     applied and leave the row of one head",
                    rows.join(", ")
                ))),
            };
        };
        if self.position(id).is_none() {
            return Err(MigrationError::Ahead {
                found: id.clone(),
                head: self.head().unwrap_or("none").to_owned(),
            });
        }
        Ok(Some(id.clone()))
    }

    fn position(&self, id: &str) -> Option<usize> {
        self.revisions.iter().position(|revision| revision.id == id)
    }

    fn known(&self, id: &str) -> Result<usize, MigrationError> {
        self.position(id).ok_or_else(|| MigrationError::UnknownRevision {
            id: id.to_owned(),
            known: self.revisions.iter().map(|r| r.id.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// How many revisions are applied, read on the connection that holds the lock.
    async fn locked_count(&self, connection: &mut PgConnection) -> Result<usize, MigrationError> {
        let places: Vec<(String, bool)> =
            sqlx::query_as(state::LOCATE).bind(VERSION_TABLE).fetch_all(&mut *connection).await?;
        let Some(table) = state::first(places)? else { return Ok(0) };
        let sql = AssertSqlSafe(format!("SELECT version_num::text FROM {table} ORDER BY 1"));
        let rows: Vec<String> = sqlx::query_scalar(sql).fetch_all(connection).await?;
        Ok(self.stand(&rows)?.and_then(|id| self.position(&id)).map_or(0, |at| at + 1))
    }

    async fn apply_to(&self, url: &DatabaseUrl, to: &str) -> Result<Vec<String>, MigrationError> {
        let target = self.known(to)? + 1;
        let mut connection = lock::connect(url, self.limit).await?;
        let before = self.locked_count(&mut connection).await?;
        let mut done = Vec::new();
        if before < target {
            self.program.run(&self.folder, url, &["upgrade", to], self.limit).await?;
            let after = self.locked_count(&mut connection).await?;
            let applied = self.revisions.get(before..after).unwrap_or_default();
            done.extend(applied.iter().map(|revision| revision.id.clone()));
        }
        connection.close().await?;
        Ok(done)
    }

    async fn revert_to(&self, url: &DatabaseUrl, to: Option<&str>) -> Result<Vec<String>, MigrationError> {
        let target = to.map_or(Ok(0), |id| self.known(id).map(|at| at + 1))?;
        let mut connection = lock::connect(url, self.limit).await?;
        let before = self.locked_count(&mut connection).await?;
        let steps = self.revisions.get(target..before).unwrap_or_default();
        if let Some(stuck) = steps.iter().rev().find(|revision| !revision.reversible) {
            return Err(MigrationError::Irreversible { id: stuck.id.clone(), file: stuck.file.clone() });
        }
        let mut done = Vec::new();
        if !steps.is_empty() {
            self.program.run(&self.folder, url, &["downgrade", to.unwrap_or("base")], self.limit).await?;
            let after = self.locked_count(&mut connection).await?;
            let reverted = self.revisions.get(after..before).unwrap_or_default();
            done.extend(reverted.iter().rev().map(|revision| revision.id.clone()));
        }
        connection.close().await?;
        Ok(done)
    }
}

impl Migrator for Alembic {
    fn tool(&self) -> &'static str {
        "alembic"
    }

    fn history(&self) -> &[Revision] {
        &self.revisions
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
            let sql = format!("SELECT version_num::text FROM {table} ORDER BY 1");
            let rows: Vec<(String,)> = reader.fetch(&sql).await?;
            let ids: Vec<String> = rows.into_iter().map(|(id,)| id).collect();
            self.stand(&ids)
        })
    }

    fn upgrade<'a>(
        &'a self,
        url: &'a DatabaseUrl,
        to: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, MigrationError>> {
        Box::pin(self.apply_to(url, to))
    }

    fn downgrade<'a>(
        &'a self,
        url: &'a DatabaseUrl,
        to: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<String>, MigrationError>> {
        Box::pin(self.revert_to(url, to))
    }
}
