//! Without a primary key a row cannot be named: not by a person, not by logical replication.

use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Verdict};
use sqlx::FromRow;

pub(crate) const CHECK: Check =
    Check::live_safe("schema.tables.primary_key", "every table has a primary key", run);

#[derive(FromRow)]
struct Table {
    name: String,
    has_key: bool,
}

fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(check(context))
}

async fn check(context: &Context) -> Result<Verdict, CheckError> {
    let tables: Vec<Table> = crate::fetch(context, include_str!("tables_primary_key.sql")).await?;
    let mut evidence = Evidence::of("tables");
    for table in tables {
        evidence.examine(1);
        if !table.has_key {
            let remedy = format!("ALTER TABLE {} ADD PRIMARY KEY (…)", table.name);
            evidence.find(Finding::error(table.name, "it has no primary key", remedy));
        }
    }
    Ok(evidence.verdict())
}
