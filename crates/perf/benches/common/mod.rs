//! What the benches share: one query on two databases, timed in turn and in random order.

pub mod arguments;
pub mod data;
pub mod pgbench;

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use arguments::{Asked, Filter, Mode};
use perf::{Bound, Catalogue, Query, Random, Witness, analyze, explain};
use runbook::context::Context;
use runbook::ephemeral::Ephemeral;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Rounds on a new connection before those that count: the server keeps a plan for a prepared statement from the sixth on.
const WARM_UP: usize = 6;
/// Rounds that count on one pair of connections.
pub const ROUNDS_A_BLOCK: usize = 4;

/// One query on both databases.
pub struct Pair {
    pub before: Side,
    pub after: Side,
    /// Milliseconds, by pair of connections.
    pub blocks: Vec<Vec<(f64, f64)>>,
}

/// One query on one database.
#[derive(Clone)]
pub struct Side {
    pub query: Query,
    bound: Bound,
    pub plan: String,
    pub witness: Witness,
}

impl Pair {
    async fn round(
        &self,
        old: &mut PgConnection,
        new: &mut PgConnection,
        old_first: bool,
    ) -> Result<(f64, f64)> {
        if old_first {
            let before = self.before.time(old).await?;
            return Ok((before, self.after.time(new).await?));
        }
        let after = self.after.time(new).await?;
        Ok((self.before.time(old).await?, after))
    }
}

impl Side {
    /// Takes the query's example values from the database and executes it once, counted by the server.
    pub async fn of(query: &Query, database: &Ephemeral) -> Result<Self> {
        let mut reader = database.reader().await?;
        let bound = Bound::of(query, &mut reader).await?;
        let plan = explain(query, &bound, &mut reader).await?.text();
        drop(reader);
        // The first execution fills the buffers and sets hints; what is counted is the second.
        analyze(query, &bound, database).await?;
        let executed = analyze(query, &bound, database).await?.root.actual;
        let witness = Witness { rows: executed.all_rows().round() as u64, blocks: executed.blocks() };
        Ok(Self { query: query.clone(), bound, plan, witness })
    }

    /// Milliseconds of one execution, to the last row.
    async fn time(&self, connection: &mut PgConnection) -> Result<f64> {
        let statement = sqlx::query_with(AssertSqlSafe(self.query.sql().to_owned()), self.bound.arguments()?);
        let started = Instant::now();
        (&mut *connection).fetch_all(statement).await?;
        Ok(started.elapsed().as_secs_f64() * 1e3)
    }
}

/// Runs every pair about `rounds` times, in random order, either side first, on connections that are replaced again and
/// again: each is a process of the server, and where the system puts it makes it quicker or slower for as long as it lives.
pub async fn rounds(
    pairs: &mut [Pair],
    old: &Ephemeral,
    new: &Ephemeral,
    rounds: usize,
    random: &mut Random,
) -> Result<()> {
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    pairs.iter_mut().for_each(|pair| pair.blocks.clear());
    let (old_options, new_options) =
        (reading(old.url().connect_options()), reading(new.url().connect_options()));
    for _ in 0..rounds.div_ceil(ROUNDS_A_BLOCK) {
        // Whoever connects first is no side's privilege either.
        let (mut old, mut new);
        if random.below(2) == 0 {
            old = PgConnection::connect_with(&old_options).await?;
            new = PgConnection::connect_with(&new_options).await?;
        } else {
            new = PgConnection::connect_with(&new_options).await?;
            old = PgConnection::connect_with(&old_options).await?;
        }
        let mut block = vec![Vec::new(); pairs.len()];
        for round in 0..WARM_UP + ROUNDS_A_BLOCK {
            random.shuffle(&mut order);
            for index in &order {
                let times = pairs[*index].round(&mut old, &mut new, random.below(2) == 0).await?;
                if round >= WARM_UP {
                    block[*index].push(times);
                }
            }
        }
        pairs.iter_mut().zip(block).for_each(|(pair, times)| pair.blocks.push(times));
        old.close().await?;
        new.close().await?;
    }
    Ok(())
}

/// What this program is asked for. `Err`, where there is nothing to do: `cargo test` started it, `--list`, `--help`, or something
/// is wrong with its arguments.
pub fn begin(bench: &str) -> std::result::Result<Asked, ExitCode> {
    let asked = Asked::of(std::env::args().skip(1)).map_err(|wrong| {
        complain(&format!("{bench}: {wrong}"));
        ExitCode::from(2)
    })?;
    match asked.mode {
        Mode::Judges => Ok(asked),
        Mode::RunsOnly | Mode::Lists => Err(ExitCode::SUCCESS),
        Mode::Helps => {
            say(&format!(
                "cargo bench -p perf --bench {bench} [-- FILTER]\n\nFILTER is a regular expression that the names of what is \
                 measured match; with --exact, one whole name. Criterion's other options are taken and change nothing here.\n\
                 What it measures, its variables and its exit codes: the head of crates/perf/benches/{bench}.rs."
            ));
            Err(ExitCode::SUCCESS)
        }
    }
}

/// Those of `all` whose name the filter lets through. None is no pass.
pub fn filtered<T>(
    all: Vec<T>,
    filter: &Filter,
    name: impl Fn(&T) -> &str,
) -> std::result::Result<Vec<T>, NothingRan> {
    let kept: Vec<T> = all.into_iter().filter(|one| filter.lets_through(name(one))).collect();
    if kept.is_empty() { Err(NothingRan(filter.to_string())) } else { Ok(kept) }
}

/// A filter that matches nothing.
#[derive(Debug)]
pub struct NothingRan(String);

impl std::fmt::Display for NothingRan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "nothing ran, so there is no verdict: the filter {} matches none", self.0)
    }
}

impl Error for NothingRan {}

/// What a bench ends with that could not do its work: 3 where the filter matches nothing, 2 where something is wrong with
/// what was asked for.
pub fn ended(bench: &str, error: &(dyn Error + 'static)) -> ExitCode {
    complain(&format!("{bench}: {error}"));
    if error.is::<NothingRan>() { ExitCode::from(3) } else { ExitCode::from(2) }
}

pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// What went wrong, where it is not taken for a result.
pub fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The number that a variable holds, or this one.
pub fn number(variable: &str, otherwise: usize) -> Result<usize> {
    match std::env::var(variable) {
        Ok(text) if !text.is_empty() => {
            text.parse().map_err(|_| format!("{variable}={text} is no number").into())
        }
        _ => Ok(otherwise),
    }
}

/// Stops where a header names an index or a table that the database lacks: what is measured then is not what was meant.
pub async fn known_names(queries: &[Query], context: &Context) -> Result<()> {
    let catalogue = Catalogue::read(&mut context.reader().await?, &context.settings.database.schemas).await?;
    match queries.iter().flat_map(|query| query.unknown_names(&catalogue)).next() {
        Some(sentence) => Err(sentence.into()),
        None => Ok(()),
    }
}

/// Lets a session change nothing: a query that writes where nobody sees it (in a function) fails instead.
pub fn reading(options: PgConnectOptions) -> PgConnectOptions {
    options.options([("default_transaction_read_only", "on")])
}
