//! One local server process: its data directory, its configuration, its start and its end.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use process_wrap::std::{ChildWrapper, CommandWrap, ProcessSession};
use rustix::process::{Pid, Signal};
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};

use crate::HarnessError;
use crate::backend::binaries::Binaries;
use crate::privilege::{become_user, give, server_user};

/// The superuser of our own servers.
pub(crate) const SUPERUSER: &str = "postgres";
/// How data directories are made. Small WAL segments, because the directory is copied; the C locale, because it
/// sorts the same everywhere.
pub(crate) const INITDB: [&str; 8] = [
    "--no-sync",
    "--encoding=UTF8",
    "--locale=C",
    "--data-checksums",
    "--no-instructions",
    "--wal-segsize=4",
    "--auth-local=trust",
    "--auth-host=reject",
];
/// How long a server may take to come up, or to go down.
const PATIENCE: Duration = Duration::from_secs(30);

/// A local server: a folder with `data`, `socket` and `server.log`.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub(crate) binaries: Binaries,
    pub(crate) folder: PathBuf,
}

impl Cluster {
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// Makes the folders, as the user that runs the server.
    pub(crate) fn create_folders(&self) -> Result<(), HarnessError> {
        let user = server_user()?;
        for folder in [self.folder.clone(), self.data(), self.socket()] {
            std::fs::create_dir_all(&folder).map_err(HarnessError::io(&folder))?;
            set_private(&folder)?;
            give(&folder, user)?;
        }
        Ok(())
    }

    /// Makes an empty data directory. Its superuser has no password yet: each server sets one of its own.
    pub(crate) fn initdb(&self) -> Result<(), HarnessError> {
        let program = self.binaries.program("initdb");
        let mut command = self.command("initdb")?;
        command.args(INITDB).args(["--username", SUPERUSER, "--pgdata"]).arg(self.data());
        let output = command.output().map_err(HarnessError::io(&program))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(explain(&self.folder, 0, "could not be initialised", &said))
    }

    /// Fills the data directory with a running server's, as a standby that follows it.
    pub(crate) fn copy_from(&self, socket: &Path, port: u16) -> Result<(), HarnessError> {
        // Past a link to the server in a folder of the PATH, as for its libraries.
        let server = self.binaries.program("postgres");
        let program = server.canonicalize().unwrap_or(server).with_file_name("pg_basebackup");
        let mut command = self.command(&program.to_string_lossy())?;
        command.args([
            "--checkpoint",
            "fast",
            "--wal-method",
            "stream",
            "--write-recovery-conf",
            "--no-sync",
        ]);
        command.args(["--username", SUPERUSER, "--port", &port.to_string(), "--host"]).arg(socket);
        let output = command.arg("--pgdata").arg(self.data()).output().map_err(HarnessError::io(&program))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(explain(&self.folder, port, "could not be copied", &said))
    }

    /// One of the programs, run by the server's user in a clean environment.
    fn command(&self, program: &str) -> Result<Command, HarnessError> {
        let mut command = Command::new(self.binaries.program(program));
        command
            .current_dir("/")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        become_user(&mut command, server_user()?);
        Ok(command)
    }

    /// Writes `extra` lines into a file that `postgresql.conf` includes, and pg_hba.conf.
    pub(crate) fn configure(&self, settings: &[(String, String)], hba: &str) -> Result<(), HarnessError> {
        let user = server_user()?;
        let own = self.data().join("runbook.conf");
        let mut text = String::new();
        for (name, value) in settings {
            text.push_str(&format!("{name} = '{}'\n", value.replace('\'', "''")));
        }
        write_private(&own, text.as_bytes())?;
        give(&own, user)?;
        let main = self.data().join("postgresql.conf");
        let before = std::fs::read_to_string(&main).map_err(HarnessError::io(&main))?;
        let include = "include 'runbook.conf'\n";
        if !before.ends_with(include) {
            std::fs::write(&main, format!("{before}{include}")).map_err(HarnessError::io(&main))?;
        }
        let path = self.data().join("pg_hba.conf");
        std::fs::write(&path, hba).map_err(HarnessError::io(&path))
    }

