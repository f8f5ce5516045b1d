//! The likely cause of a failure: what the service's own log, or an SQLSTATE in it or in the answer, tells.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use runbook::context::Context;

use crate::http::{Http, shortened};

/// So much of a log is searched, in bytes: the end of what was said since the request.
const SEARCHED: u64 = 256 * 1024;

/// What the service says; put into the stash by whoever can hear it.
pub struct ServiceLog {
    length: Box<dyn Fn() -> u64 + Send + Sync>,
    since: Box<dyn Fn(u64) -> String + Send + Sync>,
}

impl ServiceLog {
    /// From two functions: how many bytes were said so far, which is asked before every request, and what was said
    /// after so many of them.
    pub fn of(
        length: impl Fn() -> u64 + Send + Sync + 'static,
        since: impl Fn(u64) -> String + Send + Sync + 'static,
    ) -> Self {
        Self { length: Box::new(length), since: Box::new(since) }
    }

    /// From a log file, which may grow, be cut, or not be there yet.
    pub fn file(path: PathBuf) -> Self {
        let of_length = path.clone();
        let length = move || std::fs::metadata(&of_length).map_or(0, |file| file.len());
        Self::of(length, move |mark| tail(&path, mark).unwrap_or_default())
    }
}

/// What stands in a file after so many bytes, the end of it where it is much. A log that was cut since begins anew.
fn tail(path: &Path, mark: u64) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mark = if mark > length { 0 } else { mark };
    file.seek(SeekFrom::Start(mark.max(length.saturating_sub(SEARCHED))))?;
    let mut said = Vec::new();
    file.take(SEARCHED).read_to_end(&mut said)?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// Where the log stood when a request was sent.
pub(crate) struct Mark(Option<u64>);

impl Mark {
    pub(crate) fn set(context: &Context) -> Self {
        Self(context.stash.get::<ServiceLog>().map(|log| (log.length)()))
    }

    /// The likely cause of what went wrong since, where something tells it. `seen` are the answers' own texts.
    pub(crate) fn cause(&self, context: &Context, seen: &str) -> Option<String> {
        let log = context.stash.get::<ServiceLog>().zip(self.0).map(|(log, mark)| (log.since)(mark));
        let log = log.map(|log| match Http::of(context) {
            Ok(http) => http.without_secrets(&log),
            Err(_) => log,
        });
        let complaint = log.as_deref().and_then(complaint);
        let state = complaint.as_deref().and_then(sqlstate).or_else(|| sqlstate(seen));
        let meaning = state.as_deref().map(|state| match meaning(state) {
            Some(meaning) => format!("SQLSTATE {state}: {meaning}"),
            None => format!("SQLSTATE {state}"),
        });
        let said = complaint.map(|line| format!("the service's log says: {line}"));
        match (meaning, said) {
            (None, None) => None,
            (meaning, said) => Some([meaning, said].into_iter().flatten().collect::<Vec<_>>().join("; ")),
        }
    }
}

/// The last line that complains, without colours and secrets.
fn complaint(log: &str) -> Option<String> {
    let complains = |line: &&str| {
        ["ERROR", "FATAL", "PANIC", "CRITICAL", "WARN", "Error:", "Exception", "panicked", "SQLSTATE"]
            .iter()
            .any(|word| line.contains(word))
    };
    let plain = without_colours(log);
    plain.lines().rev().find(complains).map(|line| shortened(&without_secrets(line)))
}

fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..start]);
        rest = &rest[start + 2..];
        rest = rest.find(|c: char| c.is_ascii_alphabetic()).map_or("", |end| &rest[end + 1..]);
    }
    plain + rest
}

/// `postgres://user:password@host` loses what stands before the `@`.
fn without_secrets(line: &str) -> String {
    line.split(' ')
        .map(|word| {
            match word.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?))) {
                Some((scheme, (_, host))) => format!("{scheme}://…@{host}"),
                None => word.to_owned(),
            }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// Five digits or capitals after the word, however they are set: `SQLSTATE 42P01`, `sqlstate="42P01"`, `(23505)`.
