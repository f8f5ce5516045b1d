//! A child process of a rehearsal: the service, or a worker. It goes with us, however we go.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use runbook::action::services::Process;
use runbook::check::CheckError;
use runbook::context::BoxFuture;
use runbook::settings::{ServiceStart, Settings};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// How long a process may take to say that it is ready, or to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(20);

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
        let mut slot = self.child.lock().await;
        if slot.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None))) {
            return Ok(());
        }
        let program = program(&self.start, &self.root).await?;
        let shown = program.display().to_string();
        let mut command = Command::new(&program);
        command.args(self.start.arguments.iter().map(|argument| self.fill(argument)));
        command.envs(self.start.environment.iter().map(|(name, value)| (name, self.fill(value))));
        // It ends when its standard input closes, as it does when we are killed; where it does not know
        // `--exit-with-parent`, dropping the child does it.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        let mut child = command
            .spawn()
            .map_err(|error| CheckError::Other(format!("{shown} cannot be started: {error}")))?;
        let ready = tokio::time::timeout(PATIENCE, self.ready(&mut child)).await;
        match ready {
            Ok(Ok(())) => {
                *slot = Some(child);
                Ok(())
            }
            Ok(Err(said)) => Err(CheckError::Other(format!("{shown} ended before it was ready: {said}"))),
            Err(_) => {
                Err(CheckError::Interrupted(format!("{shown} was not ready within {} s", PATIENCE.as_secs())))
            }
        }
    }

    /// Waits for the first line of its standard output, which says that it is ready; the rest is read and let go.
    async fn ready(&self, child: &mut Child) -> Result<(), String> {
        let errors = child.stderr.take();
        let mut lines = match child.stdout.take() {
            Some(stdout) => BufReader::new(stdout).lines(),
            None => return Err("it has no standard output".into()),
        };
        let Ok(Some(first)) = lines.next_line().await else {
            let mut text = String::new();
            if let Some(mut errors) = errors {
                let _ = errors.read_to_string(&mut text).await;
            }
            let last = text.lines().rev().find(|line| !line.trim().is_empty());
            return Err(last.unwrap_or("it said nothing").replace(&self.filled.database_url, "the database"));
        };
        if let Some(address) = first.strip_prefix("listening on ").and_then(|text| text.trim().parse().ok()) {
            *self.address.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
        }
        // Pipes that nobody reads fill up and stop the process.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        if let Some(errors) = errors {
            tokio::spawn(async move {
                let mut lines = BufReader::new(errors).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    tracing::debug!("{line}");
                }
            });
        }
        Ok(())
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
