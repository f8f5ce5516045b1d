//! The folder of what lives as long as a rehearsal: dumps, the state of the service. Each run has its own, in the folder
//! of its report; it goes with the run, however that ends, or with the next one where nobody was there to remove it.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use harness::Watched;

use crate::failure::Failure;

/// How the names of ours begin.
const PREFIX: &str = ".runbook-work-";

/// The file that marks one as ours; locked as long as its run lives.
const MARK: &str = "lock";

/// A folder for this run alone.
pub(super) struct Work {
    path: PathBuf,
    _lock: File,
    /// None where the harness cannot watch it: then the next run removes it.
    _watched: Option<Watched>,
}

impl Work {
    /// Makes it in the folder of the report, and removes what killed runs left there.
    ///
    /// # Errors
    /// In one sentence, where the folder cannot be written to.
    pub(super) fn make(report: &Path) -> Result<Self, Failure> {
        let made = (|| {
            // The service runs elsewhere and is given the place of its state.
            let report = report.canonicalize()?;
            sweep(&report);
            let path = new_folder(&report)?;
            let lock = File::options().write(true).create_new(true).mode(0o600).open(path.join(MARK))?;
            match lock.try_lock() {
                Err(TryLockError::Error(error)) if error.kind() != ErrorKind::Unsupported => Err(error),
                _ => Ok(Self { _watched: Watched::folder(&path).ok(), path, _lock: lock }),
            }
        })();
        made.map_err(|error: io::Error| {
            Failure::said(format!(
                "no folder for dumps can be made in {}: {error}; name another folder with --report DIR",
                report.display()
            ))
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // By another name: what a child that is just being killed would still make has no place any more.
        let gone = self.path.with_extension("gone");
        let path = if fs::rename(&self.path, &gone).is_ok() { &gone } else { &self.path };
        let _ = fs::remove_dir_all(path);
    }
}

fn new_folder(report: &Path) -> io::Result<PathBuf> {
    let mut number = 0_u32;
    loop {
        let path = report.join(format!("{PREFIX}{}-{number}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            made => return made.map(|()| path),
        }
    }
}

/// Removes folders of ours whose run is gone.
fn sweep(report: &Path) {
    for entry in fs::read_dir(report).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if !ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        match File::open(entry.path().join(MARK)) {
            Ok(lock) if lock.try_lock().is_ok() => {
                let _ = fs::remove_dir_all(entry.path());
            }
            // Killed before it was marked: it holds nothing.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let _ = fs::remove_dir(entry.path());
            }
            _ => {}
        }
    }
}
