//! A disabled trigger is silent, and the triggers of a foreign key *are* the foreign key.

use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Verdict};
use sqlx::FromRow;

pub(crate) const CHECK: Check =
    Check::live_safe("schema.triggers.enabled", "every trigger fires, those of foreign keys included", run);

#[derive(FromRow)]
struct Trigger {
    name: String,
    on_table: String,
    of_foreign_key: bool,
    state: String,
    of_events: bool,
    examined: i64,
}

fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(check(context))
}

async fn check(context: &Context) -> Result<Verdict, CheckError> {
    let triggers: Vec<Trigger> = crate::fetch(context, include_str!("triggers_enabled.sql")).await?;
    let mut evidence = Evidence::of("triggers");
    for trigger in triggers {
        evidence.examine(trigger.examined.unsigned_abs());
        let how = match trigger.state.as_str() {
            "D" => "disabled",
            "R" => "firing on replicas only",
            _ => continue,
        };
        if trigger.of_events {
            let remedy = format!("ALTER EVENT TRIGGER {} ENABLE", trigger.name);
            evidence.find(Finding::error(trigger.name, format!("the event trigger is {how}"), remedy));
            continue;
        }
        let (problem, which) = if trigger.of_foreign_key {
            (
                format!("the trigger that enforces the foreign key is {how}, so rows may break it"),
                "ALL".to_owned(),
            )
        } else {
            (format!("the trigger is {how}"), trigger.name.clone())
        };
        evidence.find(Finding::error(
            format!("{} on {}", trigger.name, trigger.on_table),
            problem,
            format!("ALTER TABLE {} ENABLE TRIGGER {which}", trigger.on_table),
        ));
    }
    Ok(evidence.verdict())
}
