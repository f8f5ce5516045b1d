//! What a change is compared with: the fixtures of a git revision.

use std::path::Path;
use std::process::Command;

use migrations::Migrator;
use runbook::settings::Settings;

use crate::query::Query;

/// What of the settings' folder decides about plans and times.
const COMPARED: [&str; 3] = ["migrations", "queries", "seeds"];

/// Why there is nothing to compare with.
#[derive(Debug, thiserror::Error)]
pub enum BaseError {
    /// git knows no such revision, or it has no such folder.
    #[error("{base} is no revision with a folder {folder}: name one that `git show` knows")]
    Unknown {
        /// What was named.
        base: String,
        /// The settings' folder, from the top of the repository.
        folder: String,
    },
    /// Its settings, migrations or queries are wrong.
    #[error("{base} cannot be compared with: {reason}")]
    Wrong {
        /// The revision.
        base: String,
        /// File, line, and what is wrong.
        reason: String,
    },
    /// git or tar does not do its work.
    #[error("{0}")]
    Tool(String),
}

/// A revision, read: nothing of it has run yet.
pub struct Base {
    /// How it was named.
    pub name: String,
    /// Its settings, in a folder of their own.
    pub settings: Settings,
    /// Its critical queries.
    pub queries: Vec<Query>,
    /// Its migrations.
    pub migrator: Box<dyn Migrator>,
    /// Their newest revision.
    pub head: String,
}

impl Base {
    /// Where the branch that is checked out at `root` left the main one.
    pub fn merge_base(root: &Path) -> Option<String> {
        let main = ["origin/main", "main", "origin/master", "master"];
        main.into_iter().find_map(|main| git(root, &["merge-base", "HEAD", main]).ok()).map(|mut hash| {
            hash.truncate(12);
            hash
        })
    }

    /// Whether the folder of the settings is as it was there, in the working copy too.
    pub fn is_unchanged(name: &str, root: &Path) -> bool {
        may_be_a_revision(name)
            && git(root, &among(&["diff", "--quiet", name])).is_ok()
            && git(root, &among(&["ls-files", "--others", "--exclude-standard"]))
                .is_ok_and(|new| new.is_empty())
    }

    /// Reads the fixtures of a revision of the repository that `root`, the settings' folder, stands in. They are unpacked
    /// into `folder`.
    ///
    /// # Errors
    /// See [`BaseError`].
    pub fn read(name: &str, root: &Path, folder: &Path) -> Result<Self, BaseError> {
        let tool = |words: String| BaseError::Tool(words);
        let top = git(root, &["rev-parse", "--show-toplevel"]).map_err(tool)?;
        let prefix = git(root, &["rev-parse", "--show-prefix"]).map_err(tool)?;
        let prefix = prefix.trim_end_matches('/');
        let unknown = || BaseError::Unknown { base: name.into(), folder: prefix.into() };
        if !may_be_a_revision(name) {
            return Err(unknown());
        }
        let (archive, tree) = (folder.join("base.tar"), format!("{name}:{prefix}"));
        git(Path::new(&top), &["archive", "--output", &archive.to_string_lossy(), &tree])
            .map_err(|_| unknown())?;
        let fixtures = folder.join("fixtures");
        std::fs::create_dir(&fixtures).map_err(|error| tool(format!("{}: {error}", fixtures.display())))?;
        let unpacked = Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&fixtures).status();
        if !unpacked.is_ok_and(|status| status.success()) {
            return Err(tool(format!("the fixtures of {name} cannot be unpacked: tar failed")));
        }
        // Files are named as git names them, not where they were unpacked.
        let shown = format!("{name}:{prefix}");
        let wrong = |reason: String| BaseError::Wrong {
            base: name.into(),
            reason: reason.replace(&*fixtures.to_string_lossy(), &shown),
        };
        let settings = Settings::load(&fixtures).map_err(|error| wrong(error.to_string()))?;
        let queries = Query::all(&settings).map_err(|error| wrong(error.to_string()))?;
        let migrator = migrations::open(&settings).map_err(|error| wrong(error.to_string()))?;
        let head = migrator.head().map(ToOwned::to_owned);
        let head = head.ok_or_else(|| wrong("it has no migrations".into()))?;
        Ok(Self { name: name.into(), settings, queries, migrator, head })
    }

    /// The error of something that its files made the database say.
    pub fn wrong(&self, error: impl std::fmt::Display) -> BaseError {
        let root = self.settings.root.to_string_lossy().into_owned();
        BaseError::Wrong { base: self.name.clone(), reason: error.to_string().replace(&root, &self.name) }
    }
}

/// What begins with a dash is an option to git, and what has a colon names no commit.
fn may_be_a_revision(name: &str) -> bool {
    !name.starts_with('-') && !name.contains(':')
}

fn among<'a>(first: &[&'a str]) -> Vec<&'a str> {
    [first, &["--"], &COMPARED].concat()
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output();
    let output = output.map_err(|error| format!("git cannot be run: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}
