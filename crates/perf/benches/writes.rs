//! What each index and each trigger costs the writes: `cargo bench -p perf --bench writes`.
//!
//! The files of `fixtures/writes` are the system's own writes. Each is carried out as it is, and once without each index
//! and each trigger of its table, in transactions that are rolled back and in random order. The difference is what that
//! index costs: time, bytes of log, and the share of updates that need not touch any index (HOT). Keys that a constraint
//! stands on cannot be left out. Nothing is judged: what an index is worth to reads, this bench cannot know.

#[allow(dead_code, reason = "each bench uses its part of it")]
mod common;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use common::arguments::Filter;
use common::data::{Data, sizes};
use common::{Result, begin, ended, filtered, say};
use perf::Random;
use sqlx::{AssertSqlSafe, PgConnection};

/// Rounds; in each, every variant is carried out once.
const ROUNDS: usize = 7;

fn main() -> ExitCode {
    let asked = match begin("writes") {
        Ok(asked) => asked,
        Err(code) => return code,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let answer = match runtime {
        Ok(runtime) => runtime.block_on(measure(&asked.filter)),
        Err(error) => Err(error.into()),
    };
    answer.unwrap_or_else(|error| ended("writes", &*error))
}

/// A file of the folder.
struct Write {
    name: String,
    states: String,
    table: String,
    sql: String,
}

/// The table as it is, or without one of its parts.
struct Variant {
    name: String,
    before: Option<String>,
    taken: Vec<Taken>,
}

/// One execution.
#[derive(Clone, Copy)]
struct Taken {
    ms: f64,
    wal: f64,
    /// Of the updated rows.
    hot: Option<f64>,
}

async fn measure(filter: &Filter) -> Result<ExitCode> {
    let mut writes = Vec::new();
    let folder = harness::fixtures_folder().join("writes");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    for file in files {
        writes.push(Write::read(&file)?);
    }
    if writes.is_empty() {
        return Err(format!("{} holds no write, so nothing was measured", folder.display()).into());
    }
    let writes = filtered(writes, filter, |write| &write.name)?;
    let data = Data::of(sizes("RUNBOOK_SCALE", &[10_000])?[0]).await?;
    let mut connection = data.pool().acquire().await?;
    for write in &writes {
        let mut variants = variants(&mut connection, &write.table).await?;
        let mut random = Random::new(3);
        let mut order: Vec<usize> = (0..variants.len()).collect();
        for round in 0..=ROUNDS {
            random.shuffle(&mut order);
            for place in &order {
                let taken = carry_out(&mut connection, write, variants[*place].before.as_deref()).await;
                let taken = taken.map_err(|error| {
                    format!("fixtures/writes/{}.sql, {}: {error}", write.name, variants[*place].name)
                })?;
                // The first round fills the buffers.
                if round > 0 {
                    variants[*place].taken.push(taken);
                }
            }
        }
        told(write, &variants);
    }
    drop(connection);
    data.close().await?;
    Ok(ExitCode::SUCCESS)
}

impl Write {
    fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file)?;
        let header = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("-- {key}:")));
            line.map(|value| value.trim().to_owned())
                .ok_or_else(|| format!("{}:1: its header lacks `-- {key}:`", file.display()))
        };
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, states: header("states")?, table: header("table")?, sql: text.clone() })
    }
}

async fn variants(connection: &mut PgConnection, table: &str) -> Result<Vec<Variant>> {
    let found: Vec<(String, String)> = sqlx::query_as(include_str!("writes/parts.sql"))
        .bind(table)
        .persistent(false)
        .fetch_all(connection)
        .await?;
    let parts = found.into_iter().map(|(name, before)| (name, Some(before)));
    let all = [("as it is".to_owned(), None)].into_iter().chain(parts);
    Ok(all.map(|(name, before)| Variant { name, before, taken: Vec::new() }).collect())
}

async fn carry_out(connection: &mut PgConnection, write: &Write, before: Option<&str>) -> Result<Taken> {
    sqlx::raw_sql("BEGIN").execute(&mut *connection).await?;
    let taken = in_transaction(connection, write, before).await;
    sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await?;
    taken
}

async fn in_transaction(connection: &mut PgConnection, write: &Write, before: Option<&str>) -> Result<Taken> {
    if let Some(before) = before {
        sqlx::raw_sql(AssertSqlSafe(before.to_owned())).execute(&mut *connection).await?;
    }
    let (wal, updated, hot) = counters(connection, &write.table).await?;
    let started = Instant::now();
    let done = sqlx::raw_sql(AssertSqlSafe(write.sql.clone())).execute(&mut *connection).await?;
    let ms = started.elapsed().as_secs_f64() * 1e3;
    if done.rows_affected() == 0 {
        return Err("it wrote no row, so its cost says nothing".into());
    }
    let (wal_after, updated_after, hot_after) = counters(connection, &write.table).await?;
    let updates = updated_after - updated;
    let hot = (updates > 0).then(|| (hot_after - hot) as f64 / updates as f64);
    Ok(Taken { ms, wal: wal_after - wal, hot })
}

async fn counters(connection: &mut PgConnection, table: &str) -> Result<(f64, i64, i64)> {
    let asked = sqlx::query_as(include_str!("writes/counters.sql")).bind(table).persistent(false);
    Ok(asked.fetch_one(connection).await?)
}

fn told(write: &Write, variants: &[Variant]) {
    let width = variants.iter().map(|variant| variant.name.len()).max().unwrap_or(0) + 8;
    say(&format!("\n{} ({})\n", write.states, write.table));
    say(&format!(
        "  {:width$}  {:>9}  {:>9}  {:>10}  {:>9}  {:>6}",
        "", "ms", "costs", "log, kB", "costs", "HOT"
    ));
    let middle = |variant: &Variant, of: fn(&Taken) -> f64| {
        let mut values: Vec<f64> = variant.taken.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let (ms, wal) = (|taken: &Taken| taken.ms, |taken: &Taken| taken.wal / 1024.0);
    let (all_ms, all_wal) = (middle(&variants[0], ms), middle(&variants[0], wal));
    for (number, variant) in variants.iter().enumerate() {
        let (own_ms, own_wal) = (middle(variant, ms), middle(variant, wal));
        let hot = variant.taken.first().and_then(|taken| taken.hot);
        let hot = hot.map_or("–".to_owned(), |hot| format!("{:.0} %", hot * 100.0));
        let (name, costs) = if number == 0 {
            (variant.name.clone(), [String::new(), String::new()])
        } else {
            let share = |all: f64, own: f64| format!("{:+.1} %", 100.0 * (all - own) / own);
            (format!("without {}", variant.name), [share(all_ms, own_ms), share(all_wal, own_wal)])
        };
        say(&format!(
            "  {name:width$}  {own_ms:>9.2}  {:>9}  {own_wal:>10.0}  {:>9}  {hot:>6}",
            costs[0], costs[1]
        ));
    }
}
