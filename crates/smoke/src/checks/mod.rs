//! The checks: a file a subject.

mod cases;
mod envelope;
mod maintenance;
mod openapi;
mod probes;

use runbook::check::{Check, CheckError, CheckFuture, Safety};
use runbook::context::Context;
use runbook::verdict::Verdict;

use crate::run::Writer;

pub use cases::run_case;

/// The check of the cases that name none.
pub(crate) const REST: &str = "smoke.contract.cases";

/// The checks that case files may belong to, and whether their cases may write.
pub(crate) const CASE_CHECKS: [(&str, bool); 4] = [
    ("smoke.concurrency.etag", true),
    (REST, true),
    ("smoke.project.create", true),
    ("smoke.project.read", false),
];

/// Every check of this suite, in the order of their ids.
pub fn checks() -> Vec<Check> {
    vec![
        Check::live_safe("smoke.api.health", "The API says that it is alive", |context| {
            Box::pin(probes::health(context))
        }),
        Check::live_safe(
            "smoke.api.openapi",
            "The API's document tells of what the contract asks",
            |context| Box::pin(openapi::run(context)),
        ),
        Check::live_safe("smoke.api.ready", "The API says that it can serve", |context| {
            Box::pin(probes::ready(context))
        }),
        Check::ephemeral_only(
            "smoke.concurrency.etag",
            "Of several writers with one etag exactly one wins",
            |context| writing(context, "smoke.concurrency.etag"),
        ),
        Check::ephemeral_only(REST, "Each case of the contract is answered as it says", |context| {
            writing(context, REST)
        }),
        Check::live_safe(
            "smoke.envelope.confidence",
            "The confidence of each answer is a number from 0 to 1",
            |context| Box::pin(envelope::confidence(context)),
        ),
        Check::live_safe("smoke.envelope.hash", "The hash of each answer is that of its result", |context| {
            Box::pin(envelope::hash(context))
        }),
        Check::live_safe("smoke.envelope.schema", "Each answer has the form of the envelope", |context| {
            Box::pin(envelope::schema(context))
        }),
        Check::ephemeral_only(MAINTENANCE, "Under maintenance writes wait and reads go on", |context| {
            writing(context, MAINTENANCE)
        }),
        Check::ephemeral_only(
            "smoke.project.create",
            "A created project stands in the database with its event",
            |context| writing(context, "smoke.project.create"),
        ),
        Check::live_safe("smoke.project.read", "An existing project is read back", |context| {
            Box::pin(cases::run(context, "smoke.project.read"))
        }),
    ]
}

const MAINTENANCE: &str = "smoke.maintenance.mode";

/// What a check that writes does; where that is allowed, on a live target too.
fn writing<'a>(context: &'a Context, id: &'static str) -> CheckFuture<'a> {
    match id {
        MAINTENANCE => Box::pin(maintenance::run(context)),
        id => Box::pin(cases::run(context, id)),
    }
}

/// Runs a check, on a live target one that writes too, if the context holds the [`Writer`](crate::Writer) that only
/// the command line can mint.
pub async fn ask(context: &Context, check: &Check) -> Verdict {
    if check.safety == Safety::Live || !context.database.is_live() || context.stash.get::<Writer>().is_none()
    {
        return check.run(context).await;
    }
    let verdict = within(context, writing(context, check.id)).await.unwrap_or_else(Verdict::not_measured);
    verdict.accepting(|finding| context.settings.checks.acceptance(check.id, finding))
}

/// Asks where nothing may be written: a check that only reads, and of one that writes the cases that only read. None where
/// nothing is left of it.
pub async fn ask_reading(context: &Context, check: &Check) -> Option<Verdict> {
    if check.safety == Safety::Live {
        return Some(check.run(context).await);
    }
    let verdict = match within(context, cases::reading(context, check.id)).await {
        Ok(verdict) => verdict?,
        Err(reason) => Verdict::not_measured(reason),
    };
    Some(verdict.accepting(|finding| context.settings.checks.acceptance(check.id, finding)))
}

/// Bounded as every check is; the error is why it was not measured.
async fn within<T>(
    context: &Context,
    asking: impl Future<Output = Result<T, CheckError>>,
) -> Result<T, String> {
    let limit = context.settings.limits.check;
    match tokio::time::timeout(limit, asking).await {
        Ok(answered) => answered.map_err(|error| error.to_string()),
        Err(_) => Err(format!("it was not done within {} s", limit.as_secs_f64())),
    }
}
