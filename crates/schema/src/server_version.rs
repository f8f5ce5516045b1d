//! The server is one that the system supports.

use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Measurement, Verdict};

pub(crate) const CHECK: Check =
    Check::live_safe("schema.server.version", "the server is of a supported version", run);

fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(check(context))
}

async fn check(context: &Context) -> Result<Verdict, CheckError> {
    let minimum = context.settings.database.minimum_version;
    let number: i32 = context
        .reader()
        .await?
        .scalar("SELECT pg_catalog.current_setting('server_version_num')::integer")
        .await?;
    let (major, minor) = (number / 10_000, number % 10_000);
    let mut evidence = Evidence::of("servers");
    evidence.examine(1).summarise(format!("PostgreSQL {major}.{minor}"));
    evidence.measure(Measurement::new("major version", f64::from(major), ""));
    if u32::try_from(major).is_ok_and(|major| major < minimum) {
        evidence.find(Finding::error(
            format!("PostgreSQL {major}.{minor}"),
            format!("it is older than {minimum}, the oldest that is supported"),
            format!("upgrade the server to {minimum} or newer"),
        ));
    }
    Ok(evidence.verdict())
}