fn sqlstate(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let after = lower.find("sqlstate").map(|at| at + "sqlstate".len())?;
    let rest = text.get(after..)?.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let state: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
    let is_one = state.len() == 5
        && state.chars().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase())
        && state.chars().any(|c| c.is_ascii_digit());
    is_one.then_some(state)
}

/// What a person does about it. The codes: PostgreSQL's appendix A.
fn meaning(state: &str) -> Option<&'static str> {
    let exact = match state {
        "42P01" => {
            "the service asks for a table that is not there: are the migrations behind it, or its search_path wrong?"
        }
        "42703" => "the service asks for a column that is not there: are the migrations behind it?",
        "42501" => "the service's role lacks a right: GRANT it",
        "25006" => "the database is read-only: a standby, or default_transaction_read_only",
        "53300" => "the server is full of connections: look at pg_stat_activity and max_connections",
        "53100" => "the disk of the server is full",
        "55P03" => "a lock was not free in time: look at pg_locks for who holds it",
        "40P01" => "a deadlock",
        "57014" => "a statement took longer than statement_timeout",
        "57P01" | "57P02" | "57P03" => "the server ends, or is starting: wait for it, or read its log",
        "28P01" | "28000" => "the server refuses the service's role or password",
        "3D000" => "the service's database is not there",
        "23505" => "a unique key is taken already",
        "23503" => "a foreign key points to a row that is not there",
        "23502" => "the service leaves a column empty that is NOT NULL",
        "23514" => "a CHECK refuses what the service writes",
        "22001" => "a text is longer than its column",
        "22021" | "22P05" => "a text cannot be stored in the database's encoding",
        _ => "",
    };
    let class = match state.get(..2) {
        _ if !exact.is_empty() => exact,
        Some("08") => "the connection between service and database is broken",
        Some("53") => "the server lacks resources",
        Some("23") => "a constraint refuses what the service writes",
        Some("57") => "somebody intervened on the server",
        Some("58") | Some("XX") => "the server itself is damaged or broken: read its log",
        _ => return None,
    };
    Some(class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_found_however_it_is_set() {
        for text in ["(SQLSTATE 42P01)", "sqlstate=\"42P01\" x", "SQLSTATE: 42P01", "SQLSTATE[42P01]: y"] {
            assert_eq!(sqlstate(text).as_deref(), Some("42P01"), "{text}");
        }
        assert_eq!(sqlstate("SQLSTATE was not given"), None);
        assert_eq!(sqlstate("42P01"), None);
    }

    #[test]
    fn a_log_file_is_read_from_the_mark_on_and_its_end_where_it_is_long() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("service.log");
        let log = ServiceLog::file(path.clone());
        assert_eq!(((log.length)(), (log.since)(0)), (0, String::new()));
        std::fs::write(&path, "before\n").unwrap();
        let mark = (log.length)();
        assert_eq!((log.since)(mark), "");
        std::fs::write(&path, "before\nafter\n").unwrap();
        assert_eq!((log.since)(mark), "after\n");
        // It was cut, and begins anew.
        std::fs::write(&path, "new\n").unwrap();
        assert_eq!((log.since)(mark), "new\n");
        let long = usize::try_from(SEARCHED).unwrap() * 2;
        std::fs::write(&path, [vec![b'x'; long], b"\nthe end\n".to_vec()].concat()).unwrap();
        let said = (log.since)(0);
        assert!(said.len() as u64 == SEARCHED && said.ends_with("\nthe end\n"), "{} bytes", said.len());
    }

    #[test]
    fn the_last_complaint_is_told_without_colours_and_passwords() {
        let log = "ERROR first\n\u{1b}[31mERROR\u{1b}[0m cannot reach postgres://apex:hunter2@db/apex\nINFO all is well\n";
        assert_eq!(complaint(log).as_deref(), Some("ERROR cannot reach postgres://…@db/apex"));
        assert_eq!(complaint("INFO listening"), None);
    }
}
