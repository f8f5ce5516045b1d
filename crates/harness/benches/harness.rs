//! What a database costs, beside its peers, measured in one run: prints the ratios, and exits 1 when one is missed.
//!
//! The stages run in processes of their own, because what they differ in is their environment. A figure is
//! compared with a figure of the same run; where two are compared, they take turns.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench, not a library"
)]
#![allow(missing_docs, reason = "a bench has no public items")]

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use harness::backend::container;
use harness::backend::engine::Engine;
use harness::{Database, Server};
use sqlx::migrate::Migrator;
use sqlx::testing::{TestArgs, TestFn};
use sqlx::{Connection as _, PgConnection, PgPool};

const STAGE: &str = "RUNBOOK_BENCH_STAGE";
/// Rounds of what takes milliseconds.
const ROUNDS: usize = 40;
/// Empty tests in a row, and threads that run them.
const SUSTAINED: usize = 200;
const THREADS: usize = 2;

fn main() -> ExitCode {
    match std::env::var(STAGE).as_deref() {
        Ok("cold") => cold(),
        Ok("shared") => shared(),
        Ok("figures") => figures(),
        Ok("stock") => stock(),
        Ok("peer") => say("peer", peer_first_query(ROUNDS / 2)),
        _ => return report(),
    }
    ExitCode::SUCCESS
}

/// A ratio, and how much of it is asked for.
struct Line {
    what: &'static str,
    ours: f64,
    peer: f64,
    ratio: f64,
    wanted: &'static str,
    met: bool,
}

fn report() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|argument| argument == "--help") {
        println!(
            "what it measures, its variables and its exit codes: the head of crates/harness/benches/harness.rs"
        );
        return ExitCode::SUCCESS;
    }
    let trying = arguments.iter().any(|argument| argument == "--test");
    // The first one fills the cache of ready data directories.
    child("cold", "local", &[]);
    let colds: Vec<f64> = (0..3).map(|_| figure(&child("cold", "local", &[]), "cold")).collect();
    let cold = median(colds);
    if trying {
        println!("the first migrated database from nothing took {cold:.0} ms");
        return ExitCode::SUCCESS;
    }
    let figures = child("shared", "local", &[]);
    let disk = std::env::temp_dir();
    let stock = figure(&child("stock", "local", &[("RUNBOOK_DATA", disk.to_str().unwrap())]), "peer");
    let (connect, handed) = (figure(&figures, "connect"), figure(&figures, "handed"));
    let (query, peer) = (figure(&figures, "query"), figure(&figures, "peer"));
    let (row, peer_row) = (figure(&figures, "row"), figure(&figures, "peer_row"));
    let mut lines = vec![
        at_most("handing out a migrated database : a bare connect", handed, connect, 2.0, "≤ 2"),
        at_least("#[sqlx::test], same server : ours, to the first query", query, peer, 5.0, "≥ 5"),
        at_least("#[sqlx::test], stock server : ours, to the first query", query, stock, 10.0, "≥ 10"),
        at_least("#[sqlx::test] : ours, 200 empty tests on 2 threads", row, peer_row, 2.0, "≥ 2"),
        Line {
            what: "from nothing to the first migrated database (ms)",
            ours: cold,
            peer: 600.0,
            ratio: cold / 600.0,
            wanted: "≤ 600 ms",
            met: cold <= 600.0,
        },
    ];
    match image() {
        Ok(image) => {
            let run = || figure(&child("cold", "container", &[("RUNBOOK_POSTGRES_IMAGE", &image)]), "cold");
            let each = median((0..3).map(|_| run()).collect());
            lines.push(at_least(
                "a container a test : ours, to the first query",
                query,
                each,
                100.0,
                "≥ 100",
            ));
        }
        Err(why) => println!("a container a test: not measured, {why}"),
    }
    println!("{:<58} {:>9} {:>9} {:>7}  wanted", "", "ours, ms", "peer, ms", "ratio");
    for line in &lines {
        let mark = if line.met { "✔" } else { "✘" };
        println!(
            "{mark} {:<56} {:>9.2} {:>9.2} {:>7.2}  {}",
            line.what, line.ours, line.peer, line.ratio, line.wanted
        );
    }
    if lines.iter().all(|line| line.met) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn at_most(what: &'static str, ours: f64, peer: f64, limit: f64, wanted: &'static str) -> Line {
    Line { what, ours, peer, ratio: ours / peer, wanted, met: ours / peer <= limit }
}

fn at_least(what: &'static str, ours: f64, peer: f64, limit: f64, wanted: &'static str) -> Line {
    Line { what, ours, peer, ratio: peer / ours, wanted, met: peer / ours >= limit }
}

/// The image of the container figure: the one that is configured, or the one that `make image` builds.
fn image() -> Result<String, String> {
    let engine = Engine::find()?;
    let built = "runbook/postgres:17".to_owned();
    [container::image(), built]
        .into_iter()
        .find(|image| engine.has(image) == Ok("is there"))
        .ok_or_else(|| "neither the configured image nor runbook/postgres:17 is there".into())
}

/// Runs a stage in a process of its own, with a state folder of its own.
fn child(stage: &str, backend: &str, more: &[(&str, &str)]) -> String {
    let state = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .env(STAGE, stage)
        .env("RUNBOOK_STATE", state.path())
        .env("RUNBOOK_IDLE_SECONDS", "0")
        .env("RUNBOOK_BACKEND", backend)
        .envs(more.iter().copied())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "the stage {stage} failed");
    wait_empty(state.path());
    String::from_utf8(output.stdout).unwrap()
}

