//! A child process of a rehearsal: the service, or a worker. It goes with us, however we go.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use runbook::action::services::Process;
use runbook::check::CheckError;
use runbook::context::BoxFuture;
use runbook::secret::DatabaseUrl;
use runbook::settings::{ServiceStart, Settings};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;

/// How long a process may take to say that it is ready, or to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many of its last lines are told.
const KEPT_LINES: usize = 3;

/// What stands for the placeholders of `[api.start]`.
#[derive(Clone)]
pub(super) struct Filled {
    pub(super) database_url: String,
    pub(super) token: String,
    pub(super) state: PathBuf,
}

/// A process that can be stopped and started again, at the same address.
pub(super) struct ChildProcess {
    name: String,
    start: ServiceStart,
    filled: Filled,
    root: PathBuf,
    address: Mutex<Option<SocketAddr>>,
    child: tokio::sync::Mutex<Option<Child>>,
}

impl ChildProcess {
    pub(super) fn new(name: &str, start: &ServiceStart, filled: Filled, settings: &Settings) -> Self {
        Self {
            name: name.to_owned(),
            start: start.clone(),
            filled,
            root: settings.root.clone(),
            address: Mutex::new(None),
            child: tokio::sync::Mutex::new(None),
        }
    }

    /// Where it listens, once it has said so.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(&self) -> Result<(), CheckError> {
        self.run_within(|| tokio::time::timeout(PATIENCE, std::future::pending::<()>())).await
    }

    /// Starts it, and waits until it is ready or `patience` is over.
    async fn run_within<P: Future>(&self, patience: impl FnOnce() -> P) -> Result<(), CheckError> {
        let mut slot = self.child.lock().await;
        if slot.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None))) {
            return Ok(());
        }
        let program = program(&self.start, &self.root).await?;
        let shown = program.display().to_string();
        let mut command = Command::new(&program);
        // The database is ours: what the caller set for another one must not lead to it, or change its sessions.
        for variable in DatabaseUrl::LIBPQ_VARIABLES {
            command.env_remove(variable);
        }
        command.args(self.start.arguments.iter().map(|argument| self.fill(argument)));
        command.envs(self.start.environment.iter().map(|(name, value)| (name, self.fill(value))));
        // It ends when its standard input closes, as it does when we are killed; where it does not know
        // `--exit-with-parent`, dropping the child does it.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        let mut child = command
            .spawn()
            .map_err(|error| CheckError::Other(format!("{shown} cannot be started: {error}")))?;
        let mut said = Said::of(child.stderr.take());
        let ready = tokio::select! {
            ready = self.ready(&mut child, &mut said) => Some(ready),
            _ = patience() => None,
        };
        match ready {
            Some(true) => {
                *slot = Some(child);
                Ok(())
            }
            Some(false) => {
                let last = self.without_secrets(&said.last());
                Err(CheckError::Other(format!("{shown} ended before it was ready: {last}")))
            }
            None => {
                let _ = child.kill().await;
                // What it wrote up to its end is read; a child of its own may hold the pipe open.
                let _ = tokio::time::timeout(PATIENCE, said.ended()).await;
                let last = self.without_secrets(&said.last());
                Err(CheckError::Interrupted(format!(
                    "{shown} was not ready within {} s; it said last: {last}",
                    PATIENCE.as_secs()
                )))
            }
        }
    }

    /// Waits for the first line of its standard output, which says that it is ready; the rest is read and let go. False
    /// where it ended without one.
    async fn ready(&self, child: &mut Child, said: &mut Said) -> bool {
        let first = match child.stdout.take() {
            Some(stdout) => {
                let mut lines = BufReader::new(stdout).lines();
                let first = lines.next_line().await;
                // Pipes that nobody reads fill up and stop the process.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                first
            }
            None => Ok(None),
        };
        let Ok(Some(first)) = first else {
            said.ended().await;
            return false;
        };
        if let Some(address) = first.strip_prefix("listening on ").and_then(|text| text.trim().parse().ok()) {
            *self.address.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
        }
        true
    }

    fn without_secrets(&self, text: &str) -> String {
        text.replace(&self.filled.database_url, "the database").replace(&self.filled.token, "the token")
    }

    async fn end(&self) -> Result<(), CheckError> {
        let mut slot = self.child.lock().await;
        let Some(mut child) = slot.take() else { return Ok(()) };
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        if tokio::time::timeout(PATIENCE, child.wait()).await.is_err() {
            child
                .kill()
                .await
                .map_err(|error| CheckError::Other(format!("{} cannot be ended: {error}", self.name)))?;
        }
        Ok(())
    }

    fn fill(&self, text: &str) -> String {
        let listen = self.address().map_or_else(|| "127.0.0.1:0".to_owned(), |address| address.to_string());
        text.replace("{database_url}", &self.filled.database_url)
            .replace("{listen}", &listen)
            .replace("{token}", &self.filled.token)
            .replace("{state}", &self.filled.state.display().to_string())
    }
}

