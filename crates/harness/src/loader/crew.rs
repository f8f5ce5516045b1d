//! The connections that a large load works with, and what they do: one thing after the other, several at a time.

use std::sync::Arc;

use futures_util::future::try_join_all;
use runbook::secret::DatabaseUrl;
use sqlx::postgres::PgConnection;
use tokio::sync::Mutex;

use super::compile::Compiled;
use super::indexes::Fill;
use super::stream::Watch;
use super::{close, connect};
use crate::HarnessError;
use crate::template::execute;

/// Connections at most: one for each core, and no more than a server has memory for.
const MOST_AT_A_TIME: usize = 4;
/// No check of foreign keys, and memory for one index build. Several are built at a time, so none is built by several.
const SETTINGS: &str = "SET session_replication_role = replica; SET maintenance_work_mem = '256MB'; \
    SET max_parallel_maintenance_workers = 0";

/// What one connection does by itself.
pub(super) enum Task {
    /// Fills a table.
    Fill(Fill),
    /// Runs one statement.
    Run(String),
}

/// An entry of the data set that was sent.
pub(super) struct Sent {
    /// Which entry.
    pub(super) place: usize,
    /// Its table.
    pub(super) name: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

/// The connections. They are kept through all phases: a new one takes some milliseconds to know the catalogue.
pub(super) struct Crew {
    connections: Vec<PgConnection>,
}

impl Crew {
    pub(super) async fn called(url: &DatabaseUrl) -> Result<Self, HarnessError> {
        let called = (0..at_a_time()).map(|_| async {
            let mut connection = connect(url).await?;
            execute(&mut connection, SETTINGS.into()).await?;
            Ok::<_, HarnessError>(connection)
        });
        Ok(Self { connections: try_join_all(called).await? })
    }

    /// Does all tasks, begun in their order, and returns when the last is done.
    pub(super) async fn work(
        &mut self,
        tasks: Vec<Task>,
        compiled: &Arc<Compiled>,
        watch: &Watch<'_>,
    ) -> Result<Vec<Sent>, HarnessError> {
        let next = &Mutex::new(tasks.into_iter());
        let workers = self.connections.iter_mut().map(|connection| async move {
            let mut sent = Vec::new();
            loop {
                let Some(task) = next.lock().await.next() else { break };
                match task {
                    Task::Fill(fill) => sent.extend(fill.carry_out(connection, compiled, watch).await?),
                    Task::Run(statement) => execute(connection, statement).await?,
                }
            }
            Ok::<_, HarnessError>(sent)
        });
        Ok(try_join_all(workers).await?.into_iter().flatten().collect())
    }

    /// In an orderly way: a database with a session still on it cannot be cloned.
    pub(super) async fn dismissed(self) -> Result<(), HarnessError> {
        try_join_all(self.connections.into_iter().map(close)).await.map(drop)
    }
}

pub(super) fn at_a_time() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).clamp(1, MOST_AT_A_TIME)
}
