//! Where `pg_dump` and `pg_restore` are: `RUNBOOK_PG_CLIENTS` (a folder of client programs alone), `RUNBOOK_PG_BIN`, the distribution's folders, `PATH`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::child::Child;
use crate::error::RecoveryError;

/// `--version` answers at once or not at all.
const VERSION_LIMIT: Duration = Duration::from_secs(10);

/// `pg_dump` and `pg_restore` of one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// The folder that holds both.
    pub folder: PathBuf,
    /// `pg_dump`'s version, as it says it: `15.18`.
    pub version: String,
}

impl Programs {
    /// The installation that fits a server of this major version: the same major, else the next newer one (an
    /// older `pg_dump` refuses, and a newer `pg_restore` may set parameters that the server does not know: that of 17
    /// `transaction_timeout`). So the environment's are taken, but where they are newer and others fit better.
    ///
    /// # Errors
    /// When there is none, or none new enough: one sentence that says what to install.
    pub async fn for_server(major: u32) -> Result<Self, RecoveryError> {
        let Some(folder) = named() else { return Self::among(&usual_folders(), major).await };
        let mut folders = vec![folder];
        if found(&folders, None).await?.iter().any(|(number, _)| *number > major) {
            folders.extend(usual_folders());
        }
        Self::among(&folders, major).await
    }

    /// Every installation that would be looked at, in that order.
    ///
    /// # Errors
    /// When a program that is there cannot be run.
    pub async fn installed() -> Result<Vec<Self>, RecoveryError> {
        let found = match named() {
            Some(folder) => found(&[folder], None).await?,
            None => found(&usual_folders(), None).await?,
        };
        Ok(found.into_iter().map(|(_, programs)| programs).collect())
    }

    /// The same, among these folders only.
    ///
    /// # Errors
    /// As [`Self::for_server`].
    pub async fn among(folders: &[PathBuf], major: u32) -> Result<Self, RecoveryError> {
        let found = found(folders, Some(major)).await?;
        if let Some((_, same)) = found.iter().find(|(number, _)| *number == major) {
            return Ok(same.clone());
        }
        let newest = found.iter().map(|(number, _)| *number).max();
        let fitting =
            found.into_iter().filter(|(number, _)| *number >= major).min_by_key(|(number, _)| *number);
        match (fitting, newest) {
            (Some((_, programs)), _) => Ok(programs),
            (None, Some(newest)) => Err(RecoveryError::Missing(format!(
                "pg_dump {newest} is older than the server ({major}) and cannot dump it: install the \
                 PostgreSQL {major} client programs (Debian: postgresql-client-{major}), or name their folder in RUNBOOK_PG_CLIENTS"
            ))),
            (None, None) => Err(RecoveryError::Missing(format!(
                "pg_dump and pg_restore were not found: install the PostgreSQL {major} client programs \
                 (Debian: postgresql-client-{major}; Fedora: postgresql; Homebrew: libpq), or name their folder in RUNBOOK_PG_CLIENTS"
            ))),
        }
    }

    /// `pg_dump`.
    pub fn pg_dump(&self) -> PathBuf {
        self.folder.join("pg_dump")
    }

    /// `pg_restore`.
    pub fn pg_restore(&self) -> PathBuf {
        self.folder.join("pg_restore")
    }
}

/// The major version in `15.18`, `18beta1`, `15.18 (Debian 15.18-0+deb12u1)`.
pub(crate) fn major_of(version: &str) -> Option<u32> {
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The folder that the environment names.
fn named() -> Option<PathBuf> {
    std::env::var_os("RUNBOOK_PG_CLIENTS").or_else(|| std::env::var_os("RUNBOOK_PG_BIN")).map(PathBuf::from)
}

/// The installations among these folders, with their major versions; none after the first that has the major version
/// `wanted`, since each is a program to run, and Debian's on `PATH` a script that looks for another one.
async fn found(folders: &[PathBuf], wanted: Option<u32>) -> Result<Vec<(u32, Programs)>, RecoveryError> {
    let mut found: Vec<(u32, Programs)> = Vec::new();
    for folder in folders {
        let (dump, restore) = (folder.join("pg_dump"), folder.join("pg_restore"));
        let known = found.iter().any(|(_, programs)| programs.folder == *folder);
        if known || !dump.is_file() || !restore.is_file() {
            continue;
        }
        let version = version_of(&dump).await?;
        if let Some(number) = major_of(&version) {
            found.push((number, Programs { folder: folder.clone(), version }));
            if wanted == Some(number) {
                break;
            }
        }
    }
    Ok(found)
}

async fn version_of(program: &Path) -> Result<String, RecoveryError> {
    let said = Child::new("pg_dump", program).args(["--version"]).run(VERSION_LIMIT).await?;
    // `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`
    let version = said.split(") ").nth(1).unwrap_or("").split_whitespace().next().unwrap_or("");
    Ok(version.to_owned())
}

fn usual_folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for (parent, below) in [
        ("/usr/lib/postgresql", "bin"),
        // Fedora and the PGDG packages: /usr/pgsql-17/bin.
        ("/usr", "bin"),
        ("/opt/homebrew/opt", "bin"),
        ("/usr/local/opt", "bin"),
    ] {
        let Ok(entries) = std::fs::read_dir(parent) else { continue };
        let mut children: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        children.sort();
        folders.extend(
            children
                .into_iter()
                .map(|child| child.join(below))
                .filter(|folder| folder.join("pg_dump").is_file()),
        );
    }
    if let Some(path) = std::env::var_os("PATH") {
        folders.extend(std::env::split_paths(&path));
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_major_version_is_read_from_releases_and_betas() {
        assert_eq!(major_of("15.18"), Some(15));
        assert_eq!(major_of("18beta1"), Some(18));
        assert_eq!(major_of(""), None);
    }
}
