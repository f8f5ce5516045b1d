//! Where readers have their sessions from, and how these come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::AssertSqlSafe;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool, Postgres};
use tokio::sync::{OnceCell, watch};

use super::{GRACE, Opening, ReadLimits, Reader, gone};
use crate::check::CheckError;
use crate::statement::Catalogue;

/// How long a session on its way back is waited for before another one is opened.
const RETURN: Duration = Duration::from_millis(100);

/// How long one is waited for that somebody else used and may be giving back: it is not seen whether they are.
const UNSEEN: Duration = Duration::from_millis(5);

/// The sessions of one database: its pool, their limits, and what they need to know of its functions.
#[derive(Debug, Clone)]
pub(crate) struct Sessions {
    pool: PgPool,
    limits: ReadLimits,
    catalogue: Arc<OnceCell<Arc<Catalogue>>>,
    /// How many are on their way back.
    returning: Arc<watch::Sender<usize>>,
    /// How many were taken here and are not back yet.
    out: Arc<AtomicU32>,
}

impl Sessions {
    pub(crate) fn of(pool: PgPool, limits: ReadLimits) -> Self {
        Self { pool, limits, catalogue: Arc::default(), returning: Arc::default(), out: Arc::default() }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Opens a reader. The catalogue is loaded by the first.
    pub(crate) async fn reader(&self, opening: &Opening) -> Result<Reader, CheckError> {
        let limits = opening.limits(self.limits);
        let text = opening.text(limits)?;
        let mut session = self.session().await?;
        let connection = session.connection()?;
        let limit = limits.statement + GRACE;
        tokio::time::timeout(limit, sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *connection))
            .await
            .map_err(|_| no_server(limit))?
            .map_err(crate::context::classify)?;
        let catalogue = self
            .catalogue
            .get_or_try_init(|| async { Catalogue::load(connection).await.map(Arc::new) })
            .await?;
        let catalogue = Arc::clone(catalogue);
        session.busy = false;
        Ok(Reader { session, catalogue, limits, own_names: false })
    }

    /// A reader that was dropped gives its session back in a task. Whoever asks meanwhile waits for it: a new one costs the
    /// server more than most questions, and a check after the other would open as many as there may be.
    async fn session(&self) -> Result<Session, CheckError> {
        let (connection, out) = self.connection().await?;
        let returning = Arc::clone(&self.returning);
        Ok(Session { connection: Some(connection), busy: true, returning, out: Some(out) })
    }

    async fn connection(&self) -> Result<(PoolConnection<Postgres>, Out), CheckError> {
        let mut returning = self.returning.subscribe();
        let _ = tokio::time::timeout(RETURN, returning.wait_for(|count| *count == 0)).await;
        // The pool itself gives back in a task as well.
        let elsewhere = || self.pool.num_idle() == 0 && self.pool.size() > self.out.load(Ordering::Relaxed);
        let _ = crate::wait::until("a session is back", UNSEEN, || {
            let elsewhere = elsewhere();
            async move { if elsewhere { Err("in use") } else { Ok(()) } }
        })
        .await;
        let out = Out::one(&self.out);
        let connection = self.pool.acquire().await.map_err(crate::context::classify)?;
        Ok((connection, out))
    }

    /// Runs statements that may do anything; the session is back in the pool when this returns.
    pub(crate) async fn execute(&self, sql: &str) -> Result<(), CheckError> {
        let (mut connection, _out) = self.connection().await?;
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut *connection).await;
        connection.return_to_pool().await;
        done.map(drop).map_err(crate::context::classify)
    }
}

/// A session that was taken, for as long as this lives.
struct Out(Arc<AtomicU32>);

impl Out {
    fn one(out: &Arc<AtomicU32>) -> Self {
        out.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(out))
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A pooler takes every connection, and lets it wait for a server at its first statement.
fn no_server(limit: Duration) -> CheckError {
    CheckError::Interrupted(format!(
        "no transaction could be begun within {} s; where a pooler stands before the server, it has no connection left",
        limit.as_secs_f64()
    ))
}

/// The connection of a reader, in its transaction. One whose answer is still due (the future was dropped
/// half-way, the server did not answer) is closed, not given back to the pool.
pub(super) struct Session {
    connection: Option<PoolConnection<Postgres>>,
    busy: bool,
    returning: Arc<watch::Sender<usize>>,
    out: Option<Out>,
}

impl Session {
    fn connection(&mut self) -> Result<&mut PgConnection, CheckError> {
        self.connection.as_deref_mut().ok_or_else(gone)
    }

    pub(super) async fn bounded<T>(
        &mut self,
        limit: Duration,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<Result<T, sqlx::Error>, CheckError> {
        if self.busy {
            return Err(gone());
        }
        self.busy = true;
        let answer = tokio::time::timeout(limit, work(self.connection()?)).await.map_err(|_| {
            CheckError::Interrupted(format!("the server did not answer within {} s", limit.as_secs_f64()))
        })?;
        self.busy = false;
        Ok(answer)
    }

    /// Sends a constant of this module. Without an answer, the session is gone.
    pub(super) async fn control(&mut self, text: String) -> Result<(), CheckError> {
        let work = async |connection: &mut PgConnection| {
            sqlx::raw_sql(AssertSqlSafe(text)).execute(connection).await.map(|_| ())
        };
        let answer = self.bounded(GRACE, work).await?;
        self.busy = answer.is_err();
        answer.map_err(crate::context::classify)
    }
}

impl Drop for Session {
    /// Rolls back and gives the connection back to the pool, in a task; without a runtime, closes it.
    fn drop(&mut self) {
        let session = Closing(self.connection.take());
        if let (false, Ok(runtime)) = (self.busy, tokio::runtime::Handle::try_current()) {
            let underway = Underway::start(&self.returning);
            let out = self.out.take();
            runtime.spawn(async move {
                session.roll_back().await;
                drop((out, underway));
            });
        }
    }
}

/// A session on its way back, for as long as this lives.
struct Underway(Arc<watch::Sender<usize>>);

impl Underway {
    fn start(returning: &Arc<watch::Sender<usize>>) -> Self {
        returning.send_modify(|count| *count += 1);
        Self(Arc::clone(returning))
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// A connection that is closed unless its transaction was ended first: also when the runtime ends before the task.
struct Closing(Option<PoolConnection<Postgres>>);

impl Closing {
    async fn roll_back(mut self) {
        if let Some(connection) = self.0.as_deref_mut()
            && let Ok(Ok(_)) =
                tokio::time::timeout(GRACE, sqlx::raw_sql("ROLLBACK").execute(connection)).await
            && let Some(mut connection) = self.0.take()
        {
            connection.return_to_pool().await;
        }
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}
