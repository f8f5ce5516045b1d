//! Child processes: bounded in time, the password in the environment only, ended when nobody waits any more.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use runbook::secret::DatabaseUrl;
use secrecy::ExposeSecret as _;
use tokio::process::Command;

use crate::error::RecoveryError;

/// A program of Postgres that is about to be run.
pub(crate) struct Child {
    name: &'static str,
    command: Command,
}

impl Child {
    /// `program`, known to people as `name`. It is killed when the future that runs it is dropped.
    pub(crate) fn new(name: &'static str, program: &Path) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        // Ctrl-C is for us, who then end it; reached by it as well, it would look like a backup that failed.
        command.process_group(0);
        // What the caller set for another database would silently win over the address; messages are read by people
        // and by tests, so they come in one language.
        for variable in DatabaseUrl::LIBPQ_VARIABLES {
            command.env_remove(variable);
        }
        command.env("LC_ALL", "C");
        Self { name, command }
    }

    /// Adds arguments.
    pub(crate) fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Connects it to a database, through `PG*` variables.
    pub(crate) fn database(mut self, url: &DatabaseUrl) -> Self {
        for (variable, value) in url.libpq_environment() {
            self.command.env(variable, value.expose_secret());
        }
        self.command.env("PGAPPNAME", "runbook");
        self
    }

    /// Runs it and returns its standard output.
    pub(crate) async fn run(mut self, limit: Duration) -> Result<String, RecoveryError> {
        let name = self.name;
        let output = match tokio::time::timeout(limit, self.command.output()).await {
            Ok(output) => output.map_err(|error| RecoveryError::Child {
                program: name,
                message: format!("it could not be started: {error}"),
            })?,
            Err(_) => return Err(RecoveryError::TooLong { program: name, seconds: limit.as_secs_f64() }),
        };
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = one_line(&String::from_utf8_lossy(&output.stderr));
        let message = match said.as_str() {
            "" => output.status.to_string(),
            full if full.contains("No space left on device") => {
                format!("the disk is full; make room or name another folder ({full})")
            }
            full if full.contains("unsupported version") => {
                format!(
                    "the dump was written by a newer pg_dump; name the folder of its programs in RUNBOOK_PG_CLIENTS ({full})"
                )
            }
            _ => said,
        };
        Err(RecoveryError::Child { program: name, message })
    }
}

/// What a program wrote to standard error, on one line: its errors where it marks them, all of it otherwise.
fn one_line(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let errors: Vec<&str> = lines
        .iter()
        .copied()
        .filter(|line| line.contains("error: ") || line.starts_with("DETAIL:"))
        .collect();
    let chosen = if errors.is_empty() { lines } else { errors };
    let told: Vec<&str> =
        chosen.iter().map(|line| line.split_once("error: ").map_or(*line, |(_, rest)| rest)).collect();
    told.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_errors_of_a_program_are_told() {
        let stderr = "pg_restore: while PROCESSING TOC:\npg_restore: from TOC entry 1\npg_restore: error: could not execute query: ERROR:  relation \"x\" already exists\nCommand was: CREATE TABLE\n";
        assert_eq!(one_line(stderr), "could not execute query: ERROR:  relation \"x\" already exists");
        assert_eq!(one_line("boom\n"), "boom");
    }
}
