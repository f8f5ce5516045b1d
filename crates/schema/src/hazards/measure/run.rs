//! Running a script on a copy, one statement at a time, and looking after each before its transaction ends.

use std::time::{Duration, Instant};

use runbook::check::CheckError;
use runbook::ephemeral::Ephemeral;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use super::effect::{Effect, State, held};
use super::guard::{absent, calls_out, commit, undone};
use super::{connect, execute};
use crate::hazards::script::{Script, Statement, Unit};

/// How long a statement that runs outside a transaction is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The statement that the server refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its place in the script.
    pub statement: usize,
    /// The line on which it starts.
    pub line: usize,
    /// The server's words.
    pub words: String,
    /// Why that says nothing of the migration, where it does not: the server on which it is measured has other roles.
    pub outside: Option<&'static str>,
}

/// A run, as far as it came.
#[derive(Debug, Default)]
pub(super) struct Ran {
    pub(super) effects: Vec<Effect>,
    pub(super) refused: Option<Refused>,
}

/// The counters of the server that a statement moves.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
struct Counters {
    wal: i64,
    temporary: i64,
}

/// Where WAL and temporary files are counted. `pg_stat_statements` knows at once and of this database alone, where it is
/// there. The server's own counters take in other databases, and learn of temporary files when a transaction ends, which is
/// too late to tell its statements apart.
#[derive(Debug)]
struct Meter {
    /// One of its own: what the script sets in its session, a little `work_mem` say, must not make the counting spill.
    session: PgConnection,
    query: String,
}

impl Meter {
    async fn of(database: &Ephemeral) -> Result<Self, CheckError> {
        let mut session = connect(database).await?;
        // What thousands of statements come to is to stay in memory: else the counting would write what it counts.
        execute(&mut session, "SET work_mem = '256MB'").await?;
        let view: Option<String> = sqlx::query_scalar(include_str!("statements.sql"))
            .fetch_optional(&mut session)
            .await
            .map_err(runbook::context::classify)?;
        if let Some(view) = view {
            // What a function calls is counted with the statement that called it. The counting itself is not: whoever
            // is the first to read a page after a checkpoint writes WAL for its hint bits.
            let query = format!(
                "SELECT coalesce(sum(s.wal_bytes), 0)::int8 AS wal, \
                 coalesce(sum(s.temp_blks_written), 0)::int8 * current_setting('block_size')::int8 AS temporary \
                 FROM {view}(showtext => false) AS s WHERE s.toplevel \
                 AND s.dbid = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()) \
                 AND s.queryid IS DISTINCT FROM (SELECT a.query_id FROM pg_catalog.pg_stat_activity AS a \
                 WHERE a.pid = pg_catalog.pg_backend_pid())"
            );
            // The extension may be there and its library not.
            if send(&mut session, &query).await.is_ok() {
                return Ok(Self { session, query });
            }
        }
        Ok(Self { session, query: include_str!("counters.sql").to_owned() })
    }

    async fn read(&mut self) -> Result<Counters, CheckError> {
        let counted = sqlx::query_as(AssertSqlSafe(self.query.clone())).fetch_one(&mut self.session).await;
        counted.map_err(runbook::context::classify)
    }
}

/// Runs the whole script.
pub(super) async fn run(database: &Ephemeral, script: &Script) -> Result<Ran, CheckError> {
    let mut session = connect(database).await?;
    let mut meter = Meter::of(database).await?;
    let mut ran = Ran::default();
    for unit in &script.units {
        let statements = script.of(unit);
        let first = unit.statements.start;
        let refused = if unit.transaction {
            transaction(&mut session, &mut meter, statements, first, &mut ran.effects).await?
        } else {
            alone(database, (&mut session, &mut meter), script, unit, &mut ran.effects).await?
        };
        if refused.is_some() {
            ran.refused = refused;
            break;
        }
    }
    let _ = session.close().await;
    Ok(ran)
}

