//! Whether the paired gate can be trusted: `RUNBOOK_TRUST=same cargo bench -p perf --bench trust`.
//!
//! Named experiments, each many short runs of the gate while a core is kept busy by something else, recorded run by run
//! in `target/runbook/trust.jsonl` (`RUNBOOK_RECORD`), so that a broken-off experiment goes on where it stopped:
//!
//! - `same`: both sides are the same, so every verdict but "no evidence" is a false alarm. At most 2 of 200 runs may hold one.
//! - the files of `fixtures/regressions`: one side is slower by about a tenth for one query, without any sleep: `more_rows`,
//!   `wider_rows`, `index_dropped`. At least 95 of 100 runs must see it.
//!
//! `RUNBOOK_RUNS` is how many runs this call adds at most. The last table stands for all runs on record, and beside the
//! gate what criterion's rule and fixed thresholds say of the same rounds. Exit code 1 when an experiment that is complete
//! missed its mark. Without `RUNBOOK_TRUST` nothing runs.

#[allow(dead_code, reason = "each bench uses its part of it")]
mod common;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::{Pair, ROUNDS_A_BLOCK, Result, Side, begin, ended, number, rounds, say};
use harness::Database;
use perf::{Change, Comparison, Query, Random, Rule};
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;

/// Projects in both data sets.
const PROJECTS: u64 = 10_000;
/// Rounds of a run: as many as the gate itself runs. `RUNBOOK_ROUNDS` overrides it; runs of so many rounds stand apart in
/// the record.
const ROUNDS: usize = 200;

/// An experiment.
struct Experiment {
    name: String,
    /// What makes the other side slower.
    sql: String,
    /// The query that it makes slower; `None` is none.
    query: Option<String>,
    runs: usize,
    /// The most alarms, or the least.
    mark: usize,
}

impl Experiment {
    /// `same`, or a file of `fixtures/regressions`: its header says which query it slows.
    fn find(name: &str) -> Result<Self> {
        if name == "same" {
            return Ok(Self { name: name.into(), sql: String::new(), query: None, runs: 200, mark: 2 });
        }
        let file = harness::fixtures_folder().join("regressions").join(format!("{name}.sql"));
        let sql = std::fs::read_to_string(&file).map_err(|error| {
            format!("RUNBOOK_TRUST={name} is neither `same` nor a file: {}: {error}", file.display())
        })?;
        let query =
            sql.lines().find_map(|line| line.strip_prefix("-- slows:")).map(|query| query.trim().to_owned());
        let query =
            query.ok_or_else(|| format!("{}:1: its header lacks `-- slows: QUERY`", file.display()))?;
        Ok(Self { name: name.into(), sql, query: Some(query), runs: 100, mark: 95 })
    }
}

/// One run on record: how many queries each rule called slower or faster, and whether the planted one was among them.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    experiment: String,
    run: usize,
    rounds: usize,
    queries: usize,
    /// The ratio of the query that was made slower; of the first one where none was.
    ratio: f64,
    gate: Said,
    criterion: Said,
    five: Said,
    ten: Said,
}

/// What one rule said in one run.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Said {
    /// Queries called slower or faster that are the same.
    false_alarms: usize,
    /// Whether the planted query was called slower.
    seen: bool,
}

fn main() -> ExitCode {
    let named = std::env::var("RUNBOOK_TRUST").ok().filter(|name| !name.is_empty());
    if let Err(code) = begin("trust") {
        return code;
    }
    let Some(name) = named else { return ExitCode::SUCCESS };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let answer = match runtime {
        Ok(runtime) => runtime.block_on(experiment(&name)),
        Err(error) => Err(error.into()),
    };
    answer.unwrap_or_else(|error| ended("trust", &*error))
}

async fn experiment(name: &str) -> Result<ExitCode> {
    let experiment = &Experiment::find(name)?;
    let file = record_file()?;
    let rounds = number("RUNBOOK_ROUNDS", ROUNDS)?;
    let known = records(&file, experiment, rounds)?.len();
    let most = number("RUNBOOK_RUNS", experiment.runs)?;
    let wanted = experiment.runs.saturating_sub(known).min(most);
    if wanted > 0 {
        run(experiment, known, wanted, rounds, &file).await?;
    }
    Ok(told(experiment, rounds, &records(&file, experiment, rounds)?))
}

async fn run(
    experiment: &Experiment,
    known: usize,
    wanted: usize,
    wanted_rounds: usize,
    file: &PathBuf,
) -> Result<()> {
    let queries = Query::all(&harness::settings())?;
    let (before, after) = (Database::loaded(PROJECTS).await?, Database::loaded(PROJECTS).await?);
    for statement in experiment.sql.split(";\n").filter(|statement| !statement.trim().is_empty()) {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(after.pool()).await?;
    }
    let mut pairs = Vec::new();
    // The planted query alone is timed, and judged as one of all.
    let timed = |query: &&Query| experiment.query.as_ref().is_none_or(|name| *name == query.name);
    for query in queries.iter().filter(timed) {
        let (before, after) = (Side::of(query, &before).await?, Side::of(query, &after).await?);
        pairs.push(Pair { before, after, blocks: Vec::new() });
    }
    if pairs.is_empty() {
        return Err(format!("{}: `-- slows:` names no critical query", experiment.name).into());
    }
    let busy = Busy::start();
    for run in known..known + wanted {
        let mut random = Random::new(1 + run as u64);
        rounds(&mut pairs, &before, &after, wanted_rounds, &mut random).await?;
        if let Some(raw) = std::env::var_os("RUNBOOK_RAW") {
            keep_raw(&raw, run, &pairs)?;
        }
        let record = judged(experiment, run, &pairs, queries.len())?;
        let mut out = std::fs::File::options().create(true).append(true).open(file)?;
        writeln!(out, "{}", serde_json::to_string(&record)?)?;
    }
    drop(busy);
    Ok(())
}

