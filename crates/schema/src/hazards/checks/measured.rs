//! Each pending migration is run on copies with rows, and keeps nobody waiting for longer than the budget at the target's
//! size, breaks nothing, loses nothing, and can be run again.

use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Measurement, Verdict};

use super::super::judge::{Judged, judge};
use super::super::lint::lint_after;
use super::super::measure::victims::Beside;
use super::super::measure::{Measured, Plan, measure};
use super::super::steps::{Step, steps};
use super::{current, finding};

pub(crate) const CHECK: Check = Check::ephemeral_only(
    "schema.hazards.measured",
    "no pending migration stalls, breaks or loses anything on a copy with rows",
    run,
);

fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(check(context))
}

async fn check(context: &Context) -> Result<Verdict, CheckError> {
    let current = current(context).await?;
    let all = steps(context, current.as_deref()).await?;
    let pending: Vec<&Step> = all.iter().filter(|step| step.pending).collect();
    // Nothing is pending after a deployment: then it is the newest that is looked at, and reported.
    let looked_at: Vec<&Step> = if pending.is_empty() { all.last().into_iter().collect() } else { pending };
    let mut evidence = Evidence::of("migrations");
    let mut longest: f64 = 0.0;
    let mut felt: Option<f64> = None;
    for step in looked_at {
        // Before the first there is no table that anybody waits for.
        let Some(previous) = &step.previous else { continue };
        if let Some(words) = &step.unwritten {
            let told = format!(
                "revision {}: `alembic upgrade --sql` cannot write its statements ({words})",
                step.id
            );
            return Err(CheckError::Missing(told));
        }
        let plan = Plan { victims: true, ..Plan::of(context, previous) };
        let found = lint_after(&step.script, &step.before, &step.earlier, &context.settings.hazards)
            .map_err(|error| CheckError::Other(error.to_string()))?;
        let measured = measure(context, &step.script, &plan).await?;
        // A migration of which nothing could be executed is none that was measured.
        evidence.examine(u64::from(
            measured.unmeasured.len() < step.script.statements.len() || step.script.statements.is_empty(),
        ));
        let judged = judge(&step.script, found, &measured, &context.settings.hazards)
            .map_err(|error| CheckError::Other(error.to_string()))?;
        report(&mut evidence, step, &judged);
        for one in &measured.unmeasured {
            let object = format!("{}:{}", step.script.name(), one.line);
            let remedy = "read it: what its text tells was judged, and nothing of it was executed";
            evidence.find(runbook::verdict::Finding::advice(
                object,
                format!("not measured: {}", one.why),
                remedy,
            ));
        }
        longest = longest.max(wait(&measured));
        if let Some((_, victim)) = measured.victims.as_ref().and_then(Beside::longest) {
            felt = Some(felt.unwrap_or_default().max(victim.most.as_secs_f64() * 1000.0));
        }
    }
    let budget = context.settings.hazards.budget.as_secs_f64();
    evidence.measure(Measurement::new("longest wait at the target's size", longest, "s"));
    if let Some(felt) = felt {
        evidence.measure(Measurement::new("slowest statement beside it, on the copy", felt, "ms"));
    }
    evidence.summarise(format!(
        "longest wait {longest:.1} s of {budget:.1} s, extrapolated from {} and {} to {} rows",
        context.settings.hazards.sizes[0],
        context.settings.hazards.sizes[1],
        Plan::of(context, "").target
    ));
    Ok(evidence.verdict())
}

fn wait(measured: &Measured) -> f64 {
    measured.longest().map_or(0.0, |wait| wait.seconds)
}

fn report(evidence: &mut Evidence, step: &Step, judged: &Judged) {
    for found in judged.found.iter().filter(|found| found.level == super::Level::Error) {
        let seen =
            judged.seen.iter().find(|(class, _)| *class == found.rule.class).map(|(_, text)| text.as_str());
        let finding = finding(step, found, seen);
        // An applied migration is reported and gates nothing.
        let advice = runbook::verdict::Finding::advice(&finding.object, &finding.problem, &finding.remedy);
        evidence.find(if step.pending { finding } else { advice });
    }
}
