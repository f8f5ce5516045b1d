//! pgbench, which executes a statement at a rate as the load bench does.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use perf::Latencies;
use secrecy::ExposeSecret as _;

use super::Result;
use super::data::Data;

/// Of pgbench's turn this is not counted: its new connections read the catalogue and prepare their statements then, while
/// others are due. Ours have before.
const WARM_UP: Duration = Duration::from_secs(1);

/// The peer: the same statement, prepared, from a script.
pub struct Pgbench<'a> {
    pub program: PathBuf,
    pub data: &'a Data,
    pub script: PathBuf,
    pub folder: &'a Path,
}

impl Pgbench<'_> {
    /// Where it is installed.
    pub fn installed() -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let named = std::env::var_os("RUNBOOK_PG_BIN").map(PathBuf::from);
        let debian = (15..=18).rev().map(|major| format!("/usr/lib/postgresql/{major}/bin").into());
        let folders = named.into_iter().chain(std::env::split_paths(&path)).chain(debian);
        folders.map(|folder| folder.join("pgbench")).find(|program| program.is_file())
    }

    /// So many connections, in an open loop at a rate, or in a closed one.
    pub fn run(&self, clients: usize, rate: Option<f64>, window: Duration) -> Result<Latencies> {
        let prefix = self.folder.join("log");
        let logs = || -> Result<Vec<PathBuf>> {
            let paths = std::fs::read_dir(self.folder)?.flatten().map(|entry| entry.path());
            Ok(paths
                .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("log")))
                .collect())
        };
        for log in logs()? {
            std::fs::remove_file(log)?;
        }
        let mut command = Command::new(&self.program);
        command.args(["--no-vacuum", "--protocol=prepared", "--log"]);
        // A thread and a schedule for each client, as ours have then: one thread for several is in its own way.
        command.arg(format!("--client={clients}")).arg(format!("--jobs={clients}"));
        if let Some(rate) = rate {
            command.arg(format!("--rate={rate}"));
        }
        let environment = self.data.url().libpq_environment();
        let output = command
            .arg(format!("--time={}", (WARM_UP + window).as_secs()))
            .arg(format!("--log-prefix={}", prefix.display()))
            .arg(format!("--file={}", self.script.display()))
            .envs(environment.iter().map(|(name, value)| (*name, value.expose_secret())))
            .output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().into());
        }
        // When each ended and what it took, in microseconds.
        let mut executions = Vec::new();
        for log in logs()? {
            for line in std::fs::read_to_string(log)?.lines() {
                // client, transaction, microseconds from when it was due, script, seconds, microseconds, lag
                let fields: Vec<Option<u64>> = line.split(' ').map(|text| text.parse().ok()).collect();
                let [_, _, Some(took), _, Some(seconds), Some(micros), ..] = fields[..] else {
                    return Err(format!("pgbench's log has no latency in `{line}`").into());
                };
                executions.push((seconds * 1_000_000 + micros, took));
            }
        }
        let began = executions.iter().map(|(ended, took)| ended.saturating_sub(*took)).min().unwrap_or(0);
        let counted = began + WARM_UP.as_micros() as u64;
        let mut latencies = Latencies::default();
        for (_, took) in executions.into_iter().filter(|(ended, _)| *ended >= counted) {
            latencies.record(Duration::from_micros(took));
        }
        if latencies.count() == 0 { Err("pgbench logged no execution".into()) } else { Ok(latencies) }
    }
}
