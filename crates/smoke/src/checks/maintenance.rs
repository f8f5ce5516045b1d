//! Maintenance mode from beginning to end: on, a real write refused, reads served, off, a real write taken.

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Measurement, Verdict};

use crate::case::{Case, Step, Values};
use crate::contract::Contract;
use crate::http::Sent;
use crate::run::{Before, Runner};
use crate::switch::{Switch, refused, section};

pub(super) async fn run(context: &Context) -> Result<Verdict, CheckError> {
    let contract = Contract::of(context)?;
    let runner = Runner::new(context, &contract)?;
    let switch = Switch::new(context, &contract)?;
    let mut evidence = Evidence::of("requests");
    let before = Before::look(context, &contract.rows).await?;
    // A deployment may be in the midst of its window: the mode is left as it was found.
    let was_on = switch.is_on().await.unwrap_or(false);
    let seen = within(&runner, &switch, &mut evidence).await;
    let released = release(&runner, &switch, &mut evidence).await;
    if was_on && let Err(problem) = switch.set(true).await? {
        find(&mut evidence, problem);
    }
    before.restore(context, &contract.rows, &mut evidence).await?;
    seen.and(released)?;
    Ok(evidence.verdict())
}

/// Under maintenance.
async fn within(runner: &Runner<'_>, switch: &Switch<'_>, evidence: &mut Evidence) -> Result<(), CheckError> {
    if let Err(problem) = switch.set(true).await? {
        find(evidence, problem);
        return Ok(());
    }
    evidence.examine(1);
    if let Err(problem) = switch.seen(true).await {
        find(evidence, problem);
    }
    let contract = runner.contract;
    let values = Values::default();
    let (write, _) = request(runner, contract, &section(contract)?.write, &values)?;
    let write = Sent { token: None, ..write };
    let problem = match runner.http.send(&write).await {
        Ok(answer) => refused(&answer).err(),
        Err(problem) => Some(format!("expected an answer, got {problem}")),
    };
    evidence.examine(1);
    if let Some(problem) = problem {
        let object = format!("{} {} under maintenance", write.method, write.path);
        evidence.find(Finding::error(object, problem, runner.remedy(&write)));
    }
    let (read, step) = request(runner, contract, &section(contract)?.read, &values)?;
    let mut problems = Vec::new();
    match runner.http.send(&read).await {
        Ok(answer) => runner.judge(step, &answer, &values, &mut problems),
        Err(problem) => problems.push(format!("expected an answer, got {problem}")),
    }
    evidence.examine(1);
    for problem in problems {
        let object = format!("{} {} under maintenance", read.method, read.path);
        evidence.find(Finding::error(object, problem, runner.remedy(&read)));
    }
    Ok(())
}

/// After it.
async fn release(
    runner: &Runner<'_>,
    switch: &Switch<'_>,
    evidence: &mut Evidence,
) -> Result<(), CheckError> {
    if let Err(problem) = switch.set(false).await? {
        find(evidence, problem);
        return Ok(());
    }
    match switch.seen(false).await {
        Ok(took) => {
            evidence.examine(1);
            evidence.measure(Measurement::new(
                "first write after release",
                took.as_secs_f64() * 1000.0,
                "ms",
            ));
        }
        Err(problem) => find(evidence, problem),
    }
    let values = Values::default();
    let (write, step) = request(runner, runner.contract, &section(runner.contract)?.write, &values)?;
    let write = Sent { token: None, ..write };
    let problem = match runner.http.send(&write).await {
        Ok(answer) if step.status.contains(&answer.status.as_u16()) => None,
        Ok(answer) => Some(format!("expected a success, found status {}", answer.status.as_u16())),
        Err(problem) => Some(format!("expected an answer, got {problem}")),
    };
    evidence.examine(1);
    if let Some(problem) = problem {
        let object = format!("{} {} after maintenance", write.method, write.path);
        evidence.find(Finding::error(object, problem, runner.remedy(&write)));
    }
    Ok(())
}

fn find(evidence: &mut Evidence, problem: String) {
    evidence.find(Finding::error(
        "maintenance mode",
        problem,
        "read the service's log, and switch it by hand",
    ));
}

/// The first request of a case.
fn request<'c>(
    runner: &Runner<'_>,
    contract: &'c Contract,
    name: &str,
    values: &Values,
) -> Result<(Sent, &'c Step), CheckError> {
    let step = contract.case(name).map(Case::first);
    let step = step.ok_or_else(|| CheckError::Other(format!("there is no case file `{name}.toml`")))?;
    Ok((runner.sent(step, values), step))
}
