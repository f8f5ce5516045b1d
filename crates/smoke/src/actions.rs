//! Switching maintenance mode: step 2 and step 7 of the runbook.

use runbook::action::Action;
use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Measurement, Verdict};

use crate::contract::Contract;
use crate::switch::Switch;

/// The actions, in the order of their ids.
pub fn actions() -> Vec<Action> {
    vec![
        Action::new("smoke.maintenance.off", "take writes again, and see a write get through", |context| {
            Box::pin(set(context, false))
        }),
        Action::new("smoke.maintenance.on", "refuse writes, and see a write refused", |context| {
            Box::pin(set(context, true))
        }),
    ]
}

async fn set(context: &Context, enabled: bool) -> Result<Verdict, CheckError> {
    let contract = Contract::of(context)?;
    let switch = Switch::new(context, &contract)?;
    let mut evidence = Evidence::of("writes");
    let problem = match switch.set(enabled).await? {
        Err(problem) => Some(problem),
        Ok(()) => match switch.seen(enabled).await {
            Ok(took) => {
                let name = if enabled { "first write refused" } else { "first write taken" };
                evidence.examine(1).measure(Measurement::new(name, took.as_secs_f64() * 1000.0, "ms"));
                evidence.summarise(if enabled {
                    "a write gets 503 with Retry-After"
                } else {
                    "writes get through"
                });
                None
            }
            Err(problem) => Some(problem),
        },
    };
    if let Some(problem) = problem {
        evidence.find(Finding::error(
            "maintenance mode",
            problem,
            "read the service's log, and switch it by hand",
        ));
    }
    Ok(evidence.verdict())
}
