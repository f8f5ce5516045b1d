//! The server that all test processes of a run share: found, or started by the first who needs one.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use runbook::secret::DatabaseUrl;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::HarnessError;
use crate::backend::{self, container};
use crate::fixtures::try_settings;
use crate::state::{self, State};
use crate::{keeper, watcher};

/// What is known of a running server: written by the process that started it, read by all others.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// `local`, `container`, `url`.
    pub(crate) backend: String,
    /// `15.18`.
    pub(crate) version: String,
    /// `150018`.
    pub(crate) version_num: u32,
    /// The address of a superuser on the database `postgres`, password included.
    pub(crate) url: String,
    /// The folder of a local server.
    pub(crate) folder: Option<PathBuf>,
    /// The folder of its socket.
    pub(crate) socket: Option<PathBuf>,
    /// Part of the names of our databases, on a server that is not ours alone.
    pub(crate) scope: String,
    /// The process of a local server.
    pub(crate) pid: Option<i32>,
    /// How clones are made: `FILE_COPY` or `WAL_LOG`.
    pub(crate) strategy: String,
}

impl Record {
    pub(crate) fn url(&self) -> Result<DatabaseUrl, HarnessError> {
        let url = DatabaseUrl::own(&self.url).map_err(|error| HarnessError::Other(error.to_string()))?;
        // Half of what talking to a server on the same machine costs is TCP.
        Ok(url.with_socket(self.socket.as_deref()))
    }

    fn is_alive(&self) -> bool {
        match self.pid.and_then(rustix::process::Pid::from_raw) {
            // EPERM would mean that it lives as somebody else.
            Some(pid) => rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH),
            None if self.backend == "container" => self.url().is_ok_and(|url| {
                let options = url.connect_options();
                container::listens(options.get_host(), options.get_port())
            }),
            None => true,
        }
    }
}

/// This process's share of the server.
pub(crate) struct Shared {
    pub(crate) state: State,
    pub(crate) record: Record,
    // Held until the process ends: the kernel drops it then, however it ends.
    _lease: File,
}

impl Shared {
    pub(crate) fn new(state: State, record: Record, lease: File) -> Self {
        Self { state, record, _lease: lease }
    }

    /// How a person opens a database of this server: without a password in the line.
    pub(crate) fn psql(&self, database: &str) -> String {
        let Ok(url) = self.record.url() else { return String::new() };
        let options = url.connect_options();
        let (port, user) = (options.get_port(), options.get_username());
        match &self.record.socket {
            Some(socket) => format!("psql -h {} -p {port} -U {user} {database}", socket.display()),
            None if self.record.backend == "url" => {
                format!("psql '{url}'", url = url.with_database(database).as_ref().unwrap_or(&url))
            }
            None => {
                let file = self.state.path("pgpass");
                format!(
                    "PGPASSFILE={} psql -h {} -p {port} -U {user} {database}",
                    file.display(),
                    options.get_host()
                )
            }
        }
    }
}

/// The server, started when there is none.
pub(crate) async fn get() -> Result<Arc<Shared>, HarnessError> {
    static SHARED: tokio::sync::OnceCell<Arc<Shared>> = tokio::sync::OnceCell::const_new();
    SHARED.get_or_try_init(|| keeper::run(acquire())).await.cloned()
}

async fn acquire() -> Result<Arc<Shared>, HarnessError> {
    let state = State::of_this_process();
    let lease = state.lease()?;
    state.watch()?;
    if let Some(record) = read(&state) {
        return Ok(Arc::new(Shared { state, record, _lease: lease }));
    }
    let start = state.lock("start").await?;
    let record = match read(&state) {
        Some(record) => record,
        None => {
            watcher::sweep(&state::root(), &state.folder);
            forget_the_dead(&state);
            let minimum = try_settings()?.database.minimum_version;
            let record = backend::start(&state, &lease, minimum).await?;
            let text = serde_json::to_vec(&record).map_err(|error| HarnessError::Other(error.to_string()))?;
            state.write("server.json", &text)?;
            record
        }
    };
    drop(start);
    Ok(Arc::new(Shared { state, record, _lease: lease }))
}

fn read(state: &State) -> Option<Record> {
    recorded(state).filter(Record::is_alive)
}

fn recorded(state: &State) -> Option<Record> {
    let text = std::fs::read(state.path("server.json")).ok()?;
    serde_json::from_slice(&text).ok()
}

/// The databases of a server of ours went with it: somebody ended it, and its clones are still noted as ready. Those
/// on a server that was given to us are still there.
fn forget_the_dead(state: &State) {
    if recorded(state).is_some_and(|record| record.backend != "url") {
        for noted in ["ready", "making", "dead", "kept"] {
            let _ = std::fs::remove_dir_all(state.path(noted));
        }
    }
}

/// Asks the server itself: a setting that did not arrive would make every test slower and nobody would know.
pub(crate) async fn assert_not_durable(admin: &mut PgConnection) -> Result<(), HarnessError> {
    for name in ["fsync", "synchronous_commit", "full_page_writes"] {
        let value: String = sqlx::query_scalar(AssertSqlSafe(format!("SHOW {name}")))
            .fetch_one(&mut *admin)
            .await
            .map_err(HarnessError::sql(format!("SHOW {name}")))?;
        if value != "off" {
            return Err(HarnessError::Server {
                what: "is durable",
                reason: format!("{name} is {value}, not off"),
            });
        }
    }
    Ok(())
}

/// A superuser's connection to the database `postgres`.
pub(crate) async fn admin(record: &Record) -> Result<PgConnection, HarnessError> {
    let options = record.url()?.connect_options().application_name("runbook-harness");
    PgConnection::connect_with(&options)
        .await
        .map_err(HarnessError::sql("connecting to the ephemeral server"))
}
