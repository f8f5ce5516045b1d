//! A file that is being written: under a name that is no dump's, and locked, so that what a killed backup left can be
//! told from what another one is writing.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::RecoveryError;
use crate::folder::PARTIAL;

/// A new file with mode 0600 in `folder`, locked for as long as it is open.
///
/// # Errors
/// When it cannot be made or locked.
pub(crate) fn create(folder: &Path) -> Result<NamedTempFile, RecoveryError> {
    loop {
        let file = tempfile::Builder::new()
            .prefix(PARTIAL)
            .tempfile_in(folder)
            .map_err(RecoveryError::file(folder, "write to"))?;
        if lock(&file)? {
            return Ok(file);
        }
    }
}

/// Locks it. False when another backup took it for a dead one's before, and removed it.
fn lock(file: &NamedTempFile) -> Result<bool, RecoveryError> {
    file.as_file().lock().map_err(RecoveryError::file(file.path(), "lock"))?;
    let links = file.as_file().metadata().map_err(RecoveryError::file(file.path(), "read"))?.nlink();
    Ok(links > 0)
}

/// Removes what killed backups left in `folder`: their locks are free.
///
/// # Errors
/// When the folder cannot be read, or a file not removed.
pub(crate) fn sweep(folder: &Path) -> Result<(), RecoveryError> {
    sweep_with(folder, |path| std::fs::remove_file(path))
}

fn sweep_with(folder: &Path, remove: impl Fn(&Path) -> std::io::Result<()>) -> Result<(), RecoveryError> {
    for entry in std::fs::read_dir(folder).map_err(RecoveryError::file(folder, "read"))?.flatten() {
        let path = entry.path();
        if !entry.file_name().to_string_lossy().starts_with(PARTIAL) {
            continue;
        }
        // One that is gone by now was finished, or removed by another backup.
        let Ok(file) = File::open(&path) else { continue };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => return Err(RecoveryError::file(&path, "lock")(error)),
        }
        // Under the lock: whoever made it and locks it only now sees that it is gone.
        match remove(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(RecoveryError::file(&path, "remove")(error));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// The moment between making a file and locking it, in which another backup begins.
    #[test]
    fn a_file_that_was_swept_before_it_was_locked_is_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let file = tempfile::Builder::new().prefix(PARTIAL).tempfile_in(folder.path()).unwrap();
        sweep(folder.path()).unwrap();
        assert!(!file.path().exists(), "nothing says yet that it is alive");
        assert!(!lock(&file).unwrap());
        assert!(create(folder.path()).unwrap().path().exists());
    }

    #[test]
    fn a_dead_file_is_locked_until_it_is_gone_and_one_that_is_gone_already_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("{PARTIAL}dead"));
        std::fs::write(&path, "half a dump").unwrap();
        let seen = AtomicU32::new(0);
        sweep_with(folder.path(), |path| {
            seen.fetch_add(1, Ordering::Relaxed);
            let other = File::open(path).unwrap();
            assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)), "its maker could lock it now");
            std::fs::remove_file(path)?;
            // As when another backup removes it.
            std::fs::remove_file(path)
        })
        .unwrap();
        assert_eq!(seen.into_inner(), 1);
    }

    #[test]
    fn of_backups_that_begin_at_once_none_loses_its_file() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        sweep(folder.path()).unwrap();
                        let file = create(folder.path()).unwrap();
                        sweep(folder.path()).unwrap();
                        assert!(file.path().exists());
                    }
                });
            }
        });
    }
}
