//! A constraint that was added NOT VALID and never validated binds new rows only; one that is NOT ENFORCED binds none.

use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Verdict};
use sqlx::FromRow;

pub(crate) const CHECK: Check =
    Check::live_safe("schema.constraints.validated", "every constraint has been validated", run);

#[derive(FromRow)]
struct Constraint {
    name: String,
    on_object: String,
    alter: String,
    validated: bool,
    enforced: bool,
    of_foreign_key: bool,
}

fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(check(context))
}

async fn check(context: &Context) -> Result<Verdict, CheckError> {
    let constraints: Vec<Constraint> =
        crate::fetch(context, include_str!("constraints_validated.sql")).await?;
    let mut evidence = Evidence::of("constraints");
    for constraint in constraints {
        evidence.examine(1);
        if !constraint.enforced {
            // A CHECK cannot be altered to be enforced.
            let (name, on) = (&constraint.name, &constraint.on_object);
            let remedy = if constraint.of_foreign_key {
                format!("ALTER TABLE {on} ALTER CONSTRAINT {name} ENFORCED")
            } else {
                format!("ALTER {} {on} DROP CONSTRAINT {name}, and add it again enforced", constraint.alter)
            };
            let problem = "it is NOT ENFORCED: no row is checked, old or new";
            evidence.find(Finding::error(format!("{name} on {on}"), problem, remedy));
        } else if !constraint.validated {
            evidence.find(Finding::error(
                format!("{} on {}", constraint.name, constraint.on_object),
                "it is NOT VALID: rows from before it was added were never checked",
                format!(
                    "ALTER {} {} VALIDATE CONSTRAINT {}",
                    constraint.alter, constraint.on_object, constraint.name
                ),
            ));
        }
    }
    Ok(evidence.verdict())
}
