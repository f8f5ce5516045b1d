//! The files of a report: readable by their owner alone, and whole or not there.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::Report;

/// What a report consists of.
const REPORT: [&str; 3] = ["report.json", "report.html", "report.junit.xml"];

/// The folder of a report. Made, and tried for writing, before anything is run; one run's at a time.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Whether it was not there before.
    made: bool,
    lock: Option<Lock>,
}

/// The folder cannot be used, in one sentence.
#[derive(Debug, thiserror::Error)]
#[error("the report cannot be written to {path}: {reason}; name another folder with --report DIR")]
pub struct Unwritable {
    path: String,
    reason: String,
}

impl Folder {
    /// Makes the folder (0700 where it is new; one that was there keeps its rights), holds it for this run, and takes an
    /// earlier run's report away: what ends without a report leaves no other verdict in its place.
    ///
    /// # Errors
    /// When it is not a folder, cannot be made, cannot be written to, or another run has it.
    pub fn open(path: &Path) -> Result<Self, Unwritable> {
        let refuse = |error: io::Error| Unwritable::of(path, &error);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(refuse)?;
        }
        let made = match fs::DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => return Err(refuse(error)),
        };
        if !fs::metadata(path).map_err(refuse)?.is_dir() {
            return Err(refuse(io::Error::other("it is not a folder")));
        }
        let lock = Lock::take(path.join(".runbook.lock")).map_err(refuse)?;
        for name in REPORT {
            remove(&path.join(name)).map_err(refuse)?;
        }
        Ok(Self { path: path.to_owned(), made, lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `report.json`, `report.html` and `report.junit.xml`.
    ///
    /// # Errors
    /// When the disk is full, or the folder went away.
    pub fn save(&self, report: &Report) -> Result<(), Unwritable> {
        let refuse = |error: &dyn std::fmt::Display| Unwritable::of(&self.path, error);
        let json = report.to_json().map_err(|error| refuse(&error))?;
        let junit = report.junit().map_err(|error| refuse(&error))?;
        for (name, text) in REPORT.iter().zip([json, report.html(), junit]) {
            self.write(name, &text)?;
        }
        Ok(())
    }

    /// Writes one file: to a private name first, then renamed, so that a reader sees the old one or the new one.
    ///
    /// # Errors
    /// As [`Self::save`].
    pub fn write(&self, name: &str, text: &str) -> Result<(), Unwritable> {
        let partial = self.path.join(format!(".{name}.partial"));
        let written = (|| {
            // Of a run that was killed; or somebody's link, which is not followed.
            remove(&partial)?;
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&partial, self.path.join(name))
        })();
        written.map_err(|error| {
            let _ = fs::remove_file(&partial);
            Unwritable::of(&self.path, &error)
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.lock.take();
        if self.made {
            // Only an empty one goes: of a run that came to nothing.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

impl Unwritable {
    fn of(path: &Path, reason: &dyn std::fmt::Display) -> Self {
        Self { path: path.display().to_string(), reason: reason.to_string() }
    }
}

/// A file that is locked as long as this lives: the kernel drops the lock of a killed run.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    file: File,
}

impl Lock {
    /// None where the file system knows no locks.
    fn take(path: PathBuf) -> io::Result<Option<Self>> {
        loop {
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
            match file.try_lock() {
                // A run that ended in between has removed it: a lock on a removed file is worth nothing.
                Ok(()) if !same_file(&file, &path) => {}
                Ok(()) => return Ok(Some(Self { path, file })),
                Err(TryLockError::WouldBlock) => {
                    return Err(io::Error::other("another run is writing its report there"));
                }
                Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
                    let _ = fs::remove_file(&path);
                    return Ok(None);
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if same_file(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn same_file(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => open.ino() == named.ino() && open.dev() == named.dev(),
        _ => false,
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
