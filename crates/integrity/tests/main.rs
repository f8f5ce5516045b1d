//! One test binary; a module a topic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests stand outside of #[test] functions"
)]

mod along;
mod bad_input;
mod clean;
mod corruption;
mod defects;
mod detached;
mod exotic;
mod few_servers;
mod foreign_keys;
mod hindered;
mod hostile;
mod keys;
mod pace;
mod pooler;
mod references;
mod rights;
mod rules;
mod schemas;
mod sequences;
mod settings;
mod snapshot;
mod soak;
mod standby;
mod support;
mod swift;
mod writers;

use std::collections::BTreeMap;

use harness::Database;
use runbook::context::Context;
use runbook::verdict::{Outcome, Verdict};

/// The verdict of every check of the suite, by its id.
async fn verdicts(context: &Context) -> BTreeMap<&'static str, Verdict> {
    let mut verdicts = BTreeMap::new();
    for check in integrity::checks() {
        verdicts.insert(check.id, check.run(context).await);
    }
    verdicts
}

/// The verdict of one check.
async fn verdict(context: &Context, id: &str) -> Verdict {
    let check = integrity::checks().into_iter().find(|check| check.id == id).unwrap();
    check.run(context).await
}

/// The ids of the checks that failed, with what they found.
fn failed(verdicts: &BTreeMap<&'static str, Verdict>) -> Vec<(&'static str, String)> {
    let failed = verdicts.iter().filter(|(_, verdict)| verdict.outcome() == Outcome::Fail);
    failed.map(|(id, verdict)| (*id, format!("{:?}", verdict.findings()))).collect()
}

/// Runs statements as superuser.
async fn execute(db: &Database, sql: &str) {
    db.execute(sql).await.unwrap();
}
