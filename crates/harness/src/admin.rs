//! The superuser's session that makes and drops databases, kept for the next time: a connection costs the server
//! as much as half a clone. At most one idles in a process.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use crate::HarnessError;
use crate::shared::{self, Shared};

/// It belongs to the keeper's runtime, as all who use it do.
static IDLE: Mutex<Option<PgConnection>> = Mutex::new(None);

/// A session in use. Dropped, it is closed; what is in order is [kept](Admin::keep).
pub(crate) struct Admin(PgConnection);

impl Admin {
    /// The idle session, where there is one that answers, or a new one.
    pub(crate) async fn of(shared: &Shared) -> Result<Self, HarnessError> {
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut session) = idle
            && session.ping().await.is_ok()
        {
            return Ok(Self(session));
        }
        shared::admin(&shared.record).await.map(Self)
    }

    /// Leaves it to whoever needs one next.
    pub(crate) fn keep(self) {
        *IDLE.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.0);
    }
}

impl Deref for Admin {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for Admin {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}
