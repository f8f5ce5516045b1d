//! Running a check: where it may run, how long, and what its errors become.

use std::sync::Arc;
use std::time::Duration;

use harness::Database;
use runbook::check::{Check, CheckError};
use runbook::context::{Context, Database as Of};
use runbook::live::Live;
use runbook::settings::{Acceptance, Settings};
use runbook::verdict::{Evidence, Finding, Outcome};

const WRITES: Check = Check::ephemeral_only("test.it.writes", "it writes", |context| {
    Box::pin(async move {
        sqlx::query("CREATE TABLE t ()").execute(context.database.ephemeral()?.pool()).await?;
        let mut evidence = Evidence::of("tables");
        evidence.examine(1);
        Ok(evidence.verdict())
    })
});

const ASKS_FOR_MORE: Check = Check::live_safe("test.it.asks", "it asks for more than it may", |context| {
    Box::pin(async move {
        context.reader().await?.rows("SELECT pg_notify('a', 'b')", Default::default()).await?;
        Ok(Evidence::of("notifications").verdict())
    })
});

const NEVER_DONE: Check = Check::live_safe("test.it.hangs", "it hangs", |_| {
    Box::pin(std::future::pending::<Result<_, CheckError>>())
});

const FINDS: Check = Check::live_safe("test.it.finds", "it finds", |_| {
    Box::pin(async {
        let mut evidence = Evidence::of("indexes");
        evidence.examine(2).find(Finding::error("ix_a", "is invalid", "REINDEX INDEX ix_a"));
        Ok(evidence.verdict())
    })
});

async fn live(db: &Database) -> Context {
    let settings = harness::settings();
    let live = Live::connect(db.url(), settings.limits.reading()).await.unwrap();
    Context::new(settings, Of::Live(live))
}

fn with(mut context: Context, change: impl FnOnce(&mut Settings)) -> Context {
    change(Arc::make_mut(&mut context.settings));
    context
}

#[tokio::test]
async fn a_check_that_writes_is_not_measured_on_a_live_target() {
    let db = Database::empty().await.unwrap();
    let verdict = WRITES.run(&live(&db).await).await;
    assert_eq!(verdict.outcome(), Outcome::NotMeasured);
    assert!(verdict.reason().unwrap().contains("ephemeral database only"));
    assert_eq!(WRITES.run(&db.context()).await.outcome(), Outcome::Pass);
}

#[tokio::test]
async fn what_the_guard_refuses_is_not_measured_and_says_so_on_any_target() {
    let db = Database::empty().await.unwrap();
    for context in [live(&db).await, db.context()] {
        let verdict = ASKS_FOR_MORE.run(&context).await;
        assert_eq!(verdict.outcome(), Outcome::NotMeasured);
        assert!(verdict.reason().unwrap().contains("pg_notify"), "{verdict:?}");
    }
}

#[tokio::test]
async fn a_check_past_its_time_is_not_measured() {
    let db = Database::empty().await.unwrap();
    let context = with(db.context(), |settings| settings.limits.check = Duration::from_millis(20));
    let verdict = NEVER_DONE.run(&context).await;
    assert_eq!(verdict.reason(), Some("it was not done within 0.02 s"));
}

#[tokio::test]
async fn a_known_finding_no_longer_fails_its_check_and_keeps_its_reason() {
    let db = Database::empty().await.unwrap();
    assert_eq!(FINDS.run(&db.context()).await.outcome(), Outcome::Fail);
    let known = |object: &str| Acceptance {
        check: "test.it.finds".into(),
        object: object.into(),
        reason: "rebuilt on Monday".into(),
    };
    let other = with(db.context(), |settings| settings.checks.accept = vec![known("ix_b")]);
    assert_eq!(FINDS.run(&other).await.outcome(), Outcome::Fail, "another object is another finding");
    let accepted = with(db.context(), |settings| settings.checks.accept = vec![known("ix_a")]);
    let verdict = FINDS.run(&accepted).await;
    assert_eq!(verdict.outcome(), Outcome::Pass);
    assert_eq!(verdict.findings()[0].accepted.as_deref(), Some("rebuilt on Monday"));
}
