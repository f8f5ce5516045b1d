//! Maintenance mode from beginning to end: on, a real write refused, reads served, off, a real write taken.

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Measurement, Verdict};

use crate::case::{Case, Step};
use crate::contract::{Contract, HealthSays};
use crate::http::{Answer, Sent};
use crate::run::{Own, Runner};
use crate::switch::{Switch, refused, section};
use crate::vigil::Window;

pub(super) async fn run(context: &Context) -> Result<Verdict, CheckError> {
    let contract = Contract::of(context)?;
    let runner = Runner::new(context, &contract)?;
    let switch = Switch::new(context, &contract)?;
    let mut evidence = Evidence::of("requests");
    // A deployment may be in the midst of its window: the mode is left as it was found, and its vigil knows.
    let window = Window::of(context);
    let window = window.0.lock().await;
    let _paused = match window.as_ref() {
        Some(vigil) => Some(vigil.pause().await),
        None => None,
    };
    let was_on = match switch.is_on().await {
        Ok(was_on) => was_on,
        Err(problem) => {
            evidence.examine(1);
            find(
                &mut evidence,
                format!("whether it is on cannot be seen, so nothing was switched: {problem}"),
            );
            return Ok(evidence.verdict());
        }
    };
    let own = Own::begin(&runner, &mut evidence).await?;
    // The half of its time: a check that is ended for its time would leave the mode on.
    let half = context.settings.limits.check / 2;
    let seen = match tokio::time::timeout(half, within(&runner, &switch, &mut evidence)).await {
        Ok(seen) => seen,
        Err(_) => {
            runner.doubt();
            let problem = format!("it was not seen to its end within {} s", half.as_secs_f64());
            find(&mut evidence, problem);
            Ok(())
        }
    };
    let released = release(&runner, &switch, &mut evidence).await;
    let returned = if was_on { switch.set(true).await } else { Ok(Ok(())) };
    let ended = own.end(&runner, &mut evidence).await;
    if let Err(problem) = returned? {
        find(&mut evidence, problem);
    }
    seen.and(released).and(ended)?;
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
    let section = section(runner.contract)?;
    let (write, _) = request(runner, &section.write, false)?;
    judged(runner, &write, "under maintenance", evidence, |answer| {
        refused(answer).err().into_iter().collect()
    })
    .await;
    let (read, step) = request(runner, &section.read, true)?;
    judged(runner, &read, "under maintenance", evidence, |answer| {
        let mut problems = Vec::new();
        runner.judge(step, answer, &runner.values(), &mut problems);
        problems
    })
    .await;
    if let Some(health) = &section.health {
        told(runner, health, true, evidence).await;
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
            let took = took.as_secs_f64() * 1000.0;
            evidence.examine(1).measure(Measurement::new("first write after release", took, "ms"));
        }
        Err(problem) => find(evidence, problem),
    }
    let section = section(runner.contract)?;
    runner.mark(case(runner, &section.write)?).await?;
    let (write, step) = request(runner, &section.write, false)?;
    judged(runner, &write, "after maintenance", evidence, |answer| {
        if step.status.contains(&answer.status.as_u16()) {
            runner.note_key(answer);
            return Vec::new();
        }
        vec![format!("expected a success, found {}", answer.shown())]
    })
    .await;
    if let Some(health) = &section.health {
        told(runner, health, false, evidence).await;
    }
    Ok(())
}

/// The service is alive, and says whether it is under maintenance.
async fn told(runner: &Runner<'_>, health: &HealthSays, expected: bool, evidence: &mut Evidence) {
    let when = if expected { "under maintenance" } else { "after maintenance" };
    judged(runner, &Sent::get(health.path.as_str()), when, evidence, |answer| {
        let json = match answer.json() {
            Ok(json) if answer.status == 200 => json,
            Ok(_) => return vec![format!("expected status 200, found {}", answer.shown())],
            Err(problem) => return vec![problem],
        };
        let found = json.pointer(&health.pointer);
        if found.and_then(serde_json::Value::as_bool) == Some(expected) {
            return Vec::new();
        }
        let found = found.map_or_else(|| "nothing".to_owned(), ToString::to_string);
        vec![format!("{}: expected {expected}, found {found}", health.pointer)]
    })
    .await;
}

/// Sends a request, and finds what `problems` says of its answer.
async fn judged(
    runner: &Runner<'_>,
    sent: &Sent,
    when: &str,
    evidence: &mut Evidence,
    problems: impl FnOnce(&Answer) -> Vec<String>,
) {
    let found = match runner.http.send(sent).await {
        Ok(answer) => problems(&answer),
        Err(problem) => {
            runner.doubt();
            vec![format!("expected an answer, got {problem}")]
        }
    };
    evidence.examine(1);
    for problem in found {
        let object = format!("{} {} {when}", sent.method, sent.path);
        evidence.find(Finding::error(object, problem, runner.remedy(sent)));
    }
}

fn find(evidence: &mut Evidence, problem: String) {
    evidence.find(Finding::error(
        "maintenance mode",
        problem,
        "read the service's log, and switch it by hand",
    ));
}

/// The first request of a case; a write goes without the token that would let it through, unless it is asked for.
fn request<'c>(runner: &Runner<'c>, name: &str, token: bool) -> Result<(Sent, &'c Step), CheckError> {
    let step = case(runner, name)?.first();
    let sent = runner.sent(step, &runner.values());
    Ok((Sent { token: sent.token.clone().filter(|_| token), ..sent }, step))
}

fn case<'c>(runner: &Runner<'c>, name: &str) -> Result<&'c Case, CheckError> {
    let contract: &'c Contract = runner.contract;
    contract.case(name).ok_or_else(|| CheckError::Other(format!("there is no case file `{name}.toml`")))
}