/// The watcher has ended the server of the stage, so that it does not run beside the next one.
fn wait_empty(state: &Path) {
    block_on(async {
        runbook::wait::until("the end of a stage's server", Duration::from_secs(60), || async {
            let left = std::fs::read_dir(state).into_iter().flatten().count();
            if left == 0 { Ok(()) } else { Err(format!("{left} state folders")) }
        })
        .await
        .unwrap();
    });
}

/// From nothing: no server, no state.
fn cold() {
    let start = Instant::now();
    block_on(first_query());
    say("cold", millis(start));
}

async fn first_query() {
    let db = Database::migrated().await.unwrap();
    sqlx::query("SELECT 1").execute(db.pool()).await.unwrap();
}

/// Starts the shared server, which sqlx has to know by an environment variable.
fn shared() {
    block_on(async {
        let db = Database::empty().await.unwrap();
        again("figures", db.url().with_database("postgres").unwrap().expose());
    });
}

/// A durable server on a disk, as a package installs it.
fn stock() {
    block_on(async {
        let mut options = Server::options();
        for (name, value) in [
            ("fsync", "on"),
            ("synchronous_commit", "on"),
            ("full_page_writes", "on"),
            ("autovacuum", "on"),
            ("wal_init_zero", "on"),
            ("wal_recycle", "on"),
            ("checkpoint_timeout", "5min"),
            ("max_wal_size", "1GB"),
        ] {
            options = options.setting(name, value);
        }
        let server = options.start().await.unwrap();
        again("peer", server.url("postgres").unwrap().expose());
    });
}

fn again(stage: &str, url: &str) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    assert!(command.env(STAGE, stage).env("DATABASE_URL", url).status().unwrap().success());
}

fn figures() {
    let url = std::env::var("DATABASE_URL").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut connects, mut handed, mut queries) = (Vec::new(), Vec::new(), Vec::new());
    let mut peers = Vec::new();
    // The pool of ready clones grows with what is asked for.
    for _ in 0..8 {
        runtime.block_on(first_query());
    }
    for _ in 0..ROUNDS {
        settle(&url);
        connects.push(runtime.block_on(async {
            let start = Instant::now();
            let connection = PgConnection::connect(&url).await.unwrap();
            let time = millis(start);
            connection.close().await.unwrap();
            time
        }));
        handed.push(runtime.block_on(async {
            let start = Instant::now();
            let db = Database::migrated().await.unwrap();
            let time = millis(start);
            sqlx::query("SELECT 1").execute(db.pool()).await.unwrap();
            queries.push(millis(start));
            time
        }));
        settle(&url);
        peers.push(peer_test().0);
    }
    say("connect", median(connects));
    say("handed", median(handed));
    say("query", median(queries));
    say("peer", median(peers));
    let (mut ours, mut peer) = (0.0, 0.0);
    for _ in 0..2 {
        ours += in_a_row(SUSTAINED / 2, || block_on(first_query()));
        settle(&url);
        peer += in_a_row(SUSTAINED / 2, || {
            let _ = peer_test();
        });
        settle(&url);
    }
    say("row", ours);
    say("peer_row", peer);
}

/// Waits until the harness clones and drops nothing.
fn settle(url: &str) {
    block_on(async {
        let mut connection = PgConnection::connect(url).await.unwrap();
        let busy = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'runbook-harness' \
                    AND (state <> 'idle' OR state_change > clock_timestamp() - interval '20 ms')";
        let connection = tokio::sync::Mutex::new(&mut connection);
        runbook::wait::until("a quiet server", Duration::from_secs(30), || async {
            let mut connection = connection.lock().await;
            let count: i64 = sqlx::query_scalar(busy).fetch_one(&mut **connection).await.unwrap();
            if count == 0 { Ok(()) } else { Err(format!("{count} sessions")) }
        })
        .await
        .unwrap();
    });
}

/// Milliseconds that `count` runs of `test` take on [`THREADS`] threads.
fn in_a_row(count: usize, test: impl Fn() + Sync) -> f64 {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..count / THREADS).for_each(|_| test()));
        }
    });
    millis(start)
}

fn peer_first_query(rounds: usize) -> f64 {
    median((0..rounds).map(|_| peer_test().0).collect())
}

/// One empty test of `#[sqlx::test]`: milliseconds to its first query, and altogether.
fn peer_test() -> (f64, f64) {
    static MIGRATOR: OnceLock<Migrator> = OnceLock::new();
    static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let migrator = MIGRATOR.get_or_init(|| {
        let settings = harness::settings();
        let folder = settings.path(settings.migrations.sqlx.clone().unwrap());
        block_on(Migrator::new(folder)).unwrap()
    });
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    // The path names the database, as the macro makes it from the function's.
    let path: &'static str = format!("bench::{}::{number}", std::process::id()).leak();
    let mut arguments = TestArgs::new(path);
    arguments.migrator(migrator);
    let start = Instant::now();
    let test: fn(PgPool) -> _ = selects;
    let queried = TestFn::run_test(test, arguments).unwrap();
    (queried.duration_since(start).as_secs_f64() * 1e3, millis(start))
}

async fn selects(pool: PgPool) -> Result<Instant, sqlx::Error> {
    sqlx::query("SELECT 1").execute(&pool).await?;
    Ok(Instant::now())
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    // What `#[tokio::test]` makes for each test.
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn say(name: &str, value: f64) {
    println!("figure {name} {value}");
}

fn figure(text: &str, name: &str) -> f64 {
    let prefix = format!("figure {name} ");
    text.lines().find_map(|line| line.strip_prefix(&prefix)).expect(name).parse().unwrap()
}

fn millis(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
