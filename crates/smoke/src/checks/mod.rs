//! The checks: a file a subject.

mod cases;
mod envelope;
mod maintenance;
mod probes;

use runbook::check::Check;

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
        Check::live_safe("smoke.api.ready", "The API says that it can serve", |context| {
            Box::pin(probes::ready(context))
        }),
        Check::ephemeral_only(
            "smoke.concurrency.etag",
            "Of several writers with one etag exactly one wins",
            |context| Box::pin(cases::run(context, "smoke.concurrency.etag")),
        ),
        Check::ephemeral_only(REST, "Each case of the contract is answered as it says", |context| {
            Box::pin(cases::run(context, REST))
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
        Check::ephemeral_only(
            "smoke.maintenance.mode",
            "Under maintenance writes wait and reads go on",
            |context| Box::pin(maintenance::run(context)),
        ),
        Check::ephemeral_only(
            "smoke.project.create",
            "A created project stands in the database with its event",
            |context| Box::pin(cases::run(context, "smoke.project.create")),
        ),
        Check::live_safe("smoke.project.read", "An existing project is read back", |context| {
            Box::pin(cases::run(context, "smoke.project.read"))
        }),
    ]
}
