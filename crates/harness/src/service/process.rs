//! A child process whose output is captured and that never outlives its owner.

use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runbook::secret::DatabaseUrl;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::HarnessError;

/// So much output is kept, in bytes: the end of it.
const KEPT: usize = 256 * 1024;

pub(super) struct Process {
    child: Child,
    program: PathBuf,
    said: Arc<Said>,
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
        let mut command = Command::new(program);
        // The database is ours: what the caller set for another one must not lead to it, or change its sessions.
        for variable in DatabaseUrl::LIBPQ_VARIABLES {
            command.env_remove(variable);
        }
        let mut child = command
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            // Held open as long as this process lives: its end tells the child that it is alone.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(HarnessError::io(program))?;
        let outputs = [child.stdout.take().map(OwnedFd::from), child.stderr.take().map(OwnedFd::from)];
        let outputs = outputs.into_iter().flatten().map(Pipe::new).collect::<std::io::Result<Vec<_>>>();
        let said = Arc::new(Said::of(outputs.map_err(HarnessError::io(program))?));
        let readers = said.read_to_the_end();
        let secret = (url.expose().to_owned(), url.to_string());
        Ok(Self { child, program: program.to_owned(), said, readers, secret })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn output(&self) -> String {
        self.output_since(0)
    }

    /// How many bytes it has said so far.
    pub(super) fn said(&self) -> u64 {
        self.said.end()
    }

    /// What it said after so many bytes, as far as it is kept.
    pub(super) fn output_since(&self, mark: u64) -> String {
        self.said.since(mark).replace(&self.secret.0, &self.secret.1)
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

/// What a child says. Whoever asks reads what waits in the pipes first: a line that was written before is never missed,
/// however late the threads run that keep the pipes empty.
struct Said {
    pipes: Vec<Pipe>,
    heard: Mutex<Heard>,
}

impl Said {
    fn of(pipes: Vec<Pipe>) -> Self {
        Self { pipes, heard: Mutex::default() }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        for pipe in &self.pipes {
            pipe.drain(&mut heard);
        }
        heard
    }

    fn end(&self) -> u64 {
        self.heard().end()
    }

    fn since(&self, mark: u64) -> String {
        self.heard().since(mark)
    }

    /// A thread a pipe, which ends with it.
    fn read_to_the_end(self: &Arc<Self>) -> Vec<std::thread::JoinHandle<()>> {
        let reader = |at| {
            let said = Arc::clone(self);
            std::thread::spawn(move || {
                let pipe: &Pipe = &said.pipes[at];
                while pipe.wait() {
                    let mut heard = said.heard.lock().unwrap_or_else(PoisonError::into_inner);
                    if !pipe.drain(&mut heard) {
                        break;
                    }
                }
            })
        };
        (0..self.pipes.len()).map(reader).collect()
    }
}

/// The end of what was heard.
#[derive(Default)]
struct Heard {
    /// How many bytes before `text` are not kept any more.
    dropped: u64,
    text: Vec<u8>,
}

impl Heard {
    fn push(&mut self, chunk: &[u8]) {
        self.text.extend_from_slice(chunk);
        if self.text.len() > 2 * KEPT {
            let gone = self.text.len() - KEPT;
            self.text.drain(..gone);
            self.dropped += gone as u64;
        }
    }

    fn end(&self) -> u64 {
        self.dropped + self.text.len() as u64
    }

    fn since(&self, mark: u64) -> String {
        let at = usize::try_from(mark.saturating_sub(self.dropped)).unwrap_or(usize::MAX);
        String::from_utf8_lossy(self.text.get(at..).unwrap_or_default()).into_owned()
    }
}

/// One output of a child, read without waiting.
struct Pipe(std::fs::File);

impl Pipe {
    fn new(output: OwnedFd) -> std::io::Result<Self> {
        rustix::io::ioctl_fionbio(&output, true)?;
        Ok(Self(output.into()))
    }

    /// Waits until there is something to read, or the end. False where that cannot be known.
    fn wait(&self) -> bool {
        let mut polled = [PollFd::from_borrowed_fd(self.0.as_fd(), PollFlags::IN)];
        loop {
            match poll(&mut polled, None) {
                Err(Errno::INTR) => {}
                polled => return polled.is_ok(),
            }
        }
    }

    /// Reads what is there. False at the end.
    fn drain(&self, heard: &mut Heard) -> bool {
        let mut chunk = [0; 8192];
        loop {
            match (&self.0).read(&mut chunk) {
                Ok(0) => return false,
                Ok(count) => heard.push(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// No thread reads here: it is the question that does.
    #[test]
    fn what_was_written_is_heard_at_once_and_its_end_is_kept() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let said = Said::of(vec![Pipe::new(reader.into()).unwrap()]);
        assert_eq!((said.end(), said.since(0)), (0, String::new()));
        writer.write_all("a line\n".as_bytes()).unwrap();
        assert_eq!(said.since(0), "a line\n");
        for _ in 0..3 * KEPT / 32768 {
            writer.write_all(&[b'x'; 32768]).unwrap();
            drop(said.heard());
        }
        let mark = said.end();
        writer.write_all("\u{e4}\n".as_bytes()).unwrap();
        let text = said.since(0);
        assert!(text.len() <= 2 * KEPT && text.ends_with("x\u{e4}\n"), "{} bytes", text.len());
        // A mark stays where it was set, however much was left out before it.
        assert_eq!((mark, said.since(mark)), (7 + 3 * KEPT as u64, "\u{e4}\n".into()));
        assert_eq!(said.since(mark + 100), "");
        drop(writer);
        assert!(!said.pipes[0].drain(&mut Heard::default()));
    }
}
