//! A live database (staging, production): it hands out read-only sessions and nothing else.

mod failure;

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::check::CheckError;
use crate::reader::{Opening, ReadLimits, Reader, Sessions};
use crate::secret::DatabaseUrl;
use crate::wait;

/// How long one attempt to connect may take: address lookup, TLS and the password included.
const ATTEMPT: Duration = Duration::from_secs(10);

/// How long [`Live::connect`] waits for a server that says that it is still starting up.
pub const STARTUP: Duration = Duration::from_secs(30);

/// A database that others use. It has no way to write: see invariant 3 in `ARCHITECTURE.md`.
///
/// It gives no pool, and so no connection:
///
/// ```compile_fail,E0599
/// fn write(live: &runbook::live::Live) {
///     live.pool();
/// }
/// ```
///
/// Nor can it stand where an ephemeral database is wanted:
///
/// ```compile_fail,E0308
/// fn truncate(_: &runbook::ephemeral::Ephemeral) {}
/// fn mistake(live: &runbook::live::Live) {
///     truncate(live);
/// }
/// ```
///
/// What it gives is a reader:
///
/// ```
/// async fn read(live: &runbook::live::Live) -> Result<i64, runbook::check::CheckError> {
///     live.reader().await?.scalar("SELECT count(*) FROM pg_catalog.pg_class").await
/// }
/// ```
#[derive(Clone)]
pub struct Live {
    sessions: Sessions,
    shown: String,
}

impl Live {
    /// Connects, waiting up to [`STARTUP`] for a server that is still starting. Each session carries the
    /// `application_name` `runbook`, and no startup parameter that a pooler in transaction mode refuses.
    ///
    /// # Errors
    /// In one sentence, without the password: unreachable, wrong password, certificate, starting up …
    pub async fn connect(url: &DatabaseUrl, limits: ReadLimits) -> Result<Self, CheckError> {
        Self::connect_within(url, limits, STARTUP).await
    }

    /// As [`Self::connect`], waiting up to `startup` for a server that is still starting.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn connect_within(
        url: &DatabaseUrl,
        limits: ReadLimits,
        startup: Duration,
    ) -> Result<Self, CheckError> {
        let plain = url
            .connect_options()
            .application_name("runbook")
            .extra_float_digits(None)
            .statement_cache_capacity(0);
        // A second lock beside READ ONLY transactions, where the server itself answers and not a pooler.
        let guarded = plain.clone().options([("default_transaction_read_only", "on")]);
        let mut options = guarded.clone();
        if let Err(error) = ready(url, &guarded, startup).await? {
            if !failure::is_refused_parameter(&error) {
                return Err(failure::explain(url, &error));
            }
            ready(url, &plain, startup).await?.map_err(|error| failure::explain(url, &error))?;
            options = plain;
        }
        let pool = PgPoolOptions::new()
            // As many as one check needs at the most: a session for the catalogue, one that holds a snapshot, and the
            // three that `[integrity] connections` allows.
            .max_connections(5)
            .min_connections(0)
            .acquire_timeout(limits.statement.max(ATTEMPT))
            .connect_lazy_with(options);
        Ok(Self { sessions: Sessions::of(pool, limits), shown: url.to_string() })
    }

    /// Opens a read-only session.
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

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Live").field(&self.shown).finish()
    }
}

/// Connects once, and again for as long as the server says that it is starting. The inner error is the server's
/// last word; the outer one a time limit.
async fn ready(
    url: &DatabaseUrl,
    options: &PgConnectOptions,
    startup: Duration,
) -> Result<Result<(), sqlx::Error>, CheckError> {
    let first = attempt(url, options).await?;
    let Err(last) = first else { return Ok(Ok(())) };
    if !failure::is_starting_up(&last) {
        return Ok(Err(last));
    }
    let waited = wait::until("the server accepting connections", startup, || async {
        match attempt(url, options).await {
            Ok(Err(error)) if failure::is_starting_up(&error) => Err(crate::context::describe(&error)),
            other => Ok(other),
        }
    });
    match waited.await {
        Ok(answer) => answer,
        Err(_) => Err(failure::still_starting(url, startup, &crate::context::describe(&last))),
    }
}

async fn attempt(
    url: &DatabaseUrl,
    options: &PgConnectOptions,
) -> Result<Result<(), sqlx::Error>, CheckError> {
    match tokio::time::timeout(ATTEMPT, options.connect()).await {
        Ok(Ok(connection)) => {
            // It was asked for nothing; how it says goodbye does not matter.
            let _ = tokio::time::timeout(ATTEMPT, connection.close()).await;
            Ok(Ok(()))
        }
        Ok(Err(error)) => Ok(Err(error)),
        Err(_) => Err(failure::no_answer(url, ATTEMPT)),
    }
}
