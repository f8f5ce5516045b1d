//! The cases of the contract, each with the check that it names.

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::{Evidence, Verdict};

use crate::case::Case;
use crate::contract::Contract;
use crate::run::Runner;

/// Runs the cases of one check.
pub(super) async fn run(context: &Context, check: &str) -> Result<Verdict, CheckError> {
    let contract = Contract::of(&context.settings)?;
    let cases: Vec<&Case> = contract.cases.iter().filter(|case| case.check == check).collect();
    let mut evidence = Evidence::of("requests and rows");
    Runner::new(context, &contract)?.all(&cases, &mut evidence).await?;
    if cases.len() > 1 {
        evidence.summarise(format!("{} cases, {} requests and rows", cases.len(), evidence.examined()));
    }
    Ok(evidence.verdict())
}
