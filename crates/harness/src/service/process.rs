//! A child process whose output is captured and that never outlives its owner.

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use runbook::secret::DatabaseUrl;

use crate::HarnessError;

/// So much output is kept, in bytes: the end of it.
const KEPT: usize = 256 * 1024;

pub(super) struct Process {
    child: Child,
    program: PathBuf,
    said: Arc<Mutex<String>>,
    readers: Vec<std::thread::JoinHandle<()>>,
    // What must not be repeated, and what is said instead.
    secret: (String, String),
}

impl Process {
    pub(super) fn spawn(
        program: &Path,
        arguments: &[String],
        environment: &[(String, String)],
        url: &DatabaseUrl,
    ) -> Result<Self, HarnessError> {
        let mut child = Command::new(program)
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            // Held open as long as this process lives: its end tells the child that it is alone.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(HarnessError::io(program))?;
        let said = Arc::<Mutex<String>>::default();
        let readers = [
            child.stdout.take().map(|output| capture(output, &said)),
            child.stderr.take().map(|output| capture(output, &said)),
        ];
        let readers = readers.into_iter().flatten().collect();
        let secret = (url.expose().to_owned(), url.to_string());
        Ok(Self { child, program: program.to_owned(), said, readers, secret })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn output(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.replace(&self.secret.0, &self.secret.1)
    }

    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for the line `listening on ADDRESS`.
    pub(super) async fn wait_listening(&mut self, limit: Duration) -> Result<SocketAddr, HarnessError> {
        self.wait_for("the service says `listening on ADDRESS`", limit, |said| {
            said.lines().find_map(|line| line.split_once("listening on ")?.1.trim().parse().ok())
        })
        .await
    }

    /// Waits for a first whole line.
    pub(super) async fn wait_line(&mut self, limit: Duration) -> Result<(), HarnessError> {
        self.wait_for("the process says a first line", limit, |said| said.contains('\n').then_some(())).await
    }

    async fn wait_for<T>(
        &mut self,
        what: &str,
        limit: Duration,
        find: impl Fn(&str) -> Option<T>,
    ) -> Result<T, HarnessError> {
        let waited = runbook::wait::until(what, limit, || {
            // Asked before the output is looked at: what it said last is seen.
            let running = self.is_running() || !self.readers.iter().all(std::thread::JoinHandle::is_finished);
            let found = find(&self.output());
            async move {
                match found {
                    Some(found) => Ok(Some(found)),
                    None if running => Err("it runs and has not said so"),
                    None => Ok(None),
                }
            }
        })
        .await;
        match waited {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(self.failed("ended", "before it was ready")),
            Err(late) => Err(self.failed("is not ready", &late.to_string())),
        }
    }

    pub(super) fn failed(&self, what: &str, why: &str) -> HarnessError {
        let output = self.output();
        let last: Vec<&str> = output.lines().rev().take(5).collect();
        let last = last.into_iter().rev().collect::<Vec<_>>().join(" | ");
        let program = self.program.display();
        let last = if last.is_empty() { "nothing".into() } else { last };
        HarnessError::Other(format!("{program} {what}: {why}; it said: {last}"))
    }

    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub(super) async fn stop(&mut self, limit: Duration) -> Result<(), HarnessError> {
        if !self.is_running() {
            return Ok(());
        }
        if let Some(pid) = i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let waited = runbook::wait::until("the process ends", limit, || {
            let running = self.is_running();
            async move { if running { Err("running") } else { Ok(()) } }
        })
        .await;
        waited.map_err(|late| {
            self.kill();
            self.failed("did not end", &late.to_string())
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn capture(output: impl Read + Send + 'static, said: &Arc<Mutex<String>>) -> std::thread::JoinHandle<()> {
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        let mut lines = BufReader::new(output);
        let mut line = Vec::new();
        while matches!(lines.read_until(b'\n', &mut line), Ok(1..)) {
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            said.push_str(&String::from_utf8_lossy(&line));
            if said.len() > 2 * KEPT {
                let cut = (said.len() - KEPT..said.len()).find(|at| said.is_char_boundary(*at)).unwrap_or(0);
                said.drain(..cut);
            }
            drop(said);
            line.clear();
        }
    })
}
