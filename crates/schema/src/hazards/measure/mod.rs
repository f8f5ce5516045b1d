//! What a migration really does: run on a copy with rows, statement by statement, at two sizes.
//!
//! Modes of locks, rewritten relations and rows are facts and the same each time. How long somebody would wait at the
//! target's size is extrapolated from the volume that is read and written, which is a fact too: the time that a copy
//! in memory takes says little about a target that reads from disks, and counts only where it is the longer one.

mod compat;
mod effect;
mod felt;
mod forecast;
mod guard;
mod loss;
mod retry;
mod run;
mod uncovered;
pub mod victims;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use runbook::check::CheckError;
use runbook::context::{Context, ScratchDatabase};
use runbook::ephemeral::Ephemeral;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, ConnectOptions as _};

pub use effect::{Effect, Lock, Locks, Sort, Volume, in_words};
pub use felt::{Felt, Victim};
pub use forecast::{Forecast, Wait, Who, forecast};
pub use run::Refused;

use super::{Class, Script};

/// So often a time is taken again that alone would stop a migration.
const CONFIRMATIONS: usize = 4;

/// How a migration is measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The revision of the copies.
    pub revision: String,
    /// Statements that are committed before the migration is looked at.
    pub setup: String,
    /// Scripts that go before it in the same deployment, and are in no revision.
    pub before: Vec<Script>,
    /// Rows of the leading table in the two copies.
    pub sizes: [u64; 2],
    /// The same of the target.
    pub target: u64,
    /// The longest wait.
    pub budget: Duration,
    /// Of the target's disks.
    pub bytes_per_second: f64,
    /// Of one of its processors.
    pub rows_per_second: f64,
    /// Whether it runs on one copy more, beside readers and writers whose statements are timed.
    pub victims: bool,
}

impl Plan {
    /// As the settings have it, on copies at `revision`.
    pub fn of(context: &Context, revision: &str) -> Self {
        let hazards = &context.settings.hazards;
        Self {
            revision: revision.to_owned(),
            setup: String::new(),
            before: Vec::new(),
            sizes: hazards.sizes,
            target: hazards.target_rows.unwrap_or(context.settings.data.scale).max(hazards.sizes[1]),
            budget: hazards.budget,
            bytes_per_second: hazards.disk_mb_per_second * 1_000_000.0,
            rows_per_second: hazards.rows_per_second,
            victims: false,
        }
    }
}

/// What was seen.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// Of each statement, at the larger size; fewer where one failed.
    pub effects: Vec<Effect>,
    /// What somebody would wait for at the target's size.
    pub waits: Vec<Wait>,
    /// Statements of the old application that no longer work, with the server's words.
    pub broken: Vec<String>,
    /// Rows and values that are gone.
    pub lost: Vec<String>,
    /// Why it cannot be run again after it stopped half way.
    pub stuck: Vec<String>,
    /// The statement that the server refused.
    pub refused: Option<Refused>,
    /// How long readers and writers beside it waited for each statement, on a copy of the larger size.
    pub victims: Option<victims::Beside>,
    /// Statements that were not executed, and why.
    pub unmeasured: Vec<Unmeasured>,
}

/// A statement that was not executed on the copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmeasured {
    /// Its place in the script.
    pub statement: usize,
    /// The line on which it starts.
    pub line: usize,
    /// Why.
    pub why: &'static str,
}

impl Measured {
    /// Whether this statement was executed.
    pub fn executed(&self, statement: usize) -> bool {
        !self.unmeasured.iter().any(|unmeasured| unmeasured.statement == statement)
    }

    /// The longest wait at the target's size.
    pub fn longest(&self) -> Option<&Wait> {
        self.waits.iter().max_by(|a, b| a.seconds.total_cmp(&b.seconds).then(b.who.cmp(&a.who)))
    }

    /// The kinds of harm that were seen.
    pub fn classes(&self, budget: Duration) -> Vec<Class> {
        let stalls = self.longest().is_some_and(|wait| wait.seconds > budget.as_secs_f64());
        let seen = [
            (Class::Stall, stalls),
            (Class::Breaks, !self.broken.is_empty()),
            (Class::Loses, !self.lost.is_empty()),
            (Class::Retry, !self.stuck.is_empty() || self.refused.is_some()),
        ];
        seen.into_iter().filter(|(_, yes)| *yes).map(|(class, _)| class).collect()
    }

    /// The locks of all statements, by relation.
    pub fn taken(&self) -> BTreeSet<Lock> {
        self.effects.iter().flat_map(|effect| effect.taken.iter().cloned()).collect()
    }

    /// Modes by table, of all statements: `projects AccessExclusiveLock`.
    pub fn modes(&self) -> BTreeMap<String, Vec<String>> {
        let mut modes: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (table, mode) in self.effects.iter().flat_map(|effect| effect.locks.iter()) {
            let known = modes.entry(table.clone()).or_default();
            if !known.contains(mode) {
                known.push(mode.clone());
            }
        }
        modes
    }
}

