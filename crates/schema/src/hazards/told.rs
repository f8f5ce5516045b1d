//! A migration as JSON tells it (`docs/hazards.schema.json`): what was found in its text, and what each statement did.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use super::found::Found;
use super::measure::{Effect, Felt, Lock, Measured, Plan, Refused, Victim, Wait, Who};
use super::rules::Level;
use super::script::Script;

/// A migration, as far as it was looked at.
#[derive(Debug, Serialize)]
pub struct Told<'a> {
    /// The file.
    pub file: String,
    /// Whether it is a hazard.
    pub hazard: bool,
    /// What was found, by statement.
    pub findings: Vec<Finding<'a>>,
    /// What copies showed; null where it was not measured.
    pub measured: Option<Measurement<'a>>,
}

/// What a rule says of a statement.
#[derive(Debug, Serialize)]
pub struct Finding<'a> {
    /// The line on which the statement starts.
    pub line: usize,
    /// The rule.
    pub rule: &'a str,
    /// The kind of harm.
    pub class: &'a str,
    /// `error` or `advice`.
    pub level: &'a str,
    /// The table, where one can be named.
    pub object: Option<&'a str>,
    /// What happens.
    pub why: &'a str,
    /// What is locked.
    pub locked: &'a str,
    /// Who is hurt.
    pub hurt: &'a str,
    /// What to write instead.
    pub instead: &'a str,
    /// Why it is allowed, where it is.
    pub allowed: Option<&'a str>,
}

/// What copies showed.
#[derive(Debug, Serialize)]
pub struct Measurement<'a> {
    /// Rows of the leading table in the two copies.
    pub copies: [u64; 2],
    /// The same of the target, at whose size `waits` are told.
    pub target: u64,
    /// The longest wait that is no hazard.
    pub budget_seconds: f64,
    /// Each statement, on the larger copy; fewer where one was refused.
    pub statements: Vec<Statement<'a>>,
    /// The readers and writers beside it, before it began; empty where none were there.
    pub usual: Vec<Beside<'a>>,
    /// Statements of the old application that no longer work.
    pub broken: &'a [String],
    /// Rows and values that are gone.
    pub lost: &'a [String],
    /// Why it cannot be run again after it stopped half way.
    pub stuck: &'a [String],
    /// The statement that the server refused.
    pub refused: Option<Refusal<'a>>,
    /// The statement that the server refused with readers and writers beside it.
    pub refused_beside: Option<Refusal<'a>>,
    /// Statements that were not executed on the copies, and why.
    pub unmeasured: Vec<Refusal<'a>>,
}

/// What one statement did.
#[derive(Debug, Serialize)]
pub struct Statement<'a> {
    /// The line on which it starts.
    pub line: usize,
    /// The locks that it took or went on holding, but for those that every reader takes.
    pub locks: &'a BTreeSet<Lock>,
    /// How long it took on the larger copy.
    pub took_ms: f64,
    /// From its start to the end of its transaction, beside readers and writers; null where none were there.
    pub held_ms: Option<f64>,
    /// Rows that it read one after another.
    pub rows_read: u64,
    /// Rows that it inserted, updated and deleted.
    pub rows_written: u64,
    /// Of which it updated or deleted so many of before, by table.
    pub touched: &'a BTreeMap<String, u64>,
    /// Relations that were written anew.
    pub rewritten: &'a BTreeSet<String>,
    /// Bytes of WAL.
    pub wal_bytes: u64,
    /// Bytes of temporary files.
    pub temp_bytes: u64,
    /// Who would wait for its locks at the target's size.
    pub waits: Vec<WouldWait<'a>>,
    /// Who was there on the copy meanwhile, and how long they took.
    pub victims: Vec<Beside<'a>>,
}

/// Somebody who would wait at the target's size.
#[derive(Debug, Serialize)]
pub struct WouldWait<'a> {
    /// `everybody`, `writers`, `writers_of_the_same_rows` or `deleters`.
    pub who: &'static str,
    /// The table.
    pub table: &'a str,
    /// The mode of the lock; null where it is no lock of a table.
    pub mode: Option<&'a str>,
    /// How long.
    pub seconds: f64,
}

