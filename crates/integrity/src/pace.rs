//! Leaves a target alone that answers slower than it did.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use runbook::reader::Reader;
use runbook::wait;
use tokio::sync::Mutex;

/// How much slower than its best answer a target may become before it is left alone.
const FACTOR: u32 = 4;
/// For how long it is left alone at most: a proof that never ends helps nobody.
const MOST: Duration = Duration::from_secs(10);
/// What is asked: one row by an index, as others ask.
const QUESTION: &str = "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = 1259";

/// Watches how long the target takes to answer a small question between two large ones.
pub(crate) struct Pace {
    limit: Duration,
    best: AtomicU64,
    pauses: AtomicU64,
}

impl Pace {
    /// With the latency below which it never waits; zero never waits at all.
    pub fn new(limit: Duration) -> Self {
        Self { limit, best: AtomicU64::new(u64::MAX), pauses: AtomicU64::new(0) }
    }

    /// Waits until the target answers as quickly as it did, or for ten seconds.
    pub async fn wait(&self, reader: &mut Reader) {
        if self.limit.is_zero() || self.is_quick(ask(reader).await) {
            return;
        }
        self.pauses.fetch_add(1, Ordering::Relaxed);
        let reader = Mutex::new(reader);
        // Whether it became quicker or not, the work goes on.
        let _ = wait::until("the target answers as before", MOST, || async {
            let answered = ask(*reader.lock().await).await;
            if self.is_quick(answered) { Ok(()) } else { Err("slow") }
        })
        .await;
    }

    /// How often it waited.
    pub fn pauses(&self) -> u64 {
        self.pauses.load(Ordering::Relaxed)
    }

    /// A lost session is not for the pace to judge.
    fn is_quick(&self, answered: Option<Duration>) -> bool {
        let Some(took) = answered else { return true };
        let best = Duration::from_micros(self.best.fetch_min(micros(took), Ordering::Relaxed)).min(took);
        took <= self.limit.max(best.saturating_mul(FACTOR))
    }
}

async fn ask(reader: &mut Reader) -> Option<Duration> {
    let began = Instant::now();
    reader.scalar::<i64>(QUESTION).await.ok()?;
    Some(began.elapsed())
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_is_past_the_limit_and_past_four_times_the_best() {
        let pace = Pace::new(Duration::from_millis(100));
        let quick = |ms| pace.is_quick(Some(Duration::from_millis(ms)));
        assert!(quick(50) && quick(150) && !quick(201));
        assert!(quick(10) && quick(100) && !quick(101));
        assert!(pace.is_quick(None));
    }

    #[test]
    fn a_target_that_is_far_away_is_not_slow() {
        let pace = Pace::new(Duration::from_millis(100));
        assert!(pace.is_quick(Some(Duration::from_millis(300))));
        assert!(pace.is_quick(Some(Duration::from_millis(900))));
    }
}
