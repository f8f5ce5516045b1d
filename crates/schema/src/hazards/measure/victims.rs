//! Readers and writers that go on while a migration runs, and what each of its statements made them feel.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use runbook::check::CheckError;
use runbook::context::classify;
use runbook::ephemeral::Ephemeral;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, FromRow};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::effect::Effect;
use super::felt::{self, Felt, Mark, Sample, Victim};
use super::guard::commit;
use super::run::{pid, refusal, send};
use super::{Refused, connect, execute};
use crate::hazards::script::Script;

/// So many of the largest tables are read and written, besides those that the migration locks.
const TABLES: i64 = 3;

/// So many statements each of them has done before the migration begins.
const USUAL: usize = 20;

/// How long each of them thinks between two statements. Without a pause they alone would keep a machine busy, and the
/// migration would be held up by them and not by its rows; a lock that is shorter than this hurts nobody.
const THOUGHT: Duration = Duration::from_millis(1);

/// How long that, or the end of a statement, is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a migration did to those beside it.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// Of each statement, in their order.
    pub statements: Vec<Felt>,
    /// The same readers and writers before it began.
    pub before: Vec<Victim>,
    /// The statement that the server refused with them beside it.
    pub refused: Option<Refused>,
}

impl Beside {
    /// The longest that somebody waited on the copy, with the statement that was waited for.
    pub fn longest(&self) -> Option<(&Felt, &Victim)> {
        let all =
            self.statements.iter().flat_map(|felt| felt.victims.iter().map(move |victim| (felt, victim)));
        all.max_by_key(|(_, victim)| (victim.blocked > 0, victim.most))
    }
}

#[derive(Debug, FromRow)]
struct Pair {
    name: String,
    reading: String,
    writing: Option<String>,
}

/// Runs the script on a copy, beside readers and writers. `effects` says which locks its statements take.
///
/// # Errors
/// When a session cannot be had or is lost.
pub async fn beside(database: &Ephemeral, script: &Script, effects: &[Effect]) -> Result<Beside, CheckError> {
    let mut session = connect(database).await?;
    let by = pid(&mut session).await?;
    let traffic = Traffic::start(database, by, &locked(effects)).await?;
    traffic.is_usual().await?;
    let began = Instant::now();
    let mut marks = Vec::new();
    let outcome = run(&mut session, script, &mut marks).await;
    // Those who wait for it are let go, whatever came of it.
    drop(session);
    let samples = traffic.stop().await?;
    let refused = outcome?;
    let before: Vec<Sample> = samples.iter().filter(|sample| sample.ended() <= began).cloned().collect();
    Ok(Beside {
        statements: felt::attribute(&samples, &marks, script, effects),
        before: felt::summary(&before),
        refused,
    })
}

/// The tables that the migration locks or writes to.
fn locked(effects: &[Effect]) -> Vec<String> {
    let locks = effects.iter().flat_map(|effect| effect.locks.iter().map(|(table, _)| table));
    let mut tables: Vec<String> =
        locks.chain(effects.iter().flat_map(|effect| effect.touched.keys())).cloned().collect();
    tables.sort_unstable();
    tables.dedup();
    tables
}

/// As a tool would run it: nothing is asked between two statements, which would keep the locks longer.
async fn run(
    session: &mut PgConnection,
    script: &Script,
    marks: &mut Vec<Mark>,
) -> Result<Option<Refused>, CheckError> {
    for unit in &script.units {
        if unit.transaction {
            execute(session, "BEGIN").await?;
        }
        let first = marks.len();
        let mut refused = None;
        for (offset, statement) in script.of(unit).iter().enumerate().filter(|(_, s)| s.outside.is_none()) {
            let at = unit.statements.start + offset;
            let began = Instant::now();
            if let Err(error) = send(session, &statement.sql).await {
                refused = Some(refusal(statement, at, &error));
                break;
            }
            let ended = Instant::now();
            marks.push(Mark { statement: at, began, ended, released: ended });
        }
        if unit.transaction {
            match script.of(unit).last() {
                Some(last) if refused.is_none() => {
                    refused = commit(session, last, unit.statements.end - 1).await?;
                }
                _ => execute(session, "ROLLBACK").await?,
            }
            let released = Instant::now();
            marks.iter_mut().skip(first).for_each(|mark| mark.released = released);
        }
        if refused.is_some() {
            return Ok(refused);
        }
    }
    Ok(None)
}

/// The readers and writers of a copy, and who looks whether they wait.
#[derive(Debug)]
struct Traffic {
    stop: watch::Sender<bool>,
    done: Vec<Arc<AtomicUsize>>,
    tasks: Vec<JoinHandle<Result<Vec<Sample>, CheckError>>>,
    watcher: JoinHandle<Result<Vec<Waiting>, CheckError>>,
}

/// A statement that was seen waiting for the migration: its session, and its own text, which begins with its number.
#[derive(Debug, FromRow)]
struct Waiting {
    pid: i32,
    query: String,
}

impl Waiting {
    fn tell(&self, samples: &mut [Sample]) {
        let Some(number) = number(&self.query) else { return };
        let one = samples.iter_mut().find(|sample| sample.pid == self.pid && sample.number == number);
        if let Some(sample) = one {
            sample.blocked = true;
        }
    }
}

