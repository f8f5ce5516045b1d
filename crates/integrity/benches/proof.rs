//! What a proof costs, beside a plain LEFT JOIN script and a bare count of the same tables, measured in turns in one
//! run, on the data set of `fixtures/dataset.toml`: 10,000 and 100,000 projects, twice as many payloads, five times as
//! many events.
//!
//! Prints the ratios, the growth exponent and the memory of this process, and exits 1 when one is missed; the ratios are
//! judged from 1,000,000 projects on, which take minutes: `RUNBOOK_BENCH_PROJECTS=10000,100000,1000000` names other sizes,
//! `RUNBOOK_BENCH_URL` a database that is filled already, of which the same questions on both sides are measured alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench, not a library"
)]
#![allow(missing_docs, reason = "a bench has no public items")]

use std::process::ExitCode;
use std::time::Instant;

use harness::loader::{self, Unwatched};
use harness::{Database, Server};
use runbook::context::{Context, Database as Target};
use runbook::live::Live;
use runbook::secret::DatabaseUrl;
use runbook::verdict::Outcome;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// Rounds; in each, every contestant runs once. What counts is the median.
const ROUNDS: usize = 5;
/// How much faster than the script the proof is to be.
const FASTER: f64 = 5.0;
/// How many bare counts it may cost.
const COUNTS: f64 = 3.0;
/// The projects from which on the two are judged.
const JUDGED: u64 = 1_000_000;
/// Memory, in MiB.
const MEMORY: f64 = 64.0;

/// What the script answers as well.
const CHECKS: [&str; 3] =
    ["integrity.foreign_keys.orphans", "integrity.constraints.check", "integrity.constraints.unique"];

/// The check that looks at the indexes.
const INDEXES: &str = "integrity.corruption.btree";

/// Median seconds at one size.
struct Figures {
    projects: u64,
    /// Each check by itself.
    apart: [f64; 3],
    /// All three asked together, as a run of the program has it.
    total: f64,
    heap: f64,
    /// The script alone, which asks the etags for duplicates, and no other key.
    script: f64,
    /// The script, and the same question about the primary keys: all that the proof answers.
    equal: f64,
    bare: f64,
    alike: Alike,
}

/// Without the primary keys of payloads and events, which the script does not ask about. That of the projects the foreign
/// keys need, so the proof answers for it too.
struct Alike {
    ours: f64,
    script: f64,
    /// The script with the question about the projects' key.
    with_key: f64,
    bare: f64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench")
        || arguments.iter().any(|argument| argument == "--list")
    {
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|argument| argument == "--help") {
        println!(
            "what it measures, its variables and its exit codes: the head of crates/integrity/benches/proof.rs"
        );
        return ExitCode::SUCCESS;
    }
    // Tried, not measured: the smallest size, and nothing is judged.
    let trying = arguments.iter().any(|argument| argument == "--test");
    let sizes = if trying { Ok("10000".into()) } else { std::env::var("RUNBOOK_BENCH_PROJECTS") };
    let sizes = sizes.unwrap_or_else(|_| "10000,100000".into());
    let parsed: Option<Vec<u64>> =
        sizes.split(',').map(|size| size.trim().parse().ok().filter(|size| *size > 0)).collect();
    let Some(parsed) = parsed else {
        eprintln!(
            "proof: RUNBOOK_BENCH_PROJECTS={sizes} holds what is no number of projects; name sizes from 1 on: 10000,100000"
        );
        return ExitCode::from(2);
    };
    let sizes = parsed;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if let Ok(url) = std::env::var("RUNBOOK_BENCH_URL") {
        let url = match DatabaseUrl::parse(&url) {
            Ok(url) => url,
            Err(error) => {
                eprintln!("proof: RUNBOOK_BENCH_URL: {error}");
                return ExitCode::from(2);
            }
        };
        let alike = runtime.block_on(alike(&url));
        return judge(&alike, "a database that was filled before", true);
    }
    let figures: Vec<Figures> = sizes.iter().map(|projects| runtime.block_on(measure(*projects))).collect();
    if trying { ExitCode::SUCCESS } else { report(&figures) }
}

