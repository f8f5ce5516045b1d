//! No pending migration has a hazard that its text tells of; those of applied ones are reported.

use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::{Context, Database};
use runbook::settings::{MigrationTool, SettingsError};
use runbook::verdict::{Evidence, Finding, Measurement, Verdict};

use super::super::alembic::Capture;
use super::super::found::Found;
use super::super::lint::lint_after;
use super::super::script::Runs;
use super::super::steps::{Step, parse, steps};
use super::{current, finding};

pub(crate) const CHECK: Check =
    Check::live_safe("schema.hazards.static", "no pending migration's text tells of a hazard", run);

fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(check(context))
}

async fn check(context: &Context) -> Result<Verdict, CheckError> {
    super::super::allow::check_settings(&context.settings.root, &context.settings.hazards.allow)
        .map_err(|error| CheckError::Other(error.to_string()))?;
    let current = current(context).await?;
    let mut evidence = Evidence::of("migrations");
    let mut pending = 0;
    let mut past = 0;
    for step in steps(context, current.as_deref()).await? {
        evidence.examine(1);
        let mut found = match look(context, &step) {
            Ok(found) => found,
            // An allowance that is wrong allows nothing, and must be seen before it is relied upon.
            Err(error) => {
                pending += u32::from(step.pending);
                evidence.find(unread(&step, &error.to_string()));
                continue;
            }
        };
        if step.pending {
            pending += 1;
            let sent = sent(context, &step).await?;
            if let (Some(words), None) = (&step.unwritten, &sent) {
                let told = format!(
                    "revision {}: `alembic upgrade --sql` cannot write its statements ({words})",
                    step.id
                );
                return Err(CheckError::Missing(format!(
                    "{told}, and there is no scratch database to send them to"
                )));
            }
            for other in sent.into_iter().flatten() {
                let known =
                    found.iter().any(|known| (known.rule, &known.object) == (other.rule, &other.object));
                if !known {
                    found.push(other);
                }
            }
            for found in &found {
                evidence.find(finding(&step, found, None));
            }
        } else if let Some(applied) = applied(&step, &found) {
            past += 1;
            evidence.find(applied);
        }
    }
    evidence.measure(Measurement::new("pending migrations", f64::from(pending), "migrations"));
    evidence.summarise(format!("{pending} pending · {past} applied ones would not pass"));
    Ok(evidence.verdict())
}

fn look(context: &Context, step: &Step) -> Result<Vec<Found>, Box<SettingsError>> {
    lint_after(&step.script, &step.before, &step.earlier, &context.settings.hazards)
}

/// What is wrong with a file's own allowances: an error where it is pending.
fn unread(step: &Step, words: &str) -> Finding {
    let name = step.script.name();
    let place = words.find(&name).map_or(words, |at| &words[at..]);
    let (object, problem) = place.split_once(": ").unwrap_or((&name, place));
    let remedy = "write `-- runbook: allow RULE because REASON`; docs/hazards.md lists the rules";
    if step.pending {
        Finding::error(object, problem, remedy)
    } else {
        Finding::advice(object, problem, remedy)
    }
}

/// What alembic really sends, where there is a server to send it to: it may differ from what `--sql` writes.
async fn sent(context: &Context, step: &Step) -> Result<Option<Vec<Found>>, CheckError> {
    let alembic = context.settings.migrations.tool == MigrationTool::Alembic;
    let (true, Database::Ephemeral(_), Some(scratch)) = (alembic, &context.database, &context.scratch) else {
        return Ok(None);
    };
    let copy = match &step.previous {
        Some(previous) => scratch.at(previous, true).await?,
        None => scratch.empty().await?,
    };
    let capture = Capture::of(&context.settings)?;
    let text = capture.sent(copy.database().url(), step.previous.as_deref(), &step.id).await?;
    let script = parse(&step.script.path, text, Runs::AsWritten)?;
    let found = look(context, &Step { script, ..step.clone() });
    found.map(Some).map_err(|error| CheckError::Other(error.to_string()))
}

/// One advice about a migration that is applied: nothing can be changed any more, and the next one may copy it.
fn applied(step: &Step, found: &[Found]) -> Option<Finding> {
    let mut rules: Vec<&str> =
        found.iter().filter(|found| found.is_error()).map(|found| found.rule.id).collect();
    rules.dedup();
    if rules.is_empty() {
        return None;
    }
    let problem = format!("it is applied, and would not pass today: {}", rules.join(", "));
    Some(Finding::advice(step.script.name(), problem, "do not take it as an example"))
}
