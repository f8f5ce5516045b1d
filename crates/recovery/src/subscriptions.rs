//! Subscriptions of a copy: a database that has one cannot be dropped.

use sqlx::PgConnection;

use crate::error::RecoveryError;
use crate::properties::{identifier, run};

/// How many subscriptions a database has, told from any database of the server.
///
/// # Errors
/// When that cannot be read.
pub(crate) async fn count(control: &mut PgConnection, database: &str) -> Result<i64, RecoveryError> {
    let sql = "SELECT pg_catalog.count(*) FROM pg_catalog.pg_subscription s
               JOIN pg_catalog.pg_database d ON d.oid = s.subdbid WHERE d.datname = $1";
    Ok(sqlx::query_scalar(sql).bind(database).fetch_one(control).await?)
}

/// Takes away those of a copy, and leaves the slots at their publishers alone: the database that was dumped goes on with
/// these.
///
/// # Errors
/// When that is not permitted.
pub(crate) async fn remove(copy: &mut PgConnection) -> Result<(), RecoveryError> {
    let sql = "SELECT s.subname::text FROM pg_catalog.pg_subscription s
               JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
               WHERE d.datname = pg_catalog.current_database() ORDER BY 1";
    let names: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut *copy).await?;
    for name in names.iter().map(|name| identifier(name)) {
        for statement in [
            format!("ALTER SUBSCRIPTION {name} DISABLE"),
            format!("ALTER SUBSCRIPTION {name} SET (slot_name = NONE)"),
            format!("DROP SUBSCRIPTION {name}"),
        ] {
            run(copy, statement).await?;
        }
    }
    Ok(())
}
