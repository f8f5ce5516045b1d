//! Clones made ahead, so that handing one out costs no SQL: a ready clone is a file, and claiming it is a lock
//! and a rename.
//!
//! ```text
//! making/NAME           being cloned; locked by who does it
//! ready/TEMPLATE/NAME   free to be claimed
//! claimed/NAME          in use; locked by its process, as long as the kernel lets it live
//! dead/NAME             to be dropped
//! kept/NAME             of a failed test; for a person to look at
//! ```
//!
//! A file in `making` or `claimed` whose lock is free belongs to a process that is gone. Dropping costs as much as
//! half a clone and the whole server goes when the run ends, so the dead wait until there are some of them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use sqlx::postgres::PgConnection;

use crate::admin::Admin;
use crate::shared::Shared;
use crate::state::{self, unique};
use crate::template::{self, Kind};
use crate::watcher::{Owned, keep_seconds};
use crate::{HarnessError, keeper};

/// So many clones of one template are made ahead at most.
const AHEAD: usize = 8;
/// So many dead databases (8 MB each and more) may wait on a server of our own: until they are dropped, each question about
/// statements walks over theirs as well.
const WAITING: usize = 8;
/// So many databases of failed tests are kept.
const KEPT: usize = 5;

/// A claimed clone: this process's own until the file is closed.
pub(crate) struct Claim {
    pub(crate) name: String,
    template: String,
    file: File,
}

/// Databases that this process holds now, and whether it is refilling.
static HELD: AtomicUsize = AtomicUsize::new(0);
static REFILLING: AtomicBool = AtomicBool::new(false);

/// A clone of the kind's template: a ready one, or a new one.
pub(crate) async fn claim(shared: &Arc<Shared>, kind: &Kind) -> Result<Claim, HarnessError> {
    let settings = crate::try_settings()?;
    let template = kind.template(&settings, shared.record.version_num, &shared.record.scope)?;
    let claim = match take_ready(shared, &template) {
        Some(claim) => claim,
        None => {
            let (shared, kind) = (Arc::clone(shared), kind.clone());
            keeper::run(async move { make_now(&shared, &kind).await }).await?
        }
    };
    HELD.fetch_add(1, Ordering::Relaxed);
    Ok(claim)
}

/// Has the next clones made, now that the claimed one is connected to: cloning would slow the connect down.
pub(crate) fn claimed(shared: &Arc<Shared>, kind: &Kind, claim: &Claim) {
    refill(shared, kind, &claim.template);
}

/// Gives a claimed clone back: it is dropped, or kept for a person where the test has failed. Returns until when.
pub(crate) fn release(shared: &Arc<Shared>, claim: Claim, failed: bool) -> Option<SystemTime> {
    let last = HELD.fetch_sub(1, Ordering::Relaxed) == 1;
    // A value that is no number was refused when the server was leased.
    let keep_for = keep_seconds().unwrap_or_default();
    let keep = failed && keep_for > 0;
    let to = if keep { "kept" } else { "dead" };
    let _ = move_to(shared, &shared.state.path("claimed").join(&claim.name), to, &claim.name);
    let _ = claim.file.set_modified(SystemTime::now());
    drop(claim.file);
    if keep {
        bury_old(shared);
    }
    if dead(shared).len() > limit(shared) {
        let own = Arc::clone(shared);
        let wait = keeper::start(async move { bury(&own).await });
        // Whoever fills the cellar empties it: else a run that never pauses would fill the memory.
        let _ = wait.map(|wait| wait.recv_timeout(Duration::from_secs(5)));
    }
    if last && REFILLING.load(Ordering::Acquire) {
        // The process may end right now, and with it a clone that is half made for the next test.
        let wait = keeper::start(async {
            let _ = runbook::wait::until("the end of a clone", Duration::from_secs(5), || async {
                if REFILLING.load(Ordering::Acquire) { Err("cloning") } else { Ok(()) }
            })
            .await;
        });
        let _ = wait.map(|wait| wait.recv_timeout(Duration::from_secs(5)));
    }
    keep.then(|| SystemTime::now() + Duration::from_secs(keep_for))
}

fn take_ready(shared: &Shared, template: &str) -> Option<Claim> {
    let folder = shared.state.path("ready").join(template);
    for entry in std::fs::read_dir(&folder).ok()?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(file) = File::options().read(true).write(true).open(entry.path()) else { continue };
        // Locked before it is moved: in `claimed` a free lock means that its process is gone.
        if file.try_lock().is_ok() && move_to(shared, &entry.path(), "claimed", &name).is_ok() {
            return Some(Claim { name, template: template.to_owned(), file });
        }
    }
    None
}

async fn make_now(shared: &Shared, kind: &Kind) -> Result<Claim, HarnessError> {
    let mut admin = Admin::of(shared).await?;
    let template = template::ensure(shared, &mut admin, kind).await?;
    let claim = make(shared, &mut admin, &template).await?;
    move_to(shared, &shared.state.path("making").join(&claim.name), "claimed", &claim.name)?;
    admin.keep();
    Ok(claim)
}

