//! The database is what its migrations make, and nothing else: no index from a late night, no column by hand.

use migrations::catalogue::{Catalogue, Difference};
use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Verdict};

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
    if differences.is_empty() {
        evidence.summarise(format!("{} objects as revision {current} makes them", wanted.len()));
    }
    for difference in differences {
        evidence.find(describe(&difference, &current));
    }
    Ok(evidence.verdict())
}

fn describe(difference: &Difference, revision: &str) -> Finding {
    let object = match &difference.part {
        Some(part) => format!("{}, {part}", difference.object),
        None => difference.object.to_string(),
    };
    let (problem, remedy) = match (&difference.left, &difference.right) {
        (Some(_), None) => (
            format!("the database lacks it, revision {revision} makes it"),
            "make it again as the migration does".to_owned(),
        ),
        (None, _) => (
            format!("the database has it, no migration up to {revision} makes it"),
            "write a migration that makes it, or drop it".to_owned(),
        ),
        (Some(wanted), Some(found)) => (
            format!(
                "the database has `{}`, revision {revision} makes `{}`",
                one_line(found),
                one_line(wanted)
            ),
            "write a migration that makes it so, or alter it back".to_owned(),
        ),
    };
    Finding::error(object, problem, remedy)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
