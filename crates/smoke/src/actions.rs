//! Switching maintenance mode: step 2 and step 7 of the runbook.

use runbook::action::Action;
use runbook::action::services::Processes;
use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Measurement, Verdict};

use crate::contract::Contract;
use crate::load;
use crate::switch::Switch;
use crate::vigil::{Vigil, Window};

/// The actions, in the order of their ids.
pub fn actions() -> Vec<Action> {
    vec![
        Action::new("smoke.maintenance.off", "take writes again, and see a write get through", |context| {
            Box::pin(off(context))
        }),
        Action::new("smoke.maintenance.on", "refuse writes, and see a write refused", |context| {
            Box::pin(on(context))
        }),
    ]
}

/// Opens the window. What it returns, a write was refused; from then on a probe keeps writing until it is closed.
async fn on(context: &Context) -> Result<Verdict, CheckError> {
    let switch = Switch::new(context, Contract::of(context)?.as_ref())?;
    let mut evidence = Evidence::of("writes");
    if switched(&switch, true, &mut evidence).await? {
        evidence.summarise("a write gets 503 with Retry-After");
        *Window::of(context).0.lock().await = Some(Vigil::keep(switch.http.clone(), switch.probe.clone()));
    }
    Ok(evidence.verdict())
}

/// Closes it, and says what the probe saw meanwhile.
async fn off(context: &Context) -> Result<Verdict, CheckError> {
    let contract = Contract::of(context)?;
    let switch = Switch::new(context, &contract)?;
    let mut evidence = Evidence::of("writes");
    let vigil = Window::of(context).0.lock().await.take();
    let seen = match vigil {
        Some(vigil) => Some(vigil.end().await),
        None => None,
    };
    let closed = switched(&switch, false, &mut evidence).await?;
    if let Some(seen) = &seen {
        evidence.examine(seen.refused);
        if let Some(problem) = &seen.got_through {
            find(&mut evidence, format!("a write within the window was not refused: {problem}"));
        }
    }
    if closed {
        evidence.summarise(match seen {
            Some(seen) if seen.unanswered > 0 => format!(
                "writes get through · {} were refused within the window, {} unanswered",
                seen.refused, seen.unanswered
            ),
            Some(seen) => {
                format!("writes get through · {} were refused within the window", seen.refused)
            }
            None => "writes get through".to_owned(),
        });
        traffic(context, &contract, &switch, &mut evidence).await?;
    }
    Ok(evidence.verdict())
}

/// What the service can take now that it takes everything again: figures, and no gate. Not where others use it.
async fn traffic(
    context: &Context,
    contract: &Contract,
    switch: &Switch<'_>,
    evidence: &mut Evidence,
) -> Result<(), CheckError> {
    let Some(load) = contract.load.as_ref().filter(|_| !context.database.is_live()) else { return Ok(()) };
    let figures = load::of(contract, switch.http.clone(), load).await?;
    let processes = context.stash.get::<Processes>();
    let pid = processes.and_then(|processes| processes.api.as_ref()?.pid());
    let seen = figures.evidence(pid.and_then(load::peak_memory)).verdict();
    evidence.examine(seen.examined());
    for measurement in seen.measurements() {
        evidence.measure(measurement.clone());
    }
    for finding in seen.findings() {
        evidence.find(finding.clone());
    }
    Ok(())
}

/// Switches and sees it; false where that failed, with the finding.
async fn switched(switch: &Switch<'_>, enabled: bool, evidence: &mut Evidence) -> Result<bool, CheckError> {
    let problem = match switch.set(enabled).await? {
        Err(problem) => problem,
        Ok(()) => match switch.seen(enabled).await {
            Ok(took) => {
                let name = if enabled { "first write refused" } else { "first write taken" };
                evidence.examine(1).measure(Measurement::new(name, took.as_secs_f64() * 1000.0, "ms"));
                return Ok(true);
            }
            Err(problem) => problem,
        },
    };
    find(evidence, problem);
    Ok(false)
}

fn find(evidence: &mut Evidence, problem: String) {
    evidence.find(Finding::error(
        "maintenance mode",
        problem,
        "read the service's log, and switch it by hand",
    ));
}
