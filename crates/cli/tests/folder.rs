//! Fixture folders of a test's own.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder with a runbook and the least settings, followed by `more`.
pub(crate) fn of(runbook: &str, more: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let settings = format!(
        "[system]\nname = \"Test\"\ntitle = \"Test deployment\"\nrunbook = \"runbook.md\"\n\n\
         [migrations]\ntool = \"sqlx\"\nsqlx = \"migrations\"\n{more}"
    );
    std::fs::write(folder.path().join("runbook.toml"), settings).unwrap();
    std::fs::write(folder.path().join("runbook.md"), runbook).unwrap();
    std::fs::create_dir(folder.path().join("migrations")).unwrap();
    folder
}

/// The workspace.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The planted defects of a check that are not SQL.
pub(crate) fn defects(check: &str) -> Vec<toml::Table> {
    let folder = workspace().join("fixtures/defects").join(check);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths =
        files.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "toml"));
    let found: Vec<toml::Table> =
        paths.map(|path| std::fs::read_to_string(path).unwrap().parse().unwrap()).collect();
    assert!(!found.is_empty(), "{} holds no defect", folder.display());
    found
}
