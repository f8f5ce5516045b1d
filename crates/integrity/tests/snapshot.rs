//! One snapshot for all checks of a run, and nothing that holds up others.

use harness::Database;
use runbook::verdict::Outcome;

use crate::support::live;
use crate::{execute, verdict};

const FOREIGN_KEYS: &str = "integrity.foreign_keys.orphans";
const ORPHAN: &str = "BEGIN; SET LOCAL session_replication_role = replica; INSERT INTO project_events \
    (project_id, event_type, actor, data) VALUES ('gone', 'x', 'y', '{}'); COMMIT";

#[tokio::test]
async fn checks_of_one_run_see_one_snapshot_of_a_live_target() {
    let db = Database::seeded().await.unwrap();
    let run = live(&db).await;
    assert_eq!(verdict(&run, "integrity.constraints.check").await.outcome(), Outcome::Pass);
    execute(&db, ORPHAN).await;
    // Written after the snapshot: not this run's.
    let same = verdict(&run, FOREIGN_KEYS).await;
    assert_eq!(same.outcome(), Outcome::Pass, "{same:?}");
    assert_eq!(same.summary(), Some("2 foreign keys proved from the rows"));
    let next = verdict(&live(&db).await, FOREIGN_KEYS).await;
    assert_eq!(next.outcome(), Outcome::Fail, "{next:?}");
}

#[tokio::test]
async fn checks_on_an_ephemeral_database_look_anew_each_time() {
    let db = Database::seeded().await.unwrap();
    let context = db.context();
    assert_eq!(verdict(&context, FOREIGN_KEYS).await.outcome(), Outcome::Pass);
    execute(&db, ORPHAN).await;
    assert_eq!(verdict(&context, FOREIGN_KEYS).await.outcome(), Outcome::Fail);
}

#[tokio::test]
async fn snapshot_that_is_held_locks_no_table() {
    let db = Database::seeded().await.unwrap();
    let run = live(&db).await;
    verdict(&run, FOREIGN_KEYS).await;
    execute(
        &db,
        "SET lock_timeout = '2s'; ALTER TABLE projects ADD COLUMN later text; LOCK TABLE project_events NOWAIT",
    )
    .await;
    // What came later is not in the snapshot, and hinders nothing.
    let verdict = verdict(&run, FOREIGN_KEYS).await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{verdict:?}");
}

#[tokio::test]
async fn table_that_was_rewritten_under_the_snapshot_is_not_measured() {
    let db = Database::seeded().await.unwrap();
    let run = live(&db).await;
    verdict(&run, "integrity.constraints.check").await;
    // To the old snapshot the table is now empty, so that each row that names it would look like an orphan.
    execute(
        &db,
        "SET session_replication_role = replica; ALTER TABLE projects ALTER COLUMN confidence TYPE numeric",
    )
    .await;
    let verdict = verdict(&run, FOREIGN_KEYS).await;
    assert_eq!(verdict.outcome(), Outcome::NotMeasured, "{verdict:?}");
    let reason = verdict.reason().unwrap();
    assert!(reason.contains("a table of it was rewritten or refreshed since the snapshot"), "{reason}");
}

#[tokio::test]
async fn lost_holder_is_replaced_by_a_later_snapshot() {
    let db = Database::seeded().await.unwrap();
    let run = live(&db).await;
    verdict(&run, "integrity.constraints.check").await;
    execute(&db, ORPHAN).await;
    execute(
        &db,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()",
    )
    .await;
    let verdict = verdict(&run, FOREIGN_KEYS).await;
    assert_eq!(verdict.outcome(), Outcome::Fail, "the later snapshot shows the orphan: {verdict:?}");
}
