//! The rows of a run: known by their tag, removed at its end, proved to be gone; and those of runs that died before.

use std::collections::BTreeMap;

use runbook::check::CheckError;
use runbook::context::{Context, Database, classify};
use runbook::ephemeral::Ephemeral;
use runbook::grant::WriteGrant;
use runbook::secret::DatabaseUrl;
use runbook::verdict::{Evidence, Finding};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgPool, PgPoolOptions};

use super::alive::{self, Alive};
use super::rows::{of_key, shown};
use super::{Runner, fetch};
use crate::case::Values;

/// So many requests' time after the mark of a dead run, a row without a tag is still that run's: a command of the
/// runbook leaves no place for a tag, and it is sent right after the mark.
const NEAR: f64 = 2.0;

/// The right to remove the rows that cases wrote. Without one, nothing on a live target is written.
#[derive(Debug, Clone)]
pub struct Writer {
    pool: PgPool,
}

impl Writer {
    /// On a live target, for whoever was allowed to write to it on the command line.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn granted(_grant: &WriteGrant, url: &DatabaseUrl) -> Result<Self, CheckError> {
        let options = url.connect_options().application_name("runbook smoke").statement_cache_capacity(0);
        let pool = PgPoolOptions::new().max_connections(2).connect_with(options).await.map_err(classify)?;
        Ok(Self { pool })
    }

    /// On a database of our own, where anything goes.
    pub fn of(database: &Ephemeral) -> Self {
        Self { pool: database.pool().clone() }
    }

    /// The writer of a context.
    pub(crate) fn find(context: &Context) -> Result<Self, CheckError> {
        match &context.database {
            Database::Ephemeral(ephemeral) => Ok(Self::of(ephemeral)),
            Database::Live(_) => {
                context.stash.get::<Self>().map(|writer| writer.as_ref().clone()).ok_or_else(|| {
                    CheckError::Missing(
                        "it writes, and nobody allowed writes to this target (--allow-writes)".into(),
                    )
                })
            }
        }
    }

    /// Removes what belongs to one key; more than one row is no key, and nothing is removed.
    async fn remove(&self, sql: &str, key: &str, keep: bool) -> Result<(), CheckError> {
        let mut transaction = self.pool.begin().await.map_err(classify)?;
        sqlx::raw_sql("SET LOCAL statement_timeout = '10s'; SET LOCAL lock_timeout = '5s'")
            .execute(&mut *transaction)
            .await
            .map_err(classify)?;
        let removed = sqlx::query(AssertSqlSafe(sql.to_owned()))
            .bind(key)
            .execute(&mut *transaction)
            .await
            .map_err(classify)?
            .rows_affected();
        if removed > 1 {
            return Err(CheckError::Other(format!(
                "contract.toml: `remove` took {removed} rows for the key {key:?}; it must take one, and took none"
            )));
        }
        let ended = if keep { transaction.rollback().await } else { transaction.commit().await };
        ended.map_err(classify)
    }
}

/// What was there before the first write of a run, and the right to put it back.
pub(crate) struct Own {
    writer: Writer,
    tagged: Vec<Tagged>,
    counts: Vec<Value>,
    shared: bool,
    // Held until the rows are gone.
    _alive: Option<Alive>,
}

/// A row that a case may have written.
#[derive(Debug, Clone, PartialEq)]
struct Tagged {
    key: String,
    run: Option<String>,
    at: f64,
}

impl Own {
    /// Looks, before the first write; on a live target, after removing what dead runs left.
    pub(crate) async fn begin(runner: &Runner<'_>, evidence: &mut Evidence) -> Result<Self, CheckError> {
        let (context, rows) = (runner.context, &runner.contract.rows);
        let writer = Writer::find(context)?;
        let shared = context.database.is_live();
        let mut alive = None;
        if shared {
            alive = Some(Alive::take(&writer.pool, runner.run()).await?);
            // What cannot be removed in the end is not written in the first place.
            writer.remove(&rows.remove, runner.run(), true).await?;
            sweep(runner, &writer, evidence).await?;
        }
        let counts = fetch(context, &rows.counts, &Values::default()).await?;
        Ok(Self { writer, tagged: tagged(runner).await?, counts, shared, _alive: alive })
    }

