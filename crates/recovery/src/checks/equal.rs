//! `recovery.rollback.equal`: after a rollback, catalogue, grants, sequences and rows are those of the dump.

use runbook::check::{CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Verdict};

use crate::actions::RolledBack;
use crate::state::State;

/// Past this many, more findings say nothing more.
const SHOWN: usize = 20;

pub(crate) fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(judge(context))
}

async fn judge(context: &Context) -> Result<Verdict, CheckError> {
    let Some(rolled_back) = context.stash.get::<RolledBack>() else {
        return Ok(Verdict::not_measured("no rollback was run"));
    };
    let state = State::read(&mut context.reader().await?).await?;
    let mut evidence = Evidence::of("tables, sequences and catalogue facts");
    evidence.examine(state.len());
    let differences = rolled_back.manifest.state.differences(&state);
    if differences.is_empty() {
        let (tables, rows) = (state.tables.len(), rolled_back.manifest.rows());
        evidence.summarise(format!("as in {} · {tables} tables · {rows} rows", rolled_back.manifest.dump));
    }
    for found in differences.into_iter().take(SHOWN) {
        let remedy = "roll back again; when rows were written since, stop what writes";
        evidence.find(Finding::error(
            found.object,
            format!("after the rollback, it {}", found.problem),
            remedy,
        ));
    }
    Ok(evidence.verdict())
}
