//! The cases of the contract, each with the check that it names.

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::report::counted;
use runbook::verdict::{Evidence, Verdict};

use crate::case::Case;
use crate::contract::Contract;
use crate::run::Runner;

/// Runs the cases of one check.
pub(super) async fn run(context: &Context, check: &str) -> Result<Verdict, CheckError> {
    let contract = Contract::of(context)?;
    let cases: Vec<&Case> = contract.cases.iter().filter(|case| case.check == check).collect();
    let mut evidence = Evidence::of("requests and rows");
    Runner::new(context, &contract)?.all(&cases, &mut evidence).await?;
    if cases.len() > 1 {
        evidence.summarise(format!(
            "{}, {}",
            counted(cases.len(), "cases"),
            counted(evidence.examined(), "requests and rows")
        ));
    }
    Ok(evidence.verdict())
}

/// Runs the cases of one check that only read; none where it has no such case.
pub(super) async fn reading(context: &Context, check: &str) -> Result<Option<Verdict>, CheckError> {
    let contract = Contract::of(context)?;
    let reads = |case: &&Case| case.check == check && !case.writes();
    let cases: Vec<&Case> = contract.cases.iter().filter(reads).collect();
    if cases.is_empty() {
        return Ok(None);
    }
    let mut evidence = Evidence::of("requests and rows");
    Runner::new(context, &contract)?.all(&cases, &mut evidence).await?;
    let of = contract.cases.iter().filter(|case| case.check == check).count();
    evidence.summarise(format!(
        "{} of {of} cases, those that only read: {} requests and rows",
        cases.len(),
        evidence.examined()
    ));
    Ok(Some(evidence.verdict()))
}

/// Runs one case by its name, and cleans up after it.
///
/// # Errors
/// When there is no such case, or what it needs is not there.
pub async fn run_case(context: &Context, name: &str) -> Result<Verdict, CheckError> {
    let contract = Contract::of(context)?;
    let case = contract
        .case(name)
        .ok_or_else(|| CheckError::Missing(format!("there is no case file `{name}.toml`")))?;
    let mut evidence = Evidence::of("requests and rows");
    Runner::new(context, &contract)?.all(&[case], &mut evidence).await?;
    Ok(evidence.verdict())
}
