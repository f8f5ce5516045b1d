//! What the role may not read, and what is locked: not measured, with the grant, and no hindrance to the rest.

use harness::Database;
use runbook::context::{Context, Database as Target};
use runbook::ephemeral::Ephemeral;
use runbook::verdict::Outcome;

use crate::{execute, verdict};

const FOREIGN_KEYS: &str = "integrity.foreign_keys.orphans";

/// The same database as a role that may read `projects` and `project_events` alone. The role is one that every
/// server has, taken on by each new session of this database, so that nothing is left on a shared server.
async fn as_a_reader_of_two_tables(db: &Database) -> Context {
    execute(
        db,
        "GRANT SELECT ON projects, project_events TO pg_monitor; \
         DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET role = pg_monitor', current_database()); END$$",
    )
    .await;
    let mut context = db.context();
    let limits = context.settings.limits.reading();
    context.database = Target::Ephemeral(Ephemeral::adopt(db.url().clone(), limits).await.unwrap());
    context
}

#[tokio::test]
async fn table_without_select_is_not_measured_with_the_grant() {
    let db = Database::seeded().await.unwrap();
    let context = as_a_reader_of_two_tables(&db).await;
    let verdict = verdict(&context, FOREIGN_KEYS).await;
    assert_eq!(verdict.outcome(), Outcome::NotMeasured, "{verdict:?}");
    assert_eq!(
        verdict.reason(),
        Some(
            "fk_payloads_project_id ON public.project_payloads: the role may not read it: \
             GRANT SELECT ON public.project_payloads TO pg_monitor"
        )
    );
}

#[tokio::test]
async fn fault_in_a_readable_table_is_found_beside_one_that_is_not() {
    let db = Database::seeded().await.unwrap();
    execute(
        &db,
        "ALTER TABLE project_events DISABLE TRIGGER ALL; \
         INSERT INTO project_events (project_id, event_type, actor, data) VALUES ('gone', 'x', 'y', '{}')",
    )
    .await;
    let context = as_a_reader_of_two_tables(&db).await;
    let verdict = verdict(&context, FOREIGN_KEYS).await;
    assert_eq!(verdict.outcome(), Outcome::Fail, "{verdict:?}");
    let [error, advice] = verdict.findings() else { panic!("{verdict:?}") };
    assert_eq!(error.object, "fk_events_project_id ON public.project_events");
    assert_eq!(advice.remedy, "GRANT SELECT ON public.project_payloads TO pg_monitor");
}

#[tokio::test]
async fn row_security_that_hides_rows_is_not_measured() {
    let db = Database::seeded().await.unwrap();
    execute(
        &db,
        "ALTER TABLE projects ENABLE ROW LEVEL SECURITY; GRANT SELECT ON project_payloads TO pg_monitor",
    )
    .await;
    let context = as_a_reader_of_two_tables(&db).await;
    let verdict = verdict(&context, FOREIGN_KEYS).await;
    assert_eq!(verdict.outcome(), Outcome::NotMeasured, "{verdict:?}");
    assert!(
        verdict.reason().unwrap().ends_with("ALTER ROLE pg_monitor BYPASSRLS (and 1 more)"),
        "{verdict:?}"
    );
}

#[tokio::test]
async fn locked_table_is_not_measured_and_the_rest_is_proved_on_the_same_snapshot() {
    let db = Database::seeded().await.unwrap();
    execute(
        &db,
        "ALTER TABLE project_payloads DISABLE TRIGGER ALL; \
         INSERT INTO project_payloads (project_id, module, config, files, cost_snapshot) \
         VALUES ('gone', 'signage.single_pole.base_plate', '{}', '[]', '{}')",
    )
    .await;
    let mut context = db.context();
    let mut limits = context.settings.limits.reading();
    limits.lock = std::time::Duration::from_millis(20);
    context.database = Target::Ephemeral(Ephemeral::adopt(db.url().clone(), limits).await.unwrap());
    let mut holder = db.pool().begin().await.unwrap();
    sqlx::query("LOCK TABLE project_events IN ACCESS EXCLUSIVE MODE").execute(&mut *holder).await.unwrap();
    let verdict = verdict(&context, FOREIGN_KEYS).await;
    holder.rollback().await.unwrap();
    let [error, advice] = verdict.findings() else { panic!("{verdict:?}") };
    assert_eq!(error.object, "fk_payloads_project_id ON public.project_payloads");
    assert_eq!(advice.object, "fk_events_project_id ON public.project_events");
    assert!(advice.problem.contains("lock timeout"), "{}", advice.problem);
    assert_eq!(verdict.summary(), Some("1 foreign key proved from the rows"));
}
