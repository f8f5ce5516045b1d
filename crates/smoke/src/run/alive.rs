//! Whether a run is alive: a lock on its tag that the server drops with the session that took it, so that it holds on
//! every machine and after SIGKILL.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use runbook::check::CheckError;
use runbook::context::{Context, classify};
use sqlx::postgres::{PgConnection, PgPool};

/// The first half of every lock's key: `SMOK`, so that nobody else's advisory locks are met by accident.
const SPACE: i32 = 0x534D_4F4B;

/// What every tag starts with.
const PREFIX: &str = "smoke-";

/// A tag that no other run has: `smoke-` and 24 hexadecimal digits.
pub(super) fn new_run() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let [first, second] = [1, 2].map(|n| RandomState::new().hash_one((now, std::process::id(), n)));
    format!("{PREFIX}{first:016x}{:08x}", second >> 32)
}

/// The sign of life of one run, for as long as it is held.
pub(super) struct Alive {
    // A session outside the pool: dropped, it is closed, and the server frees the lock.
    _session: PgConnection,
}

impl Alive {
    pub(super) async fn take(pool: &PgPool, run: &str) -> Result<Self, CheckError> {
        let mut session = pool.acquire().await.map_err(classify)?.detach();
        let taken: bool = sqlx::query_scalar(include_str!("alive_take.sql"))
            .bind(SPACE)
            .bind(number(run))
            .fetch_one(&mut session)
            .await
            .map_err(classify)?;
        let held: bool = sqlx::query_scalar(include_str!("alive_held.sql"))
            .bind(i64::from(SPACE))
            .bind(i64::from(number(run).cast_unsigned()))
            .fetch_one(&mut session)
            .await
            .map_err(classify)?;
        if taken && held {
            return Ok(Self { _session: session });
        }
        Err(CheckError::Missing(
            "the address leads to a pooler that shares sessions, so that no run could be known to be alive; give \
             the server's own address"
                .into(),
        ))
    }
}

/// The tags, of these, whose run is alive.
pub(super) async fn living(context: &Context, runs: &[String]) -> Result<Vec<String>, CheckError> {
    let held: Vec<(i64,)> = context.reader().await?.fetch(include_str!("alive_all.sql")).await?;
    let is_held = |run: &str| held.contains(&(i64::from(number(run).cast_unsigned()),));
    Ok(runs.iter().filter(|run| is_held(run)).cloned().collect())
}

/// The second half of a lock's key: the first eight digits of the tag.
fn number(run: &str) -> i32 {
    let digits = run.strip_prefix(PREFIX).and_then(|digits| digits.get(..8)).unwrap_or_default();
    u32::from_str_radix(digits, 16).map_or(0, u32::cast_signed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_runs_have_one_tag() {
        let tags: std::collections::BTreeSet<String> = (0..1000).map(|_| new_run()).collect();
        assert_eq!(tags.len(), 1000);
        assert!(tags.iter().all(|tag| tag.len() == 30 && tag.starts_with(PREFIX)));
        assert_eq!(number("smoke-ffffffff0000000000000000"), -1);
    }
}
