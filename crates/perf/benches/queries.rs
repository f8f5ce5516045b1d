//! `cargo bench -p perf`: each critical query through sqlx, as the application would run it, and a gate.
//!
//! Takes criterion's own arguments. After criterion has finished, the histogram of single executions is held
//! against the budgets: a broken one is exit code 1, as is a filter that matches nothing. With `--test`,
//! `--list`, `--profile-time` and `--load-baseline` there is nothing to judge, and nothing is.

use std::cell::RefCell;
use std::error::Error;
use std::hint::black_box;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode};
use perf::{Bound, Gate, Latencies, Query};
use runbook::context::Context;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Executor as _, Postgres};
use tokio::runtime::Runtime;

/// Projects in the data set; payloads, events and accounts follow from it.
const PROJECTS: u64 = 10_000;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::from(3)
        }
    }
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // Connections that are dropped go back to their pool on the runtime.
    let _entered = runtime.enter();
    let mode = Mode::of(std::env::args().skip(1));
    let database = match mode {
        // The names are enough: a list asks for no database.
        Mode::Lists => None,
        Mode::Judges | Mode::RunsOnly => Some(runtime.block_on(harness::Database::loaded(PROJECTS))?),
    };
    let settings = harness::settings();
    let queries = Query::all(&settings)?;
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1500))
        .configure_from_args();
    let mut gate = Gate::default();
    {
        let mut group = criterion.benchmark_group(format!("queries/{PROJECTS}"));
        group.sampling_mode(SamplingMode::Flat);
        for query in &queries {
            let latencies = RefCell::new(Latencies::default());
            let prepared = RefCell::new(None);
            group.bench_function(&query.name, |bencher| {
                // Criterion calls this only for benches that its filter lets through.
                let Some(database) = &database else { return };
                let mut subject = prepared.borrow_mut();
                let subject = subject.get_or_insert_with(|| {
                    Subject::of(query, &database.context(), database.pool(), &runtime)
                });
                bencher.iter_custom(|iterations| match subject {
                    Ok(subject) => {
                        runtime.block_on(subject.execute(query, iterations, &mut latencies.borrow_mut()))
                    }
                    Err(_) => Duration::from_nanos(1),
                });
            });
            if let Some(Err(error)) = prepared.into_inner() {
                return Err(format!("{}: {error}", query.file).into());
            }
            gate.add(&query.name, query.bound(&settings), latencies.into_inner());
        }
        group.finish();
    }
    criterion.final_summary();
    if mode != Mode::Judges {
        return Ok(ExitCode::SUCCESS);
    }
    verdict(&gate)
}

/// What criterion was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Benches are measured, and judged.
    Judges,
    /// `--test`, `--profile-time`, `--load-baseline`, or not started by `cargo bench`: there is nothing to judge.
    RunsOnly,
    /// `--list`.
    Lists,
}

impl Mode {
    fn of(arguments: impl Iterator<Item = String>) -> Self {
        let (mut bench, mut only) = (false, false);
        for argument in arguments {
            match argument.split_once('=').map_or(argument.as_str(), |(name, _)| name) {
                "--list" => return Self::Lists,
                "--bench" => bench = true,
                "--test" | "--profile-time" | "--load-baseline" => only = true,
                _ => {}
            }
        }
        if bench && !only { Self::Judges } else { Self::RunsOnly }
    }
}

/// One query, ready to run: its values, and a connection that keeps the statement prepared, as a service's pool does.
struct Subject {
    bound: Bound,
    connection: PoolConnection<Postgres>,
}

impl Subject {
    fn of(query: &Query, context: &Context, pool: &sqlx::PgPool, runtime: &Runtime) -> Result<Self, String> {
        runtime.block_on(async {
            let mut reader = context.reader().await.map_err(|error| error.to_string())?;
            let bound = Bound::of(query, &mut reader).await.map_err(|error| error.to_string())?;
            drop(reader);
            let mut connection = pool.acquire().await.map_err(|error| error.to_string())?;
            let first = (&mut *connection).fetch_all(statement(query, &bound)?).await;
            if first.map_err(|error| error.to_string())?.is_empty() {
                return Err("its example selects no rows, so its time would say nothing".to_owned());
            }
            Ok(Self { bound, connection })
        })
    }

    /// Runs it `iterations` times; each one goes into `latencies`.
    async fn execute(&mut self, query: &Query, iterations: u64, latencies: &mut Latencies) -> Duration {
        let mut total = Duration::ZERO;
        for _ in 0..iterations {
            let started = Instant::now();
            let Ok(statement) = statement(query, &self.bound) else { return total };
            let rows = (&mut *self.connection).fetch_all(statement).await;
            let elapsed = started.elapsed();
            assert!(black_box(rows).is_ok(), "{} failed while it was timed", query.file);
            latencies.record(elapsed);
            total += elapsed;
        }
        total
    }
}

type Prepared = sqlx::query::Query<'static, Postgres, sqlx::postgres::PgArguments>;

fn statement(query: &Query, bound: &Bound) -> Result<Prepared, String> {
    let arguments = bound.arguments().map_err(|error| error.to_string())?;
    Ok(sqlx::query_with(AssertSqlSafe(query.sql().to_owned()), arguments))
}

fn verdict(gate: &Gate) -> Result<ExitCode, Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    if gate.is_empty() {
        writeln!(out, "no bench ran, so there is no verdict: the filter matches none (--list names them)")?;
        return Ok(ExitCode::FAILURE);
    }
    writeln!(out, "\nsingle executions in ms, p95 against the budget:\n\n{gate}")?;
    let report = criterion_folder().join("report/index.html");
    writeln!(out, "report: {}", report.display())?;
    let broken = gate.broken();
    if broken.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "broken budgets: {}", broken.join(", "))?;
    Ok(ExitCode::FAILURE)
}

/// Where criterion writes: `CRITERION_HOME`, else `criterion` in the target folder that this program stands in.
fn criterion_folder() -> std::path::PathBuf {
    if let Some(home) = std::env::var_os("CRITERION_HOME") {
        return home.into();
    }
    let program = std::env::current_exe().unwrap_or_default();
    // target/release/deps/queries-HASH
    program.ancestors().nth(3).map(|target| target.join("criterion")).unwrap_or_default()
}
