//! A command of the team's own: bounded, its output captured, nothing of it left behind.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use crate::check::CheckError;
use crate::context::Context;

/// How much of a command's output is kept, in bytes: its end, where errors stand.
const KEPT: usize = 4000;

/// What a command wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOutput {
    /// The end of what it wrote, standard output and then standard error, trimmed.
    pub text: String,
}

/// Runs a command of the settings in their folder, with `RUNBOOK_TARGET` set to `ephemeral` or `live`. Past
/// `[limits] command_seconds` its whole process group is ended.
///
/// # Errors
/// When it cannot be started, is not done in time, or ends with another status than 0; the text holds the last
/// line that it wrote.
pub async fn run_command(
    context: &Context,
    argv: &[String],
    more: &[&str],
) -> Result<CommandOutput, CheckError> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(CheckError::Other("the command is empty; give it at least a program".into()));
    };
    let target = if context.database.is_live() { "live" } else { "ephemeral" };
    let mut command = Command::new(program);
    command.args(arguments).args(more).current_dir(&context.settings.root).env("RUNBOOK_TARGET", target);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command
        .spawn()
        .map_err(|error| CheckError::Other(format!("`{program}` cannot be started: {error}")))?;
    let group = Group(child.id());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let limit: Duration = context.settings.limits.command;
    let ended = tokio::time::timeout(limit, async {
        let (out, err) = tokio::join!(tail(stdout), tail(stderr));
        (child.wait().await, out, err)
    })
    .await;
    let Ok((status, out, err)) = ended else {
        group.end();
        return Err(CheckError::Interrupted(format!(
            "`{program}` was not done within {} s",
            limit.as_secs_f64()
        )));
    };
    group.forget();
    let status = status.map_err(|error| CheckError::Other(format!("`{program}` was lost: {error}")))?;
    let text = format!("{}\n{}", out.trim(), err.trim()).trim().to_owned();
    if status.success() {
        return Ok(CommandOutput { text });
    }
    let last = text.lines().last().unwrap_or("it wrote nothing");
    Err(CheckError::Other(format!("`{program}` ended with {status}: {last}")))
}

async fn tail(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let mut kept = Vec::new();
    let mut piece = [0_u8; 4096];
    while let Ok(read @ 1..) = stream.read(&mut piece).await {
        kept.extend_from_slice(&piece[..read]);
        let over = kept.len().saturating_sub(KEPT);
        kept.drain(..over);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// The process group of a child, ended when dropped: a shell's own children do not outlive an interrupted run.
struct Group(Option<u32>);

impl Group {
    fn end(mut self) {
        self.kill();
    }

    fn forget(mut self) {
        self.0 = None;
    }

    fn kill(&mut self) {
        let pid =
            self.0.take().and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
