//! An ephemeral database: ours, so anything goes.

use std::sync::Arc;

use sqlx::postgres::{PgArguments, PgPool, PgPoolOptions, PgRow};

use crate::check::CheckError;
use crate::reader::{Opening, ReadLimits, Reader, Sessions};
use crate::secret::DatabaseUrl;
use crate::statement::ReadStatement;

/// The comment on a database by which it is known to be ours to destroy. The harness sets it when it creates
/// one; [`Ephemeral::adopt`] refuses a database without it.
pub const MARK: &str = "ephemeral: made by runbook, removed with its run";

/// A database that was made for this run. Only one that carries [`MARK`] can become one.
#[derive(Clone)]
pub struct Ephemeral {
    sessions: Sessions,
    url: Arc<DatabaseUrl>,
}

impl Ephemeral {
    /// Connects and checks the mark.
    ///
    /// # Errors
    /// When the database cannot be reached or does not carry [`MARK`].
    pub async fn adopt(url: DatabaseUrl, limits: ReadLimits) -> Result<Self, CheckError> {
        let options = url.connect_options().application_name("runbook");
        let pool = PgPoolOptions::new()
            .max_connections(5)
            .min_connections(0)
            // The pool is young and the server is ours: a ping before each use would only cost time.
            .test_before_acquire(false)
            .acquire_timeout(limits.statement)
            .connect_with(options)
            .await
            .map_err(crate::context::classify)?;
        let mut connection = pool.acquire().await.map_err(crate::context::classify)?;
        // By the simple protocol: one round trip, and nothing to prepare, before each test.
        let marks =
            sqlx::raw_sql(include_str!("ephemeral_mark.sql")).fetch_optional(&mut *connection).await?;
        let mark = marks.map(|row| sqlx::Row::try_get::<String, _>(&row, 0)).transpose()?;
        // Dropped, it would go back at some later time, and whoever asks first would open another one.
        connection.return_to_pool().await;
        if mark.as_deref() != Some(MARK) {
            return Err(CheckError::Other(format!(
                "{url} is not an ephemeral database: it lacks the comment by which runbook knows its own"
            )));
        }
        Ok(Self { sessions: Sessions::of(pool, limits), url: Arc::new(url) })
    }

    /// Connections that may do anything.
    pub fn pool(&self) -> &PgPool {
        self.sessions.pool()
    }

    /// Runs statements that may do anything, separated by semicolons, as one simple query. Unlike a session that is used
    /// through [`Self::pool`], which goes back at some later time, this one is there for whoever asks next: a new one
    /// costs the server more than most questions.
    ///
    /// # Errors
    /// When no connection can be had, or a statement fails.
    pub async fn execute(&self, sql: &str) -> Result<(), CheckError> {
        self.sessions.execute(sql).await
    }

    /// The address, for child processes.
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// Runs `EXPLAIN (ANALYZE …)` of a reading statement in a session of its own: it runs the statement, so it is
    /// here and not on a [`Reader`], which a live target gives too.
    ///
    /// # Errors
    /// As [`Reader::rows`].
    pub async fn analyze(&self, sql: &str, arguments: PgArguments) -> Result<Vec<PgRow>, CheckError> {
        let statement = ReadStatement::parse_analyze(sql)?;
        self.reader().await?.run(&statement, arguments).await
    }

    /// Opens a read-only session, the same as a live target gives.
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn reader(&self) -> Result<Reader, CheckError> {
        self.reader_with(&Opening::default()).await
    }

    /// Opens a read-only session with limits or a snapshot of its own.
    ///
    /// # Errors
    /// When no connection can be had, or the snapshot is no longer there.
    pub async fn reader_with(&self, opening: &Opening) -> Result<Reader, CheckError> {
        self.sessions.reader(opening).await
    }
}

impl std::fmt::Debug for Ephemeral {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Ephemeral").field(&self.url).finish()
    }
}