/// A statement of the traffic with its number: what the server says of who waits names it, however late that is heard.
fn numbered(number: usize, sql: &str) -> String {
    format!("/* {number} */ {sql}")
}

fn number(query: &str) -> Option<usize> {
    query.strip_prefix("/* ")?.split_once(" */")?.0.parse().ok()
}

impl Traffic {
    /// Starts a reader and a writer of each table that is named, and of the largest.
    async fn start(database: &Ephemeral, by: i32, named: &[String]) -> Result<Self, CheckError> {
        let mut session = connect(database).await?;
        let pairs: Vec<Pair> = sqlx::query_as(include_str!("victims.sql"))
            .bind(TABLES)
            .bind(named)
            .fetch_all(&mut session)
            .await
            .map_err(classify)?;
        let (stop, stopped) = watch::channel(false);
        let (mut tasks, mut done) = (Vec::new(), Vec::new());
        for pair in pairs {
            let both = [(false, Some(pair.reading)), (true, pair.writing)];
            for (writes, sql) in both.into_iter().filter_map(|(writes, sql)| Some((writes, sql?))) {
                let session = connect(database).await?;
                let count = Arc::new(AtomicUsize::new(0));
                done.push(Arc::clone(&count));
                let one = Sample::of(&pair.name, writes);
                tasks.push(tokio::spawn(go_on(session, sql, one, count, stopped.clone())));
            }
        }
        let watcher = tokio::spawn(look(session, by, stopped));
        Ok(Self { stop, done, tasks, watcher })
    }

    /// Waits until each has done some.
    async fn is_usual(&self) -> Result<(), CheckError> {
        runbook::wait::until("the readers and writers beside the migration", PATIENCE, async || {
            let idle = self.done.iter().filter(|count| count.load(Ordering::Relaxed) < USUAL).count();
            if idle == 0 { Ok(()) } else { Err(format!("{idle} have only begun")) }
        })
        .await
        .map_err(|error| CheckError::Interrupted(error.to_string()))
    }

    /// Ends it: everybody finishes the statement that is under way.
    async fn stop(self) -> Result<Vec<Sample>, CheckError> {
        let _ = self.stop.send(true);
        let lost = |error: tokio::task::JoinError| CheckError::Other(error.to_string());
        let mut samples = Vec::new();
        for task in self.tasks {
            samples.extend(task.await.map_err(lost)??);
        }
        let waiting = self.watcher.await.map_err(lost)??;
        waiting.iter().for_each(|one| one.tell(&mut samples));
        Ok(samples)
    }
}

async fn go_on(
    mut session: PgConnection,
    sql: String,
    one: Sample,
    count: Arc<AtomicUsize>,
    mut stopped: watch::Receiver<bool>,
) -> Result<Vec<Sample>, CheckError> {
    let pid = pid(&mut session).await?;
    let mut samples = Vec::new();
    loop {
        let number = samples.len();
        let text = numbered(number, &sql);
        let began = Instant::now();
        let refused = send(&mut session, &text).await.is_err();
        samples.push(Sample { pid, number, began, took: began.elapsed(), refused, ..one.clone() });
        count.fetch_add(1, Ordering::Relaxed);
        // The end is heard at once, also that of whoever would tell.
        if *stopped.borrow() || tokio::time::timeout(THOUGHT, stopped.changed()).await.is_ok() {
            return Ok(samples);
        }
    }
}

/// Asks again and again who waits for the migration's session.
async fn look(
    mut session: PgConnection,
    by: i32,
    mut stopped: watch::Receiver<bool>,
) -> Result<Vec<Waiting>, CheckError> {
    let mut seen = Vec::new();
    while !*stopped.borrow() {
        let waiting: Vec<Waiting> = sqlx::query_as(include_str!("waiting.sql"))
            .bind(by)
            .fetch_all(&mut session)
            .await
            .map_err(classify)?;
        seen.extend(waiting);
        // Ours to poll; the end is heard at once.
        let _ = tokio::time::timeout(Duration::from_millis(2), stopped.changed()).await;
    }
    Ok(seen)
}

/// Whether a statement of the application would wait now: it is tried with a lock time-out of next to nothing.
///
/// # Errors
/// When the session is lost.
pub async fn would_wait(database: &Ephemeral, sql: &str) -> Result<bool, CheckError> {
    let mut session = connect(database).await?;
    let text = format!("BEGIN; SET LOCAL lock_timeout = '20ms'; {sql}");
    let answer = sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut session).await;
    match answer.map(drop).map_err(classify) {
        Ok(()) => Ok(false),
        Err(CheckError::Interrupted(_)) => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waited_is_known_by_the_number_of_the_statement_and_not_by_the_time_of_the_look() {
        let one = |pid: i32, number: usize| Sample { pid, number, ..Sample::of("t", false) };
        let mut samples = [one(1, 0), one(1, 1), one(2, 1)];
        let waiting = |query: String| Waiting { pid: 1, query };
        waiting(numbered(1, "SELECT * FROM t LIMIT 1")).tell(&mut samples);
        // Of a session that had not sent its first yet, and of one past the last that is known.
        waiting("SELECT pg_backend_pid()".into()).tell(&mut samples);
        waiting(numbered(7, "SELECT 1")).tell(&mut samples);
        assert_eq!(samples.map(|sample| sample.blocked), [false, true, false]);
    }
}
