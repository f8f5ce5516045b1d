//! What loading the data set costs, beside its peers, measured in one run: `cargo bench -p harness --bench loading`.
//!
//! - ours: [`harness::loader::load`], from an empty schema to analysed tables;
//! - a bare COPY: the very same bytes from files, two connections, then the same indexes built on two connections. No
//!   foreign key is asked, and nothing is analysed: the least that it can take;
//! - INSERT … SELECT generate_series with the indexes in place, as many rows (`RUNBOOK_INSERT=no` leaves it out);
//! - the same on a server as it comes from its package, data on a disk: what somebody has who has only that. From
//!   1,000,000 projects on, or with `RUNBOOK_INSERT=stock`. It is told, and not judged: ours runs on the server above.
//!
//! `RUNBOOK_SCALE` is the number of projects (100,000), every one eight rows, and `RUNBOOK_ROUNDS` how often the first two
//! take turns (2). One copy of the data is there at a time, on a private server: in memory where so much is free, on the
//! disk otherwise, or where `RUNBOOK_DATA` says. What there is no room for is refused beforehand (exit code 2). The bench
//! prints its own peak memory and the disk that was used, and exits 1 when a ratio is missed.
//!
//! `RUNBOOK_SCALE=10000,100000,1000000` measures ours alone at each size, and how time and disk grow.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench, not a library"
)]
#![allow(missing_docs, reason = "a bench has no public items")]

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use harness::loader::{self, Loaded, Unwatched};
use harness::{Database, HarnessError, Kept, Server};
use runbook::ephemeral::Ephemeral;
use runbook::secret::DatabaseUrl;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if has("--list") || has("--test") || !has("--bench") {
        return ExitCode::SUCCESS;
    }
    if has("--help") {
        println!(
            "what it measures, its variables and its exit codes: the head of crates/harness/benches/loading.rs"
        );
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let answer = match (sizes(), Asked::read()) {
        (Ok(sizes), Ok(asked)) if sizes.len() == 1 => runtime.block_on(compare(sizes[0], asked)),
        (Ok(sizes), Ok(_)) => runtime.block_on(grow(&sizes)),
        (Err(sentence), _) | (_, Err(sentence)) => Err(HarnessError::Other(sentence)),
    };
    answer.unwrap_or_else(|error| {
        println!("loading: {error}");
        ExitCode::from(2)
    })
}

type Result<T> = std::result::Result<T, HarnessError>;

/// From so many projects on the ratio to INSERT is judged.
const LARGE: u64 = 1_000_000;
/// The databases of the server that is measured on, one after the other.
const NAME: &str = "loading";

fn sizes() -> std::result::Result<Vec<u64>, String> {
    let text = std::env::var("RUNBOOK_SCALE").unwrap_or_else(|_| "100000".into());
    text.split(',')
        .map(|part| match part.trim().replace('_', "").parse() {
            Ok(0) => Err(format!("RUNBOOK_SCALE={text}: 0 rows show nothing; ask for at least 1")),
            Ok(size) => Ok(size),
            Err(_) => Err(format!("RUNBOOK_SCALE={text}: `{part}` is no number of rows")),
        })
        .collect()
}

/// What `RUNBOOK_ROUNDS` and `RUNBOOK_INSERT` ask for.
struct Asked {
    rounds: usize,
    insert: bool,
    stock: Option<bool>,
}

impl Asked {
    fn read() -> std::result::Result<Self, String> {
        let variable = |name| std::env::var(name).ok().filter(|text: &String| !text.is_empty());
        let rounds = match variable("RUNBOOK_ROUNDS") {
            None => 2,
            Some(text) => text.parse().ok().filter(|rounds| *rounds > 0).ok_or_else(|| {
                format!("RUNBOOK_ROUNDS={text}: it is no number of rounds; ask for at least 1")
            })?,
        };
        let (insert, stock) = match variable("RUNBOOK_INSERT").as_deref() {
            None => (true, None),
            Some("no") => (false, Some(false)),
            Some("stock") => (true, Some(true)),
            Some(text) => return Err(format!("RUNBOOK_INSERT={text}: it is neither no nor stock")),
        };
        Ok(Self { rounds, insert, stock })
    }
}

