//! Child processes with an end.

use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use runbook::secret::DatabaseUrl;

use crate::MigrationError;

/// Runs a command to its end, or kills it at `limit`. Its words are kept without the password.
pub(super) async fn run(
    mut command: tokio::process::Command,
    what: &str,
    url: &DatabaseUrl,
    limit: Duration,
) -> Result<(), MigrationError> {
    // Ctrl-C is for us, who then end it; reached by it as well, it would look like a migration that failed.
    command.process_group(0);
    command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(limit, command.output()).await {
        Ok(output) => output
            .map_err(|error| MigrationError::Alembic { what: what.into(), message: error.to_string() })?,
        Err(_) => return Err(MigrationError::TimedOut { what: what.into(), limit }),
    };
    if output.status.success() {
        return Ok(());
    }
    let message = last_words(&output).replace(url.expose(), &url.to_string());
    Err(MigrationError::Alembic { what: what.into(), message })
}

/// The same for a caller that cannot wait asynchronously. Returns what was printed.
pub(super) fn run_blocking(
    mut command: Command,
    what: &str,
    limit: Duration,
) -> Result<String, MigrationError> {
    let failed = |message: String| MigrationError::Alembic { what: what.into(), message };
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let (sender, receiver) = mpsc::channel();
    let mut readers = Vec::new();
    let pipes: [Option<Box<dyn std::io::Read + Send>>; 2] = [
        child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn std::io::Read + Send>),
        child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn std::io::Read + Send>),
    ];
    for pipe in pipes.into_iter().flatten() {
        let done = sender.clone();
        readers.push(std::thread::spawn(move || read_all(pipe, &done)));
    }
    drop(sender);
    for _ in 0..readers.len() {
        // Each pipe reports its end once; both are closed when the child has ended.
        if receiver.recv_timeout(limit).is_err() {
            let _ = child.kill();
            let _ = child.wait();
            return Err(MigrationError::TimedOut { what: what.into(), limit });
        }
    }
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    let mut texts = readers.into_iter().map(|reader| reader.join().unwrap_or_default());
    let (stdout, stderr) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
    let output = Output { status, stdout, stderr };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failed(last_words(&output)))
}

fn read_all(mut pipe: Box<dyn std::io::Read + Send>, done: &mpsc::Sender<()>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = pipe.read_to_end(&mut bytes);
    let _ = done.send(());
    bytes
}

/// The line that says what went wrong: the last that names an error, else the last one.
fn last_words(output: &Output) -> String {
    let text =
        format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.trim().is_empty()).collect();
    // SQLAlchemy ends with the statement and a link; the error's own line stands unindented above them.
    let named = lines.iter().rev().find(|line| {
        !line.starts_with(char::is_whitespace)
            && line.split_once(':').is_some_and(|(name, _)| {
                let name = name.rsplit_once('.').map_or(name, |(_, last)| last);
                ["Error", "Exception", "Exit"].iter().any(|end| name.ends_with(end)) || name == "FAILED"
            })
    });
    named
        .or(lines.last())
        .map_or_else(|| format!("it ended with {}", output.status), |line| line.trim().to_owned())
}
