//! An unlogged table is empty after a crash, and on every replica.

use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Verdict};
use sqlx::FromRow;

pub(crate) const CHECK: Check = Check::live_safe("schema.tables.logged", "every table survives a crash", run);

#[derive(FromRow)]
struct Table {
    name: String,
    unlogged: bool,
}

fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(check(context))
}

async fn check(context: &Context) -> Result<Verdict, CheckError> {
    let tables: Vec<Table> = crate::fetch(context, include_str!("tables_logged.sql")).await?;
    let mut evidence = Evidence::of("tables");
    for table in tables {
        evidence.examine(1);
        if table.unlogged {
            let remedy = format!("ALTER TABLE {} SET LOGGED", table.name);
            evidence.find(Finding::error(table.name, "it is unlogged: a crash empties it", remedy));
        }
    }
    Ok(evidence.verdict())
}
