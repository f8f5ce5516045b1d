//! A check: one line of the runbook that can be true or false.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::context::Context;
use crate::verdict::Verdict;

/// Whether a check may run on a live target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Safety {
    /// It only reads, through a [`Reader`](crate::reader::Reader): it may run anywhere.
    Live,
    /// It writes, restores or measures load: ephemeral databases only.
    Ephemeral,
}

/// Why a check could not answer. It becomes [`Verdict::not_measured`] with these words: never a pass.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The target lacks what the check needs; the text says what and how to provide it.
    #[error("{0}")]
    Missing(String),
    /// The role lacks a right; the text names the grant.
    #[error("{0}")]
    NotPermitted(String),
    /// The statement was cancelled, timed out or met a lock.
    #[error("{0}")]
    Interrupted(String),
    /// The database answered with an error or went away.
    #[error("{}", crate::context::describe(.0))]
    Database(#[from] sqlx::Error),
    /// The guard of a live target refused the statement.
    #[error(transparent)]
    Refused(#[from] crate::statement::Refused),
    /// Anything else, said in one sentence.
    #[error("{0}")]
    Other(String),
}

/// What a check returns while it runs.
pub type CheckFuture<'a> = Pin<Box<dyn Future<Output = Result<Verdict, CheckError>> + Send + 'a>>;

/// A question with an id. The words of the runbook that it stands for are the settings' business
/// (`[[line]]` in `runbook.toml`), so that suites know no system by name.
#[derive(Clone, Copy)]
pub struct Check {
    /// `suite.subject.fact`: stable, printed in reports, the name of its folder under `fixtures/defects/`.
    pub id: &'static str,
    /// What it proves, as a sentence without a full stop.
    pub title: &'static str,
    /// Where it may run.
    pub safety: Safety,
    run: for<'a> fn(&'a Context) -> CheckFuture<'a>,
}

impl Check {
    /// A check that only reads.
    pub const fn live_safe(
        id: &'static str,
        title: &'static str,
        run: for<'a> fn(&'a Context) -> CheckFuture<'a>,
    ) -> Self {
        Self { id, title, safety: Safety::Live, run }
    }

    /// A check that needs a database of our own.
    pub const fn ephemeral_only(
        id: &'static str,
        title: &'static str,
        run: for<'a> fn(&'a Context) -> CheckFuture<'a>,
    ) -> Self {
        Self { id, title, safety: Safety::Ephemeral, run }
    }

    /// The suite: the id's first part.
    pub fn suite(&self) -> &'static str {
        self.id.split_once('.').map_or(self.id, |(suite, _)| suite)
    }

    /// Runs the check and applies the accepted findings of the settings. Errors become `NotMeasured`; past
    /// the settings' time limit for one check it is `NotMeasured` too.
    pub async fn run(&self, context: &Context) -> Verdict {
        if self.safety == Safety::Ephemeral && context.database.is_live() {
            return Verdict::not_measured("it writes, so it runs on an ephemeral database only");
        }
        let limit = context.settings.limits.check;
        let verdict = match tokio::time::timeout(limit, (self.run)(context)).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(error)) => Verdict::not_measured(error.to_string()),
            Err(_) => Verdict::not_measured(format!("it was not done within {} s", limit.as_secs_f64())),
        };
        verdict.accepting(|finding| context.settings.checks.acceptance(self.id, finding))
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("id", &self.id).field("safety", &self.safety).finish_non_exhaustive()
    }
}
