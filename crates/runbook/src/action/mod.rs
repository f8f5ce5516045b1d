//! An action: what a line of the runbook does (a backup, a migration), as opposed to what it claims.

mod command;
pub mod services;

use std::fmt;
use std::pin::Pin;

use crate::check::CheckError;
use crate::context::Context;
use crate::verdict::Verdict;

pub use command::{CommandOutput, run_command};

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

/// Where in the document the procedure now stands; it is in the stash while an action runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The heading of the section.
    pub step: String,
    /// The line's own words.
    pub words: String,
}

/// The revisions of this deployment; in the stash from the beginning of a run that deploys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The revision before it; `None` for an empty database.
    pub from: Option<String>,
    /// The revision to deploy.
    pub to: String,
}
