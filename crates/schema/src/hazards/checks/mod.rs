//! The two checks of this module.

mod measured;
mod text;

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::Finding;

use super::found::Found;
use super::rules::Level;
use super::steps::Step;

pub(crate) const STATIC: runbook::check::Check = text::CHECK;
pub(crate) const MEASURED: runbook::check::Check = measured::CHECK;

/// The revision that the database stands at. One that cannot be told is another check's finding.
async fn current(context: &Context) -> Result<Option<String>, CheckError> {
    let migrator = crate::migrator(context).await?;
    let mut reader = context.reader().await?;
    migrator.current(&mut reader).await.map_err(crate::unasked)
}

/// What a report says of one thing that was found.
fn finding(step: &Step, found: &Found, seen: Option<&str>) -> Finding {
    let object = match &found.object {
        Some(table) => format!("{}:{} {table}", step.script.name(), found.line),
        None => format!("{}:{}", step.script.name(), found.line),
    };
    let mut problem = format!("{}: {}", found.rule.id, found.rule.why);
    if let Some(seen) = seen {
        problem = format!("{problem} ({seen})");
    }
    let mut finding = match found.level {
        Level::Error => Finding::error(object, problem, found.rule.instead),
        Level::Advice => Finding::advice(object, problem, found.rule.instead),
    };
    finding.accepted.clone_from(&found.allowed);
    finding
}