/// Clones a template; the file stays in `making`, locked.
async fn make(shared: &Shared, admin: &mut PgConnection, template: &str) -> Result<Claim, HarnessError> {
    let name = format!("runbook_{}", unique());
    let folder = shared.state.path("making");
    state::create_private(&folder)?;
    let path = folder.join(&name);
    let file = state::open(&path).map_err(HarnessError::io(&path))?;
    file.lock().map_err(HarnessError::io(&path))?;
    if shared.record.backend == "url" {
        // The server outlives us, so the watcher must know each database by name.
        shared.state.own(Owned::Database(&name))?;
    }
    match template::create(admin, &name, template, &shared.record.strategy).await {
        Ok(()) => Ok(Claim { name, template: template.to_owned(), file }),
        Err(error) => {
            let _ = move_to(shared, &path, "dead", &name);
            Err(error)
        }
    }
}

/// Makes clones ahead, in the background: as many as tests have asked for so far, up to [`AHEAD`].
fn refill(shared: &Arc<Shared>, kind: &Kind, template: &str) {
    let ahead = match kind {
        // Large, and asked for by few.
        Kind::Loaded(..) => 1,
        _ => AHEAD,
    };
    let folder = shared.state.path("ready").join(template);
    let wanted = asked(&shared.state.path("ready"), template).min(ahead);
    // By the half: most tests then run beside no clone, and one connection makes several.
    let enough = wanted / 2;
    if count(&folder) > enough || REFILLING.swap(true, Ordering::AcqRel) {
        return;
    }
    let (shared, template) = (Arc::clone(shared), template.to_owned());
    let started = keeper::start(async move {
        let _ = refill_now(&shared, &template, wanted).await;
        REFILLING.store(false, Ordering::Release);
    });
    if started.is_err() {
        REFILLING.store(false, Ordering::Release);
    }
}

async fn refill_now(shared: &Shared, template: &str, wanted: usize) -> Result<(), HarnessError> {
    let folder = shared.state.path("ready").join(template);
    state::create_private(&folder)?;
    // One process refills a template at a time.
    let path = shared.state.path(&format!("refill-{template}"));
    let turn = state::open(&path).map_err(HarnessError::io(&path))?;
    if turn.try_lock().is_err() {
        return Ok(());
    }
    let mut admin = Admin::of(shared).await?;
    while count(&folder) < wanted {
        let claim = make(shared, &mut admin, template).await?;
        let from = shared.state.path("making").join(&claim.name);
        std::fs::rename(&from, folder.join(&claim.name)).map_err(HarnessError::io(&from))?;
        // Nobody is left to hand them to.
        if HELD.load(Ordering::Relaxed) == 0 {
            break;
        }
    }
    admin.keep();
    Ok(())
}

/// How often a template was asked for in this run: each time a byte is appended to a file.
fn asked(ready: &Path, template: &str) -> usize {
    use std::io::Write as _;
    let path = ready.join(format!("{template}.asked"));
    if state::create_private(ready).is_err() {
        return 1;
    }
    let Ok(mut file) = File::options().create(true).append(true).open(&path) else { return 1 };
    let _ = file.write_all(b".");
    file.metadata().map_or(1, |meta| usize::try_from(meta.len()).unwrap_or(usize::MAX))
}

/// Drops the dead, those included whose process is gone.
async fn bury(shared: &Shared) {
    for folder in ["claimed", "making"] {
        for path in files(&shared.state.path(folder)) {
            let free = File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
            if let (true, Some(name)) = (free, path.file_name()) {
                let _ = move_to(shared, &path, "dead", &name.to_string_lossy());
            }
        }
    }
    let Ok(mut admin) = Admin::of(shared).await else { return };
    // On a server of our own only: somebody else's statistics are not ours to forget.
    let forgets = shared.record.backend != "url"
        && template::execute(&mut admin, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements".into())
            .await
            .is_ok();
    for path in dead(shared) {
        let Ok(file) = File::open(&path) else { continue };
        if file.try_lock().is_err() {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if forgets {
            // Else each question about statements reads the texts of all tests that ever ran, a third of a second.
            let forget = format!(
                "SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database WHERE datname = '{name}'"
            );
            let _ = template::execute(&mut admin, forget).await;
        }
        if template::execute(&mut admin, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.is_ok()
        {
            let _ = std::fs::remove_file(&path);
        }
    }
    admin.keep();
}

/// The oldest of the kept, over [`KEPT`] or over their time, are dead.
fn bury_old(shared: &Shared) {
    let age =
        |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
    let mut kept = files(&shared.state.path("kept"));
    kept.sort_by_key(|path| age(path));
    for (position, path) in kept.iter().enumerate() {
        let old = age(path).is_some_and(|age| age.as_secs() > keep_seconds().unwrap_or_default());
        if let (true, Some(name)) = (position >= KEPT || old, path.file_name()) {
            let _ = move_to(shared, path, "dead", &name.to_string_lossy());
        }
    }
}

fn limit(shared: &Shared) -> usize {
    // Somebody else's server is left as it was found.
    if shared.record.backend == "url" { 0 } else { WAITING }
}

fn dead(shared: &Shared) -> Vec<PathBuf> {
    files(&shared.state.path("dead"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn count(folder: &Path) -> usize {
    files(folder).len()
}

fn move_to(shared: &Shared, from: &Path, folder: &str, name: &str) -> Result<(), HarnessError> {
    let to = shared.state.path(folder).join(name);
    match std::fs::rename(from, &to) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && from.exists() => {
            state::create_private(&shared.state.path(folder))?;
            std::fs::rename(from, &to).map_err(HarnessError::io(&to))
        }
        moved => moved.map_err(HarnessError::io(&to)),
    }
}