/// A server of its own with room for so many projects, payloads and events.
async fn server(projects: u64) -> Server {
    let known = Database::migrated().await.unwrap();
    let size = loader::estimate(known.url(), &harness::settings(), projects).await.unwrap();
    Server::options().for_loading().room(size.peak_mib()).start().await.unwrap()
}

async fn measure(projects: u64) -> Figures {
    let server = server(projects).await;
    let db = server.seeded("integrity").await.unwrap();
    let began = Instant::now();
    loader::load(db.url(), &harness::settings(), projects, &Unwatched).await.unwrap();
    let mut connection = PgConnection::connect_with(&db.url().connect_options()).await.unwrap();
    // A page counts as visible to all when the commit of its rows is on disk: hence the checkpoint before.
    for statement in ["CREATE EXTENSION IF NOT EXISTS amcheck", "CHECKPOINT", "VACUUM (ANALYZE)"] {
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    }
    println!("{projects} projects loaded in {:.0} s", began.elapsed().as_secs_f64());
    let url = db.url();
    let (mut apart, mut total, mut heap, mut script, mut bare) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut equal = Vec::new();
    for round in 0..=ROUNDS {
        let together = sum(proof(url, true, true).await);
        let by_script = statements(&mut connection, include_str!("peer.sql")).await;
        let with_keys = by_script + statements(&mut connection, include_str!("keys.sql")).await;
        let counted = statements(&mut connection, include_str!("bare.sql")).await;
        let one_by_one = proof(url, true, false).await;
        let by_heap = sum(proof(url, false, true).await);
        // The first one warms the cache.
        if round > 0 {
            apart.push(one_by_one);
            total.push(together);
            heap.push(by_heap);
            script.push(by_script);
            equal.push(with_keys);
            bare.push(counted);
        }
    }
    let drop = "ALTER TABLE project_payloads DROP CONSTRAINT project_payloads_pkey; \
                ALTER TABLE project_events DROP CONSTRAINT project_events_pkey";
    sqlx::raw_sql(drop).execute(&mut connection).await.unwrap();
    let part = |index: usize| median(apart.iter().map(|proof| proof[index]).collect());
    Figures {
        projects,
        apart: [part(0), part(1), part(2)],
        total: median(total),
        heap: median(heap),
        script: median(script),
        equal: median(equal),
        bare: median(bare),
        alike: alike(url).await,
    }
}

/// The proof, the script and the counts in turns.
async fn alike(url: &DatabaseUrl) -> Alike {
    let mut connection = PgConnection::connect_with(&url.connect_options()).await.unwrap();
    let (of_projects, _) = include_str!("keys.sql").split_once('\n').unwrap();
    let mut rounds = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for round in 0..=ROUNDS {
        let ours = sum(proof(url, true, true).await);
        let script = statements(&mut connection, include_str!("peer.sql")).await;
        let with_key = script + statements(&mut connection, of_projects).await;
        let bare = statements(&mut connection, include_str!("bare.sql")).await;
        println!("  {}", [ours, script, with_key, bare].map(|seconds| format!("{seconds:.3} s")).join(", "));
        if round > 0 {
            for (all, seconds) in rounds.iter_mut().zip([ours, script, with_key, bare]) {
                all.push(seconds);
            }
        }
    }
    let [ours, script, with_key, bare] = rounds.map(median);
    Alike { ours, script, with_key, bare }
}

fn sum(seconds: [f64; 3]) -> f64 {
    seconds.iter().sum()
}

