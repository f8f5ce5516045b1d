//! The files of a report: readable by their owner alone, and whole or not there.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::Report;

/// The folder of a report. Made, and tried for writing, before anything is run.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

/// The folder cannot be used, in one sentence.
#[derive(Debug, thiserror::Error)]
#[error("the report cannot be written to {path}: {reason}; name another folder with --report DIR")]
pub struct Unwritable {
    path: String,
    reason: String,
}

impl Folder {
    /// Makes the folder (0700 where it is new) and proves that a file can be written there.
    ///
    /// # Errors
    /// When it is not a folder, cannot be made, or cannot be written to.
    pub fn open(path: &Path) -> Result<Self, Unwritable> {
        let refuse = |error: std::io::Error| Unwritable {
            path: path.display().to_string(),
            reason: error.to_string(),
        };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(refuse)?;
        }
        match fs::DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                // A folder from before may be open to others; what goes into it now is not theirs to read.
                let mode = fs::metadata(path).map_err(refuse)?;
                if !mode.is_dir() {
                    return Err(Unwritable {
                        path: path.display().to_string(),
                        reason: "it is not a folder".into(),
                    });
                }
                if mode.permissions().mode() & 0o077 != 0 {
                    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(refuse)?;
                }
            }
            Err(error) => return Err(refuse(error)),
        }
        let folder = Self { path: path.to_owned() };
        folder.write(".probe", "")?;
        fs::remove_file(path.join(".probe")).map_err(refuse)?;
        Ok(folder)
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
        let refuse = |reason: String| Unwritable { path: self.path.display().to_string(), reason };
        self.write("report.json", &report.to_json().map_err(|error| refuse(error.to_string()))?)?;
        self.write("report.html", &report.html())?;
        self.write("report.junit.xml", &report.junit().map_err(|error| refuse(error.to_string()))?)
    }

    /// Writes one file: to a private name first, then renamed, so that a reader sees the old one or the new one.
    ///
    /// # Errors
    /// As [`Self::save`].
    pub fn write(&self, name: &str, text: &str) -> Result<(), Unwritable> {
        let refuse = |error: std::io::Error| Unwritable {
            path: self.path.display().to_string(),
            reason: error.to_string(),
        };
        let partial = self.path.join(format!(".{name}.{}", std::process::id()));
        let written = (|| {
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&partial, self.path.join(name))
        })();
        written.map_err(|error| {
            let _ = fs::remove_file(&partial);
            refuse(error)
        })
    }
}
