//! Reading and rendering a catalogue, beside `pg_dump --schema-only` of the same database: 10 to 10,000 tables with five
//! indexes each. Prints the ratios, the growth exponent and the memory, and exits 1 when a bound is missed.
//!
//! Ours includes connecting, the statement guard's own look at the catalogue, and the text; theirs starts a process. The
//! two take turns. `RUNBOOK_BENCH_TABLES=100,1000` measures other sizes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a bench, not a library")]
#![allow(missing_docs, reason = "a bench has no public items")]

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use harness::Server;
use migrations::catalogue::Catalogue;
use runbook::ephemeral::Ephemeral;
use runbook::reader::ReadLimits;
use runbook::secret::DatabaseUrl;
use secrecy::ExposeSecret as _;

/// The address for the process that measures its own memory.
const MEMORY_OF: &str = "RUNBOOK_BENCH_MEMORY_OF";
/// How much faster than `pg_dump` it must be at 1,000 tables, and how much memory 10,000 may take.
const RATIO: f64 = 2.0;
const MEGABYTES: f64 = 128.0;

const TABLES: &str = "DO $$
BEGIN
    FOR i IN FIRST..LAST LOOP
        EXECUTE format('CREATE TABLE t%s (
            id bigserial PRIMARY KEY, account_id varchar(255) NOT NULL, name text NOT NULL DEFAULT ''x'',
            status varchar(50) NOT NULL CHECK (status IN (''a'', ''b'', ''c'')), amount numeric(10, 2),
            data jsonb NOT NULL DEFAULT ''{}'', created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz,
            parent_id bigint, flag boolean DEFAULT false)', i);
        IF i > 1 THEN
            EXECUTE format('ALTER TABLE t%s ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES t%s ON DELETE CASCADE', i, i - 1);
        END IF;
        EXECUTE format('CREATE INDEX ON t%s (account_id, status)', i);
        EXECUTE format('CREATE INDEX ON t%s (parent_id)', i);
        EXECUTE format('CREATE INDEX ON t%s (status, created_at DESC) WHERE status <> ''a''', i);
        EXECUTE format('CREATE INDEX ON t%s (lower(name))', i);
    END LOOP;
END $$";

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Ok(url) = std::env::var(MEMORY_OF) {
        let url = DatabaseUrl::parse(&url).unwrap();
        let (objects, _) = runtime.block_on(ours(&url));
        println!("{} {objects}", peak_kilobytes());
        return ExitCode::SUCCESS;
    }
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    if asked("--list") || !asked("--bench") {
        return ExitCode::SUCCESS;
    }
    let sizes = std::env::var("RUNBOOK_BENCH_TABLES").unwrap_or_else(|_| "10,100,1000,10000".into());
    // Tried, not measured: the smallest size, at which nothing is judged.
    runtime.block_on(report(if asked("--test") { "10" } else { &sizes }))
}

async fn report(sizes: &str) -> ExitCode {
    let sizes: Vec<u32> = sizes.split(',').map(|size| size.trim().parse().unwrap()).collect();
    let server = Server::options()
        .setting("max_locks_per_transaction", "8192")
        .setting("autovacuum", "off")
        .start()
        .await
        .unwrap();
    println!("PostgreSQL {}", server.binaries().version);
    println!(
        "{:>8} {:>9} {:>12} {:>12} {:>7} {:>9} {:>8}",
        "tables", "indexes", "ours", "pg_dump -s", "ratio", "exponent", "memory"
    );
    let mut before: Option<(f64, f64)> = None;
    let mut met = true;
    for size in sizes {
        let database = server.create(&format!("t{size}")).await.unwrap();
        fill(&database, size).await;
        let rounds = if size > 1_000 { 3 } else { 7 };
        let (mut us, mut them) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            us.push(ours(database.url()).await.1);
            them.push(pg_dump(&server, database.url()));
        }
        let (us, them) = (median(us), median(them));
        let memory = memory(database.url());
        let exponent = before.map_or(f64::NAN, |(tables, seconds)| {
            (us.as_secs_f64() / seconds).ln() / (f64::from(size) / tables).ln()
        });
        before = Some((f64::from(size), us.as_secs_f64()));
        let ratio = them.as_secs_f64() / us.as_secs_f64();
        println!(
            "{size:>8} {:>9} {:>9.1} ms {:>9.1} ms {ratio:>6.1}× {exponent:>9.2} {memory:>5.0} MB",
            size * 5,
            us.as_secs_f64() * 1e3,
            them.as_secs_f64() * 1e3,
        );
        met &= (size != 1_000 || ratio >= RATIO) && memory <= MEGABYTES;
        server.execute("postgres", &format!("DROP DATABASE t{size} WITH (FORCE)")).await.unwrap();
    }
    println!(
        "wanted: at least {RATIO}× at 1,000 tables, at most {MEGABYTES} MB: {}",
        if met { "met" } else { "MISSED" }
    );
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn fill(database: &Ephemeral, size: u32) {
    // A thousand a transaction: each holds its locks until the end.
    for first in (1..=size).step_by(1_000) {
        let last = (first + 999).min(size);
        let sql = TABLES.replace("FIRST", &first.to_string()).replace("LAST", &last.to_string());
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(database.pool()).await.unwrap();
    }
    sqlx::raw_sql("VACUUM ANALYZE").execute(database.pool()).await.unwrap();
}

/// From the address to the text: how many objects there are, and how long it took.
async fn ours(url: &DatabaseUrl) -> (usize, Duration) {
    let minute = Duration::from_secs(60);
    let limits = ReadLimits { statement: minute, lock: minute, idle: minute };
    let start = Instant::now();
    let database = Ephemeral::adopt(url.clone(), limits).await.unwrap();
    let mut reader = database.reader().await.unwrap();
    let catalogue = Catalogue::read(&mut reader, &["public".to_owned()]).await.unwrap();
    let text = catalogue.text();
    let took = start.elapsed();
    assert!(text.len() > catalogue.len());
    (catalogue.len(), took)
}

fn pg_dump(server: &Server, url: &DatabaseUrl) -> Duration {
    let mut command = Command::new(program(server));
    command.arg("--schema-only").stdout(Stdio::null());
    command.envs(
        url.libpq_environment().into_iter().map(|(name, value)| (name, value.expose_secret().to_owned())),
    );
    let start = Instant::now();
    assert!(command.status().unwrap().success());
    start.elapsed()
}

/// The server's own `pg_dump`: Debian's on the PATH is a script that looks for it.
fn program(server: &Server) -> PathBuf {
    let major = server.binaries().major;
    let named =
        ["RUNBOOK_PG_CLIENTS", "RUNBOOK_PG_BIN"].iter().filter_map(std::env::var_os).map(PathBuf::from);
    let usual = [server.binaries().folder.clone(), format!("/usr/lib/postgresql/{major}/bin").into()];
    let mut places = named.chain(usual).map(|folder| folder.join("pg_dump"));
    places.find(|place| place.is_file()).unwrap_or_else(|| "pg_dump".into())
}

/// The most memory that a process takes which reads the catalogue once, in megabytes.
fn memory(url: &DatabaseUrl) -> f64 {
    let output =
        Command::new(std::env::current_exe().unwrap()).env(MEMORY_OF, url.expose()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
}

fn peak_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
