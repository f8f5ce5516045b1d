//! Who is connected: our own sessions are ended, others are named, or ended where that was asked for.

use std::time::Duration;

use runbook::ephemeral::Ephemeral;
use runbook::wait;
use sqlx::PgConnection;
use sqlx::postgres::PgPool;
use tokio::sync::Mutex;

use crate::error::RecoveryError;

/// A connection that was given back is in its pool again after a turn of the scheduler, or a rollback on the server.
const RETURN: Duration = Duration::from_secs(1);
/// A service that was just stopped has left; the server notices each of its sessions' ends a moment later.
const LEAVE: Duration = Duration::from_secs(2);

#[derive(sqlx::FromRow)]
struct Session {
    pid: i32,
    ours: bool,
    shown: String,
}

/// Leaves nobody connected to the database `name`.
///
/// # Errors
/// When others are connected and may not be ended; the message names them.
pub(super) async fn clear(
    control: &mut PgConnection,
    target: &Ephemeral,
    name: &str,
    disconnect_others: bool,
) -> Result<(), RecoveryError> {
    close_idle(target.pool()).await;
    let asking = Mutex::new(&mut *control);
    let sessions = wait::until("the end of the others' sessions", LEAVE, async || {
        let mut control = asking.lock().await;
        let sessions = connected(&mut control, name).await;
        let others = sessions.iter().flatten().filter(|session| !session.ours && !disconnect_others);
        let others: Vec<_> = others.map(|session| session.shown.as_str()).collect();
        if others.is_empty() { Ok(sessions) } else { Err(others.join("; ")) }
    });
    let sessions = sessions.await.map_err(|late| {
        RecoveryError::Refused(format!(
            "others are connected to the database ({}), so nothing was changed: stop them, or set backup.disconnect_others",
            late.last
        ))
    })??;
    let prepared: Vec<String> =
        sqlx::query_scalar("SELECT gid FROM pg_prepared_xacts WHERE database = $1 ORDER BY gid")
            .bind(name)
            .fetch_all(&mut *control)
            .await?;
    if !prepared.is_empty() {
        return Err(RecoveryError::Refused(format!(
            "the database holds prepared transactions ({}), so nothing was changed: commit them or roll them back",
            prepared.join(", ")
        )));
    }
    for session in sessions {
        // Waits up to five seconds for the end of the session; one that ended by itself is as good.
        sqlx::query("SELECT pg_terminate_backend($1, 5000)").bind(session.pid).execute(&mut *control).await?;
    }
    Ok(())
}

async fn connected(control: &mut PgConnection, name: &str) -> Result<Vec<Session>, sqlx::Error> {
    sqlx::query_as(include_str!("sessions.sql")).bind(name).fetch_all(control).await
}

/// Closes the connections of a pool of our own, so that each next one is new: a pool that does not test its connections
/// would hand out dead ones otherwise. One that was just given back arrives a moment later, and one that is in use
/// is not waited for longer than that.
pub async fn close_idle(pool: &PgPool) {
    let closed = wait::until("the return of the pool's connections", RETURN, async || {
        while let Some(connection) = pool.try_acquire() {
            // One that is dead already is closed as well as it can be.
            let _ = connection.close().await;
        }
        if pool.size() == 0 { Ok(()) } else { Err(format!("{} in use", pool.size())) }
    });
    // What is still in use is ended by its process id.
    let _ = closed.await;
}
