//! Copies share a server. What a migration does to roles and to settings of the server is not done on them: where its text
//! does not tell, the locks of its transaction do, and it is undone.

use runbook::check::CheckError;
use runbook::context::{Context, classify};
use sqlx::postgres::{PgConnection, PgDatabaseError};

use super::run::{Refused, refusal, send, sets};
use super::{Plan, connect, copy, execute};
use crate::hazards::outside::{ABSENT, SHARED};
use crate::hazards::script::{Script, Statement};

/// Parts of the server that look for a role, a tablespace or a database by its name, as its errors tell them in any language.
const SEEKERS: [&str; 8] = [
    "get_role_oid",
    "get_rolespec_oid",
    "get_rolespec_tuple",
    "AlterRole",
    "AlterRoleSet",
    "DropRole",
    "get_tablespace_oid",
    "get_database_oid",
];

/// Why a refusal says nothing of the migration: the server on which it is measured knows other roles than the target.
pub(super) fn absent(statement: &Statement, error: &sqlx::Error) -> Option<&'static str> {
    let error = error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?;
    // 22023: a value that a setting does not take.
    let becomes = error.code() == "22023" && becomes(&statement.sql);
    (becomes || error.routine().is_some_and(|routine| SEEKERS.contains(&routine))).then_some(ABSENT)
}

/// Whether it is SET ROLE or SET SESSION AUTHORIZATION.
fn becomes(sql: &str) -> bool {
    let mut words = sql.split_whitespace().map(str::to_uppercase);
    let set = words.next().is_some_and(|word| word == "SET");
    let mut words = words.skip_while(|word| word == "LOCAL" || word == "SESSION");
    set && words.next().is_some_and(|word| word == "ROLE" || word == "AUTHORIZATION")
}

/// Commits, unless the transaction changed what belongs to the whole server: then it is undone, and not measured.
pub(super) async fn commit(
    session: &mut PgConnection,
    last: &Statement,
    at: usize,
) -> Result<Option<Refused>, CheckError> {
    if is_shared(session).await? {
        execute(session, "ROLLBACK").await?;
        return Ok(Some(undone(last, at)));
    }
    if let Err(error) = send(session, "COMMIT").await {
        let _ = execute(session, "ROLLBACK").await;
        return Ok(Some(refusal(last, at, &error)));
    }
    Ok(None)
}

async fn is_shared(session: &mut PgConnection) -> Result<bool, CheckError> {
    sqlx::query_scalar(include_str!("shared.sql")).fetch_one(session).await.map_err(classify)
}

/// Whether a statement that ends transactions of its own, so that nothing could be undone, calls a routine whose text is
/// about roles and the like. One that only might is not called either.
pub(super) async fn calls_out(session: &mut PgConnection, statement: &Statement) -> Result<bool, CheckError> {
    let calls = ["CALL", "DO"].iter().any(|word| statement.sql.to_uppercase().starts_with(word));
    if !calls {
        return Ok(false);
    }
    let known = sqlx::query_scalar(include_str!("routines.sql")).bind(&statement.sql);
    known.fetch_one(session).await.map_err(classify)
}

/// No refusal of the server's, but ours.
pub(super) fn undone(statement: &Statement, at: usize) -> Refused {
    Refused { statement: at, line: statement.line, words: SHARED.to_owned(), outside: Some(SHARED) }
}

/// Runs a script on a copy to see which of its statements cannot be measured on this server: those are marked, and all
/// others are run as they are.
pub(super) async fn sifted(context: &Context, script: &Script, plan: &Plan) -> Result<Script, CheckError> {
    let copy = copy(context, plan, plan.sizes[0]).await?;
    let mut session = connect(copy.database()).await?;
    let mut sifted = script.clone();
    for unit in &script.units {
        if unit.transaction {
            execute(&mut session, "BEGIN").await?;
        }
        for at in unit.statements.clone() {
            let Some(statement) = sifted.statements.get_mut(at) else { continue };
            if statement.outside.is_some() {
                continue;
            }
            // SET TRANSACTION refuses to stand in a savepoint.
            let upper = statement.sql.to_uppercase();
            let saved = unit.transaction && !(sets(statement) && upper.contains("TRANSACTION"));
            if saved {
                execute(&mut session, "SAVEPOINT sifted").await?;
            } else if calls_out(&mut session, statement).await? {
                statement.outside = Some(SHARED);
                continue;
            }
            statement.outside = match send(&mut session, &statement.sql).await {
                Ok(()) if unit.transaction && !sets(statement) => {
                    is_shared(&mut session).await?.then_some(SHARED)
                }
                Ok(()) => None,
                Err(error) => match absent(statement, &error) {
                    Some(reason) => Some(reason),
                    // It is refused for what it is: that will be seen again.
                    None => return Ok(sifted),
                },
            };
            if saved {
                let undone = statement.outside.is_some();
                let end = if undone { "ROLLBACK TO sifted; RELEASE sifted" } else { "RELEASE sifted" };
                // The script may have let go of it itself.
                let _ = send(&mut session, end).await;
            }
        }
        if unit.transaction && send(&mut session, "COMMIT").await.is_err() {
            return Ok(sifted);
        }
    }
    Ok(sifted)
}