/// Every single time, for who wants to try another rule on them.
fn keep_raw(file: &std::ffi::OsStr, run: usize, pairs: &[Pair]) -> Result<()> {
    let mut out = std::fs::File::options().create(true).append(true).open(file)?;
    for pair in pairs {
        let line = serde_json::json!({ "run": run, "query": pair.after.query.name, "blocks": pair.blocks });
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn judged(experiment: &Experiment, run: usize, pairs: &[Pair], comparisons: usize) -> Result<Record> {
    let planted = |pair: &Pair| experiment.query.as_deref() == Some(pair.after.query.name.as_str());
    let said = |rule: &dyn Fn(usize, &Pair) -> Option<Change>| {
        let mut said = Said::default();
        for (number, pair) in pairs.iter().enumerate() {
            match rule(number, pair) {
                Some(Change::Slower) if planted(pair) => said.seen = true,
                // Of the other queries none is known to be the same where something was planted.
                Some(Change::Slower | Change::Faster) if experiment.query.is_none() => said.false_alarms += 1,
                _ => {}
            }
        }
        said
    };
    let common = |rule: Rule| said(&move |_, pair: &Pair| Some(rule.change(&pair.blocks.concat())));
    let gate = |number: usize, pair: &Pair| {
        Comparison::of(&pair.blocks, comparisons, (run * 100 + number) as u64).map(|one| one.change())
    };
    let shown = pairs.iter().position(planted).unwrap_or(0);
    let ratio = Comparison::of(&pairs[shown].blocks, comparisons, 1).ok_or("too few blocks of rounds")?.ratio;
    Ok(Record {
        experiment: experiment.name.clone(),
        run,
        rounds: pairs[shown].blocks.concat().len(),
        queries: comparisons,
        ratio,
        gate: said(&gate),
        criterion: common(Rule::Criterion),
        five: common(Rule::Threshold(5)),
        ten: common(Rule::Threshold(10)),
    })
}

fn told(experiment: &Experiment, rounds: usize, own: &[Record]) -> ExitCode {
    let count = |of: fn(&Record) -> Said| {
        own.iter()
            .filter(|record| match &experiment.query {
                None => of(record).false_alarms > 0,
                Some(_) => of(record).seen,
            })
            .count()
    };
    let figures = [
        ("the paired gate", count(|record| record.gate)),
        ("criterion's rule (p < 0.05, change > 1 %)", count(|record| record.criterion)),
        ("mean changed by more than 5 %", count(|record| record.five)),
        ("mean changed by more than 10 %", count(|record| record.ten)),
    ];
    let what = if experiment.query.is_none() { "runs with a false alarm" } else { "runs that saw it" };
    let mut ratios: Vec<f64> = own.iter().map(|record| record.ratio).collect();
    ratios.sort_by(f64::total_cmp);
    let middle = ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN);
    say(&format!(
        "\n{}: {} of {} runs of {rounds} rounds, {what}; the median ratio is {middle:.3}\n",
        experiment.name,
        own.len(),
        experiment.runs
    ));
    for (rule, number) in figures {
        say(&format!("  {number:4}  {rule}"));
    }
    let kept = match &experiment.query {
        None => figures[0].1 <= experiment.mark,
        Some(_) => figures[0].1 >= experiment.mark,
    };
    if own.len() < experiment.runs {
        say("\n  not complete: call it again");
        return ExitCode::SUCCESS;
    }
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// `RUNBOOK_RECORD`, else in the target folder that this program stands in.
fn record_file() -> Result<PathBuf> {
    let file = match std::env::var_os("RUNBOOK_RECORD") {
        Some(file) => PathBuf::from(file),
        None => {
            let program = std::env::current_exe()?;
            program.ancestors().nth(3).unwrap_or(&program).join("runbook/trust.jsonl")
        }
    };
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    Ok(file)
}

/// The runs of an experiment that are on record, of so many rounds each: rounds come in blocks, the last of which is full.
fn records(file: &PathBuf, experiment: &Experiment, rounds: usize) -> Result<Vec<Record>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("{}: {error}", file.display()).into()),
    };
    let lines = text.lines().enumerate().map(|(number, line)| {
        serde_json::from_str(line)
            .map_err(|error| format!("{}:{}: {error}", file.display(), number + 1).into())
    });
    let own = |record: &Record| {
        record.experiment == experiment.name && record.rounds == rounds.next_multiple_of(ROUNDS_A_BLOCK)
    };
    let all: Result<Vec<Record>> = lines.collect();
    Ok(all?.into_iter().filter(own).collect())
}

/// A thread that does nothing but work, so that the machine is never quiet.
struct Busy {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Busy {
    fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut random = Random::new(1);
            while !seen.load(Ordering::Relaxed) {
                std::hint::black_box(random.below(1000));
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
