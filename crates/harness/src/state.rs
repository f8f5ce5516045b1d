//! The state folder: what the test processes of one workspace and one user share, and the locks that say who
//! lives. Only a lock that the kernel holds means anything; names and times never do.

use std::fs::File;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::HarnessError;
use crate::fixtures;

/// Another number whenever the files of a state folder, or what a template is made of, change their meaning:
/// processes of an older build go on with theirs.
pub(crate) const FORMAT: u32 = 5;

/// The folder of one kind of server of one workspace and one user.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) folder: PathBuf,
}

impl State {
    /// The state folder of this process. Processes that would start different servers have different ones.
    pub(crate) fn of_this_process() -> Self {
        let mut hash = Sha256::new();
        hash.update(fixtures::workspace().as_os_str().as_encoded_bytes());
        hash.update(FORMAT.to_le_bytes());
        for name in [
            "RUNBOOK_BACKEND",
            "RUNBOOK_PG_BIN",
            "RUNBOOK_DATABASE_URL",
            "RUNBOOK_POSTGRES_IMAGE",
            "DOCKER_HOST",
        ] {
            hash.update(name);
            hash.update(std::env::var_os(name).unwrap_or_default().as_encoded_bytes());
            hash.update([0]);
        }
        Self { folder: root().join(fixtures::hex(hash, 12)) }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Takes a share of the lease: as long as the returned file is open, the server stays.
    pub(crate) fn lease(&self) -> Result<File, HarnessError> {
        loop {
            create_private(&self.folder)?;
            let path = self.path("lease");
            let file = match open(&path) {
                Ok(file) => file,
                // The watcher removed the folder in between.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(HarnessError::io(&path)(error)),
            };
            file.lock_shared().map_err(HarnessError::io(&path))?;
            // The watcher removes the folder under its exclusive lock: a share of a removed file is worth nothing.
            if same_file(&file, &path) {
                // Tells the watcher that somebody came, should we be gone before it looks.
                let _ = file.set_modified(std::time::SystemTime::now());
                return Ok(file);
            }
        }
    }

    /// Waits for an exclusive lock of this name; it lasts as long as the returned file is open. The wait has a
    /// thread of its own: who holds the lock may need this one to get on.
    pub(crate) async fn lock(&self, name: &str) -> Result<File, HarnessError> {
        let path = self.path(name);
        let file = open(&path).map_err(HarnessError::io(&path))?;
        let waited = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
        match waited {
            Ok(locked) => locked.map_err(HarnessError::io(&path)),
            Err(error) => Err(HarnessError::Other(format!("waiting for {} failed: {error}", path.display()))),
        }
    }

    /// Whether nobody holds this lock.
    pub(crate) fn is_free(&self, name: &str) -> bool {
        open(&self.path(name)).is_ok_and(|file| file.try_lock().is_ok())
    }

    /// Whether a lock exists and nobody holds it.
    pub(crate) fn is_unheld(&self, name: &str) -> bool {
        File::open(self.path(name)).is_ok_and(|file| file.try_lock().is_ok())
    }

    /// Replaces a file of the folder as a whole.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), HarnessError> {
        let path = self.path(name);
        let new = self.path(&format!("{name}.{}", std::process::id()));
        crate::cluster::write_private(&new, bytes)?;
        std::fs::rename(&new, &path).map_err(HarnessError::io(&path))
    }
}

/// The folder above all state folders of this user: `RUNBOOK_STATE`, or one in the system's temporary folder.
pub(crate) fn root() -> PathBuf {
    match std::env::var_os("RUNBOOK_STATE") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => std::env::temp_dir().join(format!("runbook-{}", rustix::process::geteuid().as_raw())),
    }
}

/// Makes a folder that others may pass through (a server that runs as another user must reach its own folder
/// below) and not list.
pub(crate) fn create_private(folder: &Path) -> Result<(), HarnessError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o711)
        .create(folder)
        .map_err(HarnessError::io(folder))?;
    let meta = std::fs::symlink_metadata(folder).map_err(HarnessError::io(folder))?;
    let own = rustix::process::geteuid().as_raw();
    if !meta.is_dir() || meta.uid() != own {
        // In a temporary folder that all users share, somebody may have put theirs there first.
        return Err(HarnessError::Other(format!(
            "{} belongs to another user: name another folder in RUNBOOK_STATE",
            folder.display()
        )));
    }
    Ok(())
}

pub(crate) fn open(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

pub(crate) fn same_file(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(named)) => open.ino() == named.ino() && open.dev() == named.dev(),
        _ => false,
    }
}

/// A name that no other process chooses.
pub(crate) fn unique() -> String {
    use std::hash::{BuildHasher as _, Hasher as _};
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    format!("{:016x}", hasher.finish())
}
