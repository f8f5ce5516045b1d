//! The server that all test processes of a run share: found, or started by the first who needs one.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use runbook::secret::DatabaseUrl;
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use crate::HarnessError;
use crate::backend::binaries;
use crate::cluster::{self, Cluster};
use crate::fixtures::try_settings;
use crate::state::{self, State, unique};
use crate::watcher::{self, Owned};
use crate::{keeper, space};

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
    url: String,
    /// The folder of a local server.
    pub(crate) folder: Option<PathBuf>,
    /// The process of a local server.
    pid: Option<i32>,
    /// How clones are made: `FILE_COPY` or `WAL_LOG`.
    pub(crate) strategy: String,
}

impl Record {
    pub(crate) fn url(&self) -> Result<DatabaseUrl, HarnessError> {
        DatabaseUrl::parse(&self.url).map_err(|error| HarnessError::Other(error.to_string()))
    }

    fn is_alive(&self) -> bool {
        match self.pid.and_then(rustix::process::Pid::from_raw) {
            // EPERM would mean that it lives as somebody else.
            Some(pid) => rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH),
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
    let start = state.lock("start")?;
    let record = match read(&state) {
        Some(record) => record,
        None => {
            watcher::sweep(&state::root(), &state.folder);
            let record = start_local(&state).await?;
            let text = serde_json::to_vec(&record).map_err(|error| HarnessError::Other(error.to_string()))?;
            state.write("server.json", &text)?;
            record
        }
    };
    drop(start);
    Ok(Arc::new(Shared { state, record, _lease: lease }))
}

fn read(state: &State) -> Option<Record> {
    let text = std::fs::read(state.path("server.json")).ok()?;
    let record: Record = serde_json::from_slice(&text).ok()?;
    record.is_alive().then_some(record)
}

async fn start_local(state: &State) -> Result<Record, HarnessError> {
    let minimum = try_settings()?.database.minimum_version;
    let binaries = binaries::newest(&binaries::find(), minimum)?;
    let folder = space::choose(
        &[(PathBuf::from("/dev/shm"), space::WANTED_IN_MEMORY_MIB), (state.folder.clone(), space::NEEDED_MIB)],
        space::free_mib,
    )?
    .join(format!("runbook-{}", unique()));
    let cluster = Cluster { binaries, folder };
    state.own(Owned::Server(&cluster.data()))?;
    state.own(Owned::Folder(&cluster.folder))?;
    cluster.create_folders()?;
    cluster.initdb()?;
    let (port, pid) = start_on_some_port(&cluster).await?;
    let password = unique() + &unique();
    let mut admin = admin_over_socket(&cluster, port).await?;
    let hash = if cluster.binaries.major >= 16 {
        // Key stretching guards passwords that people choose; this one is random, and each connect would pay.
        "SET password_encryption = 'scram-sha-256'; SET scram_iterations = 1;"
    } else {
        "SET password_encryption = 'md5';"
    };
    let sql = format!("{hash} ALTER ROLE {} PASSWORD '{password}'", cluster::SUPERUSER);
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut admin).await.map_err(HarnessError::sql("setting the password"))?;
    let version_num: String = sqlx::query_scalar("SHOW server_version_num")
        .fetch_one(&mut admin)
        .await
        .map_err(HarnessError::sql("asking for the version"))?;
    Ok(Record {
        backend: "local".into(),
        version: cluster.binaries.version.clone(),
        version_num: version_num.parse().unwrap_or(0),
        url: format!("postgres://{}:{password}@127.0.0.1:{port}/postgres", cluster::SUPERUSER),
        folder: Some(cluster.folder.clone()),
        pid,
        strategy: "FILE_COPY".into(),
    })
}

async fn start_on_some_port(cluster: &Cluster) -> Result<(u16, Option<i32>), HarnessError> {
    let hba = "local all all trust\nlocal replication all trust\nhost all all 127.0.0.1/32 md5\nhost replication all 127.0.0.1/32 md5\n";
    cluster.configure(&server_settings(cluster), hba)?;
    let mut last = HarnessError::Other("no port was tried".into());
    for _ in 0..20 {
        let port = cluster::candidate_port();
        match cluster.start(port).await {
            Ok(child) => return Ok((port, i32::try_from(child.id()).ok())),
            Err(error @ HarnessError::PortTaken { .. }) => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

fn server_settings(cluster: &Cluster) -> Vec<(String, String)> {
    let mut settings: Vec<(String, String)> = [
        ("listen_addresses", "127.0.0.1"),
        ("max_connections", "300"),
        ("fsync", "off"),
        ("synchronous_commit", "off"),
        ("full_page_writes", "off"),
        ("wal_level", "replica"),
        ("autovacuum", "off"),
        ("checkpoint_timeout", "1h"),
        ("max_wal_size", "4GB"),
        // In the data directory, where it is removed with it: a killed server leaves POSIX segments behind.
        ("dynamic_shared_memory_type", "mmap"),
        ("wal_init_zero", "off"),
        ("wal_recycle", "off"),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    if cluster.binaries.has_library("pg_stat_statements") {
        settings.push(("shared_preload_libraries".into(), "pg_stat_statements".into()));
        settings.push(("pg_stat_statements.track".into(), "all".into()));
    }
    settings
}

async fn admin_over_socket(cluster: &Cluster, port: u16) -> Result<PgConnection, HarnessError> {
    PgConnectOptions::new_without_pgpass()
        .socket(cluster.socket())
        .port(port)
        .username(cluster::SUPERUSER)
        .database("postgres")
        .connect()
        .await
        .map_err(HarnessError::sql("connecting to the new server"))
}

/// A superuser's connection to the database `postgres`.
pub(crate) async fn admin(record: &Record) -> Result<PgConnection, HarnessError> {
    let options = record.url()?.connect_options().application_name("runbook-harness");
    PgConnection::connect_with(&options).await.map_err(HarnessError::sql("connecting to the ephemeral server"))
}
