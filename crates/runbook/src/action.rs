//! An action: what a line of the runbook does (a backup, a migration), as opposed to what it claims.

use std::fmt;
use std::pin::Pin;

use crate::check::CheckError;
use crate::context::Context;
use crate::verdict::Verdict;

/// What an action returns while it runs.
pub type ActionFuture<'a> = Pin<Box<dyn Future<Output = Result<Verdict, CheckError>> + Send + 'a>>;

/// A deed with an id. Actions write, so the procedure runs them on an ephemeral target, or on a live one under
/// a [`WriteGrant`](crate::grant::WriteGrant).
#[derive(Clone, Copy)]
pub struct Action {
    /// `recovery.backup.create`: what stands in `[[line]] actions`.
    pub id: &'static str,
    /// What it does, as a sentence without a full stop.
    pub title: &'static str,
    run: for<'a> fn(&'a Context) -> ActionFuture<'a>,
}

impl Action {
    /// A deed.
    pub const fn new(
        id: &'static str,
        title: &'static str,
        run: for<'a> fn(&'a Context) -> ActionFuture<'a>,
    ) -> Self {
        Self { id, title, run }
    }

    /// Does it. Unlike a check's, an action's error is a failure: what was to be done was not done.
    ///
    /// # Errors
    /// When it could not be done.
    pub async fn run(&self, context: &Context) -> Result<Verdict, CheckError> {
        (self.run)(context).await
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Action").field("id", &self.id).finish_non_exhaustive()
    }
}
