//! Whether it can be run again after it stopped half way: stopped after each of its units, and in the middle of each
//! index build, on a copy of its own, and then run from the start.

use runbook::check::CheckError;
use runbook::context::{Context, classify};
use runbook::ephemeral::Ephemeral;

use super::effect::State;
use super::run::{Blocker, Refused, pid, plainly, send, waits};
use super::{Plan, connect, copy};
use crate::hazards::script::{Script, Statement};

/// Past this many units the rest is not stopped at: a script of hundreds says nothing more.
const MOST: usize = 12;

/// Why it cannot be run again; empty where it can.
pub(super) async fn stuck(
    context: &Context,
    script: &Script,
    plan: &Plan,
) -> Result<Vec<String>, CheckError> {
    let mut stuck = Vec::new();
    // One transaction is undone as a whole.
    if let [unit] = script.units.as_slice()
        && unit.transaction
        && (script.wrapped || script.statements.len() > 1)
    {
        return Ok(stuck);
    }
    for done in 1..=script.units.len().min(MOST) {
        let copy = copy(context, plan, plan.sizes[0]).await?;
        let units = script.units.get(..done).unwrap_or_default();
        let mut session = connect(copy.database()).await?;
        if plainly(&mut session, script, units).await?.is_some() {
            break;
        }
        let last = units.last().and_then(|unit| script.of(unit).last());
        if let Some(refused) = plainly(&mut session, script, &script.units).await?
            && refused.outside.is_none()
            && let Some(last) = last
        {
            stuck.push(said(last, "stopped after", &refused));
        }
    }
    for (at, unit) in script.units.iter().enumerate().take(MOST) {
        let Some(statement) = script.of(unit).first().filter(|s| !unit.transaction && s.outside.is_none())
        else {
            continue;
        };
        if !builds(statement) {
            continue;
        }
        let copy = copy(context, plan, plan.sizes[0]).await?;
        let before = script.units.get(..at).unwrap_or_default();
        let mut session = connect(copy.database()).await?;
        if plainly(&mut session, script, before).await?.is_some()
            || !interrupted(copy.database(), statement).await?
        {
            continue;
        }
        if let Some(refused) = plainly(&mut session, script, &script.units).await? {
            stuck.push(said(statement, "stopped in the middle of", &refused));
        }
    }
    stuck.dedup();
    Ok(stuck)
}

fn said(statement: &Statement, how: &str, refused: &Refused) -> String {
    format!("{how} line {}, it fails at line {}: {}", statement.line, refused.line, refused.words)
}

fn builds(statement: &Statement) -> bool {
    let upper = statement.sql.to_uppercase();
    upper.contains("CONCURRENTLY") && upper.starts_with("CREATE")
}

/// Cancels a build while it waits for a writer. Whether that could be done.
async fn interrupted(database: &Ephemeral, statement: &Statement) -> Result<bool, CheckError> {
    let mut watcher = connect(database).await?;
    let state = State::read(&mut watcher).await?;
    let Some(blocker) = Blocker::start(database, &state, statement).await? else { return Ok(false) };
    let mut session = connect(database).await?;
    let pid = pid(&mut session).await?;
    let work = send(&mut session, &statement.sql);
    tokio::pin!(work);
    let outcome = loop {
        match tokio::time::timeout(std::time::Duration::from_millis(3), &mut work).await {
            Ok(outcome) => break outcome,
            Err(_) => {
                if waits(&mut watcher, pid).await? {
                    sqlx::query("SELECT pg_catalog.pg_cancel_backend($1)")
                        .bind(pid)
                        .execute(&mut watcher)
                        .await
                        .map_err(classify)?;
                }
            }
        }
    };
    blocker.end().await?;
    Ok(outcome.is_err())
}
