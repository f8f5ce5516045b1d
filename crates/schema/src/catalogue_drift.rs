//! The database is what its migrations make, and nothing else: no index from a late night, no column by hand.

use migrations::catalogue::{Catalogue, Difference};
use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Severity, Verdict};

pub(crate) const CHECK: Check =
    Check::live_safe("schema.catalogue.drift", "the database is what its migrations make", run);

fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(check(context))
}

async fn check(context: &Context) -> Result<Verdict, CheckError> {
    let scratch = context.scratch()?;
    let migrator = crate::migrator(context).await?;
    let mut reader = context.reader().await?;
    let current = migrator.current(&mut reader).await.map_err(crate::unasked)?;
    let Some(current) = current else {
        return Err(CheckError::Missing(format!(
            "the database stands at no revision: {} is absent or empty",
            migrator.version_table()
        )));
    };
    let schemas = &context.settings.database.schemas;
    let found = Catalogue::read(&mut reader, schemas).await?;
    let made = scratch.at(&current, false).await?;
    let wanted = Catalogue::read(&mut made.database().reader().await?, schemas).await?;
    let mut evidence = Evidence::of("objects");
    evidence.examine(wanted.len() as u64);
    let differences = Catalogue::diff(&wanted, &found);
    if differences.iter().all(|difference| difference.access) {
        evidence.summarise(format!("{} objects as revision {current} makes them", wanted.len()));
    }
    for difference in &differences {
        evidence.find(describe(difference, "the database", &format!("revision {current}")));
    }
    Ok(evidence.verdict())
}

/// What differs, what each side says, and the statements that mend it or why none can: `left` is as it should be. Who owns and may use
/// a thing is given by people and not by migrations, as a rule, so that is advice.
pub(crate) fn describe(difference: &Difference, right: &str, left: &str) -> Finding {
    let problem = match (&difference.left, &difference.right) {
        (Some(_), None) => format!("{right} lacks it, {left} makes it"),
        (None, _) => format!("{right} has it, no migration up to {left} makes it"),
        (Some(wanted), Some(found)) => {
            format!("{right} has `{}`, {left} makes `{}`", one_line(found), one_line(wanted))
        }
    };
    let mut finding = Finding::error(difference.subject(), problem, one_line(&difference.remedy()));
    if difference.access {
        finding.severity = Severity::Advice;
    }
    finding
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
