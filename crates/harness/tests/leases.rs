//! After any end of a run, `kill -9` included, nothing of it stays; and nobody else's is touched.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use harness::Database;
use harness::backend::engine::Engine;

const PATIENCE: Duration = Duration::from_secs(30);

/// What a run has made, as its state folder names it.
#[derive(Debug, Clone)]
enum Made {
    Server { data: PathBuf, pid: i32 },
    Container(String),
}

impl Made {
    fn read(line: &str) -> Option<Self> {
        match line.split_once(' ')? {
            ("server", data) => {
                let text = std::fs::read_to_string(Path::new(data).join("postmaster.pid")).ok()?;
                Some(Self::Server { data: data.into(), pid: text.lines().next()?.parse().ok()? })
            }
            ("container", name) => Some(Self::Container(name.to_owned())),
            _ => None,
        }
    }

    fn kill(&self) {
        match self {
            Self::Server { pid, .. } => {
                let pid = rustix::process::Pid::from_raw(*pid).unwrap();
                rustix::process::kill_process(pid, rustix::process::Signal::QUIT).unwrap();
            }
            Self::Container(name) => {
                let removed = Command::new("docker").args(["rm", "-f", name]).output().unwrap();
                assert!(removed.status.success(), "{removed:?}");
            }
        }
    }

    fn is_there(&self) -> bool {
        match self {
            Self::Server { data, pid } => data.exists() || alive(*pid),
            Self::Container(name) => Engine::find().unwrap().holds(name).unwrap(),
        }
    }
}

/// A test process of its own, with a state folder of its own: what `cargo test` would start in another worktree.
struct Run {
    process: Child,
    made: Vec<Made>,
}

impl Run {
    fn start(state: &Path) -> Self {
        // `RUNBOOK_BACKEND=container cargo test` proves the same of containers.
        let backend = std::env::var("RUNBOOK_BACKEND").unwrap_or_else(|_| "local".into());
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "leases::holds_a_database_until_its_input_ends", "--ignored", "--nocapture"])
            .env("RUNBOOK_STATE", state)
            .env("RUNBOOK_IDLE_SECONDS", "0")
            .env("RUNBOOK_BACKEND", if backend == "auto" { "local" } else { &backend })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("holding")), "it starts");
        let owned = std::fs::read_dir(state).unwrap().flatten().map(|entry| entry.path().join("owned"));
        let owned: String = owned.filter_map(|path| std::fs::read_to_string(path).ok()).collect();
        let made: Vec<Made> = owned.lines().filter_map(Made::read).collect();
        assert!(!made.is_empty(), "{owned}");
        Self { process, made }
    }

    fn kill_group(&mut self) {
        let group = rustix::process::Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap();
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
        self.process.wait().unwrap();
    }

    fn end(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }

    fn serves(&self) -> bool {
        self.made.iter().any(Made::is_there)
    }
}

fn alive(pid: i32) -> bool {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}

