//! A hot standby: proved like its primary, and what it takes back to keep up with it.

use std::time::Duration;

use harness::Server;
use runbook::context::{Context, Database as Target};
use runbook::live::Live;
use runbook::verdict::Outcome;

use crate::{failed, verdict, verdicts};

const FOREIGN_KEYS: &str = "integrity.foreign_keys.orphans";
const SCHEMA: &str = "CREATE TABLE parent (id integer PRIMARY KEY); \
    CREATE TABLE child (id integer PRIMARY KEY, parent integer NOT NULL REFERENCES parent CHECK (parent > 0)); \
    INSERT INTO parent SELECT generate_series(1, 500); INSERT INTO child SELECT n, n FROM generate_series(1, 500) AS n; \
    CREATE EXTENSION amcheck";

async fn run_on(standby: &Server) -> Context {
    let mut settings = (*harness::settings()).clone();
    settings.integrity.rules = None;
    let live = Live::connect(&standby.url("app").unwrap(), settings.limits.reading()).await.unwrap();
    Context::new(std::sync::Arc::new(settings), Target::Live(live))
}

/// Waits until the standby has replayed what the primary has written.
async fn caught_up(primary: &Server, standby: &Server) {
    let position = "SELECT pg_current_wal_flush_lsn()::text";
    let ours = sqlx::PgPool::connect(primary.url("app").unwrap().expose()).await.unwrap();
    let theirs = sqlx::PgPool::connect(standby.url("app").unwrap().expose()).await.unwrap();
    let written: String = sqlx::query_scalar(position).fetch_one(&ours).await.unwrap();
    runbook::wait::until("the standby's replay", Duration::from_secs(30), || async {
        let replayed: bool = sqlx::query_scalar("SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn")
            .bind(&written)
            .fetch_one(&theirs)
            .await
            .unwrap();
        if replayed { Ok(()) } else { Err("behind") }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn hot_standby_is_proved_on_one_snapshot_and_a_conflict_costs_that_snapshot_alone() {
    let primary = Server::options().start().await.unwrap();
    primary.create("app").await.unwrap();
    primary.execute("app", SCHEMA).await.unwrap();
    // It does not wait for readers: replay goes first, and takes from them what it needs.
    let standby = primary.standby(&[("max_standby_streaming_delay", "0")]).await.unwrap();
    caught_up(&primary, &standby).await;

    let run = run_on(&standby).await;
    let clean = verdicts(&run).await;
    assert_eq!(failed(&clean), []);
    for id in [
        FOREIGN_KEYS,
        "integrity.constraints.check",
        "integrity.corruption.btree",
        "integrity.corruption.heap",
    ] {
        assert_eq!(clean[id].outcome(), Outcome::Pass, "{id}: {:?}", clean[id]);
    }

    // Rows that the held snapshot still sees are removed on the primary: a conflict on the standby.
    primary
        .execute(
            "app",
            "SET session_replication_role = replica; DELETE FROM parent WHERE id = 7; DELETE FROM child WHERE id > 400",
        )
        .await
        .unwrap();
    primary.execute("app", "VACUUM").await.unwrap();
    caught_up(&primary, &standby).await;
    let after = verdict(&run, FOREIGN_KEYS).await;
    assert_eq!(after.outcome(), Outcome::Fail, "the later snapshot shows the orphan: {after:?}");
    let [finding] = after.findings() else { panic!("{after:?}") };
    assert!(finding.problem.ends_with(r#"id = "7", parent = "7""#), "{finding:?}");
}