    /// Removes the rows of this run, and proves that nothing is left of them.
    pub(crate) async fn end(self, runner: &Runner<'_>, evidence: &mut Evidence) -> Result<(), CheckError> {
        let (context, rows) = (runner.context, &runner.contract.rows);
        let noted = runner.noted();
        let found = tagged(runner).await?;
        let near = near(runner);
        let marks: Vec<f64> =
            found.iter().filter(|row| row.run.as_deref() == Some(runner.run())).map(|row| row.at).collect();
        let (mut removed, mut broken) = (Vec::new(), None);
        for row in &found {
            let ours = row.run.as_deref() == Some(runner.run()) || noted.contains(&row.key);
            let new = !self.tagged.iter().any(|before| before.key == row.key);
            // A service that failed may have written, and said nothing of it or something wrong.
            let doubtful = || {
                let ours = marks.iter().any(|mark| (*mark..=mark + near).contains(&row.at));
                row.run.is_none() && runner.is_uncertain() && ours
            };
            let strange = !self.shared || doubtful();
            if new && (ours || strange) {
                // One that stays keeps no other from being removed.
                match self.writer.remove(&rows.remove, &row.key, false).await {
                    Ok(()) => removed.push(&row.key),
                    Err(error) => broken = broken.or(Some(error)),
                }
            }
        }
        if let Some(error) = broken {
            return Err(error);
        }
        for key in removed {
            let left = of_key(context, &rows.left, key).await?;
            let none = left.iter().all(|row| row.as_object().is_some_and(|r| r.values().all(|n| *n == 0)));
            evidence.examine(1);
            if !none {
                evidence.find(Finding::error(
                    format!("rows of {key}"),
                    format!("they are still there after the clean-up: {}", shown(&left)),
                    "remove them by hand, and mend `remove` in contract.toml",
                ));
            }
        }
        let after = fetch(context, &rows.counts, &Values::default()).await?;
        evidence.examine(1);
        if after != self.counts {
            let problem = format!("before {}, after the clean-up {}", shown(&self.counts), shown(&after));
            evidence.find(match self.shared {
                false => Finding::error(
                    "row counts",
                    problem,
                    "look for rows that the cases wrote without the tag of contract.toml",
                ),
                // The rows of each key are proved to be gone; others may write here.
                true => {
                    Finding::advice("row counts", problem, "see whether others write to this database now")
                }
            });
        }
        Ok(())
    }
}

/// Removes what runs left behind that are no longer alive.
async fn sweep(runner: &Runner<'_>, writer: &Writer, evidence: &mut Evidence) -> Result<(), CheckError> {
    // The rows first, then the signs of life: a run that begins in between has none of these rows.
    let rows = tagged(runner).await?;
    let mut marks: BTreeMap<&str, f64> = BTreeMap::new();
    for row in &rows {
        if let Some(run) = &row.run {
            let first = marks.entry(run).or_insert(row.at);
            *first = first.min(row.at);
        }
    }
    let runs: Vec<String> = marks.keys().map(|run| (*run).to_owned()).collect();
    let living = alive::living(runner.context, &runs).await?;
    let near = near(runner);
    let dead = |row: &Tagged| match &row.run {
        Some(run) => !living.contains(run),
        None => marks
            .iter()
            .any(|(run, at)| !living.iter().any(|l| l == run) && (*at..=at + near).contains(&row.at)),
    };
    for row in rows.iter().filter(|row| dead(row)) {
        writer.remove(&runner.contract.rows.remove, &row.key, false).await?;
        let run = row.run.as_deref().unwrap_or("without a tag");
        evidence.find(Finding::advice(
            &row.key,
            format!("a run that died left it behind ({run}); it was removed"),
            "nothing to do",
        ));
    }
    Ok(())
}

fn near(runner: &Runner<'_>) -> f64 {
    runner.context.settings.limits.request.as_secs_f64() * NEAR
}

async fn tagged(runner: &Runner<'_>) -> Result<Vec<Tagged>, CheckError> {
    let rows = fetch(runner.context, &runner.contract.rows.tagged, &Values::default()).await?;
    let read = |row: &Value| {
        let key = row.get("key").and_then(Value::as_str)?.to_owned();
        let run = match row.get("run")? {
            Value::Null => None,
            run => Some(run.as_str()?.to_owned()),
        };
        Some(Tagged { key, run, at: row.get("at").and_then(Value::as_f64)? })
    };
    rows.iter()
        .map(|row| {
            read(row).ok_or_else(|| {
                CheckError::Other(
                    "contract.toml: `tagged` must select the text `key`, the text `run` (or null), and the \
                     number `at`"
                        .into(),
                )
            })
        })
        .collect()
}