/// A server with room for one copy of `scale` projects, and for `files` times the bytes that are sent beside it.
async fn server(scale: u64, files: u64) -> Result<Server> {
    let known = Database::migrated().await?;
    let size = loader::estimate(known.url(), &harness::settings(), scale).await?;
    // The bare COPY, which is measured beside ours, writes a log of its rows, and INSERT too.
    let alone = files == 0;
    let room = if alone { size.least_mib() } else { size.peak_mib() } + files * size.sent_mib();
    println!("{scale} projects need about {room} MiB of disk, {} of which stay", size.stored_mib());
    Server::options().for_loading().room(room).start().await
}

/// A server as it comes from its package: durable, with little memory, vacuumed by itself, on a disk.
async fn stock(scale: u64) -> Result<Server> {
    let known = Database::migrated().await?;
    let size = loader::estimate(known.url(), &harness::settings(), scale).await?;
    let settings = [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("autovacuum", "on"),
        ("shared_buffers", "128MB"),
        ("checkpoint_timeout", "5min"),
        ("max_wal_size", "1GB"),
        ("max_connections", "100"),
        ("wal_init_zero", "on"),
        ("wal_recycle", "on"),
        ("shared_preload_libraries", ""),
    ];
    let options =
        settings.into_iter().fold(Server::options(), |options, (name, value)| options.setting(name, value));
    options.room(size.peak_mib()).on_disk().start().await
}

