//! The machine's own Postgres programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::HarnessError;

/// The programs of one Postgres version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The folder that holds `postgres` and `initdb`.
    pub folder: PathBuf,
    /// The version as the program prints it: `15.18`.
    pub version: String,
    /// Its major version.
    pub major: u32,
}

impl Binaries {
    /// The path of one program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// As the server itself numbers it: 150018 for 15.18.
    pub(crate) fn version_num(&self) -> u32 {
        let minor = self.version.split_once('.').and_then(|(_, minor)| minor.parse::<u32>().ok());
        self.major * 10_000 + minor.unwrap_or(0)
    }

    /// Whether the server can load this library: `pg_stat_statements`.
    pub(crate) fn has_library(&self, name: &str) -> bool {
        // `postgres` finds its libraries relative to itself, past a link to it in a folder of the PATH; the layouts of
        // Debian, Fedora and Homebrew.
        let program = self.folder.join("postgres");
        let program = program.canonicalize().unwrap_or(program);
        let folder = program.parent().unwrap_or(&self.folder);
        ["../lib", "../lib/postgresql", "../lib64", "../lib/pgsql", "../lib64/pgsql"].iter().any(|lib| {
            ["so", "dylib"].iter().any(|end| folder.join(lib).join(format!("{name}.{end}")).exists())
        })
    }

    /// Reads the version of the programs in `folder`.
    pub(crate) fn read(folder: &Path) -> Option<Self> {
        if !folder.join("initdb").exists() {
            return None;
        }
        let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (version, major) = parse(&text)?;
        Some(Self { folder: folder.to_owned(), version, major })
    }
}

/// All Postgres programs of this machine, newest first: `RUNBOOK_PG_BIN` alone when it is set, else `PATH` and
/// the folders of Debian, Fedora and Homebrew.
pub fn find() -> Vec<Binaries> {
    let mut folders = Vec::new();
    match std::env::var_os("RUNBOOK_PG_BIN") {
        Some(folder) if !folder.is_empty() => folders.push(PathBuf::from(folder)),
        _ => {
            folders.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
            for (parent, below) in [
                ("/usr/lib/postgresql", "bin"),
                ("/usr/local/lib/postgresql", "bin"),
                ("/opt/homebrew/opt", "bin"),
                ("/usr/local/opt", "bin"),
                ("/usr", "bin"),
            ] {
                folders.extend(children(Path::new(parent)).map(|child| child.join(below)));
            }
        }
    }
    let mut found: Vec<Binaries> = Vec::new();
    for folder in folders {
        let Ok(folder) = folder.canonicalize() else { continue };
        if found.iter().all(|binaries| binaries.folder != folder) {
            found.extend(Binaries::read(&folder));
        }
    }
    found.sort_by_key(|binaries| std::cmp::Reverse(version_key(&binaries.version)));
    found
}

/// The newest programs of `minimum` or later.
///
/// # Errors
/// [`HarnessError::TooOld`] when there are only older ones, [`HarnessError::NoBackend`] when there are none.
pub fn newest(found: &[Binaries], minimum: u32) -> Result<Binaries, HarnessError> {
    match found.first() {
        Some(binaries) if binaries.major >= minimum => Ok(binaries.clone()),
        Some(binaries) => Err(HarnessError::TooOld {
            what: binaries.program("postgres").display().to_string(),
            found: binaries.version.clone(),
            minimum,
            remedy: "RUNBOOK_PG_BIN",
        }),
        None => Err(HarnessError::NoBackend(match std::env::var("RUNBOOK_PG_BIN") {
            Ok(folder) if !folder.is_empty() => {
                format!("RUNBOOK_PG_BIN={folder} holds no postgres and initdb")
            }
            _ => "this machine has no postgres and initdb".into(),
        })),
    }
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` → `("15.18", 15)`.
fn parse(text: &str) -> Option<(String, u32)> {
    let version = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    Some((version.to_owned(), digits.parse().ok()?))
}

fn version_key(version: &str) -> Vec<u32> {
    version
        .split('.')
        .map(|part| part.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0))
        .collect()
}

fn children(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let wanted = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with(|c: char| c.is_ascii_digit())
            || name.starts_with("postgresql")
            || name.starts_with("pgsql")
    };
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).filter(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binaries(version: &str, major: u32) -> Binaries {
        Binaries { folder: PathBuf::from("/opt/pg"), version: version.into(), major }
    }

    #[test]
    fn versions_are_read_as_distributions_print_them() {
        let debian = "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n";
        assert_eq!(parse(debian), Some(("15.18".into(), 15)));
        assert_eq!(parse("postgres (PostgreSQL) 18beta1"), Some(("18beta1".into(), 18)));
        assert_eq!(parse("postgres (PostgreSQL) 9.6.24"), Some(("9.6.24".into(), 9)));
        assert_eq!(parse("command not found"), None);
    }

    #[test]
    fn ten_is_newer_than_nine_and_too_old_is_one_sentence() {
        assert!(version_key("10.1") > version_key("9.6.24"));
        let error = newest(&[binaries("14.20", 14)], 15).unwrap_err();
        assert_eq!(
            error.to_string(),
            "/opt/pg/postgres is PostgreSQL 14.20, and at least 15 is needed: name a newer one in RUNBOOK_PG_BIN"
        );
        assert_eq!(newest(&[binaries("17.2", 17), binaries("15.1", 15)], 15).unwrap().major, 17);
    }
}
