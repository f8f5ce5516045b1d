//! Waiting for a condition with a deadline; nowhere else does this workspace let time pass.

use std::fmt;
use std::future::Future;
use std::time::Duration;

/// The condition did not come true in time; what was seen last.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} did not happen within {} s; last seen: {last}", .limit.as_secs_f64())]
pub struct TimedOut {
    /// What was waited for.
    pub what: String,
    /// How long.
    pub limit: Duration,
    /// The last state seen.
    pub last: String,
}

/// Polls `probe` until it gives a value, or `limit` is over. `probe` returns the state it saw instead.
///
/// # Errors
/// [`TimedOut`] with the last state seen.
pub async fn until<T, S, F, P>(what: &str, limit: Duration, mut probe: P) -> Result<T, TimedOut>
where
    S: fmt::Display,
    F: Future<Output = Result<T, S>>,
    P: FnMut() -> F,
{
    let deadline = tokio::time::Instant::now() + limit;
    let mut pause = Duration::from_millis(2);
    let mut last = String::from("nothing");
    loop {
        match tokio::time::timeout_at(deadline, probe()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(state)) => last = state.to_string(),
            Err(_) => {}
        }
        if tokio::time::Instant::now() + pause >= deadline {
            return Err(TimedOut { what: what.to_owned(), limit, last });
        }
        #[allow(clippy::disallowed_methods, reason = "the one place where polling pauses")]
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}
