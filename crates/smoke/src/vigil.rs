//! A probe that keeps writing as long as a maintenance window is open: what it saw is the proof that nothing got in.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::http::{Http, Sent};
use crate::switch::refused;

/// How often it writes; the next write waits for the answer to the last. Not oftener: an alert counts refusals too.
const EVERY: Duration = Duration::from_millis(500);

/// What it saw.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Writes that were refused as they must be.
    pub(crate) refused: u64,
    /// Writes that nobody answered: the service may be restarted within the window.
    pub(crate) unanswered: u64,
    /// What the first write that was not refused was answered.
    pub(crate) got_through: Option<String>,
}

/// The probe; it ends when it is dropped.
pub(crate) struct Vigil {
    seen: Arc<Mutex<Seen>>,
    paused: Arc<tokio::sync::RwLock<()>>,
    task: tokio::task::JoinHandle<()>,
}

impl Vigil {
    /// Begins; the window must be open already.
    pub(crate) fn keep(http: Arc<Http>, probe: Sent) -> Self {
        let (seen, paused) = (Arc::<Mutex<Seen>>::default(), Arc::new(tokio::sync::RwLock::new(())));
        let (noted, gate) = (Arc::clone(&seen), Arc::clone(&paused));
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let _open = gate.read().await;
                let answer = http.send_once(&probe).await;
                let mut seen = noted.lock().unwrap_or_else(PoisonError::into_inner);
                match answer {
                    Err(_) => seen.unanswered += 1,
                    Ok(answer) => match refused(&answer) {
                        Ok(()) => seen.refused += 1,
                        Err(problem) => drop(seen.got_through.get_or_insert(problem)),
                    },
                }
            }
        });
        Self { seen, paused, task }
    }

    /// While this is held it does not write, and no write of it is on its way: somebody opens and closes the window for
    /// a proof of their own.
    pub(crate) async fn pause(&self) -> tokio::sync::OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.paused).write_owned().await
    }

    /// Ends it, before the window is closed.
    pub(crate) async fn end(&self) -> Seen {
        // A write on its way belongs to the window still.
        let _last = self.pause().await;
        self.task.abort();
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The vigil over the window that is open now; in the stash from step 2 to step 7.
#[derive(Default)]
pub(crate) struct Window(pub(crate) tokio::sync::Mutex<Option<Vigil>>);

impl Window {
    /// Of a context.
    pub(crate) fn of(context: &runbook::context::Context) -> Arc<Self> {
        if let Some(window) = context.stash.get::<Self>() {
            return window;
        }
        context.stash.put(Self::default());
        context.stash.get::<Self>().unwrap_or_default()
    }
}

impl Drop for Vigil {
    fn drop(&mut self) {
        self.task.abort();
    }
}
