//! Large data sets that are kept between runs: a data directory of their own on disk, loaded once, started in place.
//!
//! A clone of a large database takes seconds, and the shared server forgets everything when it ends. What only reads
//! (a bench, say) needs no clone: the second run starts the server on the directory that the first one left.

use std::fs::File;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use process_wrap::std::ChildWrapper;
use runbook::ephemeral::Ephemeral;
use runbook::secret::DatabaseUrl;
use runbook::settings::Settings;
use rustix::process::Signal;
use sqlx::Connection as _;

use crate::backend::binaries;
use crate::backend::local::{self, settings_of_server};
use crate::cluster::{Cluster, SUPERUSER};
use crate::fixtures::try_settings;
use crate::loader::{self, Progress};
use crate::state::{State, create_private, unique};
use crate::template::{self, Kind};
use crate::watcher::Owned;
use crate::{HarnessError, cache, keeper};

/// The database in the directory.
const NAME: &str = "loaded";
/// So many data sets are kept, the ones used last.
const KEPT: usize = 3;
/// How long another run may use the same data set before this one gives up.
const PATIENCE: Duration = Duration::from_secs(1800);

/// A database with a large data set, for this process alone as long as it lives. What is written to it stays, so it is
/// for reading.
pub struct Kept {
    ephemeral: Ephemeral,
    running: Option<Running>,
    fresh: bool,
}

struct Running {
    cluster: Cluster,
    process: Box<dyn ChildWrapper>,
    // Locks, which the kernel drops: one for the directory, one for this process's watcher.
    _alone: File,
    _lease: File,
}

impl Kept {
    /// At the newest revision, seeded, with `n` generated rows of the leading table: loaded now, or by an earlier run.
    ///
    /// # Errors
    /// When `n` is 0, the disk has no room for so many rows, or as [`Database::loaded`](crate::Database::loaded).
    pub async fn loaded(n: u64, progress: Arc<dyn Progress>) -> Result<Self, HarnessError> {
        keeper::run(open(n, progress)).await
    }

    /// Whether this call loaded the rows.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.running.as_ref().map(|running| running.cluster.data()).unwrap_or_default()
    }

    /// Stops the server in an orderly way, so that the next run need not recover it.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn close(mut self) -> Result<(), HarnessError> {
        self.ephemeral.pool().close().await;
        let Some(Running { cluster, process, .. }) = self.running.take() else { return Ok(()) };
        keeper::run(async move { cluster.end(process, Signal::INT).await }).await
    }
}

impl Deref for Kept {
    type Target = Ephemeral;

    fn deref(&self) -> &Ephemeral {
        &self.ephemeral
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            if let Some(pid) =
                i32::try_from(running.process.id()).ok().and_then(rustix::process::Pid::from_raw)
            {
                let _ = rustix::process::kill_process(pid, Signal::INT);
            }
            let _ = running.process.wait();
        }
    }
}

async fn open(n: u64, progress: Arc<dyn Progress>) -> Result<Kept, HarnessError> {
    if n == 0 {
        return Err(HarnessError::Fixtures("a data set of 0 rows shows nothing: ask for at least 1".into()));
    }
    let settings = try_settings()?;
    let binaries = binaries::newest(&binaries::find(), settings.database.minimum_version)?;
    let kind = Kind::Loaded(template::head()?.to_owned(), n);
    let name = kind.template(&settings, binaries.version_num(), "kept")?;
    let root = root()?;
    let folder = root.join(name);
    create_private(&folder)?;
    let alone = alone(&folder).await?;
    let state = State { folder: crate::state::root().join(format!("kept-{}", unique())) };
    let lease = state.lease()?;
    state.watch_at_once()?;
    // The server's user owns what is below it; the locks stay ours.
    let cluster = Cluster { binaries, folder: folder.join("server") };
    state.own(Owned::Server(&cluster.data()))?;
    let ready = folder.join("ready");
    let fresh = !ready.is_file();
    if fresh {
        // What an earlier run left half-way.
        let _ = std::fs::remove_dir_all(&cluster.folder);
        if let Err(error) = build(&cluster, &settings, n, progress.as_ref()).await {
            let _ = std::fs::remove_dir_all(&cluster.folder);
            return Err(error);
        }
    }
    std::fs::write(&ready, "").map_err(HarnessError::io(&ready))?;
    let (process, url) = start(&cluster, &[]).await?;
    let ephemeral = Ephemeral::adopt(url, settings.limits.reading()).await;
    let ephemeral = ephemeral.map_err(|error| HarnessError::Other(error.to_string()))?;
    prune(&root, &folder);
    Ok(Kept { ephemeral, running: Some(Running { cluster, process, _alone: alone, _lease: lease }), fresh })
}

