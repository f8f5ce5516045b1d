//! Copies of the fixtures that a test may break.

use std::path::{Path, PathBuf};

use harness::Database;
use migrations::{MigrationError, Migrator};
use runbook::ephemeral::Ephemeral;
use runbook::settings::{MigrationTool, Settings};

/// A copy of one tool's folder, and settings that point at it.
pub(crate) struct Copied {
    pub(crate) settings: Settings,
    pub(crate) folder: PathBuf,
    tool: MigrationTool,
    _temporary: tempfile::TempDir,
}

impl Copied {
    pub(crate) fn of(tool: MigrationTool) -> Self {
        let mut settings = (*harness::settings()).clone();
        let temporary = tempfile::tempdir().unwrap();
        let name = match tool {
            MigrationTool::Sqlx => settings.migrations.sqlx.clone(),
            MigrationTool::Alembic => settings.migrations.alembic.clone(),
        };
        let folder = temporary.path().join("copy");
        copy(&settings.path(name.unwrap()), &folder);
        match tool {
            MigrationTool::Sqlx => settings.migrations.sqlx = Some(folder.clone()),
            MigrationTool::Alembic => settings.migrations.alembic = Some(folder.clone()),
        }
        Self { settings, folder, tool, _temporary: temporary }
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.folder.join(name), text).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.folder.join(name)).unwrap();
    }

    #[track_caller]
    pub(crate) fn open(&self) -> Box<dyn Migrator> {
        migrations::open_with(&self.settings, self.tool).unwrap()
    }

    #[track_caller]
    pub(crate) fn refusal(&self) -> MigrationError {
        match migrations::open_with(&self.settings, self.tool) {
            Ok(_) => panic!("{} was opened without a complaint", self.folder.display()),
            Err(error) => error,
        }
    }

    /// What is wrong, as `PLACE: TEXT`.
    pub(crate) fn problems(&self) -> Vec<String> {
        let (_, problems) = migrations::examine(&self.settings, self.tool).unwrap();
        problems.iter().map(|problem| format!("{}: {}", problem.place(), problem.text)).collect()
    }
}

/// A database at a revision as alembic leaves it, without a run of alembic: both tools make the same (`equality.rs`).
pub(crate) async fn as_by_alembic(revision: &str) -> Database {
    let db = Database::at(revision).await.unwrap();
    let stamp = format!(
        "DROP TABLE _sqlx_migrations; CREATE TABLE alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY);
        INSERT INTO alembic_version VALUES ('{revision}')"
    );
    db.execute(&stamp).await.unwrap();
    db
}

/// The revision that a database stands at.
pub(crate) async fn current(
    migrator: &dyn Migrator,
    database: &Ephemeral,
) -> Result<Option<String>, MigrationError> {
    let mut reader = database.reader().await.unwrap();
    migrator.current(&mut reader).await
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}
