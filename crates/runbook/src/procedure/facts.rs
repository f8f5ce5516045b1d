//! What the procedure itself can say about a run.

use crate::check::{Check, CheckError};
use crate::context::Context;
use crate::report::counted;
use crate::verdict::{Evidence, Finding, Verdict};

/// How a deployment went so far; the procedure keeps it in the stash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many actions were done.
    pub done: u64,
    /// Why the deployment ended before its end.
    pub stopped: Option<String>,
}

/// The checks that need no suite.
pub fn checks() -> Vec<Check> {
    vec![Check::live_safe(
        "procedure.rollback.not_required",
        "the deployment came to its end without a reason to roll back",
        |context| Box::pin(not_required(context)),
    )]
}

async fn not_required(context: &Context) -> Result<Verdict, CheckError> {
    let Some(progress) = context.stash.get::<Progress>() else {
        return Ok(Verdict::not_measured("nothing was deployed in this run"));
    };
    let mut evidence = Evidence::of("actions");
    evidence.examine(progress.done);
    match &progress.stopped {
        Some(reason) => {
            let remedy = "carry out the rollback procedure, mend the cause, and rehearse again";
            evidence.find(Finding::error("deployment", format!("stopped: {reason}"), remedy));
        }
        None => {
            evidence.summarise(format!("{} done; a drill is not counted", counted(progress.done, "actions")));
        }
    }
    Ok(evidence.verdict())
}
