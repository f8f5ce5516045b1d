//! Maintenance mode: writes wait, reads go on. Kept in a file beside the service, not in the database, because a
//! restore of the database must not end it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, OwnedRwLockReadGuard, RwLock};

/// Why the state file could not be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", .path.display())]
pub struct StateFileError {
    path: PathBuf,
    problem: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateFile {
    maintenance: bool,
}

/// Whether writes are refused; the file remembers it over a restart.
#[derive(Debug)]
pub struct Maintenance {
    path: PathBuf,
    enabled: AtomicBool,
    /// Shared by the writes on their way; taken alone by who waits for their end.
    writes: Arc<RwLock<()>>,
    /// One switch at a time.
    switching: Mutex<()>,
}

impl Maintenance {
    /// Reads the state file; a missing one means "not under maintenance".
    ///
    /// # Errors
    /// When the file is there and cannot be read: to guess could let writes through in the midst of a migration. When its
    /// folder is not there: it could never be written.
    pub fn load(path: &Path) -> Result<Self, StateFileError> {
        let error = |problem: String| StateFileError { path: path.to_owned(), problem };
        // Told at the start, and not when the mode is to be switched.
        if path.parent().is_some_and(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
            return Err(error("its folder is not there: make it, or name another file".into()));
        }
        let enabled = match std::fs::read(path) {
            Ok(bytes) => {
                let state: StateFile = serde_json::from_slice(&bytes).map_err(|e| {
                    error(format!("not a state file of this service: {e}; mend it or remove it"))
                })?;
                state.maintenance
            }
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => false,
            Err(other) => return Err(error(format!("cannot be read: {other}"))),
        };
        let (enabled, path) = (AtomicBool::new(enabled), path.to_owned());
        Ok(Self { path, enabled, writes: Arc::default(), switching: Mutex::default() })
    }

    /// Whether writes are refused now. Waits for nobody.
    pub fn enabled(&self) -> bool {
        self.enabled.load(Ordering::SeqCst)
    }

    /// The right to write, held until the write is over; `None` under maintenance.
    pub(crate) async fn admit(&self) -> Option<OwnedRwLockReadGuard<()>> {
        // Asked first, so that nobody queues behind a switch that waits; and again, for a switch in between.
        if self.enabled() {
            return None;
        }
        let admitted = Arc::clone(&self.writes).read_owned().await;
        (!self.enabled()).then_some(admitted)
    }

    /// Switches the mode. From then on writes are refused; when this returns, no write that was admitted before is
    /// still on its way.
    ///
    /// # Errors
    /// When the file cannot be written; the mode is then unchanged.
    pub async fn set(&self, enabled: bool) -> Result<(), StateFileError> {
        let _switching = self.switching.lock().await;
        self.write(&StateFile { maintenance: enabled }).map_err(|e| StateFileError {
            path: self.path.clone(),
            problem: format!("cannot be written: {e}"),
        })?;
        self.enabled.store(enabled, Ordering::SeqCst);
        if enabled {
            drop(self.writes.write().await);
        }
        Ok(())
    }

    /// Beside the file first, then in its place: a crash leaves the old state or the new one.
    fn write(&self, state: &StateFile) -> std::io::Result<()> {
        let mut beside = self.path.clone().into_os_string();
        beside.push(".new");
        let mut file = std::fs::File::create(&beside)?;
        file.write_all(serde_json::to_string(state)?.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)
    }
}
