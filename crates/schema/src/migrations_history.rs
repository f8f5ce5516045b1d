//! The files of the migrations form one line, without a gap, and each has a way back or says why it has none.

use std::path::Path;

use migrations::MigrationError;
use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::settings::MigrationTool;
use runbook::verdict::{Evidence, Finding, Verdict};

pub(crate) const CHECK: Check =
    Check::live_safe("schema.migrations.history", "the migrations form one line, each with a way back", run);

/// What a migration without a way back says of itself, with a reason.
const DECLARED: &str = "runbook: irreversible because ";

fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(check(context))
}

async fn check(context: &Context) -> Result<Verdict, CheckError> {
    let settings = std::sync::Arc::clone(&context.settings);
    // alembic is a child process that is waited for: not on a thread that others share.
    let examined =
        tokio::task::spawn_blocking(move || migrations::examine(&settings, settings.migrations.tool));
    let mut evidence = Evidence::of("revisions");
    let (revisions, problems) = match examined.await.map_err(|error| CheckError::Other(error.to_string()))? {
        Ok(examined) => examined,
        // Without the tool, or with a project that it cannot read, nothing can be deployed: that is found, not missed.
        Err(
            error @ (MigrationError::NoAlembic { .. }
            | MigrationError::Alembic { .. }
            | MigrationError::Unreadable { .. }),
        ) => {
            let tool = match context.settings.migrations.tool {
                MigrationTool::Sqlx => "sqlx",
                MigrationTool::Alembic => "alembic",
            };
            let text = error.to_string();
            let (problem, remedy) = text.split_once("; ").unwrap_or((&text, "mend what it names"));
            evidence.find(Finding::error(tool, problem, remedy));
            return Ok(evidence.verdict());
        }
        Err(error) => return Err(crate::unasked(error)),
    };
    evidence.examine(revisions.len() as u64);
    for problem in problems {
        evidence.find(Finding::error(problem.place(), &problem.text, &problem.remedy));
    }
    for revision in revisions.iter().filter(|revision| !revision.reversible) {
        let object = format!("{} {}", revision.id, revision.name);
        evidence.find(match declared(&revision.file) {
            Some(reason) => {
                Finding::advice(object, format!("it has no way back, because {reason}"), "restore a backup")
            }
            None => Finding::error(object, "it has no way back", way_back(context.settings.migrations.tool)),
        });
    }
    Ok(evidence.verdict())
}

/// The reason that the file itself gives.
fn declared(file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let reason = text.lines().find_map(|line| line.split_once(DECLARED))?.1.trim();
    (!reason.is_empty()).then(|| reason.to_owned())
}

fn way_back(tool: MigrationTool) -> String {
    let file = match tool {
        MigrationTool::Sqlx => "write its `.down.sql` file",
        MigrationTool::Alembic => "write its `downgrade()`",
    };
    format!("{file}, or say `{DECLARED}…` in it")
}
