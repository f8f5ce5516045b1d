//! The revisions of an alembic project, read by alembic's own configuration in one child process.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use super::{child, graph};
use crate::alembic::Program;
use crate::{MigrationError, Problem, Revision};

/// What could be read of a project, and everything that is wrong with it.
#[derive(Debug)]
pub struct Project {
    /// The revisions, from the root to the head as far as they form one line.
    pub revisions: Vec<Revision>,
    /// What is wrong, sorted.
    pub problems: Vec<Problem>,
}

#[derive(Deserialize)]
struct Listing {
    revisions: Vec<Listed>,
    problems: Vec<Broken>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
    parents: Vec<String>,
    name: String,
    file: PathBuf,
    reversible: bool,
}

#[derive(Deserialize)]
struct Broken {
    file: PathBuf,
    line: Option<usize>,
    text: String,
}

impl Project {
    /// Reads the project in `folder`; the child process may take `limit`.
    ///
    /// # Errors
    /// When the project cannot be read at all: no `alembic.ini`, say.
    pub fn read(program: &Program, folder: &Path, limit: Duration) -> Result<Self, MigrationError> {
        // The child process runs in it, where a relative name would mean something else.
        let folder = &std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let ini = folder.join("alembic.ini");
        if let Err(error) = std::fs::File::open(&ini) {
            return Err(MigrationError::Unreadable {
                folder: folder.to_owned(),
                reason: format!("alembic.ini: {error}"),
            });
        }
        let mut command = Command::new(program.python());
        command.arg("-c").arg(include_str!("history.py")).arg(&ini).current_dir(folder);
        let text = child::run_blocking(command, "reading its revisions", limit)?;
        let listing: Listing = serde_json::from_str(&text).map_err(|error| MigrationError::Alembic {
            what: "reading its revisions".into(),
            message: format!("what it printed is not understood: {error}"),
        })?;
        Ok(Self::judge(folder, listing))
    }

    fn judge(folder: &Path, listing: Listing) -> Self {
        let mut problems: Vec<Problem> = listing
            .problems
            .into_iter()
            .map(|broken| Problem {
                file: broken.file,
                line: broken.line,
                text: format!("it cannot be loaded: {}", broken.text),
                remedy: "mend the file".into(),
            })
            .collect();
        let revisions: Vec<Revision> = listing
            .revisions
            .into_iter()
            .map(|listed| Revision {
                id: listed.id,
                name: listed.name,
                parents: listed.parents,
                reversible: listed.reversible,
                sql: None,
                file: listed.file,
            })
            .collect();
        let (line, wrong) = graph::line_up(folder, revisions, !problems.is_empty());
        problems.extend(wrong);
        problems.sort();
        Self { revisions: line, problems }
    }
}
