//! A read-only session: the only way in which a check sees a database.

mod opening;
mod plan;
mod sessions;

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{AssertSqlSafe, FromRow, PgConnection, Postgres, Row as _};

use crate::check::CheckError;
use crate::statement::{Catalogue, ReadStatement};

pub use opening::Opening;
pub use plan::Plan;
pub(crate) use sessions::Sessions;

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

/// How much longer than `statement_timeout` this side waits for an answer: a server that is cut off does not
/// send its own time-out.
const GRACE: Duration = Duration::from_secs(5);

/// Where every statement starts from. Going back to it after an error keeps the transaction and its snapshot
/// (REPEATABLE READ takes one for the whole transaction), and frees what locks the failed statement took.
const START: &str = "runbook_start";

/// What makes the server spell a definition in one way, whatever the role, the database or the session set: every name
/// that is not `pg_catalog`'s own with its schema, dates, bytes and money as they are written nowhere else. `pg_dump` does so.
const SPELLING: &str = "SET LOCAL search_path = pg_catalog; SET LOCAL datestyle = 'ISO, YMD'; \
    SET LOCAL intervalstyle = postgres; SET LOCAL timezone = 'UTC'; SET LOCAL bytea_output = hex; \
    SET LOCAL xmloption = content; SET LOCAL lc_monetary = 'C'; SET LOCAL extra_float_digits = 1; \
    SET LOCAL quote_all_identifiers = off";

/// And back to what the session had.
const OWN_SPELLING: &str = "SET LOCAL search_path TO DEFAULT; SET LOCAL datestyle TO DEFAULT; \
    SET LOCAL intervalstyle TO DEFAULT; SET LOCAL timezone TO DEFAULT; SET LOCAL bytea_output TO DEFAULT; \
    SET LOCAL xmloption TO DEFAULT; SET LOCAL lc_monetary TO DEFAULT; SET LOCAL extra_float_digits TO DEFAULT; \
    SET LOCAL quote_all_identifiers TO DEFAULT";

/// An open READ ONLY transaction that takes one parsed SELECT, EXPLAIN or SHOW at a time
/// ([`ReadStatement`]), and nothing else. Dropping it rolls back.
///
/// Each statement goes over the extended protocol, unnamed: it works through a pooler in transaction mode. A
/// statement that fails does not end the session: the next one sees the same snapshot.
pub struct Reader {
    session: sessions::Session,
    catalogue: Arc<Catalogue>,
    limits: ReadLimits,
    /// Whether the server is known to find no name without a schema but its own: see [`Self::spell_out`].
    own_names: bool,
}

impl Reader {
    /// Runs one reading statement and returns its rows.
    ///
    /// # Errors
    /// When the statement is refused, or the database answers with an error; the session goes on after both.
    /// It does not when the connection is lost, or no answer comes in time: open another reader.
    pub async fn rows(&mut self, sql: &str, arguments: PgArguments) -> Result<Vec<PgRow>, CheckError> {
        let statement = ReadStatement::parse_cached(sql)?;
        self.run(&statement, arguments).await
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

    /// As [`Self::rows`], giving each row to `each` as it comes: a result of any size in little memory.
    ///
    /// # Errors
    /// As [`Self::rows`], and the first error of `each`.
    pub async fn for_each(
        &mut self,
        sql: &str,
        arguments: PgArguments,
        mut each: impl FnMut(&PgRow) -> Result<(), sqlx::Error>,
    ) -> Result<(), CheckError> {
        let statement = ReadStatement::parse_cached(sql)?;
        self.catalogue.judge(&statement, self.own_names)?;
        let query = sqlx::query_with(AssertSqlSafe(statement.sql().to_owned()), arguments).persistent(false);
        let work = async |connection: &mut PgConnection| {
            let mut rows = query.fetch(connection);
            let mut wrong = None;
            // Read to the end also after an error of ours: the rest is on its way.
            while let Some(row) = rows.try_next().await? {
                if wrong.is_none() {
                    wrong = each(&row).err();
                }
            }
            wrong.map_or(Ok(()), Err)
        };
        let limit = self.limits.statement + GRACE;
        if let Err(error) = self.session.bounded(limit, work).await? {
            self.own_names = false;
            let _ = self.session.control(format!("ROLLBACK TO SAVEPOINT {START}")).await;
            return Err(crate::context::classify(error));
        }
        Ok(())
    }

    /// Whether the server is to spell definitions in the one way that does not depend on the session's settings, as
    /// `pg_dump` has it do: every name with its schema, and none found without one but its own. Ends with the transaction, or
    /// with a statement that fails.
    ///
    /// # Errors
    /// When the session is gone.
    pub async fn spell_out(&mut self, on: bool) -> Result<(), CheckError> {
        self.own_names = false;
        self.session.control(if on { SPELLING } else { OWN_SPELLING }.to_owned()).await?;
        self.own_names = on;
        Ok(())
    }

    /// Exports the transaction's snapshot, for `pg_dump --snapshot` or another session that is to see the very same
    /// rows. It is valid for as long as this reader is open. The guard refuses the function in a statement; here
    /// it is a method, since all it does is to name what is read.
    ///
    /// # Errors
    /// As [`Self::rows`].
    pub async fn export_snapshot(&mut self) -> Result<String, CheckError> {
        // A snapshot cannot be exported below a savepoint.
        self.session.control(format!("RELEASE SAVEPOINT {START}")).await?;
        let query = sqlx::query_scalar("SELECT pg_catalog.pg_export_snapshot()").persistent(false);
        let limit = self.limits.statement + GRACE;
        let answer =
            self.session.bounded(limit, async |connection| query.fetch_one(connection).await).await?;
        let name = answer.map_err(crate::context::classify)?;
        self.session.control(format!("SAVEPOINT {START}")).await?;
        Ok(name)
    }

    /// Sets what the planner may use, until [`Self::release`] or a statement that fails.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn plan(&mut self, plan: Plan) -> Result<(), CheckError> {
        self.session.control(plan.text().to_owned()).await
    }

    /// Lets go of what the statements so far have locked; the snapshot stays. Others wait for an `ALTER TABLE` no
    /// longer than for the statement that reads the table.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn release(&mut self) -> Result<(), CheckError> {
        self.own_names = false;
        self.session.control(format!("ROLLBACK TO SAVEPOINT {START}")).await
    }

    /// Judges a parsed statement by the catalogue of this database, and runs it.
    pub(crate) async fn run(
        &mut self,
        statement: &ReadStatement,
        arguments: PgArguments,
    ) -> Result<Vec<PgRow>, CheckError> {
        self.catalogue.judge(statement, self.own_names)?;
        // Not persistent: a named prepared statement does not survive a pooler in transaction mode.
        let query = sqlx::query_with(AssertSqlSafe(statement.sql().to_owned()), arguments).persistent(false);
        let limit = self.limits.statement + GRACE;
        match self.session.bounded(limit, async |connection| query.fetch_all(connection).await).await? {
            Ok(rows) => Ok(rows),
            Err(error) => {
                self.own_names = false;
                // Where the session is gone there is nothing to go back to: what is told is the first error.
                let _ = self.session.control(format!("ROLLBACK TO SAVEPOINT {START}")).await;
                Err(crate::context::classify(error))
            }
        }
    }
}

fn gone() -> CheckError {
    CheckError::Other("the session of this reader is gone; open another one".into())
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}
