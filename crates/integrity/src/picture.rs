//! The one snapshot that all sessions of a run look at.

use std::sync::Arc;
use std::time::Duration;

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::reader::{Opening, Reader};
use tokio::sync::Mutex;

/// A snapshot, exported by a session that does nothing but hold it. When that session is lost, so is what it holds:
/// the next one sees a later picture, and the verdict says of how many it speaks.
pub(crate) struct Picture {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    holder: Option<(Reader, String)>,
    /// How many snapshots there were.
    taken: u32,
    /// Whether a session and a holder cannot be had at the same time.
    alone: bool,
}

/// How much longer than a check may take the holder may stand idle: the checks of other suites come in between.
const PATIENCE: u32 = 2;

/// How every session of this suite begins: expressions of constraints and views give what they gave those who wrote.
pub(crate) fn opening() -> Opening {
    Opening { as_the_database: true, ..Opening::default() }
}

impl Picture {
    /// The picture of this run: on a live target one for all checks of this suite. A run on an ephemeral database
    /// changes it between two checks, so there each check looks anew; and where one session alone looks, what it sees is the
    /// picture.
    pub async fn of(context: &Context, sessions: usize) -> Arc<Self> {
        if !context.database.is_live() {
            return Arc::new(Self { held: Mutex::new(Held { alone: sessions == 1, ..Held::default() }) });
        }
        if let Some(picture) = context.stash.get::<Arc<Self>>() {
            picture.check().await;
            return Arc::clone(&picture);
        }
        let picture = Arc::new(Self { held: Mutex::default() });
        context.stash.put(Arc::clone(&picture));
        picture
    }

    /// From now on no session holds the picture for others: the target gives one at a time, so each takes its own.
    pub async fn hold_no_more(&self) {
        let mut held = self.held.lock().await;
        held.alone = true;
        held.holder = None;
    }

    /// A session that sees the picture, and its number, from 1.
    pub async fn session(&self, context: &Context) -> Result<(Reader, u32), CheckError> {
        let mut again = true;
        loop {
            if self.held.lock().await.alone {
                let reader = context.database.reader_with(&opening()).await?;
                let mut held = self.held.lock().await;
                held.taken += 1;
                return Ok((reader, held.taken));
            }
            let (name, number) = self.name(context).await?;
            // Nobody else waits meanwhile: a connection may take its time.
            let opening = Opening { snapshot: Some(name), ..opening() };
            match context.database.reader_with(&opening).await {
                Ok(reader) => return Ok((reader, number)),
                Err(error) => {
                    let mut held = self.held.lock().await;
                    if held.taken == number {
                        if let Some((holder, _)) = held.holder.as_mut()
                            && holder.scalar::<i32>("SELECT 1").await.is_ok()
                        {
                            // The holder lives, so it is the connection that cannot be had.
                            return Err(error);
                        }
                        held.holder = None;
                    }
                    // A later picture is tried once.
                    if !std::mem::take(&mut again) {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// The name of the snapshot, taken where none is held, and its number.
    async fn name(&self, context: &Context) -> Result<(String, u32), CheckError> {
        let mut held = self.held.lock().await;
        if let Some((_, name)) = &held.holder {
            return Ok((name.clone(), held.taken));
        }
        let idle = context.settings.limits.check.saturating_mul(PATIENCE).max(Duration::from_secs(60));
        let mut holder = context.database.reader_with(&Opening { idle: Some(idle), ..opening() }).await?;
        let name = holder.export_snapshot().await?;
        held.holder = Some((holder, name.clone()));
        held.taken += 1;
        Ok((name, held.taken))
    }

    /// Forgets a holder that is gone, and tells one that lives that it is still wanted.
    async fn check(&self) {
        let mut held = self.held.lock().await;
        if let Some((holder, _)) = held.holder.as_mut()
            && holder.scalar::<i32>("SELECT 1").await.is_err()
        {
            held.holder = None;
        }
    }
}
