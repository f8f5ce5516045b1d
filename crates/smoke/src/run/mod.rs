//! Running cases: send, compare, look into the database, clean up.

mod rows;
mod step;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding};
use secrecy::SecretString;

use crate::case::{Case, Values};
use crate::contract::Contract;
use crate::http::Http;
use crate::token;

pub(crate) use rows::{Before, fetch};

/// What runs cases against one target.
pub(crate) struct Runner<'a> {
    pub(crate) context: &'a Context,
    pub(crate) contract: &'a Contract,
    pub(crate) http: Arc<Http>,
    /// Sent with what writes, so that it is let through during maintenance.
    pub(crate) token: Option<SecretString>,
    run: String,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(context: &'a Context, contract: &'a Contract) -> Result<Self, CheckError> {
        Ok(Self { context, contract, http: Http::of(context)?, token: token::find(context), run: run_id() })
    }

    /// Runs cases into `evidence`. Those that write are followed by the proof that nothing of theirs is left.
    pub(crate) async fn all(&self, cases: &[&Case], evidence: &mut Evidence) -> Result<(), CheckError> {
        let before = match cases.iter().any(|case| case.writes()) {
            true => Some(Before::look(self.context, &self.contract.rows).await?),
            false => None,
        };
        let mut left_out = Vec::new();
        let mut broken = None;
        for case in cases {
            match self.case(case, evidence).await {
                Ok(true) => {}
                Ok(false) => left_out.push(case),
                Err(error) => {
                    broken = Some(error);
                    break;
                }
            }
        }
        // What was written is removed whatever became of the cases.
        if let Some(before) = before {
            before.restore(self.context, &self.contract.rows, evidence).await?;
        }
        for case in left_out {
            evidence.find(Finding::advice(
                &case.name,
                "left out: the rows that it needs are not there",
                "look at its `needs`, or add the rows",
            ));
        }
        broken.map_or(Ok(()), Err)
    }

    /// Runs one case; false when it was left out.
    async fn case(&self, case: &Case, evidence: &mut Evidence) -> Result<bool, CheckError> {
        let mut values = Values::default();
        values.put("run", self.run.clone());
        if let Some(needs) = &case.needs
            && fetch(self.context, needs, &values).await?.is_empty()
        {
            return Ok(false);
        }
        for step in &case.steps {
            let findings = self.step(case, step, &mut values, evidence).await?;
            let failed = !findings.is_empty();
            for finding in findings {
                evidence.find(finding);
            }
            if failed {
                // What follows builds on this answer; it would only repeat the finding.
                break;
            }
        }
        Ok(true)
    }
}

/// A tag of this run: two runs at once, and two rows of them, are told apart.
fn run_id() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}{:x}", std::process::id(), now.as_nanos())
}
