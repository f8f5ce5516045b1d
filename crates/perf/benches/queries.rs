//! `cargo bench -p perf`: each critical query through sqlx, as the application would run it, and a gate.
//!
//! Takes criterion's own arguments. `RUNBOOK_SCALE=10000,1000000` names sizes (10,000 projects without it). Groups:
//! `warm` is one connection that keeps the statement prepared, as a service's pool does; `together` is four of them at
//! once; `cold` is the first execution on a new connection, of the queries whose header names a budget for it. After criterion has finished, the histogram of single executions is held against the budgets: a broken one is
//! exit code 1; one that cannot be told is 3, as is a filter that matches nothing; 2 is what is wrong with what was asked for. With `--test`, `--list`,
//! `--profile-time` and `--load-baseline` there is nothing to judge, and nothing is.

#[allow(dead_code, reason = "each bench uses its part of it")]
mod common;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use common::arguments::{Asked, Mode};
use common::data::{Data, sizes};
use common::{Result, complain, ended, known_names, reading, say};
use criterion::{Criterion, SamplingMode};
use perf::{Bound, Gate, Latencies, Query, explain};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Postgres};
use tokio::runtime::Runtime;

/// Connections of the group `together`.
const TOGETHER: usize = 4;

fn main() -> ExitCode {
    let answer = Asked::of(std::env::args().skip(1)).map_err(Into::into).and_then(|asked| {
        end_in_one_sentence(asked.mode);
        run(asked.mode)
    });
    answer.unwrap_or_else(|error| ended("queries", &*error))
}

/// Criterion panics at what it cannot do (a baseline that is not there, output that nobody reads), and once more while it
/// unwinds. Here that is one sentence and exit code 2; of a list that was cut short, none.
#[allow(
    clippy::disallowed_methods,
    reason = "a bench is a program, and its panic must not unwind through criterion"
)]
fn end_in_one_sentence(mode: Mode) {
    std::panic::set_hook(Box::new(move |panic| {
        let said = panic.payload_as_str().unwrap_or("it ended without a word");
        let code = match (mode, said.contains("Broken pipe")) {
            (Mode::Lists | Mode::Helps, true) => 0,
            _ => {
                complain(&format!("queries: {said}"));
                2
            }
        };
        std::process::exit(code)
    }));
}

fn run(mode: Mode) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // Connections that are dropped go back to their pool on the runtime.
    let _entered = runtime.enter();
    let settings = harness::settings();
    let queries = Query::some(&settings)?;
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1500))
        .configure_from_args();
    if matches!(mode, Mode::Judges) {
        require_writable(&criterion_folder())?;
    }
    let mut gate = Gate::default();
    for size in sizes("RUNBOOK_SCALE", &[10_000])? {
        // The names are enough for a list: it asks for no database.
        let data = match mode {
            Mode::Lists | Mode::Helps => None,
            Mode::Judges | Mode::RunsOnly => Some(runtime.block_on(Data::of(size))?),
        };
        if let Some(data) = &data {
            runtime.block_on(known_names(&queries, &data.context()))?;
        }
        for (group, connections) in [("warm", 1), ("together", TOGETHER), ("cold", 0)] {
            let mut benches = criterion.benchmark_group(format!("{group}/{size}"));
            benches.sampling_mode(SamplingMode::Flat);
            for query in queries.iter().filter(|query| connections > 0 || query.cold.is_some()) {
                let latencies = RefCell::new(Latencies::default());
                let prepared = RefCell::new(None);
                benches.bench_function(&query.name, |bencher| {
                    // Criterion calls this only for benches that its filter lets through.
                    let Some(data) = &data else { return };
                    let mut subject = prepared.borrow_mut();
                    let subject =
                        subject.get_or_insert_with(|| Subject::of(query, data, connections, &runtime));
                    bencher.iter_custom(|iterations| match subject {
                        Ok(subject) => {
                            let latencies = &mut *latencies.borrow_mut();
                            if connections == 0 {
                                runtime.block_on(subject.execute_cold(query, data, iterations, latencies))
                            } else {
                                runtime.block_on(subject.execute(query, iterations, latencies))
                            }
                        }
                        Err(_) => Duration::from_nanos(1),
                    });
                });
                if let Some(Err(error)) = prepared.into_inner() {
                    return Err(query.said(&error).into());
                }
                let name = format!("{group}/{size}/{}", query.name);
                let budget = query.cold.filter(|_| connections == 0).unwrap_or(query.bound(&settings));
                gate.add(name, budget, latencies.into_inner());
            }
            benches.finish();
        }
        if let Some(data) = data {
            runtime.block_on(data.close())?;
        }
    }
    criterion.final_summary();
    if mode != Mode::Judges {
        return Ok(ExitCode::SUCCESS);
    }
    Ok(verdict(&gate))
}

/// One query, ready to run: its values, and connections that keep the statement prepared.
struct Subject {
    bound: Bound,
    connections: Vec<PgConnection>,
}

