//! Planted defects: `fixtures/defects/<check-id>/NAME.sql`, each a fault that its check must find.
//!
//! A file starts with its header:
//!
//! ```sql
//! -- plants: a payload whose project is gone
//! -- also: integrity.rows.counted, recovery.restore.equal
//! ```

use std::path::{Path, PathBuf};

use crate::{Database, HarnessError, fixtures_folder};

/// A fault, and the checks that must find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// The check that must fail: the folder's name.
    pub check: String,
    /// The file's name, without its ending.
    pub name: String,
    /// One sentence: what is broken.
    pub plants: String,
    /// Other checks that rightly fail too.
    pub also: Vec<String>,
    /// The statements that plant it, run as superuser.
    pub sql: String,
    /// The file.
    pub path: PathBuf,
}

impl Defect {
    /// Reads a file of the form above.
    ///
    /// # Errors
    /// When it cannot be read or its header lacks `-- plants:`.
    pub fn read(path: &Path) -> Result<Self, HarnessError> {
        let sql = std::fs::read_to_string(path).map_err(HarnessError::io(path))?;
        let header = |key: &str| {
            sql.lines()
                .map_while(|line| line.trim().strip_prefix("--"))
                .find_map(|line| line.trim().strip_prefix(key).map(|rest| rest.trim().to_owned()))
        };
        let Some(plants) = header("plants:").filter(|text| !text.is_empty()) else {
            return Err(HarnessError::Fixtures(format!(
                "{}:1: the header lacks `-- plants:` and one sentence of what is broken",
                path.display()
            )));
        };
        let also = header("also:")
            .map(|list| list.split(',').map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()).collect())
            .unwrap_or_default();
        let name_of =
            |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let check = name_of(path.parent().and_then(Path::file_name));
        Ok(Self { check, name: name_of(path.file_stem()), plants, also, sql, path: path.to_owned() })
    }

    /// Plants it in a database of its own.
    ///
    /// # Errors
    /// When the statements fail: a defect that cannot be planted proves nothing.
    pub async fn plant(&self, database: &Database) -> Result<(), HarnessError> {
        let told = |error| HarnessError::Other(format!("{}: {error}", self.path.display()));
        database.execute(&self.sql).await.map_err(told)
    }
}

/// The SQL defects of one suite: of all checks whose id starts with `suite.`. Sorted by check and name.
///
/// # Panics
/// With the sentence of the error when a file is wrong: a test has nothing to go on with.
pub fn of(suite: &str) -> Vec<Defect> {
    let prefix = format!("{suite}.");
    all().into_iter().filter(|defect| defect.check.starts_with(&prefix)).collect()
}

/// All SQL defects of the fixtures, sorted by check and name.
///
/// # Panics
/// As [`of`].
pub fn all() -> Vec<Defect> {
    #[allow(clippy::panic, reason = "a test has nothing to go on with when a defect is wrong")]
    match read_all(&fixtures_folder().join("defects")) {
        Ok(defects) => defects,
        Err(error) => panic!("{error}"),
    }
}

/// Reads the defects below a folder.
///
/// # Errors
/// As [`Defect::read`].
pub fn read_all(folder: &Path) -> Result<Vec<Defect>, HarnessError> {
    let mut files = Vec::new();
    for check in std::fs::read_dir(folder).map_err(HarnessError::io(folder))?.flatten() {
        let Ok(entries) = std::fs::read_dir(check.path()) else { continue };
        files.extend(
            entries
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.extension().is_some_and(|e| e == "sql")),
        );
    }
    files.sort();
    files.iter().map(|file| Defect::read(file)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let check = folder.path().join("suite.subject.fact");
        std::fs::create_dir(&check).unwrap();
        let path = check.join("orphan.sql");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn the_header_says_what_is_broken_and_who_else_sees_it() {
        let (folder, _) = written("-- plants: an orphan\n-- also: a.b.c, d.e.f\nSELECT 1;\n");
        let defects = read_all(folder.path()).unwrap();
        assert_eq!(defects.len(), 1);
        assert_eq!(defects[0].check, "suite.subject.fact");
        assert_eq!((defects[0].name.as_str(), defects[0].plants.as_str()), ("orphan", "an orphan"));
        assert_eq!(defects[0].also, ["a.b.c", "d.e.f"]);
    }

    #[test]
    fn a_file_without_a_header_is_refused_with_its_name() {
        let (_folder, path) = written("SELECT 1;\n");
        let error = Defect::read(&path).unwrap_err().to_string();
        assert!(error.contains("orphan.sql:1: the header lacks `-- plants:`"), "{error}");
    }
}