impl Process for ChildProcess {
    fn name(&self) -> &str {
        &self.name
    }

    fn stop(&self) -> BoxFuture<'_, Result<(), CheckError>> {
        Box::pin(self.end())
    }

    fn start(&self) -> BoxFuture<'_, Result<(), CheckError>> {
        Box::pin(self.run())
    }

    fn is_running(&self) -> BoxFuture<'_, bool> {
        Box::pin(async {
            self.child.lock().await.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
        })
    }

    fn pid(&self) -> Option<u32> {
        // Held only while it is started or ended: then it has none to tell.
        self.child.try_lock().ok()?.as_ref()?.id()
    }
}

/// The last lines of its standard error, read as they come.
struct Said {
    lines: Arc<Mutex<VecDeque<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Said {
    fn of(errors: Option<ChildStderr>) -> Self {
        let lines: Arc<Mutex<VecDeque<String>>> = Arc::default();
        let kept = Arc::clone(&lines);
        let reader = errors.map(|errors| {
            tokio::spawn(async move {
                let mut errors = BufReader::new(errors).lines();
                while let Ok(Some(line)) = errors.next_line().await {
                    tracing::debug!("{line}");
                    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                    // Said again and again, with another time: once is enough.
                    if kept.back().is_some_and(|last| alike(last, &line)) {
                        kept.pop_back();
                    }
                    kept.extend((!line.trim().is_empty()).then_some(line));
                    let over = kept.len().saturating_sub(KEPT_LINES);
                    kept.drain(..over);
                }
            })
        });
        Self { lines, reader }
    }

    /// Returns when nothing more can come.
    async fn ended(&mut self) {
        if let Some(reader) = &mut self.reader {
            let _ = reader.await;
            self.reader = None;
        }
    }

    fn last(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.is_empty() {
            return "nothing".into();
        }
        lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" | ")
    }
}

fn alike(one: &str, other: &str) -> bool {
    let words = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
    words(one) == words(other)
}

/// The program: as the settings name it, or a package of this workspace, built when it is not there.
async fn program(start: &ServiceStart, root: &Path) -> Result<PathBuf, CheckError> {
    if let Some(program) = &start.program {
        let beside = root.join(program);
        return Ok(if program.contains('/') && beside.is_file() { beside } else { PathBuf::from(program) });
    }
    let Some(package) = &start.package else {
        return Err(CheckError::Missing("its [start] names neither a package nor a program".into()));
    };
    let here = std::env::current_exe().map_err(|error| CheckError::Other(error.to_string()))?;
    // Beside this program; a test's own program stands one folder below.
    let beside =
        here.ancestors().skip(1).take(2).map(|folder| folder.join(package)).find(|path| path.is_file());
    if let Some(path) = beside {
        return Ok(path);
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"));
    let build = Command::new("cargo").args(["build", "-q", "-p", package]).current_dir(workspace).status();
    match build.await {
        Ok(status) if status.success() => {}
        _ => {
            return Err(CheckError::Missing(format!(
                "`cargo build -p {package}` failed; build it, or name a program"
            )));
        }
    }
    let built = here.parent().map(|folder| folder.join(package)).filter(|path| path.is_file());
    built
        .ok_or_else(|| CheckError::Missing(format!("{package} is not where this program is; build it there")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_that_is_not_ready_in_time_is_told_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let spoken = folder.path().join("spoken");
        let script = format!(
            "for n in 1 2; do echo \"$n no table, secret\" >&2; done; : >{}; exec sleep 600",
            spoken.display()
        );
        let process = ChildProcess {
            name: "api".into(),
            start: ServiceStart {
                package: None,
                program: Some("sh".into()),
                arguments: vec!["-c".into(), script],
                environment: [].into(),
            },
            filled: Filled {
                database_url: "postgres://us".into(),
                token: "secret".into(),
                state: "s".into(),
            },
            root: folder.path().to_owned(),
            address: Mutex::new(None),
            child: tokio::sync::Mutex::new(None),
        };
        let until_it_spoke = || {
            runbook::wait::until("the process speaks", Duration::from_secs(60), || async {
                if spoken.exists() { Ok(()) } else { Err("silent") }
            })
        };
        let error = process.run_within(until_it_spoke).await.unwrap_err().to_string();
        assert!(error.contains("it said last: 2 no table, the token"), "{error}");
    }
}
