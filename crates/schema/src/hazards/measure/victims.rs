//! Readers and writers that go on while a migration runs, and how long each of their statements took.

use std::time::{Duration, Instant};

use runbook::check::CheckError;
use runbook::context::classify;
use runbook::ephemeral::Ephemeral;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, FromRow};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::connect;
use super::run::send;

/// So many of the largest tables are read and written.
const TABLES: i64 = 3;

/// How long statements took that ran beside the migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Felt {
    /// How many there were.
    pub statements: usize,
    /// The median.
    pub p50: Duration,
    /// All but one in a hundred.
    pub p99: Duration,
    /// The slowest.
    pub most: Duration,
    /// How many were refused: the migration took away what they need.
    pub refused: usize,
}

#[derive(Debug, FromRow)]
struct Pair {
    reading: String,
    writing: String,
}

/// The traffic of a copy.
#[derive(Debug)]
pub struct Traffic {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<Result<Times, CheckError>>>,
}

/// How long each statement took, and how many were refused.
type Times = (Vec<Duration>, usize);

impl Traffic {
    /// Starts a reader and a writer of each of the largest tables.
    ///
    /// # Errors
    /// When a session cannot be had.
    pub async fn start(database: &Ephemeral) -> Result<Self, CheckError> {
        let mut session = connect(database).await?;
        let pairs: Vec<Pair> = sqlx::query_as(include_str!("victims.sql"))
            .bind(TABLES)
            .fetch_all(&mut session)
            .await
            .map_err(classify)?;
        let (stop, stopped) = watch::channel(false);
        let mut tasks = Vec::new();
        for sql in pairs.into_iter().flat_map(|pair| [pair.reading, pair.writing]) {
            let session = connect(database).await?;
            tasks.push(tokio::spawn(go_on(session, sql, stopped.clone())));
        }
        Ok(Self { stop, tasks })
    }

    /// Ends it.
    ///
    /// # Errors
    /// When a session was lost.
    pub async fn stop(self) -> Result<Felt, CheckError> {
        let _ = self.stop.send(true);
        let mut times = Vec::new();
        let mut refused = 0;
        for task in self.tasks {
            let (took, not) = task.await.map_err(|error| CheckError::Other(error.to_string()))??;
            times.extend(took);
            refused += not;
        }
        times.sort_unstable();
        let at = |share: usize| {
            let place = (times.len() * share).div_ceil(1000).saturating_sub(1);
            times.get(place).copied().unwrap_or_default()
        };
        Ok(Felt { statements: times.len(), p50: at(500), p99: at(990), most: at(1000), refused })
    }
}

async fn go_on(
    mut session: PgConnection,
    sql: String,
    stopped: watch::Receiver<bool>,
) -> Result<Times, CheckError> {
    let mut took = Vec::new();
    let mut refused = 0;
    loop {
        let began = Instant::now();
        if send(&mut session, &sql).await.is_err() {
            refused += 1;
        }
        took.push(began.elapsed());
        if *stopped.borrow() {
            return Ok((took, refused));
        }
        tokio::task::yield_now().await;
    }
}

/// Whether a statement of the application would wait now: it is tried with a lock time-out of next to nothing.
///
/// # Errors
/// When the session is lost.
pub async fn would_wait(database: &Ephemeral, sql: &str) -> Result<bool, CheckError> {
    let mut session = connect(database).await?;
    let text = format!("BEGIN; SET LOCAL lock_timeout = '20ms'; {sql}");
    let answer = sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut session).await;
    match answer.map(drop).map_err(classify) {
        Ok(()) => Ok(false),
        Err(CheckError::Interrupted(_)) => Ok(true),
        Err(error) => Err(error),
    }
}