/// The readers, or the writers, of one table on the copy.
#[derive(Debug, Serialize)]
pub struct Beside<'a> {
    /// `readers` or `writers`.
    pub who: &'static str,
    /// The table.
    pub table: &'a str,
    /// How many statements of theirs there were.
    pub statements: usize,
    /// How many of these were seen waiting for the migration.
    pub blocked: usize,
    /// How many were refused.
    pub refused: usize,
    /// The median of how long they took.
    pub p50_ms: f64,
    /// All but one in a hundred.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

/// A statement that the server refused, or that was not executed.
#[derive(Debug, Serialize)]
pub struct Refusal<'a> {
    /// The line on which it starts.
    pub line: usize,
    /// The server's words, or why it was not.
    pub words: &'a str,
}

impl<'a> Told<'a> {
    /// Of what was found, and measured by a plan.
    pub fn of(script: &'a Script, found: &'a [Found], measured: Option<(&'a Measured, &Plan)>) -> Self {
        Self {
            file: script.path.display().to_string(),
            hazard: found.iter().any(Found::is_error),
            findings: found.iter().map(finding).collect(),
            measured: measured.map(|(measured, plan)| measurement(script, measured, plan)),
        }
    }
}

fn finding(found: &Found) -> Finding<'_> {
    Finding {
        line: found.line,
        rule: found.rule.id,
        class: found.rule.class.word(),
        level: if found.level == Level::Error { "error" } else { "advice" },
        object: found.object.as_deref(),
        why: found.rule.why,
        locked: found.rule.locks,
        hurt: found.rule.waits,
        instead: found.rule.instead,
        allowed: found.allowed.as_deref(),
    }
}

fn measurement<'a>(script: &Script, measured: &'a Measured, plan: &Plan) -> Measurement<'a> {
    let beside = measured.victims.as_ref();
    let felt = beside.map(|beside| beside.statements.as_slice()).unwrap_or_default();
    Measurement {
        copies: plan.sizes,
        target: plan.target,
        budget_seconds: plan.budget.as_secs_f64(),
        statements: measured
            .effects
            .iter()
            .map(|effect| {
                statement(script, measured, effect, felt.iter().find(|f| f.statement == effect.statement))
            })
            .collect(),
        usual: beside.into_iter().flat_map(|beside| &beside.before).map(victim).collect(),
        broken: &measured.broken,
        lost: &measured.lost,
        stuck: &measured.stuck,
        refused: measured.refused.as_ref().map(refusal),
        refused_beside: beside.and_then(|beside| beside.refused.as_ref()).map(refusal),
        unmeasured: measured
            .unmeasured
            .iter()
            .map(|one| Refusal { line: one.line, words: one.why })
            .collect(),
    }
}

fn statement<'a>(
    script: &Script,
    measured: &'a Measured,
    effect: &'a Effect,
    felt: Option<&'a Felt>,
) -> Statement<'a> {
    let waits = measured.waits.iter().filter(|wait| wait.statement == effect.statement);
    Statement {
        line: script.statements.get(effect.statement).map_or(1, |statement| statement.line),
        locks: &effect.taken,
        took_ms: ms(effect.took),
        held_ms: felt.map(|felt| ms(felt.held)),
        rows_read: effect.volume.read,
        rows_written: effect.volume.written,
        touched: &effect.touched,
        rewritten: &effect.rewritten,
        wal_bytes: effect.wal,
        temp_bytes: effect.temporary,
        waits: waits.map(would_wait).collect(),
        victims: felt.into_iter().flat_map(|felt| &felt.victims).map(victim).collect(),
    }
}

fn would_wait(wait: &Wait) -> WouldWait<'_> {
    let who = match wait.who {
        Who::Everybody => "everybody",
        Who::Writers => "writers",
        Who::SameRows => "writers_of_the_same_rows",
        Who::Deleters => "deleters",
    };
    WouldWait { who, table: &wait.table, mode: wait.mode.as_deref(), seconds: wait.seconds }
}

fn victim(victim: &Victim) -> Beside<'_> {
    Beside {
        who: if victim.writes { "writers" } else { "readers" },
        table: &victim.table,
        statements: victim.statements,
        blocked: victim.blocked,
        refused: victim.refused,
        p50_ms: ms(victim.p50),
        p99_ms: ms(victim.p99),
        max_ms: ms(victim.most),
    }
}

fn refusal(refused: &Refused) -> Refusal<'_> {
    Refusal { line: refused.line, words: &refused.words }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