    /// Starts the server on a port and waits until it accepts connections.
    pub(crate) async fn start(&self, port: u16) -> Result<Box<dyn ChildWrapper>, HarnessError> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .map_err(HarnessError::io(&self.log()))?;
        let start = log.metadata().map_or(0, |meta| meta.len());
        let errors = log.try_clone().map_err(HarnessError::io(&self.log()))?;
        let program = self.binaries.program("postgres");
        let mut command = self.command("postgres")?;
        command.arg("-D").arg(self.data()).arg("-k").arg(self.socket()).args(["-p", &port.to_string()]);
        command.stdout(log).stderr(errors);
        // A session of its own: a signal to the run's process group must not reach it. Its lease decides.
        let mut command = CommandWrap::from(command);
        command.wrap(ProcessSession);
        let mut child = command.spawn().map_err(HarnessError::io(&program))?;
        let status = self.data().join("postmaster.pid");
        let waited = runbook::wait::until("the server accepts connections", PATIENCE, || {
            let ended = child.try_wait().ok().flatten();
            // A server that was killed has left its own file, so the number must be this one's.
            let number = child.id().to_string();
            let ready = std::fs::read_to_string(&status).is_ok_and(|text| {
                let line = |n: usize| text.lines().nth(n).map(str::trim);
                line(0) == Some(&number) && line(7) == Some("ready")
            });
            async move {
                match ended {
                    Some(status) => Ok(Err(status)),
                    None if ready => Ok(Ok(())),
                    None => Err("starting up"),
                }
            }
        })
        .await;
        match waited {
            Ok(Ok(())) => Ok(child),
            Ok(Err(_)) => {
                let said = self.log_since(start);
                Err(explain(&self.folder, port, "did not start", &said))
            }
            Err(late) => {
                let _ = child.start_kill();
                Err(HarnessError::Server { what: "did not start", reason: late.to_string() })
            }
        }
    }

    /// What was logged after the first `start` bytes.
    pub(crate) fn log_since(&self, start: u64) -> String {
        let bytes = std::fs::read(self.log()).unwrap_or_default();
        let from = usize::try_from(start).unwrap_or(0).min(bytes.len());
        String::from_utf8_lossy(&bytes[from..]).into_owned()
    }

    /// Starts the server on the first of some random ports that is free.
    pub(crate) async fn start_somewhere(&self) -> Result<(u16, Box<dyn ChildWrapper>), HarnessError> {
        let mut last = HarnessError::Other("no port was tried".into());
        for _ in 0..20 {
            let port = candidate_port();
            match self.start(port).await {
                Ok(process) => return Ok((port, process)),
                Err(error @ HarnessError::PortTaken { .. }) => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// A superuser's connection over the socket.
    pub(crate) async fn admin(&self, port: u16) -> Result<PgConnection, HarnessError> {
        self.admin_of(port, "postgres").await
    }

    /// A superuser's connection to one database over the socket.
    pub(crate) async fn admin_of(&self, port: u16, database: &str) -> Result<PgConnection, HarnessError> {
        PgConnectOptions::new_without_pgpass()
            .socket(self.socket())
            .port(port)
            .username(SUPERUSER)
            .database(database)
            // The driver would take PGSSLMODE, which is about another server.
            .ssl_mode(PgSslMode::Prefer)
            .connect()
            .await
            .map_err(HarnessError::sql("connecting to the new server"))
    }

    /// Ends the server with a signal and waits until all of its processes are gone.
    pub(crate) async fn end(
        &self,
        mut process: Box<dyn ChildWrapper>,
        signal: Signal,
    ) -> Result<(), HarnessError> {
        if let Some(pid) = i32::try_from(process.id()).ok().and_then(Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, signal);
        }
        let late = |late: runbook::wait::TimedOut| HarnessError::Server {
            what: "did not stop",
            reason: late.to_string(),
        };
        runbook::wait::until("the server's end", PATIENCE, || {
            let ended = matches!(process.try_wait(), Ok(Some(_)));
            async move { if ended { Ok(()) } else { Err("running") } }
        })
        .await
        .map_err(late)?;
        // A killed server's children notice by themselves; until then they hold its shared memory.
        runbook::wait::until("the end of the server's children", PATIENCE, || {
            let left = self.processes();
            async move { if left == 0 { Ok(()) } else { Err(format!("{left} processes")) } }
        })
        .await
        .map_err(late)
    }

    /// How many processes stand in the data directory (where the system can tell).
    fn processes(&self) -> usize {
        let data = self.data();
        let numbers = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        numbers
            .filter(|entry| std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == data))
            .count()
    }

    /// Removes what a killed server leaves outside its folder: its System V segment, whose number stands in
    /// the file that it leaves too.
    pub(crate) fn remove_leftovers(&self) {
        let Ok(text) = std::fs::read_to_string(self.data().join("postmaster.pid")) else { return };
        if let Some(id) = text.lines().nth(6).and_then(|line| line.split_whitespace().nth(1)) {
            let _ = Command::new("ipcrm").args(["-m", id]).stderr(Stdio::null()).status();
        }
    }
}

/// A port to try: random, so that two runs seldom meet; the server's own bind decides.
pub(crate) fn candidate_port() -> u16 {
    use std::hash::{BuildHasher as _, Hasher as _};
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    // Below Linux's own ephemeral range (32768–60999), so that outgoing connections do not take it.
    10_000 + u16::try_from(hasher.finish() % 22_000).unwrap_or(0)
}

/// Sorts what the server said at its end into the kinds that a person acts on differently.
pub(crate) fn explain(folder: &Path, port: u16, what: &'static str, said: &str) -> HarnessError {
    if said.contains("No space left on device") {
        return crate::space::full(folder);
    }
    if said.contains("Address already in use") || said.contains("could not create any TCP/IP sockets") {
        return HarnessError::PortTaken { port };
    }
    let marks = ["FATAL:", "PANIC:", "initdb: error:", "ERROR:"];
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let telling = match lines.iter().rposition(|line| marks.iter().any(|mark| line.contains(mark))) {
        // "configuration file … contains errors": which ones stands on the line before.
        Some(last) if lines[last].contains("contains errors") && last > 0 => lines[last - 1],
        Some(last) => lines[last],
        None => lines.last().copied().unwrap_or("it said nothing"),
    };
    HarnessError::Server { what, reason: telling.trim().to_owned() }
}

/// Writes a file that only its owner may read.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), HarnessError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(HarnessError::io(path))?;
    file.write_all(bytes).map_err(HarnessError::io(path))
}

fn set_private(folder: &Path) -> Result<(), HarnessError> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).map_err(HarnessError::io(folder))
}
