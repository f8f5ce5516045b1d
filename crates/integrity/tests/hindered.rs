//! Tables dropped, queries cancelled, connections lost: that claim is not measured, the rest is, and a second run goes
//! on there.

use harness::Database;
use integrity::Resume;
use runbook::context::Context;
use runbook::verdict::{Outcome, Verdict};
use sqlx::{Postgres, Transaction};

use crate::support::{live, waiting_for_a_lock, with};
use crate::{execute, verdict};

const FOREIGN_KEYS: &str = "integrity.foreign_keys.orphans";
const EVENTS: &str = "fk_events_project_id ON public.project_events";

/// A transaction that has `project_events` for itself.
async fn events_locked(db: &Database) -> Transaction<'static, Postgres> {
    let mut holder = db.pool().begin().await.unwrap();
    sqlx::query("LOCK TABLE project_events IN ACCESS EXCLUSIVE MODE").execute(&mut *holder).await.unwrap();
    holder
}

/// Runs the check while `project_events` is locked, does `meanwhile` to those who wait, and lets them go.
async fn disturbed(db: &Database, context: &Context, meanwhile: &str) -> Verdict {
    let holder = events_locked(db).await;
    let disturb = async {
        for pid in waiting_for_a_lock(db, 1).await {
            execute(db, &meanwhile.replace("PID", &pid.to_string())).await;
        }
        holder.rollback().await.unwrap();
    };
    let (verdict, ()) = tokio::join!(verdict(context, FOREIGN_KEYS), disturb);
    verdict
}

/// A run that waits for a lock as long as a test needs.
async fn patient(db: &Database) -> Context {
    let mut context = db.context();
    with(&mut context, |settings| settings.limits.lock = settings.limits.statement);
    crate::support::live_at(&context, db.url()).await
}

#[tokio::test]
async fn cancelled_query_is_not_measured_and_the_next_run_goes_on_there() {
    let db = Database::seeded().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("resume");
    let run = patient(&db).await;
    Resume::start(&run, &file).await.unwrap();
    let hindered = disturbed(&db, &run, "SELECT pg_cancel_backend(PID)").await;
    assert_eq!(hindered.outcome(), Outcome::NotMeasured, "{hindered:?}");
    let reason = hindered.reason().unwrap();
    assert!(
        reason.starts_with(EVENTS) && reason.contains("canceling statement due to user request"),
        "{reason}"
    );

    let next = live(&db).await;
    Resume::start(&next, &file).await.unwrap();
    let resumed = verdict(&next, FOREIGN_KEYS).await;
    assert_eq!(resumed.outcome(), Outcome::Pass, "{resumed:?}");
    assert_eq!(resumed.summary(), Some("2 foreign keys proved from the rows, 1 by the run before"));

    // It had nothing left, so the one after it begins anew.
    let third = live(&db).await;
    Resume::start(&third, &file).await.unwrap();
    assert_eq!(verdict(&third, FOREIGN_KEYS).await.summary(), Some("2 foreign keys proved from the rows"));
}

#[tokio::test]
async fn fault_of_the_run_before_is_looked_for_again() {
    let db = Database::seeded().await.unwrap();
    let file = tempfile::tempdir().unwrap().path().join("resume");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    execute(
        &db,
        "ALTER TABLE project_payloads DISABLE TRIGGER ALL; UPDATE project_payloads SET project_id = 'gone' \
         WHERE payload_id = (SELECT min(payload_id) FROM project_payloads)",
    )
    .await;
    let run = patient(&db).await;
    Resume::start(&run, &file).await.unwrap();
    let first = disturbed(&db, &run, "SELECT pg_cancel_backend(PID)").await;
    assert_eq!(first.outcome(), Outcome::Fail, "{first:?}");
    let next = live(&db).await;
    Resume::start(&next, &file).await.unwrap();
    let second = verdict(&next, FOREIGN_KEYS).await;
    assert_eq!(second.outcome(), Outcome::Fail, "a fault is never taken as proved: {second:?}");
    assert_eq!(second.examined(), 2);
}

#[tokio::test]
async fn lost_connection_costs_one_claim_and_the_rest_is_proved_on_the_same_snapshot() {
    let db = Database::seeded().await.unwrap();
    execute(
        &db,
        "ALTER TABLE project_payloads DISABLE TRIGGER ALL; UPDATE project_payloads SET project_id = 'gone' \
         WHERE payload_id = (SELECT min(payload_id) FROM project_payloads)",
    )
    .await;
    let verdict = disturbed(&db, &patient(&db).await, "SELECT pg_terminate_backend(PID)").await;
    assert_eq!(verdict.outcome(), Outcome::Fail, "{verdict:?}");
    let [error, advice] = verdict.findings() else { panic!("{verdict:?}") };
    assert_eq!(error.object, "fk_payloads_project_id ON public.project_payloads");
    assert_eq!(advice.object, EVENTS);
    assert!(advice.problem.starts_with("was not measured: "), "{advice:?}");
    assert_eq!(verdict.summary(), Some("1 foreign key proved from the rows"));
}

#[tokio::test]
async fn table_dropped_meanwhile_is_not_measured() {
    let db = Database::seeded().await.unwrap();
    let run = patient(&db).await;
    let mut holder = events_locked(&db).await;
    let drop = async {
        waiting_for_a_lock(&db, 1).await;
        sqlx::query("DROP TABLE project_events").execute(&mut *holder).await.unwrap();
        holder.commit().await.unwrap();
    };
    let (verdict, ()) = tokio::join!(verdict(&run, FOREIGN_KEYS), drop);
    assert_eq!(verdict.outcome(), Outcome::NotMeasured, "{verdict:?}");
    let reason = verdict.reason().unwrap();
    assert!(reason.starts_with(EVENTS) && reason.contains("does not exist"), "{reason}");
}

#[tokio::test]
async fn statement_that_takes_too_long_is_not_measured_and_hinders_no_other() {
    let db = Database::seeded().await.unwrap();
    let mut context = db.context();
    with(&mut context, |settings| {
        settings.limits.statement = std::time::Duration::from_millis(1500);
        settings.limits.lock = std::time::Duration::from_secs(20);
    });
    let run = crate::support::live_at(&context, db.url()).await;
    let holder = events_locked(&db).await;
    let verdict = verdict(&run, FOREIGN_KEYS).await;
    holder.rollback().await.unwrap();
    let reason = verdict.reason().unwrap();
    assert!(reason.starts_with(EVENTS) && reason.contains("statement timeout"), "{reason}");
    assert!(!reason.contains("more)"), "the other key was proved: {reason}");
}

#[tokio::test]
async fn server_with_few_connections_left_is_asked_by_one_session_at_a_time() {
    let server = harness::Server::options().setting("max_connections", "12").start().await.unwrap();
    let ephemeral = server.create("few").await.unwrap();
    server
        .execute(
            "few",
            "CREATE TABLE a (id integer PRIMARY KEY, b integer REFERENCES a); INSERT INTO a VALUES (1, 1)",
        )
        .await
        .unwrap();
    let context = Context::new(harness::settings(), runbook::context::Database::Ephemeral(ephemeral.clone()));
    let verdict = verdict(&context, FOREIGN_KEYS).await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{verdict:?}");
}
