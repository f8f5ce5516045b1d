//! A read-only session: the only way in which a check sees a database.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{AssertSqlSafe, FromRow, Postgres, Row as _};

use crate::check::CheckError;
use crate::statement::ReadStatement;

/// How long a reader's statements may take, wait for a lock, and idle. Each is sent to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimits {
    /// `statement_timeout`.
    pub statement: Duration,
    /// `lock_timeout`.
    pub lock: Duration,
    /// `idle_in_transaction_session_timeout`.
    pub idle: Duration,
}

/// An open READ ONLY transaction that takes one parsed SELECT, EXPLAIN or SHOW at a time
/// ([`ReadStatement`]), and nothing else. Dropping it rolls back.
pub struct Reader {
    connection: PoolConnection<Postgres>,
}

impl Reader {
    /// Opens the transaction on a connection and sets its limits.
    pub(crate) async fn open(
        mut connection: PoolConnection<Postgres>,
        limits: ReadLimits,
    ) -> Result<Self, CheckError> {
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = {}; \
             SET LOCAL lock_timeout = {}; SET LOCAL idle_in_transaction_session_timeout = {}",
            limits.statement.as_millis(),
            limits.lock.as_millis(),
            limits.idle.as_millis()
        );
        sqlx::raw_sql(AssertSqlSafe(begin)).execute(&mut *connection).await?;
        Ok(Self { connection })
    }

    /// Runs one reading statement and returns its rows.
    ///
    /// # Errors
    /// When the statement is refused, or the database answers with an error. After a database error the
    /// transaction is aborted: open another reader.
    pub async fn rows(&mut self, sql: &str, arguments: PgArguments) -> Result<Vec<PgRow>, CheckError> {
        let statement = ReadStatement::parse(sql)?;
        // Not persistent: a named prepared statement does not survive a pooler in transaction mode.
        let query = sqlx::query_with(AssertSqlSafe(statement.sql().to_owned()), arguments).persistent(false);
        query.fetch_all(&mut *self.connection).await.map_err(crate::context::classify)
    }

    /// Exports the transaction's snapshot, for `pg_dump --snapshot` or another session that is to see the very same
    /// rows. It is valid for as long as this reader is open. The guard refuses the function in a statement; here
    /// it is a method, since all it does is to name what is read.
    ///
    /// # Errors
    /// As [`Self::rows`].
    pub async fn export_snapshot(&mut self) -> Result<String, CheckError> {
        let query = sqlx::query_scalar("SELECT pg_catalog.pg_export_snapshot()").persistent(false);
        query.fetch_one(&mut *self.connection).await.map_err(crate::context::classify)
    }

    /// [`Self::rows`] without parameters, as a typed row.
    ///
    /// # Errors
    /// As [`Self::rows`], and when a row has not the shape of `T`.
    pub async fn fetch<T>(&mut self, sql: &str) -> Result<Vec<T>, CheckError>
    where
        T: for<'r> FromRow<'r, PgRow>,
    {
        self.fetch_with(sql, PgArguments::default()).await
    }

    /// [`Self::rows`] as a typed row.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn fetch_with<T>(&mut self, sql: &str, arguments: PgArguments) -> Result<Vec<T>, CheckError>
    where
        T: for<'r> FromRow<'r, PgRow>,
    {
        let rows = self.rows(sql, arguments).await?;
        rows.iter().map(|row| T::from_row(row).map_err(CheckError::Database)).collect()
    }

    /// The one value of the one row that `sql` gives.
    ///
    /// # Errors
    /// As [`Self::rows`], and when there is not exactly one row.
    pub async fn scalar<T>(&mut self, sql: &str) -> Result<T, CheckError>
    where
        T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
    {
        let rows = self.rows(sql, PgArguments::default()).await?;
        match rows.as_slice() {
            [row] => Ok(row.try_get(0)?),
            other => Err(CheckError::Other(format!("{} rows where one was expected", other.len()))),
        }
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}
