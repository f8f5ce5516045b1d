//! What a run has proved, noted as it goes, so that one that was hindered can be gone on with.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use runbook::check::CheckError;
use runbook::context::Context;
use serde::{Deserialize, Serialize};

/// For how long a proof is gone on with: rows change.
const FRESH: Duration = Duration::from_hours(24);

/// A file of what was proved. A run that could prove all it was asked leaves nothing to go on with: the next begins anew.
pub struct Resume {
    path: PathBuf,
    known: BTreeSet<(String, String, String)>,
    file: Mutex<File>,
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Note {
    /// The first line: the database that the file is about.
    Database(String),
    /// A check was begun …
    Begun(String),
    /// … proved this …
    Proved { check: String, object: String, query: String, at: u64 },
    /// … and has nothing left.
    Finished(String),
}

impl Resume {
    /// Reads the file, where there is one, and goes on with it: every check of this suite that is run with `context`
    /// from here on. Nothing else runs.
    ///
    /// # Errors
    /// In one sentence: the file cannot be read or written, it is of another database, or a line of it is broken.
    pub async fn start(context: &Context, path: &Path) -> Result<(), CheckError> {
        let database: String = context.reader().await?.scalar(include_str!("identity.sql")).await?;
        let resume = Self::open(path, &database).map_err(CheckError::Other)?;
        context.stash.put(Arc::new(resume));
        Ok(())
    }

    /// What this run goes on with.
    pub(crate) fn of(context: &Context) -> Option<Arc<Self>> {
        context.stash.get::<Arc<Self>>().map(|resume| Arc::clone(&*resume))
    }

    /// Whether the run before proved just this.
    pub(crate) fn knows(&self, check: &str, object: &str, query: &str) -> bool {
        self.known.contains(&(check.to_owned(), object.to_owned(), query.to_owned()))
    }

    /// A check begins.
    pub(crate) fn begin(&self, check: &str) {
        self.write(&Note::Begun(check.to_owned()));
    }

    /// Something was proved.
    pub(crate) fn note(&self, check: &str, object: &str, query: &str) {
        let (check, object, query) = (check.to_owned(), object.to_owned(), query.to_owned());
        self.write(&Note::Proved { check, object, query, at: now() });
    }

    /// A check has nothing left.
    pub(crate) fn finish(&self, check: &str) {
        self.write(&Note::Finished(check.to_owned()));
    }

    fn open(path: &Path, database: &str) -> Result<Self, String> {
        let wrong = |error: std::io::Error| format!("{}: {error}", path.display());
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(wrong(error)),
        };
        let known = read(path, &text, database)?;
        let mut file = private(path).map_err(wrong)?;
        // Written anew: what is stale or torn goes, what is gone on with stays.
        let mut notes = vec![Note::Database(database.to_owned())];
        notes.extend(known.iter().map(|(check, _, _, _)| Note::Begun(check.clone())));
        notes.extend(known.iter().cloned().map(|(check, object, query, at)| Note::Proved {
            check,
            object,
            query,
            at,
        }));
        for note in &notes {
            file.write_all(line(note).as_bytes()).map_err(wrong)?;
        }
        let known = known.into_iter().map(|(check, object, query, _)| (check, object, query)).collect();
        Ok(Self { path: path.to_owned(), known, file: Mutex::new(file) })
    }

    /// A note that cannot be written costs a later run its short cut, and this one nothing.
    fn write(&self, note: &Note) {
        let _ = self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line(note).as_bytes());
    }
}

/// What may be gone on with, each with its time: nothing, where the run before had nothing left.
fn read(path: &Path, text: &str, database: &str) -> Result<BTreeSet<(String, String, String, u64)>, String> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let oldest = now().saturating_sub(FRESH.as_secs());
    let (mut open, mut proved) = (BTreeSet::new(), BTreeSet::new());
    for (index, row) in whole.lines().enumerate() {
        let at = |problem: String| format!("{}:{}: {problem}", path.display(), index + 1);
        let note = serde_json::from_str(row).map_err(|error| {
            at(format!("it is not a file of --resume ({error}); name another, or remove it"))
        })?;
        match note {
            Note::Database(of) if index == 0 && of == database => {}
            Note::Database(of) => {
                return Err(at(format!(
                    "it is about the database {of}, and this is {database}; name another file"
                )));
            }
            _ if index == 0 => {
                return Err(at("it does not begin with its database; name another file".into()));
            }
            Note::Begun(check) => {
                open.insert(check);
            }
            Note::Finished(check) => {
                open.remove(&check);
            }
            Note::Proved { check, object, query, at } if at >= oldest => {
                proved.insert((check, object, query, at));
            }
            Note::Proved { .. } => {}
        }
    }
    Ok(if open.is_empty() { BTreeSet::new() } else { proved })
}

fn line(note: &Note) -> String {
    // Strings and a number: there is nothing that could not be written.
    serde_json::to_string(note).unwrap_or_default() + "\n"
}

fn private(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    File::options().write(true).create(true).truncate(true).mode(0o600).open(path)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl std::fmt::Debug for Resume {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resume")
            .field("path", &self.path)
            .field("known", &self.known.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str) -> Result<usize, String> {
        read(Path::new("r"), text, "db").map(|known| known.len())
    }

    fn proved(at: u64) -> String {
        line(&Note::Proved { check: "c".into(), object: "o".into(), query: "q".into(), at })
    }

    #[test]
    fn only_an_unfinished_run_is_gone_on_with_and_only_while_it_is_fresh() {
        let begun = "{\"database\":\"db\"}\n{\"begun\":\"c\"}\n";
        assert_eq!(known(""), Ok(0));
        assert_eq!(known(&format!("{begun}{}", proved(now()))), Ok(1));
        assert_eq!(known(&format!("{begun}{}{{\"finished\":\"c\"}}\n", proved(now()))), Ok(0));
        assert_eq!(known(&format!("{begun}{}", proved(now() - 100_000))), Ok(0));
        // The last line was not written to its end.
        assert_eq!(known(&format!("{begun}{}{{\"prov", proved(now()))), Ok(1));
    }

    #[test]
    fn another_database_and_another_file_are_refused_with_the_line() {
        let error = known("{\"database\":\"other\"}\n").unwrap_err();
        assert_eq!(error, "r:1: it is about the database other, and this is db; name another file");
        let error = known("{\"database\":\"db\"}\nhello\n").unwrap_err();
        assert!(error.starts_with("r:2: it is not a file of --resume"), "{error}");
        assert!(known("{\"begun\":\"c\"}\n").unwrap_err().contains("does not begin with its database"));
    }
}