/// Measures a migration on copies of its own.
///
/// # Errors
/// When a copy cannot be had, or the server goes away.
pub async fn measure(context: &Context, script: &Script, plan: &Plan) -> Result<Measured, CheckError> {
    // One copy at a time: those of a large target fill a disk.
    let small = copy(context, plan, plan.sizes[0]).await?;
    let uncovered = uncovered::read(small.database()).await?;
    let mut first = run::run(small.database(), script).await?;
    if let Some(Refused { outside: Some(_), .. }) = first.refused {
        drop(small);
        let sifted = guard::sifted(context, script, plan).await?;
        let marked = |script: &Script| unmeasured(script).len();
        if marked(&sifted) > marked(script) {
            return Box::pin(measure(context, &sifted, plan)).await;
        }
        return Err(CheckError::Missing(
            "it cannot be measured on this server, which has other roles".into(),
        ));
    }
    let less = uncovered::read(small.database()).await?;
    drop(small);
    let large = copy(context, plan, plan.sizes[1]).await?;
    let probes = compat::Probes::of(large.database()).await?;
    let before = loss::Inventory::of(large.database()).await?;
    let mut second = run::run(large.database(), script).await?;
    let (refused, unmeasured) = (second.refused.clone(), unmeasured(script));
    let mut measured = Measured { refused, unmeasured, ..Measured::default() };
    if measured.refused.is_none() {
        measured.broken = probes.broken(large.database()).await?;
        measured.lost = before.lost(large.database()).await?;
    }
    let more = uncovered::read(large.database()).await?;
    drop(large);
    if measured.refused.is_none() {
        measured.stuck = retry::stuck(context, script, plan).await?;
        if plan.victims {
            let third = copy(context, plan, plan.sizes[1]).await?;
            measured.victims = Some(victims::beside(third.database(), script, &second.effects).await?);
        }
    }
    if measured.refused.is_none() {
        confirm(context, script, plan, [&mut first, &mut second]).await?;
    }
    measured.waits = forecast(script, &first.effects, &second.effects, plan);
    measured.waits.extend(uncovered::waits(script, &uncovered, &less, &more, plan));
    measured.effects = second.effects;
    Ok(measured)
}

fn unmeasured(script: &Script) -> Vec<Unmeasured> {
    let marked = script.statements.iter().enumerate();
    marked
        .filter_map(|(statement, s)| s.outside.map(|why| Unmeasured { statement, line: s.line, why }))
        .collect()
}

/// Where nothing but the time says that somebody would wait too long, it is taken again: a machine that was busy with
/// something else only ever adds to it, so each statement's least time is the truest.
async fn confirm(
    context: &Context,
    script: &Script,
    plan: &Plan,
    mut runs: [&mut run::Ran; 2],
) -> Result<(), CheckError> {
    for _ in 0..CONFIRMATIONS {
        let [small, large] = [&runs[0].effects, &runs[1].effects];
        if !forecast::by_time_alone(script, small, large, plan) {
            break;
        }
        for (ran, rows) in runs.iter_mut().zip(plan.sizes) {
            let copy = copy(context, plan, rows).await?;
            let again = run::run(copy.database(), script).await?;
            for (effect, again) in ran.effects.iter_mut().zip(&again.effects) {
                effect.took = effect.took.min(again.took);
            }
        }
    }
    Ok(())
}

/// A copy with rows in it, set up.
async fn copy(context: &Context, plan: &Plan, rows: u64) -> Result<Box<dyn ScratchDatabase>, CheckError> {
    let copy = context.scratch()?.loaded(&plan.revision, rows).await?;
    if !plan.setup.is_empty() {
        execute(&mut connect(copy.database()).await?, &plan.setup).await?;
    }
    for script in &plan.before {
        let mut session = connect(copy.database()).await?;
        if let Some(refused) = run::plainly(&mut session, script, &script.units).await? {
            let (name, line) = (script.name(), refused.line);
            let told = format!("what goes before it is refused ({name}:{line}: {})", refused.words);
            return Err(CheckError::Missing(told));
        }
    }
    Ok(copy)
}

/// A session that may do anything, by itself.
async fn connect(database: &Ephemeral) -> Result<PgConnection, CheckError> {
    let options = database.url().connect_options().application_name("runbook");
    // The script may say DEALLOCATE ALL.
    let options = options.statement_cache_capacity(0);
    // One process: what it does is counted in this session, and parallel workers would not be.
    let options = options.options([
        ("max_parallel_maintenance_workers", "0"),
        ("max_parallel_workers_per_gather", "0"),
        ("statement_timeout", "120s"),
        ("lock_timeout", "30s"),
    ]);
    options.connect().await.map_err(runbook::context::classify)
}

async fn execute(connection: &mut PgConnection, sql: &str) -> Result<(), CheckError> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .map_err(runbook::context::classify)?;
    Ok(())
}