/// The seconds of each check, on a live target as a run of the program has it.
async fn proof(url: &DatabaseUrl, trust_indexes: bool, together: bool) -> [f64; 3] {
    let mut settings = (*harness::settings()).clone();
    settings.integrity.trust_indexes = trust_indexes;
    let live = Live::connect(url, settings.limits.reading()).await.unwrap();
    let context = Context::new(std::sync::Arc::new(settings), Target::Live(live));
    // What vouches for the indexes is asked in the same run, and not measured here: a check of its own.
    integrity::ask_together(&context, |id| id == INDEXES || together && CHECKS.contains(&id));
    let mut seconds = [0.0; 3];
    for (id, seconds) in CHECKS.iter().zip(&mut seconds) {
        let check = integrity::checks().into_iter().find(|check| check.id == *id).unwrap();
        let began = Instant::now();
        let verdict = check.run(&context).await;
        *seconds = began.elapsed().as_secs_f64();
        assert_eq!(verdict.outcome(), Outcome::Pass, "{id}: {verdict:?}");
    }
    seconds
}

/// The seconds that the statements of a file take, one after the other, with the server's own defaults.
async fn statements(connection: &mut PgConnection, text: &str) -> f64 {
    let began = Instant::now();
    for statement in text.split(";\n").filter(|statement| !statement.trim().is_empty()) {
        let rows =
            sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).fetch_all(&mut *connection).await.unwrap();
        assert!(rows.len() <= 1, "{statement}");
    }
    began.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn report(figures: &[Figures]) -> ExitCode {
    println!(
        "\n projects  together  (alone: keys    checks    unique)  from heap    script  and keys     count  script/proof    alike"
    );
    for size in figures {
        let ms = |seconds: f64| format!("{:.0} ms", seconds * 1e3);
        let [keys, checks, unique] = size.apart.map(ms);
        println!(
            "{:>9}  {:>8}  {keys:>12}  {checks:>8}  {unique:>8}   {:>9}  {:>8}  {:>8}  {:>8}  {:>6.2} {:>5.2}  {:>4.2} ({} : {})",
            size.projects,
            ms(size.total),
            ms(size.heap),
            ms(size.script),
            ms(size.equal),
            ms(size.bare),
            size.script / size.total,
            size.equal / size.total,
            size.alike.with_key / size.alike.ours,
            ms(size.alike.with_key),
            ms(size.alike.ours),
        );
    }
    let (first, last) = (figures.first().unwrap(), figures.last().unwrap());
    #[allow(clippy::cast_precision_loss, reason = "numbers of projects")]
    let growth = |of: fn(&Figures) -> f64| {
        (of(last) / of(first)).ln() / (last.projects as f64 / first.projects as f64).ln()
    };
    if figures.len() > 1 {
        println!(
            "growth exponent: {:.2} (script: {:.2})",
            growth(|size| size.total),
            growth(|size| size.script)
        );
    }
    println!(
        "{:.2} bare counts cost all keys, {:.2} the script, {:.2} the script and its keys",
        last.total / last.bare,
        last.script / last.bare,
        last.equal / last.bare
    );
    judge(&last.alike, &last.projects.to_string(), last.projects >= JUDGED)
}

/// Whether the marks are met: of memory at every size, of time where it is `large`.
fn judge(alike: &Alike, at: &str, large: bool) -> ExitCode {
    let memory = peak_memory();
    let Alike { ours, script, with_key, bare } = *alike;
    println!(
        "{:.2} times faster than the script that leaves out the projects' key, which ours proves all the same",
        script / ours
    );
    let lines = [
        (
            format!("{:.2} times faster than the script at {at}, on the same questions", with_key / ours),
            with_key / ours >= FASTER,
            format!("at least {FASTER}"),
        ),
        (format!("{:.2} bare counts", ours / bare), ours / bare <= COUNTS, format!("at most {COUNTS}")),
        (format!("{memory:.0} MiB at the most"), memory <= MEMORY, format!("at most {MEMORY}")),
    ];
    let mut met = true;
    for (number, (what, holds, wanted)) in lines.into_iter().enumerate() {
        let judged = large || number == 2;
        let word = match holds {
            _ if !judged => "told  ",
            true => "met   ",
            false => "MISSED",
        };
        println!("{word} {what} (wanted{}: {wanted})", if judged { "" } else { " at 1,000,000 projects" });
        met &= holds || !judged;
    }
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The most memory this process ever had, in MiB: the harness, the peer and the bench itself included.
fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or(f64::NAN) / 1024.0
}
