//! One deployer at a time: sqlx's own advisory lock, held for alembic as well.

use std::time::Duration;

use runbook::secret::DatabaseUrl;
use sqlx::migrate::Migrate as _;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};

use crate::MigrationError;

/// Connects, bounds every statement and the wait for a lock by `limit`, and waits for the other deployer.
/// Closing the connection lets go of the lock, whatever happened.
///
/// # Errors
/// When the database cannot be reached, or somebody else deploys for longer than `limit`.
pub(crate) async fn connect(url: &DatabaseUrl, limit: Duration) -> Result<PgConnection, MigrationError> {
    let mut connection = url.connect_options().application_name("runbook").connect().await?;
    let millis = limit.as_millis();
    let bounds = format!("SET statement_timeout = {millis}; SET lock_timeout = {millis}");
    sqlx::raw_sql(AssertSqlSafe(bounds)).execute(&mut connection).await?;
    connection.lock().await.map_err(|error| match error {
        sqlx::migrate::MigrateError::Execute(error) => {
            match error.as_database_error().and_then(|e| e.code()).as_deref() {
                Some("55P03" | "57014") => MigrationError::TimedOut {
                    what: "waiting for another deployment of this database".into(),
                    limit,
                },
                _ => error.into(),
            }
        }
        other => MigrationError::VersionTable(other.to_string()),
    })?;
    Ok(connection)
}