async fn gone(run: &Run, state: &Path) {
    runbook::wait::until("the end of all that a run has made", PATIENCE, || async move {
        let left: Vec<&Made> = run.made.iter().filter(|made| made.is_there()).collect();
        let states = std::fs::read_dir(state).into_iter().flatten().flatten().count();
        let watchers = watchers_of(state);
        if left.is_empty() && states == 0 {
            Ok(())
        } else {
            Err(format!("{left:?}, {states} state folders, watched by {watchers:?}"))
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
#[ignore = "the other tests run it in a process of its own"]
async fn holds_a_database_until_its_input_ends() {
    let _db = Database::empty().await.unwrap();
    println!("holding");
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

/// The watched folder of a process.
const WATCHED: &str = "RUNBOOK_TEST_WATCHED";

#[test]
#[ignore = "the other tests run it in a process of its own"]
fn watches_a_folder_until_its_input_ends() {
    let folder = PathBuf::from(std::env::var_os(WATCHED).unwrap());
    let _watched = harness::Watched::folder(&folder).unwrap();
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("a dump"), "of all rows").unwrap();
    println!("watched");
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

#[rstest::rstest]
#[case::that_is_killed(true)]
#[case::that_ends(false)]
#[tokio::test]
async fn watched_folder_goes_with_a_process(#[case] killed: bool) {
    let (state, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = place.path().join("dumps of a \"run\"");
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "leases::watches_a_folder_until_its_input_ends", "--ignored", "--nocapture"])
        .env("RUNBOOK_STATE", state.path())
        .env(WATCHED, &folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("watched")), "it starts");
    assert!(folder.join("a dump").exists());
    if killed {
        process.kill().unwrap();
    }
    drop(process.stdin.take());
    process.wait().unwrap();
    let count = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().count();
    runbook::wait::until("the end of the folder", PATIENCE, || async {
        match (count(place.path()), count(state.path())) {
            (0, 0) => Ok(()),
            (folders, states) => Err(format!("{folders} folders, {states} state folders")),
        }
    })
    .await
    .unwrap();
}

#[test]
fn a_path_that_the_watcher_could_read_otherwise_is_refused() {
    for path in ["dumps", "/tmp/dumps\nfolder /home"] {
        assert!(harness::Watched::folder(Path::new(path)).is_err(), "{path}");
    }
}

#[tokio::test]
async fn nothing_is_left_of_a_run_that_was_killed() {
    let state = tempfile::tempdir().unwrap();
    let mut run = Run::start(state.path());
    assert!(run.serves());
    run.kill_group();
    gone(&run, state.path()).await;
}

#[tokio::test]
async fn nothing_is_left_of_a_run_that_ended() {
    let state = tempfile::tempdir().unwrap();
    let mut run = Run::start(state.path());
    run.end();
    gone(&run, state.path()).await;
}

#[tokio::test]
async fn two_worktrees_do_not_disturb_each_other() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut killed, mut kept) = (Run::start(one.path()), Run::start(other.path()));
    killed.kill_group();
    gone(&killed, one.path()).await;
    assert!(kept.serves());
    kept.end();
    gone(&kept, other.path()).await;
}

#[tokio::test]
async fn the_next_run_reclaims_what_a_killed_watcher_has_left() {
    let state = tempfile::tempdir().unwrap();
    let mut run = Run::start(state.path());
    kill_watchers_of(state.path()).await;
    run.kill_group();
    assert!(run.serves(), "nobody is left to end it");

    let mut next = Run::start(state.path());
    next.end();
    gone(&next, state.path()).await;
    gone(&run, state.path()).await;
}

#[tokio::test]
async fn a_server_that_somebody_ended_is_replaced_and_its_clones_are_forgotten() {
    let state = tempfile::tempdir().unwrap();
    let mut run = Run::start(state.path());
    let folder = std::fs::read_dir(state.path()).unwrap().flatten().next().unwrap().path();
    // A clone that was made ahead, and went with its server.
    let ready = folder.join("ready/template0");
    std::fs::create_dir_all(&ready).unwrap();
    std::fs::write(ready.join("runbook_0123456789abcdef"), "").unwrap();
    // Nobody is left to tidy up: neither the run, nor its watcher, nor the server.
    kill_watchers_of(state.path()).await;
    run.kill_group();
    for made in &run.made {
        made.kill();
    }
    runbook::wait::until("the end of the server", PATIENCE, || async {
        let listens = run.made.iter().any(|made| match made {
            Made::Server { pid, .. } => alive(*pid),
            Made::Container(_) => made.is_there(),
        });
        if listens { Err("it is there") } else { Ok(()) }
    })
    .await
    .unwrap();

    let mut next = Run::start(state.path());
    assert!(next.serves());
    next.end();
    gone(&next, state.path()).await;
}

/// Kills them, and waits until they are gone: one that is dying still holds its place.
async fn kill_watchers_of(state: &Path) {
    for watcher in watchers_of(state) {
        let watcher = rustix::process::Pid::from_raw(watcher).unwrap();
        rustix::process::kill_process(watcher, rustix::process::Signal::KILL).unwrap();
    }
    runbook::wait::until("the end of the watchers", PATIENCE, || async move {
        let left = watchers_of(state);
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await
    .unwrap();
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
