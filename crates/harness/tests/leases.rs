//! After any end of a run, `kill -9` included, nothing of it stays; and nobody else's is touched.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use harness::Database;

const PATIENCE: Duration = Duration::from_secs(30);

/// A test process of its own, with a state folder of its own: what `cargo test` would start in another worktree.
struct Run {
    process: Child,
    data: PathBuf,
    server: i32,
}

impl Run {
    fn start(state: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "leases::holds_a_database_until_its_input_ends", "--ignored", "--nocapture"])
            .env("RUNBOOK_STATE", state)
            .env("RUNBOOK_IDLE_SECONDS", "0")
            .env("RUNBOOK_BACKEND", "local")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let told = lines
            .find_map(|line| line.split_once("holding ").map(|(_, rest)| rest.to_owned()))
            .expect("it starts");
        let (server, data) = told.split_once(' ').unwrap();
        Self { process, server: server.parse().unwrap(), data: data.into() }
    }

    fn kill_group(&mut self) {
        let group = rustix::process::Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap();
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
        self.process.wait().unwrap();
    }

    fn end(mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }

    fn serves(&self) -> bool {
        Path::new(&self.data).join("postmaster.pid").exists() && alive(self.server)
    }
}

fn alive(pid: i32) -> bool {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}

async fn gone(server: i32, data: &Path, state: &Path) {
    let states = || std::fs::read_dir(state).into_iter().flatten().flatten().count();
    runbook::wait::until("the end of all that a run has made", PATIENCE, || async move {
        match (alive(server), data.exists(), states()) {
            (false, false, 0) => Ok(()),
            seen => Err(format!("(server, data directory, state folders) {seen:?}")),
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
#[ignore = "the other tests run it in a process of its own"]
async fn holds_a_database_until_its_input_ends() {
    let db = Database::empty().await.unwrap();
    let (data, pid): (String, String) = sqlx::query_as(
        "SELECT current_setting('data_directory'), split_part(pg_read_file('postmaster.pid'), E'\\n', 1)",
    )
    .fetch_one(db.pool())
    .await
    .unwrap();
    println!("holding {pid} {data}");
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

#[tokio::test]
async fn nothing_is_left_of_a_run_that_was_killed() {
    let state = tempfile::tempdir().unwrap();
    let mut run = Run::start(state.path());
    assert!(run.serves());
    run.kill_group();
    gone(run.server, &run.data, state.path()).await;
}

#[tokio::test]
async fn nothing_is_left_of_a_run_that_ended() {
    let state = tempfile::tempdir().unwrap();
    let run = Run::start(state.path());
    let (server, data) = (run.server, run.data.clone());
    run.end();
    gone(server, &data, state.path()).await;
}

#[tokio::test]
async fn two_worktrees_do_not_disturb_each_other() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut killed, kept) = (Run::start(one.path()), Run::start(other.path()));
    killed.kill_group();
    gone(killed.server, &killed.data, one.path()).await;
    assert!(kept.serves());
    let (server, data) = (kept.server, kept.data.clone());
    kept.end();
    gone(server, &data, other.path()).await;
}

#[tokio::test]
async fn the_next_run_reclaims_what_a_killed_watcher_has_left() {
    let state = tempfile::tempdir().unwrap();
    let mut run = Run::start(state.path());
    for watcher in watchers_of(state.path()) {
        let watcher = rustix::process::Pid::from_raw(watcher).unwrap();
        rustix::process::kill_process(watcher, rustix::process::Signal::KILL).unwrap();
    }
    run.kill_group();
    assert!(run.serves(), "nobody is left to end it");

    let next = Run::start(state.path());
    let (server, data) = (next.server, next.data.clone());
    next.end();
    gone(server, &data, state.path()).await;
    gone(run.server, &run.data, state.path()).await;
}

/// The watchers of a state folder: shells that were given its path.
fn watchers_of(state: &Path) -> Vec<i32> {
    let state = state.to_string_lossy().into_owned();
    let numbers = std::fs::read_dir("/proc").unwrap().flatten();
    numbers
        .filter_map(|entry| {
            let pid = entry.file_name().to_string_lossy().parse().ok()?;
            let line =
                String::from_utf8_lossy(&std::fs::read(entry.path().join("cmdline")).ok()?).into_owned();
            (line.contains("runbook-watcher") && line.contains(&state)).then_some(pid)
        })
        .collect()
}
