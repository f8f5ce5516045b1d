//! Applying and reverting under sqlx's advisory lock, one transaction a revision.

use runbook::secret::DatabaseUrl;
use sqlx::migrate::{Migrate as _, MigrateError, Migration};
use sqlx::postgres::PgDatabaseError;
use sqlx::{Connection as _, PgConnection};

use super::run::{self, Broken};
use super::{Applied, SqlFiles, VERSION_TABLE, line};
use crate::{MigrationError, Migrator as _, lock, state};

impl SqlFiles {
    /// Bounds the whole of `work`, the wait for the other deployer included.
    pub(super) async fn within<T>(
        &self,
        what: &str,
        work: impl Future<Output = Result<T, MigrationError>> + Send,
    ) -> Result<T, MigrationError> {
        match tokio::time::timeout(self.limit, work).await {
            Ok(result) => result,
            Err(_) => Err(MigrationError::TimedOut { what: what.into(), limit: self.limit }),
        }
    }

    pub(super) async fn apply_to(&self, url: &DatabaseUrl, to: &str) -> Result<Vec<String>, MigrationError> {
        let target = self.version_of(to)?;
        let mut connection = lock::connect(url, self.limit).await?;
        let current = self.locked_stand(&mut connection).await?;
        let mut done = Vec::new();
        for revision in self.pending(current.as_deref()) {
            let version = self.version_of(&revision.id)?;
            let Some(migration) = self.folder.up(version).filter(|_| version <= target) else { break };
            run::run(&mut connection, migration)
                .await
                .map_err(|error| failed(&revision.id, &revision.file, migration, error))?;
            done.push(revision.id.clone());
        }
        connection.close().await?;
        Ok(done)
    }

    pub(super) async fn revert_to(
        &self,
        url: &DatabaseUrl,
        to: Option<&str>,
    ) -> Result<Vec<String>, MigrationError> {
        let target = to.map_or(Ok(i64::MIN), |id| self.version_of(id))?;
        let mut connection = lock::connect(url, self.limit).await?;
        let current = self.locked_stand(&mut connection).await?;
        let newest = current.map_or(Ok(i64::MIN), |id| self.version_of(&id))?;
        let mut steps = Vec::new();
        // All ways back are looked up before the first is gone: a half reverted database helps nobody.
        for revision in self.history().iter().rev() {
            let version = self.version_of(&revision.id)?;
            if version > newest || version <= target {
                continue;
            }
            let Some((migration, file)) = self.folder.down(version) else {
                let file = revision.file.clone();
                return Err(MigrationError::Irreversible { id: revision.id.clone(), file });
            };
            steps.push((revision, migration, file));
        }
        let mut done = Vec::new();
        for (revision, migration, file) in steps {
            run::run(&mut connection, migration)
                .await
                .map_err(|error| failed(&revision.id, file, migration, error))?;
            done.push(revision.id.clone());
        }
        connection.close().await?;
        Ok(done)
    }

    /// What the version table says now that nobody else may change it.
    async fn locked_stand(&self, connection: &mut PgConnection) -> Result<Option<String>, MigrationError> {
        let places: Vec<(String, bool)> =
            sqlx::query_as(state::LOCATE).bind(VERSION_TABLE).fetch_all(&mut *connection).await?;
        state::first(places)?;
        connection.ensure_migrations_table(VERSION_TABLE).await.map_err(|error| match error {
            MigrateError::Execute(error) => error.into(),
            other => MigrationError::VersionTable(other.to_string()),
        })?;
        let applied: Vec<Applied> =
            sqlx::query_as("SELECT version, success, checksum FROM _sqlx_migrations ORDER BY version")
                .fetch_all(connection)
                .await?;
        self.stand(&applied, VERSION_TABLE)
    }

    fn version_of(&self, id: &str) -> Result<i64, MigrationError> {
        self.revision(id)?;
        self.folder
            .version(id)
            .ok_or_else(|| MigrationError::UnknownRevision { id: id.into(), known: "none".into() })
    }
}

/// The database's words about a migration, with the statement and its line; the line of the fault itself where the
/// database named a position.
fn failed(id: &str, file: &std::path::Path, migration: &Migration, broken: Broken) -> MigrationError {
    let Broken { statement, error } = broken;
    let statement = statement.and_then(|number| run::statement(migration.sql.as_str(), number));
    let position = error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
        .and_then(|error| match error.position() {
            Some(sqlx::postgres::PgErrorPosition::Original(position)) => Some(position),
            _ => None,
        });
    let place = match position {
        Some(position) => {
            format!("{}:{}", file.display(), line::of_character(migration.sql.as_str(), position))
        }
        None => match &statement {
            Some((line, _)) => format!("{}:{line}", file.display()),
            None => file.display().to_string(),
        },
    };
    let mut message = runbook::context::describe(&error);
    if let Some((_, text)) = statement {
        message = format!("{message}, in `{text}`");
    }
    MigrationError::Failed { id: id.into(), place, message }
}