/// Runs the script's units without looking, as a tool would, and gives the first refusal.
pub(super) async fn plainly(
    session: &mut PgConnection,
    script: &Script,
    units: &[Unit],
) -> Result<Option<Refused>, CheckError> {
    for unit in units {
        if unit.transaction {
            execute(session, "BEGIN").await?;
        }
        for (offset, statement) in script.of(unit).iter().enumerate().filter(|(_, s)| s.outside.is_none()) {
            if let Err(error) = send(session, &statement.sql).await {
                if unit.transaction {
                    execute(session, "ROLLBACK").await?;
                }
                return Ok(Some(refusal(statement, unit.statements.start + offset, &error)));
            }
        }
        if unit.transaction
            && let Some(last) = script.of(unit).last()
            && let Some(refused) = commit(session, last, unit.statements.end - 1).await?
        {
            return Ok(Some(refused));
        }
    }
    Ok(None)
}

async fn transaction(
    session: &mut PgConnection,
    meter: &mut Meter,
    statements: &[Statement],
    first: usize,
    effects: &mut Vec<Effect>,
) -> Result<Option<Refused>, CheckError> {
    let pid = pid(session).await?;
    execute(session, "BEGIN").await?;
    // SET TRANSACTION stands before any query, ours among them.
    let leading = statements.iter().take_while(|statement| sets(statement)).count();
    let executed = || statements.iter().enumerate().filter(|(_, statement)| statement.outside.is_none());
    for (offset, statement) in executed().take_while(|(offset, _)| *offset < leading) {
        if let Err(error) = send(session, &statement.sql).await {
            execute(session, "ROLLBACK").await?;
            return Ok(Some(refusal(statement, first + offset, &error)));
        }
        effects.push(Effect { statement: first + offset, ..Effect::default() });
    }
    let start = State::read(session).await?;
    let mut before = start.clone();
    for (offset, statement) in executed().filter(|(offset, _)| *offset >= leading) {
        // A small table is read whole where a large one would be looked up by an index, if there is one.
        let planned = writes_rows(statement);
        if planned {
            execute(session, "SET LOCAL enable_seqscan = off").await?;
        }
        let counted = meter.read().await?;
        let began = Instant::now();
        if let Err(error) = send(session, &statement.sql).await {
            execute(session, "ROLLBACK").await?;
            return Ok(Some(refusal(statement, first + offset, &error)));
        }
        let took = began.elapsed();
        let now = meter.read().await?;
        if planned {
            execute(session, "SET LOCAL enable_seqscan = on").await?;
        }
        let after = State::read(session).await?;
        let mut effect = before.difference(&after, &start);
        effect.statement = first + offset;
        effect.took = took;
        let held = held(session, pid).await?;
        effect.locks = start.locks(&held);
        effect.taken = start.taken(&held);
        effect.wal = u64::try_from(now.wal - counted.wal).unwrap_or_default();
        effect.temporary = u64::try_from(now.temporary - counted.temporary).unwrap_or_default();
        effects.push(effect);
        before = after;
    }
    let Some(last) = statements.last() else { return Ok(None) };
    commit(session, last, first + statements.len() - 1).await
}

