//! Towards a live target: the live-safe checks pass and write nothing, the others refuse.

use harness::Database;
use runbook::check::Safety;
use runbook::live::Live;
use runbook::verdict::Outcome;

use crate::wrong::faultless;

#[tokio::test]
async fn live_safe_checks_only_get_and_the_others_do_not_start() {
    let db = Database::seeded().await.unwrap();
    let mut serving = faultless(&db).await;
    let limits = serving.context.settings.limits.reading();
    serving.context.database =
        runbook::context::Database::Live(Live::connect(db.url(), limits).await.unwrap());
    for check in smoke::checks() {
        let verdict = check.run(&serving.context).await;
        let expected = if check.safety == Safety::Live { Outcome::Pass } else { Outcome::NotMeasured };
        assert_eq!(verdict.outcome(), expected, "{}: {:?}", check.id, verdict.findings());
    }
    let newest: i64 = sqlx::query_scalar("SELECT count(*) FROM projects WHERE created_at > '2026-01-01'")
        .fetch_one(db.pool())
        .await
        .unwrap();
    assert_eq!(newest, 0);
}

#[tokio::test]
async fn of_the_cases_those_that_only_read_are_asked_where_nothing_may_be_written() {
    let db = Database::seeded().await.unwrap();
    let mut serving = faultless(&db).await;
    let limits = serving.context.settings.limits.reading();
    serving.context.database =
        runbook::context::Database::Live(Live::connect(db.url(), limits).await.unwrap());
    let rows = "SELECT (SELECT count(*) FROM projects), (SELECT count(*) FROM project_events)";
    let before: (i64, i64) = sqlx::query_as(rows).fetch_one(db.pool()).await.unwrap();
    let mut left_out = Vec::new();
    for check in smoke::checks() {
        match smoke::ask_reading(&serving.context, &check).await {
            Some(verdict) => {
                assert_eq!(verdict.outcome(), Outcome::Pass, "{}: {:?}", check.id, verdict.findings());
                if check.id == "smoke.contract.cases" {
                    assert!(verdict.summary().unwrap().contains("those that only read"), "{verdict:?}");
                }
            }
            None => left_out.push(check.id),
        }
    }
    // Nothing is left of what only writes.
    assert_eq!(left_out, ["smoke.concurrency.etag", "smoke.maintenance.mode", "smoke.project.create"]);
    let after: (i64, i64) = sqlx::query_as(rows).fetch_one(db.pool()).await.unwrap();
    assert_eq!(before, after);
}