impl Subject {
    fn of(
        query: &Query,
        data: &Data,
        connections: usize,
        runtime: &Runtime,
    ) -> std::result::Result<Self, String> {
        runtime.block_on(async {
            let mut reader = data.context().reader().await.map_err(|error| error.to_string())?;
            let bound = Bound::of(query, &mut reader).await.map_err(|error| error.to_string())?;
            // Judged by what this database knows of its functions, before it is executed.
            explain(query, &bound, &mut reader).await.map_err(|error| error.to_string())?;
            drop(reader);
            let mut subject = Self { bound, connections: Vec::new() };
            let options = reading(data.url().connect_options());
            for _ in 0..connections {
                let mut connection =
                    PgConnection::connect_with(&options).await.map_err(|error| error.to_string())?;
                let first = connection.fetch_all(statement(query, &subject.bound)?).await;
                if first.map_err(|error| error.to_string())?.is_empty() {
                    return Err("its example selects no rows, so its time would say nothing".to_owned());
                }
                subject.connections.push(connection);
            }
            Ok(subject)
        })
    }

    /// Runs it `iterations` times, each time first on a connection that is new: nothing of it is parsed, planned or known
    /// to that server process. Connecting is not counted.
    async fn execute_cold(
        &self,
        query: &Query,
        data: &Data,
        iterations: u64,
        latencies: &mut Latencies,
    ) -> Duration {
        let options = reading(data.url().connect_options());
        let mut total = Duration::ZERO;
        for _ in 0..iterations {
            let Ok(mut connection) = PgConnection::connect_with(&options).await else { return total };
            let Ok(statement) = statement(query, &self.bound) else { return total };
            let started = Instant::now();
            let rows = connection.fetch_all(statement).await;
            let elapsed = started.elapsed();
            assert!(black_box(rows).is_ok(), "{} failed while it was timed", query.file);
            let _ = connection.close().await;
            latencies.record(elapsed);
            total += elapsed;
        }
        total
    }

    /// Runs it `iterations` times, on all connections at once; each execution goes into `latencies`.
    async fn execute(&mut self, query: &Query, iterations: u64, latencies: &mut Latencies) -> Duration {
        let bound = &self.bound;
        let each = self.connections.iter_mut().map(|connection| async move {
            let mut times = Vec::new();
            for _ in 0..iterations {
                let started = Instant::now();
                let Ok(statement) = statement(query, bound) else { break };
                let rows = connection.fetch_all(statement).await;
                let elapsed = started.elapsed();
                assert!(black_box(rows).is_ok(), "{} failed while it was timed", query.file);
                times.push(elapsed);
            }
            times
        });
        let started = Instant::now();
        let times = futures_util::future::join_all(each).await;
        let total = started.elapsed();
        times.into_iter().flatten().for_each(|elapsed| latencies.record(elapsed));
        total
    }
}

type Prepared = sqlx::query::Query<'static, Postgres, sqlx::postgres::PgArguments>;

fn statement(query: &Query, bound: &Bound) -> std::result::Result<Prepared, String> {
    let arguments = bound.arguments().map_err(|error| error.to_string())?;
    Ok(sqlx::query_with(AssertSqlSafe(query.sql().to_owned()), arguments))
}

fn verdict(gate: &Gate) -> ExitCode {
    if gate.is_empty() {
        complain(
            "queries: no bench ran, so there is no verdict: the filter matches none (--list names them)",
        );
        return ExitCode::from(3);
    }
    say(&format!(
        "\nsingle executions in ms, percentiles with their 95 % intervals; p95 against the budget:\n\n{gate}"
    ));
    say(&format!("report: {}", criterion_folder().join("report/index.html").display()));
    let by_kind = BTreeMap::from([("broken budgets", gate.broken()), ("no verdict", gate.unsure())]);
    for (kind, names) in by_kind.iter().filter(|(_, names)| !names.is_empty()) {
        say(&format!("{kind}: {}", names.join(", ")));
    }
    match (gate.broken().is_empty(), gate.unsure().is_empty()) {
        (false, _) => ExitCode::FAILURE,
        (true, false) => ExitCode::from(3),
        (true, true) => ExitCode::SUCCESS,
    }
}

/// Criterion measures for minutes before it finds that it cannot keep what it measured, and then goes on.
fn require_writable(folder: &Path) -> Result<()> {
    let tried = std::fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder).map(drop));
    tried.map_err(|error| {
        format!("{} cannot be written: {error}; name another folder in CRITERION_HOME", folder.display())
            .into()
    })
}

/// Where criterion writes: `CRITERION_HOME`, else `criterion` in the target folder that this program stands in.
fn criterion_folder() -> PathBuf {
    if let Some(home) = std::env::var_os("CRITERION_HOME") {
        return home.into();
    }
    let program = std::env::current_exe().unwrap_or_default();
    // target/release/deps/queries-HASH
    program.ancestors().nth(3).map(|target| target.join("criterion")).unwrap_or_default()
}
