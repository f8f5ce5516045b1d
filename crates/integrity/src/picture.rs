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
}

/// How much longer than a check may take the holder may stand idle: the checks of other suites come in between.
const PATIENCE: u32 = 2;

impl Picture {
    /// The picture of this run: on a live target one for all checks of this suite. A run on an ephemeral database
    /// changes it between two checks, so there each check looks anew.
    pub async fn of(context: &Context) -> Arc<Self> {
        if !context.database.is_live() {
            return Arc::new(Self { held: Mutex::default() });
        }
        if let Some(picture) = context.stash.get::<Arc<Self>>() {
            picture.check().await;
            return Arc::clone(&picture);
        }
        let picture = Arc::new(Self { held: Mutex::default() });
        context.stash.put(Arc::clone(&picture));
        picture
    }

    /// A session that sees the picture, and its number, from 1.
    pub async fn session(&self, context: &Context) -> Result<(Reader, u32), CheckError> {
        let mut held = self.held.lock().await;
        if let Some((holder, name)) = held.holder.as_mut() {
            let opening = Opening { snapshot: Some(name.clone()), ..Opening::default() };
            match context.database.reader_with(&opening).await {
                Ok(reader) => return Ok((reader, held.taken)),
                // The holder lives, so it is the connection that cannot be had.
                Err(error) if holder.scalar::<i32>("SELECT 1").await.is_ok() => return Err(error),
                Err(_) => held.holder = None,
            }
        }
        let idle = context.settings.limits.check.saturating_mul(PATIENCE).max(Duration::from_secs(60));
        let mut holder =
            context.database.reader_with(&Opening { idle: Some(idle), ..Opening::default() }).await?;
        let name = holder.export_snapshot().await?;
        let opening = Opening { snapshot: Some(name.clone()), ..Opening::default() };
        let reader = context.database.reader_with(&opening).await?;
        held.holder = Some((holder, name));
        held.taken += 1;
        Ok((reader, held.taken))
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
