//! The machine's own binaries: a server in memory where there is room, without durability.

use std::fs::File;
use std::path::{Path, PathBuf};

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::backend::binaries::Binaries;
use crate::cluster::{self, Cluster};
use crate::fixtures::try_settings;
use crate::shared::{Record, Shared};
use crate::state::{State, unique};
use crate::template::{self, Kind};
use crate::watcher::Owned;
use crate::{HarnessError, cache, space};

/// Over the socket, whose folder is private, anybody; over TCP with a password. `md5` takes passwords that are
/// stored either way.
pub(crate) const HBA: &str = "local all all trust\nlocal replication all trust\n\
    host all all 127.0.0.1/32 md5\nhost replication all 127.0.0.1/32 md5\n";

/// What every server of ours runs with, as `name = value`.
pub(crate) const TUNING: [(&str, &str); 14] = [
    ("max_connections", "300"),
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("wal_level", "replica"),
    // Statistics and plans change when a test says so, and no worker sits on a template that is to be cloned.
    ("autovacuum", "off"),
    // All databases of a run share it: with the default of 128 MB one test's rows put out another's, and a cache hit
    // rate would tell of the neighbours. The memory is taken only as it is used.
    ("shared_buffers", "512MB"),
    ("checkpoint_timeout", "1h"),
    ("max_wal_size", "4GB"),
    // In the data directory, where it is removed with it: a killed server leaves POSIX segments behind.
    ("dynamic_shared_memory_type", "mmap"),
    ("wal_init_zero", "off"),
    ("wal_recycle", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
];

/// What a server runs with while a large data set is loaded into it: of rows in a file that is new in their transaction,
/// and of indexes that are built, it writes no log. Nothing follows it, and nothing is restored from that log.
pub(crate) const LOADING: [(&str, &str); 2] = [("wal_level", "minimal"), ("max_wal_senders", "0")];
/// The statements' statistics, which the library must be loaded for at start.
pub(crate) const STATISTICS: [(&str, &str); 3] = [
    ("shared_preload_libraries", "pg_stat_statements"),
    ("pg_stat_statements.track", "all"),
    // All tests that run or wait to be dropped share the table: with the 5,000 of the default it would forget some of
    // them. Its file of texts, which each question reads whole, grows with this figure.
    ("pg_stat_statements.max", "10000"),
];

/// The configuration of a server of ours.
pub(crate) fn settings_of_server(cluster: &Cluster) -> Vec<(String, String)> {
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let mut settings: Vec<(String, String)> = TUNING.map(own).into();
    settings.push(own(("listen_addresses", "127.0.0.1")));
    if cluster.binaries.has_library("pg_stat_statements") {
        settings.extend(STATISTICS.map(own));
    }
    settings
}

/// A new folder for a data directory that is to hold so many mebibytes: in memory where there is room, else beside the
/// state; there too where a disk is asked for.
pub(crate) fn data_folder(state: &State, room: u64, on_disk: bool) -> Result<PathBuf, HarnessError> {
    let memory = PathBuf::from("/dev/shm");
    let (wanted, needed) = (room.max(space::WANTED_IN_MEMORY_MIB), room.max(space::NEEDED_MIB));
    let free = |folder: &Path| {
        if folder == memory { space::free_in_memory_mib(folder) } else { space::free_mib(folder) }
    };
    // Somebody who names a folder means it.
    let named = std::env::var_os("RUNBOOK_DATA").filter(|folder| !folder.is_empty());
    let chosen = match named {
        Some(folder) => space::choose(&[(folder.into(), needed)], space::free_mib),
        None if on_disk => space::choose(&[(state.folder.clone(), needed)], free),
        None => space::choose(&[(memory.clone(), wanted), (state.folder.clone(), needed)], free),
    };
    // Of a large data set the data is what is too large, not the state.
    let chosen = chosen.map_err(|error| match error {
        HarnessError::NoSpace { folder, free, needed, .. } if room > space::NEEDED_MIB => {
            HarnessError::NoSpace { folder, free, needed, remedy: "RUNBOOK_DATA" }
        }
        error => error,
    })?;
    Ok(chosen.join(format!("runbook-{}", unique())))
}

/// Starts the shared server. The caller holds a share of the lease and the `start` lock.
pub(crate) async fn start(state: &State, lease: &File, binaries: Binaries) -> Result<Record, HarnessError> {
    let cluster = Cluster { binaries, folder: data_folder(state, 0, false)? };
    state.own(Owned::Server(&cluster.data()))?;
    state.own(Owned::Folder(&cluster.folder))?;
    cluster.create_folders()?;
    let wanted = ready_template(&cluster.binaries);
    if let Some(wanted) = &wanted
        && let Some(strategy) = cache::take_ready(&cluster, wanted)?
    {
        return run(&cluster, strategy).await.map(|(record, _)| record);
    }
    cache::base(&cluster)?;
    let (record, process) = run(&cluster, "FILE_COPY".into()).await?;
    let Some(wanted) = wanted else { return Ok(record) };
    // The first run on this machine since the migrations changed: what it builds, later ones copy.
    match prepare(state, lease, record.clone()).await {
        Ok(strategy) => {
            cluster.end(process, rustix::process::Signal::INT).await?;
            cache::put_ready(&cluster, &wanted, &strategy)?;
            run(&cluster, strategy).await.map(|(record, _)| record)
        }
        // Wrong migrations are told to whoever asks for a migrated database.
        Err(_) => Ok(record),
    }
}

/// The name of the template that a ready data directory holds.
fn ready_template(binaries: &Binaries) -> Option<String> {
    let settings = try_settings().ok()?;
    let head = template::head().ok()?.to_owned();
    Kind::At(head).template(&settings, binaries.version_num(), "").ok()
}

/// Builds the migrated template and finds the faster way to clone it.
async fn prepare(state: &State, lease: &File, record: Record) -> Result<String, HarnessError> {
    let lease = lease.try_clone().map_err(HarnessError::io(&state.path("lease")))?;
    let shared = Shared::new(state.clone(), record, lease);
    let mut admin = crate::shared::admin(&shared.record).await?;
    let name = template::ensure(&shared, &mut admin, &Kind::At(template::head()?.to_owned())).await?;
    let strategy = template::faster_strategy(&mut admin, &name).await?;
    admin.close().await.map_err(HarnessError::sql("closing a connection"))?;
    Ok(strategy)
}

async fn run(
    cluster: &Cluster,
    strategy: String,
) -> Result<(Record, Box<dyn process_wrap::std::ChildWrapper>), HarnessError> {
    cluster.configure(&settings_of_server(cluster), HBA)?;
    let (port, process) = cluster.start_somewhere().await?;
    let password = unique() + &unique();
    let mut admin = cluster.admin(port).await?;
    set_password(&mut admin, cluster.binaries.major, &password).await?;
    crate::shared::assert_not_durable(&mut admin).await?;
    admin.close().await.map_err(HarnessError::sql("closing the first connection"))?;
    let record = Record {
        backend: "local".into(),
        version: cluster.binaries.version.clone(),
        version_num: cluster.binaries.version_num(),
        url: format!("postgres://{}:{password}@127.0.0.1:{port}/postgres", cluster::SUPERUSER),
        folder: Some(cluster.folder.clone()),
        socket: Some(cluster.socket()),
        pid: i32::try_from(process.id()).ok(),
        scope: String::new(),
        strategy,
    };
    Ok((record, process))
}

/// Gives the superuser a password, stored in a form that is cheap to check: key stretching guards passwords
/// that people choose; this one is random, and every connect would pay.
pub(crate) async fn set_password(
    admin: &mut PgConnection,
    major: u32,
    password: &str,
) -> Result<(), HarnessError> {
    let form = if major >= 16 {
        "SET password_encryption = 'scram-sha-256'; SET scram_iterations = 1;"
    } else {
        "SET password_encryption = 'md5';"
    };
    let sql = format!("{form} ALTER ROLE CURRENT_USER PASSWORD '{password}'");
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(admin)
        .await
        .map(drop)
        .map_err(HarnessError::sql("setting the password"))
}