/// `RUNBOOK_CACHE`, or a folder that outlives a restart and that the server's user can reach.
fn root() -> Result<PathBuf, HarnessError> {
    let named = std::env::var_os("RUNBOOK_CACHE").filter(|value| !value.is_empty()).map(PathBuf::from);
    let user = rustix::process::geteuid().as_raw();
    let root = named.unwrap_or_else(|| PathBuf::from(format!("/var/tmp/runbook-{user}"))).join("loaded");
    create_private(&root)?;
    Ok(root)
}

/// The lock of a directory. Another run that uses it is waited for.
async fn alone(folder: &Path) -> Result<File, HarnessError> {
    let path = folder.join("lock");
    let file = File::options().create(true).append(true).open(&path).map_err(HarnessError::io(&path))?;
    let free = runbook::wait::until("the other run that uses this data set", PATIENCE, || {
        let taken = file.try_lock().is_err();
        async move { if taken { Err("it still runs") } else { Ok(()) } }
    });
    free.await.map_err(|late| HarnessError::Other(format!("{}: {late}", folder.display())))?;
    Ok(file)
}

async fn build(
    cluster: &Cluster,
    settings: &Settings,
    n: u64,
    progress: &dyn Progress,
) -> Result<(), HarnessError> {
    cache::base(cluster)?;
    let (process, url) = start(cluster, &local::LOADING).await?;
    let filled = fill(cluster, settings, n, &url, progress).await;
    cluster.end(process, Signal::INT).await?;
    filled?;
    // The server runs without fsync; the directory is to outlive the machine's next crash.
    File::open(&cluster.folder)
        .and_then(|folder| rustix::fs::syncfs(folder).map_err(Into::into))
        .map_err(HarnessError::io(&cluster.folder))
}

async fn fill(
    cluster: &Cluster,
    settings: &Settings,
    n: u64,
    url: &DatabaseUrl,
    progress: &dyn Progress,
) -> Result<(), HarnessError> {
    progress.phase("migrating");
    template::prepare(settings, url).await?;
    let size = loader::estimate(url, settings, n).await?;
    loader::ask(&cluster.folder, settings, (n, &size), size.least_mib(), "RUNBOOK_CACHE")?;
    loader::load(url, settings, n, progress).await?;
    template::run(url, "CHECKPOINT".into()).await
}

/// Starts the server on its directory, with the database in it, which is made when it is not there. `further` settings win
/// over those of every server of ours.
async fn start(
    cluster: &Cluster,
    further: &[(&str, &str)],
) -> Result<(Box<dyn ChildWrapper>, DatabaseUrl), HarnessError> {
    let mut settings = settings_of_server(cluster);
    settings.extend(further.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    cluster.configure(&settings, local::HBA)?;
    let (port, process) = cluster.start_somewhere().await?;
    let password = unique() + &unique();
    let mut admin = cluster.admin(port).await?;
    local::set_password(&mut admin, cluster.binaries.major, &password).await?;
    let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(NAME)
        .fetch_one(&mut admin)
        .await
        .map_err(HarnessError::sql("looking for the loaded database"))?;
    if !known {
        template::create(&mut admin, NAME, "template0", "FILE_COPY").await?;
    }
    admin.close().await.map_err(HarnessError::sql("closing the first connection"))?;
    let url = DatabaseUrl::own(&format!("postgres://{SUPERUSER}:{password}@127.0.0.1:{port}/{NAME}"));
    Ok((process, url.map_err(|error| HarnessError::Other(error.to_string()))?))
}

/// Removes the data sets that were not used for longest. One that is in use is locked, and stays.
fn prune(root: &Path, own: &Path) {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mut others: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path != own)
        .filter_map(|path| Some((path.join("ready").metadata().ok()?.modified().ok()?, path)))
        .collect();
    others.sort();
    let surplus = (others.len() + 1).saturating_sub(KEPT);
    for (_, path) in others.into_iter().take(surplus) {
        let lock = File::options().append(true).open(path.join("lock"));
        if lock.as_ref().is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = std::fs::remove_dir_all(&path);
        }
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("database", &self.ephemeral).field("fresh", &self.fresh).finish()
    }
}
