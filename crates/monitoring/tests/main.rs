//! One test binary; a module a topic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests stand outside of #[test] functions"
)]

mod clean;
mod defects;
mod history;
mod hostile;
mod statements;
mod window;

use std::collections::BTreeMap;

use harness::Database;
use runbook::context::{Context, Database as Target};
use runbook::ephemeral::Ephemeral;
use runbook::verdict::{Outcome, Verdict};

/// The verdict of every check of the suite, by its id.
async fn verdicts(context: &Context) -> BTreeMap<&'static str, Verdict> {
    let mut verdicts = BTreeMap::new();
    for check in monitoring::checks() {
        verdicts.insert(check.id, check.run(context).await);
    }
    verdicts
}

/// The verdict of one check.
async fn verdict(context: &Context, id: &str) -> Verdict {
    let check = monitoring::checks().into_iter().find(|check| check.id == id).unwrap();
    check.run(context).await
}

/// Runs an action of the suite.
async fn act(context: &Context, id: &str) {
    let action = monitoring::actions().into_iter().find(|action| action.id == id).unwrap();
    assert_eq!(action.run(context).await.unwrap().outcome(), Outcome::Pass);
}

/// Runs statements as superuser.
async fn execute(db: &Database, sql: &str) {
    db.execute(sql).await.unwrap();
}

/// Reads projects by their key and then all of them, often enough for every rate, and reports it at once.
async fn healthy_traffic(db: &Database) {
    execute(
        db,
        "DO $$BEGIN FOR n IN 1..3000 LOOP \
           PERFORM FROM projects WHERE project_id = 'proj_' || lpad(n::text, 8, '0'); END LOOP; END$$; \
         SELECT pg_stat_force_next_flush()",
    )
    .await;
}

/// The same database with sessions that take on a role, one that every server has.
async fn as_role(db: &Database, role: &str) -> Context {
    let set = format!(
        "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET role = {role}', current_database()); END$$"
    );
    execute(db, &set).await;
    anew(db).await
}

/// The same database with new sessions, which are set as it says now.
async fn anew(db: &Database) -> Context {
    let mut context = db.context();
    let limits = context.settings.limits.reading();
    context.database = Target::Ephemeral(Ephemeral::adopt(db.url().clone(), limits).await.unwrap());
    context
}