async fn compare(scale: u64, asked: Asked) -> Result<ExitCode> {
    let settings = harness::settings();
    let (mut ours, mut peers) = (Vec::new(), Vec::new());
    let server = server(scale, 1).await?;
    let data = server.data();
    println!("on {}", data.display());
    let files = tempfile::tempdir_in(data.parent().and_then(Path::parent).unwrap()).unwrap();
    let (mut rows, mut peak, mut sources) = (0, 0, Vec::new());
    let mut parts = (0.0, 0.0);
    for round in 0..asked.rounds {
        let db = server.seeded(NAME).await?;
        let (seconds, loaded) = load(&db, scale).await?;
        ours.push(seconds);
        if round == 0 {
            // Read before anything large is held for the peer.
            peak = peak_kb();
            rows = loaded.tables.iter().map(|(_, rows)| rows).sum::<u64>();
            println!(
                "{rows} rows, {} MB sent, {} indexes; this process held {peak} kB at most, the server's data {} MB",
                loaded.bytes >> 20,
                loaded.indexes,
                used(&data) >> 20
            );
            sources = loader::dump(db.url(), &settings, scale, files.path()).await?;
        }
        db.pool().close().await;
        server.discard(NAME).await?;
        let db = server.seeded(NAME).await?;
        let started = Instant::now();
        parts = bare(db.url(), sources.clone()).await;
        peers.push(started.elapsed().as_secs_f64());
        println!("turn {}: ours {:.1} s, the bare COPY {:.1} s", round + 1, ours[round], peers[round]);
        db.pool().close().await;
        server.discard(NAME).await?;
    }
    drop(files);
    // It takes longer than a turn of the two: left out on request, and then not judged.
    let each_row = |seconds: f64| seconds / rows as f64;
    let inserted = if asked.insert { Some(each_row(insert(&server, scale).await?)) } else { None };
    drop(server);
    let stock_inserted = if asked.stock.unwrap_or(scale >= LARGE) {
        Some(each_row(insert(&stock(scale).await?, scale).await?))
    } else {
        None
    };
    let (ours, peer) = (least(&ours), least(&peers));
    let each = ours / rows as f64;
    println!("ours: {ours:.2} s, {:.2} µs a row", each * 1e6);
    println!(
        "bare COPY of the same bytes and the same index builds: {peer:.2} s ({:.2} + {:.2} in the last turn)",
        parts.0, parts.1
    );
    let of_peer = 100.0 * peer / ours;
    println!("\n{} as quick as the bare COPY: {of_peer:.0} %  wanted ≥ 70 %", mark(of_peer >= 70.0));
    println!("{} memory: {} MB  wanted ≤ 64 MB", mark(peak <= 64 * 1024), peak / 1024);
    let mut met = of_peer >= 70.0 && peak <= 64 * 1024;
    if let Some(inserted) = inserted {
        let times = inserted / each;
        let words =
            format!("INSERT … SELECT generate_series, indexes in place: {:.2} µs a row", inserted * 1e6);
        // The mark is for a large set: of a small one, what is done once is most of the time.
        if scale >= LARGE {
            println!("{} {words}: ours is {times:.1} times as quick  wanted ≥ 10", mark(times >= 10.0));
            met &= times >= 10.0;
        } else {
            println!("– {words}: ours is {times:.1} times as quick; the mark of 10 is for {LARGE} projects");
        }
    }
    if let Some(inserted) = stock_inserted {
        let times = inserted / each;
        println!(
            "– the same INSERT on a server as it comes from its package, on a disk: {:.2} µs a row: ours is {times:.1} times as \
             quick",
            inserted * 1e6
        );
    }
    let (first, second) = again(scale).await?;
    println!(
        "{} a kept data set: {first:.1} s the first time, then {second:.2} s  wanted ≤ 2 s",
        mark(second <= 2.0)
    );
    met &= second <= 2.0;
    Ok(if met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Ours alone at several sizes: what it takes, and how that grows from one to the next (1 is with the rows).
async fn grow(sizes: &[u64]) -> Result<ExitCode> {
    let mut before: Option<(u64, f64, u64)> = None;
    for scale in sizes {
        let server = server(*scale, 0).await?;
        let db = server.seeded(NAME).await?;
        let (seconds, loaded) = load(&db, *scale).await?;
        let rows = loaded.tables.iter().map(|(_, rows)| rows).sum::<u64>();
        let (disk, peak) = (used(&server.data()), peak_kb());
        let stored: i64 = sqlx::query_scalar("SELECT pg_database_size(current_database())")
            .fetch_one(db.pool())
            .await
            .map_err(|error| HarnessError::Other(error.to_string()))?;
        let stored = stored.unsigned_abs();
        db.pool().close().await;
        println!(
            "{scale} projects, {rows} rows: {seconds:.1} s, {:.2} µs a row; {} MB sent, {} MB of tables and indexes, {} MB \
             of disk with the log; {} MB of memory at most",
            seconds / rows as f64 * 1e6,
            loaded.bytes >> 20,
            stored >> 20,
            disk >> 20,
            peak >> 10
        );
        if let Some((smaller, earlier, held)) = before {
            let times = (*scale as f64 / smaller as f64).ln();
            println!(
                "  from {smaller} on: time grows with exponent {:.2}, tables and indexes with {:.2}",
                (seconds / earlier).ln() / times,
                (stored as f64 / held as f64).ln() / times
            );
        }
        before = Some((*scale, seconds, stored));
    }
    Ok(ExitCode::SUCCESS)
}

async fn load(db: &Ephemeral, scale: u64) -> Result<(f64, Loaded)> {
    let settings = harness::settings();
    let started = Instant::now();
    let loaded = loader::load(db.url(), &settings, scale, &Unwatched).await?;
    Ok((started.elapsed().as_secs_f64(), loaded))
}

/// Bytes of the files below a folder.
fn used(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => used(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Seconds that as many rows take one statement a table, every index and check in place.
async fn insert(server: &Server, scale: u64) -> Result<f64> {
    let db = server.seeded(NAME).await?;
    let mut connection = PgConnection::connect_with(&db.url().connect_options()).await.unwrap();
    let started = Instant::now();
    let peer = std::fs::read_to_string(harness::fixtures_folder().join("benches/insert_series.sql")).unwrap();
    for statement in peer.split(";\n").filter(|text| !text.trim().is_empty()) {
        let statement = statement.replace(":n", &scale.to_string());
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    }
    Ok(started.elapsed().as_secs_f64())
}

/// The first and the second start of a kept data set. The first is only known when nothing was kept.
async fn again(scale: u64) -> Result<(f64, f64)> {
    let started = Instant::now();
    Kept::loaded(scale, Arc::new(Unwatched)).await?.close().await?;
    let first = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let kept = Kept::loaded(scale, Arc::new(Unwatched)).await?;
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pg_stats").fetch_one(kept.pool()).await.unwrap();
    assert!(count > 0, "the kept data set has no statistics");
    let second = started.elapsed().as_secs_f64();
    kept.close().await?;
    Ok((first, second))
}

/// Seconds of the COPY, and of the index builds.
async fn bare(url: &DatabaseUrl, sources: Vec<(String, std::path::PathBuf)>) -> (f64, f64) {
    let mut admin = PgConnection::connect_with(&url.connect_options()).await.unwrap();
    let indexes: Vec<String> = sqlx::query_scalar(
        "UPDATE pg_index SET indisready = false, indisvalid = false
         WHERE indrelid IN (SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = ANY ($1::regnamespace[]))
         RETURNING indexrelid::regclass::text",
    )
    .bind(&harness::settings().database.schemas)
    .fetch_all(&mut admin)
    .await
    .unwrap();
    let started = Instant::now();
    // The table with the most bytes beside all others, as ours.
    let size = |path: &Path| path.metadata().map_or(0, |meta| meta.len());
    let most =
        sources.iter().max_by_key(|(_, path)| size(path)).map(|(statement, _)| table(statement)).unwrap();
    let (largest, others): (Vec<_>, Vec<_>) =
        sources.into_iter().partition(|(statement, _)| table(statement) == most);
    tokio::join!(copy(url, largest), copy(url, others));
    let copied = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let next = tokio::sync::Mutex::new(indexes.into_iter());
    let worker = || async {
        let mut connection = PgConnection::connect_with(&url.connect_options()).await.unwrap();
        let memory = "SET maintenance_work_mem = '256MB'; SET max_parallel_maintenance_workers = 0";
        sqlx::raw_sql(memory).execute(&mut connection).await.unwrap();
        loop {
            let Some(index) = next.lock().await.next() else { break };
            let statement = AssertSqlSafe(format!("REINDEX INDEX {index}"));
            sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        }
    };
    tokio::join!(worker(), worker());
    (copied, started.elapsed().as_secs_f64())
}

/// The table that a COPY fills.
fn table(statement: &str) -> String {
    statement.split(' ').nth(1).unwrap_or_default().to_owned()
}

async fn copy(url: &DatabaseUrl, sources: Vec<(String, std::path::PathBuf)>) {
    let mut connection = PgConnection::connect_with(&url.connect_options()).await.unwrap();
    sqlx::raw_sql("SET session_replication_role = replica").execute(&mut connection).await.unwrap();
    for (statement, path) in sources {
        let mut file = std::fs::File::open(path).unwrap();
        let mut copy = connection.copy_in_raw(&statement).await.unwrap();
        let mut piece = vec![0; 256 * 1024];
        loop {
            let read = file.read(&mut piece).unwrap();
            if read == 0 {
                break;
            }
            copy.send(&piece[..read]).await.unwrap();
        }
        copy.finish().await.unwrap();
    }
}

/// The most memory that this process has held so far, in kB.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse().unwrap_or(0)
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn mark(met: bool) -> &'static str {
    if met { "✔" } else { "✘" }
}
