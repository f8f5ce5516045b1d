//! All migrations applied, and none that nobody knows: `alembic current`, for either tool.

use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Verdict};

pub(crate) const CHECK: Check =
    Check::live_safe("schema.migrations.head", "every migration is applied, and nothing else", run);

fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(check(context))
}

async fn check(context: &Context) -> Result<Verdict, CheckError> {
    let migrator = crate::migrator(context).await?;
    let mut reader = context.reader().await?;
    let table = migrator.version_table();
    let mut evidence = Evidence::of("revisions");
    let current = match migrator.current(&mut reader).await {
        Ok(current) => current,
        Err(error) if error.is_state() => {
            evidence.examine(migrator.history().len() as u64);
            evidence.find(Finding::error(
                table,
                error.to_string(),
                "do what it says before anything is deployed",
            ));
            return Ok(evidence.verdict());
        }
        Err(error) => return Err(crate::unasked(error)),
    };
    evidence.examine(migrator.history().len() as u64);
    let head = migrator.head().unwrap_or("none");
    evidence.summarise(format!(
        "{} at {}, head {head}",
        migrator.tool(),
        current.as_deref().unwrap_or("nothing")
    ));
    for revision in migrator.pending(current.as_deref()) {
        evidence.find(Finding::error(
            format!("{} {}", revision.id, revision.name),
            format!("it is pending: the database stands at {}", current.as_deref().unwrap_or("no revision")),
            format!("apply it: `{}`", upgrade(migrator.tool(), &revision.id)),
        ));
    }
    Ok(evidence.verdict())
}

/// The command a person types.
fn upgrade(tool: &str, id: &str) -> String {
    match tool {
        "alembic" => format!("alembic upgrade {id}"),
        _ => format!("sqlx migrate run --target-version {}", id.trim_start_matches('0')),
    }
}
