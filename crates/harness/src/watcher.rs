//! The watcher: a small process in a session of its own that ends what a run has left behind. It is a shell
//! script, because `cargo test -p SUITE` builds no helper program.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use process_wrap::std::{CommandWrap, ProcessSession};

use crate::HarnessError;
use crate::state::State;

const IDLE: &str = "RUNBOOK_IDLE_SECONDS";

const SCRIPT: &str = include_str!("watcher.sh");

/// Something that the watcher ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owned<'a> {
    Folder(&'a Path),
    /// A server's data directory.
    Server(&'a Path),
    Container(&'a str),
    Database(&'a str),
}

impl State {
    /// Notes a thing before it is made, so that there is no moment at which a killed process leaves it unknown.
    pub(crate) fn own(&self, thing: Owned<'_>) -> Result<(), HarnessError> {
        let line = match thing {
            Owned::Folder(path) => format!("folder {}\n", path.display()),
            Owned::Server(path) => format!("server {}\n", path.display()),
            Owned::Container(name) => format!("container {name}\n"),
            Owned::Database(name) => format!("database {name}\n"),
        };
        let path = self.path("owned");
        let mut file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(HarnessError::io(&path))?;
        file.write_all(line.as_bytes()).map_err(HarnessError::io(&path))
    }

    /// Starts a watcher when none lives. The caller holds a share of the lease.
    pub(crate) fn watch(&self) -> Result<(), HarnessError> {
        let (idle, keep) = (idle_seconds()?, keep_seconds()?);
        if self.is_free("watch") { spawn(&self.folder, idle, keep) } else { Ok(()) }
    }

    /// Starts a watcher that waits for nothing after the lease is free.
    pub(crate) fn watch_at_once(&self) -> Result<(), HarnessError> {
        spawn(&self.folder, 0, 0)
    }
}

/// A folder that does not outlive this process, however it ends.
#[derive(Debug)]
pub struct Watched {
    _lease: std::fs::File,
}

impl Watched {
    /// Has the folder removed, with all that is in it, when this is dropped or the process is gone, `kill -9` included.
    ///
    /// # Errors
    /// When the watcher cannot be started, or could not name the folder: its path is not absolute, or has a line break in it.
    pub fn folder(folder: &Path) -> Result<Self, HarnessError> {
        if !folder.is_absolute() || folder.to_str().is_none_or(|path| path.contains(['\n', '\r'])) {
            return Err(HarnessError::Other(format!("{folder:?} is no path that can be watched")));
        }
        let state =
            State { folder: crate::state::root().join(format!("private-{}", crate::state::unique())) };
        let lease = state.lease()?;
        state.own(Owned::Folder(folder))?;
        state.watch_at_once()?;
        Ok(Self { _lease: lease })
    }
}

/// How long a server outlives the last test that used it: `RUNBOOK_IDLE_SECONDS`, 60 by default.
fn idle_seconds() -> Result<u64, HarnessError> {
    Ok(seconds(IDLE)?.unwrap_or(60))
}

/// How long the databases of failed tests are kept, and their server with them: `RUNBOOK_KEEP_SECONDS`; 900 by
/// default, but never longer than an idle time that was asked for.
///
/// # Errors
/// When one of them is not a number of seconds.
pub(crate) fn keep_seconds() -> Result<u64, HarnessError> {
    Ok(seconds("RUNBOOK_KEEP_SECONDS")?.or(seconds(IDLE)?).unwrap_or(900))
}

fn seconds(variable: &str) -> Result<Option<u64>, HarnessError> {
    let Some(text) = std::env::var_os(variable) else { return Ok(None) };
    read_seconds(variable, &text.to_string_lossy())
}

/// An empty value is none.
fn read_seconds(variable: &str, text: &str) -> Result<Option<u64>, HarnessError> {
    let text = text.trim();
    let read = (!text.is_empty()).then(|| text.parse()).transpose();
    read.map_err(|_| {
        HarnessError::Other(format!(
            "{variable} is `{text}`, which is not a number of seconds; set it to one, or unset it"
        ))
    })
}

/// Ends what others of this user have left behind and nobody watches: their lease and their watch are free.
pub(crate) fn sweep(root: &Path, own: &Path) {
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        let state = State { folder: entry.path() };
        let left = state.folder != own && state.path("lease").exists();
        if left && state.is_unheld("lease") && state.is_unheld("watch") {
            let _ = spawn(&state.folder, 0, 0);
        }
    }
}

fn spawn(state: &Path, idle: u64, keep: u64) -> Result<(), HarnessError> {
    let mut command = Command::new("sh");
    command
        .args(["-c", SCRIPT, "runbook-watcher"])
        .arg(state)
        .args([idle.to_string(), keep.to_string()])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut command = CommandWrap::from(command);
    // A signal to the run's process group, or a closed terminal, must not reach it.
    command.wrap(ProcessSession);
    command.spawn().map(drop).map_err(HarnessError::io(Path::new("sh")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_that_are_no_number_are_refused_by_name() {
        assert_eq!(read_seconds(IDLE, " 5 ").unwrap(), Some(5));
        assert_eq!(read_seconds(IDLE, "").unwrap(), None);
        let error = read_seconds(IDLE, "abc").unwrap_err().to_string();
        assert!(error.contains("RUNBOOK_IDLE_SECONDS is `abc`"), "{error}");
    }
}