/// A statement outside a transaction ends its locks by itself. It is made to wait for a transaction of ours that
/// writes to the tables it names; while it waits, its locks can be seen.
async fn alone(
    database: &Ephemeral,
    (session, meter): (&mut PgConnection, &mut Meter),
    script: &Script,
    unit: &Unit,
    effects: &mut Vec<Effect>,
) -> Result<Option<Refused>, CheckError> {
    let Some(statement) = script.of(unit).first().filter(|s| s.outside.is_none()) else { return Ok(None) };
    let at = unit.statements.start;
    let mut watcher = connect(database).await?;
    if calls_out(&mut watcher, statement).await? {
        return Ok(Some(undone(statement, at)));
    }
    let start = State::read(&mut watcher).await?;
    let mut blocker = Blocker::start(database, &start, statement).await?;
    let pid = pid(session).await?;
    let counted = meter.read().await?;
    let mut seen = Vec::new();
    let sql = statement.sql.clone();
    let began = Instant::now();
    let outcome = {
        let work = send(session, &sql);
        tokio::pin!(work);
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            // Ours to poll: the statement goes on between two looks.
            match tokio::time::timeout(Duration::from_millis(3), &mut work).await {
                Ok(outcome) => break outcome,
                Err(_) if tokio::time::Instant::now() > deadline => {
                    return Err(CheckError::Interrupted(format!(
                        "line {}: it was not done in time",
                        statement.line
                    )));
                }
                Err(_) => {}
            }
            seen.extend(held(&mut watcher, pid).await?);
            if blocker.is_some() && waits(&mut watcher, pid).await? {
                seen.extend(held(&mut watcher, pid).await?);
                if let Some(blocker) = blocker.take() {
                    blocker.end().await?;
                }
            }
        }
    };
    if let Some(blocker) = blocker {
        blocker.end().await?;
    }
    if let Err(error) = outcome {
        return Ok(Some(refusal(statement, at, &error)));
    }
    let now = meter.read().await?;
    let after = State::read(&mut watcher).await?;
    let mut effect = start.difference(&after, &start);
    effect.touched.clear();
    effect.statement = at;
    effect.took = began.elapsed();
    effect.watched = !vacuums(statement);
    effect.locks = start.locks(&seen);
    effect.taken = start.taken(&seen);
    effect.wal = u64::try_from(now.wal - counted.wal).unwrap_or_default();
    effect.temporary = u64::try_from(now.temporary - counted.temporary).unwrap_or_default();
    effects.push(effect);
    Ok(None)
}

/// A transaction that writes to the tables which a statement may wait for.
pub(super) struct Blocker(PgConnection);

impl Blocker {
    /// `None` where the statement waits for nobody.
    pub(super) async fn start(
        database: &Ephemeral,
        state: &State,
        statement: &Statement,
    ) -> Result<Option<Self>, CheckError> {
        if !statement.sql.to_uppercase().contains("CONCURRENTLY") && !vacuums(statement) {
            return Ok(None);
        }
        let mut session = connect(database).await?;
        execute(&mut session, "BEGIN").await?;
        // Whichever table it is: a statement names its table, or an index of it.
        for table in state.tables() {
            let _ = send(&mut session, "SAVEPOINT one").await;
            if send(&mut session, &format!("LOCK TABLE {table} IN ROW EXCLUSIVE MODE")).await.is_err() {
                execute(&mut session, "ROLLBACK TO one").await?;
            }
        }
        Ok(Some(Self(session)))
    }

    pub(super) async fn end(mut self) -> Result<(), CheckError> {
        execute(&mut self.0, "COMMIT").await
    }
}

/// Whether it is a setting of the session or of the transaction.
pub(super) fn sets(statement: &Statement) -> bool {
    statement.sql.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("SET"))
}

fn writes_rows(statement: &Statement) -> bool {
    let upper = statement.sql.to_uppercase();
    ["UPDATE", "DELETE", "WITH", "DO", "MERGE"].iter().any(|word| upper.starts_with(word))
}

fn vacuums(statement: &Statement) -> bool {
    statement.sql.to_uppercase().starts_with("VACUUM")
}

/// Whether a session waits for a lock.
pub(super) async fn waits(watcher: &mut PgConnection, pid: i32) -> Result<bool, CheckError> {
    sqlx::query_scalar("SELECT cardinality(pg_catalog.pg_blocking_pids($1)) > 0")
        .bind(pid)
        .fetch_one(watcher)
        .await
        .map_err(runbook::context::classify)
}

/// The number of a session's process.
pub(super) async fn pid(session: &mut PgConnection) -> Result<i32, CheckError> {
    let pid = sqlx::query_scalar("SELECT pg_catalog.pg_backend_pid()").fetch_one(session).await;
    pid.map_err(runbook::context::classify)
}

pub(super) async fn send(session: &mut PgConnection, sql: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(session).await.map(drop)
}

pub(super) fn refusal(statement: &Statement, at: usize, error: &sqlx::Error) -> Refused {
    let (words, outside) = (runbook::context::describe(error), absent(statement, error));
    Refused { statement: at, line: statement.line, words, outside }
}
