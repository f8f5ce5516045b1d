//! A PgBouncer in transaction mode before the server, with few servers to give.

use std::time::Duration;

use harness::{Database, Pooler};
use rstest::rstest;
use runbook::verdict::Outcome;
use sqlx::{Connection as _, PgConnection};

use crate::support::{live, live_at, with};
use crate::{execute, verdict, verdicts};

/// One server: no session can see what another one exported. Two: one holds the snapshot, one reads.
#[rstest]
#[case::one(1)]
#[case::two(2)]
#[case::three(3)]
#[tokio::test]
async fn few_servers_are_enough_for_every_verdict(#[case] servers: usize) {
    let db = Database::seeded().await.unwrap();
    execute(&db, "CREATE EXTENSION amcheck").await;
    let pooler = Pooler::before(db.url(), servers).await.unwrap();
    for together in [true, false] {
        let context = live_at(&db.context(), pooler.url()).await;
        integrity::ask_together(&context, |_| together);
        let through = verdicts(&context).await;
        let passed = through.values().filter(|verdict| verdict.outcome() == Outcome::Pass).count();
        assert!(passed >= 9, "{through:#?}");
        for (id, direct) in verdicts(&live(&db).await).await {
            assert_eq!(
                (through[id].outcome(), through[id].reason()),
                (direct.outcome(), direct.reason()),
                "{id}"
            );
            assert_eq!(through[id].summary(), direct.summary(), "{id}");
        }
    }
}

#[rstest]
#[case::one(1)]
#[case::two(2)]
#[tokio::test]
async fn fault_is_found_and_shown_through_few_servers(#[case] servers: usize) {
    let db = Database::seeded().await.unwrap();
    execute(
        &db,
        "BEGIN; SET LOCAL session_replication_role = replica; INSERT INTO project_events \
         (event_id, project_id, event_type, actor, data) VALUES (900, 'gone', 'x', 'y', '{}'); COMMIT",
    )
    .await;
    let pooler = Pooler::before(db.url(), servers).await.unwrap();
    let context = live_at(&db.context(), pooler.url()).await;
    let verdict = verdict(&context, "integrity.foreign_keys.orphans").await;
    let [finding] = verdict.findings() else { panic!("{verdict:?}") };
    assert!(finding.problem.ends_with(r#"event_id = "900", project_id = "gone""#), "{finding:?}");
}

#[tokio::test]
async fn pooler_whose_only_server_is_taken_is_told_of_and_not_waited_for_without_an_end() {
    let db = Database::seeded().await.unwrap();
    let pooler = Pooler::before(db.url(), 1).await.unwrap();
    let mut context = db.context();
    with(&mut context, |settings| settings.limits.statement = Duration::from_millis(100));
    let context = live_at(&context, pooler.url()).await;
    let options = pooler.url().connect_options().extra_float_digits(None).statement_cache_capacity(0);
    let mut other = PgConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT 1").execute(&mut other).await.unwrap();
    let verdict = verdict(&context, "integrity.foreign_keys.orphans").await;
    assert_eq!(verdict.outcome(), Outcome::NotMeasured, "{verdict:?}");
    let reason = verdict.reason().unwrap();
    assert!(reason.contains("no transaction could be begun within 5.1 s"), "{reason}");
}
