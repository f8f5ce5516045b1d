//! Reading a folder of migrations: what sqlx would take from it, and everything that is wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use runbook::statement::{MOST_NESTED, too_deep};
use sqlx::migrate::{Migration, MigrationType};
use sqlx::{AssertSqlSafe, SqlSafeStr as _};
use squawk_syntax::ast::SourceFile;

use super::{line, numbering};
use crate::{MigrationError, Problem, Revision};

/// The migrations of a folder, as sqlx's own resolver reads them (a test compares the two), and the problems
/// that it would pass over or meet only on the database.
#[derive(Debug)]
pub struct Folder {
    /// What could be read, oldest first.
    pub revisions: Vec<Revision>,
    /// What is wrong, in the order of the files.
    pub problems: Vec<Problem>,
    ups: BTreeMap<i64, (String, Migration)>,
    downs: BTreeMap<i64, (PathBuf, Migration)>,
}

/// One migration file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) version: i64,
    pub(super) id: String,
    pub(super) down: bool,
    pub(super) path: PathBuf,
    kind: MigrationType,
    description: String,
    sql: String,
}

impl File {
    pub(super) fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

impl Folder {
    /// Reads every file.
    ///
    /// # Errors
    /// When the folder itself cannot be read. What is wrong with a file is among [`Self::problems`].
    pub fn read(folder: &Path) -> Result<Self, MigrationError> {
        let unreadable = |error: std::io::Error| MigrationError::Unreadable {
            folder: folder.to_owned(),
            reason: error.to_string(),
        };
        let mut paths = std::fs::read_dir(folder)
            .map_err(unreadable)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(unreadable)?;
        paths.sort();
        let mut problems = Vec::new();
        let mut files = Vec::new();
        for path in
            paths.into_iter().filter(|path| path.is_file() && path.extension().is_some_and(|e| e == "sql"))
        {
            match read_file(&path) {
                Ok(file) => {
                    problems.extend(parse(&file));
                    files.push(file);
                }
                Err(problem) => problems.push(problem),
            }
        }
        files.sort_by(|a, b| (a.version, a.down, &a.path).cmp(&(b.version, b.down, &b.path)));
        problems.extend(numbering::doubled(&files));
        problems.extend(numbering::gaps(folder, &files));
        if files.is_empty() && problems.is_empty() {
            problems.push(Problem::of(
                folder,
                "there is no migration in it",
                "add `001_NAME.up.sql` and `001_NAME.down.sql`",
            ));
        }
        Ok(Self::assemble(files, problems))
    }

    fn assemble(files: Vec<File>, problems: Vec<Problem>) -> Self {
        let mut folder =
            Self { revisions: Vec::new(), problems, ups: BTreeMap::new(), downs: BTreeMap::new() };
        for file in files {
            let no_transaction = file.sql.starts_with("-- no-transaction");
            let sql = AssertSqlSafe(file.sql.clone()).into_sql_str();
            let migration =
                Migration::new(file.version, file.description.clone().into(), file.kind, sql, no_transaction);
            if file.down {
                folder.downs.insert(file.version, (file.path, migration));
                continue;
            }
            let parents = folder.revisions.last().map(|r| r.id.clone()).into_iter().collect();
            folder.revisions.push(Revision {
                id: file.id.clone(),
                name: file.description,
                parents,
                reversible: false,
                sql: Some(file.sql),
                file: file.path,
            });
            folder.ups.insert(file.version, (file.id, migration));
        }
        for revision in &mut folder.revisions {
            revision.reversible =
                revision.id.parse().is_ok_and(|version: i64| folder.downs.contains_key(&version));
        }
        folder
    }

    pub(super) fn up(&self, version: i64) -> Option<&Migration> {
        self.ups.get(&version).map(|(_, migration)| migration)
    }

    pub(super) fn down(&self, version: i64) -> Option<(&Migration, &Path)> {
        self.downs.get(&version).map(|(path, migration)| (migration, path.as_path()))
    }

    pub(super) fn id(&self, version: i64) -> Option<&str> {
        self.ups.get(&version).map(|(id, _)| id.as_str())
    }

    pub(super) fn version(&self, id: &str) -> Option<i64> {
        self.ups.iter().find(|(_, (known, _))| known == id).map(|(version, _)| *version)
    }

    pub(super) fn versions(&self) -> impl Iterator<Item = i64> {
        self.ups.keys().copied()
    }
}

/// A file larger than this is data, not a migration: it is neither read nor parsed.
const LARGEST: u64 = 8 << 20;

/// Takes a file's name and text apart as sqlx does.
fn read_file(path: &Path) -> Result<File, Problem> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (id, rest) = name.split_once('_').unwrap_or((&name, ""));
    let version: i64 =
        id.parse().ok().filter(|version| *version > 0 && !rest.is_empty()).ok_or_else(|| {
            Problem::of(
                path,
                "its name has not the form NUMBER_NAME.up.sql, so it would never be applied",
                "rename or remove it",
            )
        })?;
    let size = std::fs::metadata(path).map_or(0, |file| file.len());
    if size > LARGEST {
        return Err(Problem::of(
            path,
            format!("it is {} MB, and {} is the most that a migration may be", size >> 20, LARGEST >> 20),
            "load data with COPY, outside of the migrations",
        ));
    }
    let bytes = std::fs::read(path).map_err(|error| {
        Problem::of(path, format!("it cannot be read: {error}"), "see to its permissions")
    })?;
    let sql = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Problem::of(path, "it is not UTF-8", "save it as UTF-8").at(line::of_byte(error.as_bytes(), at))
    })?;
    if sql.starts_with('\u{feff}') {
        let problem = "it begins with a byte order mark, which the server takes for a part of the statement";
        return Err(Problem::of(path, problem, "save it as UTF-8 without a byte order mark").at(1));
    }
    let kind = MigrationType::from_filename(rest);
    let description = rest.trim_end_matches(kind.suffix()).replace('_', " ");
    let down = kind.is_down_migration();
    Ok(File { version, id: id.to_owned(), down, path: path.to_owned(), kind, description, sql })
}

/// The first thing that is no SQL, with its line.
fn parse(file: &File) -> Option<Problem> {
    if let Some(at) = too_deep(&file.sql) {
        let problem = format!("it is nested more than {MOST_NESTED} deep");
        let line = line::of_byte(file.sql.as_bytes(), at);
        return Some(Problem::of(&file.path, problem, "take the statement apart").at(line));
    }
    let parsed = SourceFile::parse(&file.sql);
    let error = parsed.errors().into_iter().min_by_key(|error| error.range().start())?;
    let at = usize::from(error.range().start());
    let remedy = format!("mend it where the caret stands: `{}`", line::with_caret(&file.sql, at));
    Some(
        Problem::of(&file.path, format!("it does not parse: {}", error.message()), remedy)
            .at(line::of_byte(file.sql.as_bytes(), at)),
    )
}
