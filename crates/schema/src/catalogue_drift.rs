//! The database is what its migrations make, and nothing else: no index from a late night, no column by hand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use migrations::catalogue::{Catalogue, Difference};
use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::report::counted;
use runbook::verdict::{Evidence, Finding, Severity, Verdict};

pub(crate) const CHECK: Check =
    Check::live_safe("schema.catalogue.drift", "the database is what its migrations make", run);

fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(check(context))
}

async fn check(context: &Context) -> Result<Verdict, CheckError> {
    context.scratch()?;
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
    let wanted = Made::at(context, &current).await?;
    let mut evidence = Evidence::of("objects");
    evidence.examine(wanted.len() as u64);
    let differences = Catalogue::diff(&wanted, &found);
    if differences.iter().all(|difference| difference.access) {
        evidence.summarise(format!("{} as revision {current} makes them", counted(wanted.len(), "objects")));
    }
    for difference in &differences {
        evidence.find(describe(difference, "the database", &format!("revision {current}")));
    }
    Ok(evidence.verdict())
}

/// What the migrations make, by revision. Kept in the stash: a deployment asks for the same revisions more than once, and
/// files that were applied do not change meanwhile.
#[derive(Debug, Clone, Default)]
pub struct Made(Arc<Mutex<HashMap<String, Arc<Catalogue>>>>);

impl Made {
    async fn at(context: &Context, revision: &str) -> Result<Arc<Catalogue>, CheckError> {
        let known = context.stash.get::<Self>().unwrap_or_default();
        let catalogues = || known.0.lock().unwrap_or_else(PoisonError::into_inner);
        let schemas = &context.settings.database.schemas;
        let name = format!("{revision} {:?} {schemas:?}", context.settings.migrations);
        if let Some(catalogue) = catalogues().get(&name) {
            return Ok(Arc::clone(catalogue));
        }
        let made = context.scratch()?.at(revision, false).await?;
        let catalogue = Arc::new(Catalogue::read(&mut made.database().reader().await?, schemas).await?);
        catalogues().insert(name, Arc::clone(&catalogue));
        context.stash.put(Self::clone(&known));
        Ok(catalogue)
    }
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
