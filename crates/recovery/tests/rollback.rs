//! A rollback ends with the database of before, or changes nothing.

use harness::Database;
use rstest::rstest;

use crate::support::{
    Folder, ROWS, backup, databases, programs, roll_back, rollback_plan, sql, upgrade, witness,
};

#[tokio::test]
async fn deploying_the_newest_revision_is_rolled_back_and_can_be_deployed_again() {
    let db = Database::at("006").await.unwrap();
    sql(&db, ROWS).await;
    let folder = Folder::new();
    let before = witness(&db).await;
    let taken = backup(&db, &folder.path()).await;
    assert_eq!(taken.1.revision.as_deref(), Some("006"));
    upgrade(&db, "007").await;
    assert_ne!(witness(&db).await, before);

    let outcome = roll_back(&db, &taken).await.unwrap();
    assert_eq!(witness(&db).await, before);
    assert!(outcome.compared > 100, "{outcome:?}");
    let losses = outcome.losses.unwrap();
    assert!(
        losses.iter().any(|loss| loss.table == "public.partition_metadata" && loss.table_gone),
        "{losses:?}"
    );
    assert!(
        losses.iter().all(|loss| loss.table_gone || loss.bookkeeping),
        "no row of a person's is lost: {losses:?}"
    );
    upgrade(&db, "007").await;
}

#[rstest]
#[case::a_foreign_key_to_an_old_table(
    "CREATE TABLE reviews (id int PRIMARY KEY, project_id varchar(255) REFERENCES projects)"
)]
#[case::a_foreign_key_on_an_old_table(
    "CREATE TABLE accounts (id varchar(255) PRIMARY KEY); INSERT INTO accounts SELECT DISTINCT account_id FROM projects;
     ALTER TABLE projects ADD CONSTRAINT fk_account FOREIGN KEY (account_id) REFERENCES accounts"
)]
#[case::a_view_on_an_old_table("CREATE VIEW drafts AS SELECT * FROM projects WHERE status = 'draft'")]
#[case::a_dropped_column("ALTER TABLE projects DROP COLUMN customer")]
#[case::all_else_at_once(
    "DROP TABLE project_payloads;
     ALTER TABLE calibration_constants ALTER COLUMN value TYPE numeric(20, 6);
     CREATE SCHEMA \"New \"\"one\"; CREATE TYPE \"New \"\"one\".mood AS ENUM ('so', 'la');
     CREATE FUNCTION touch() RETURNS int LANGUAGE sql AS 'SELECT 1';
     GRANT SELECT ON projects TO PUBLIC; COMMENT ON TABLE projects IS 'new';
     UPDATE projects SET customer = 'nobody'; DELETE FROM project_events WHERE event_id % 2 = 0"
)]
#[tokio::test]
async fn a_deployment_is_rolled_back(#[case] deployment: &str) {
    let db = Database::at("006").await.unwrap();
    sql(&db, ROWS).await;
    let folder = Folder::new();
    let before = witness(&db).await;
    let taken = backup(&db, &folder.path()).await;
    sql(&db, deployment).await;
    assert_ne!(witness(&db).await, before);

    roll_back(&db, &taken).await.unwrap();
    assert_eq!(witness(&db).await, before);
}

#[tokio::test]
async fn what_was_written_to_columns_that_a_deployment_changed_or_made_is_accounted_for() {
    let db = Database::at("006").await.unwrap();
    sql(&db, ROWS).await;
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM projects").fetch_one(db.pool()).await.unwrap();
    sql(
        &db,
        "ALTER TABLE projects ALTER name TYPE varchar(300); UPDATE projects SET name = name || ' II'; \
         ALTER TABLE projects ADD \"{table}\" text; UPDATE projects SET \"{table}\" = 'seen'; \
         ALTER TABLE calibration_constants ADD noted boolean",
    )
    .await;
    let losses = roll_back(&db, &taken).await.unwrap().losses.unwrap();
    let [loss] = losses.as_slice() else { panic!("a column without a value is no loss: {losses:?}") };
    assert_eq!((loss.table.as_str(), loss.lost, loss.returned), ("public.projects", rows, rows));
    assert_eq!(
        (loss.uncompared.columns.as_slice(), loss.uncompared.rows),
        ([r#""{table}""#.to_owned()].as_slice(), rows)
    );
}

/// The server does not drop a database that has one; the restored one is in its place all the same.
#[tokio::test]
async fn a_database_that_cannot_be_dropped_is_kept_and_named_and_the_rollback_is_done() {
    let db = Database::at("006").await.unwrap();
    sql(&db, ROWS).await;
    let folder = Folder::new();
    let before = witness(&db).await;
    let taken = backup(&db, &folder.path()).await;
    sql(&db, "CREATE SUBSCRIPTION s CONNECTION 'host=/nowhere' PUBLICATION p WITH (connect = false)").await;

    let outcome = roll_back(&db, &taken).await.unwrap();
    assert_eq!(witness(&db).await, before);
    assert!(outcome.losses.is_ok(), "{outcome:?}");
    let kept = outcome.replaced.unwrap();
    let url = db.url().with_database(&kept).unwrap();
    let limits = harness::settings().limits.reading();
    let replaced = runbook::ephemeral::Ephemeral::adopt(url, limits).await.unwrap();
    for statement in ["ALTER SUBSCRIPTION s SET (slot_name = NONE)", "DROP SUBSCRIPTION s"] {
        sql(&replaced, statement).await;
    }
    replaced.pool().close().await;
    sql(&db, &format!("DROP DATABASE {kept} WITH (FORCE)")).await;
}

#[rstest]
#[case::a_new_table_stays("CREATE TABLE reviews (id int PRIMARY KEY)")]
#[case::a_view_and_a_foreign_key_leave_old_rows(
    "CREATE VIEW drafts AS SELECT * FROM projects; UPDATE projects SET name = 'x';
     CREATE TABLE reviews (id int PRIMARY KEY, project_id varchar(255) REFERENCES projects)"
)]
#[tokio::test]
async fn the_runbooks_literal_command_does_not_roll_back(#[case] deployment: &str) {
    let db = Database::at("006").await.unwrap();
    sql(&db, ROWS).await;
    let folder = Folder::new();
    let before = witness(&db).await;
    let (dump, _) = backup(&db, &folder.path()).await;
    sql(&db, deployment).await;
    let limit = harness::settings().limits.command;
    let _ = recovery::restore::restore_over(&programs(&db).await, &dump.path, db.url(), limit).await;
    assert_ne!(witness(&db).await, before);
}

#[tokio::test]
async fn rows_written_since_the_backup_are_counted_by_table() {
    let db = Database::at("006").await.unwrap();
    sql(&db, ROWS).await;
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    sql(
        &db,
        "INSERT INTO projects (project_id, account_id, name, status, created_by, updated_by)
           SELECT 'new' || n, 'acc_1', 'n', 'draft', 't', 't' FROM generate_series(1, 7) n;
         UPDATE projects SET name = 'changed' WHERE project_id IN ('p1', 'p2');
         DELETE FROM project_events WHERE project_id IN ('p3', 'p4', 'p5');
         -- The same row twice is two rows.
         CREATE TABLE added (x int); INSERT INTO added VALUES (1), (1);
         -- A column of the deployment does not make every row a new one.
         ALTER TABLE project_payloads ADD COLUMN note text DEFAULT 'x'",
    )
    .await;

    let losses = roll_back(&db, &taken).await.unwrap().losses.unwrap();
    let told: Vec<_> =
        losses.iter().map(|loss| (loss.table.as_str(), loss.lost, loss.returned, loss.table_gone)).collect();
    assert_eq!(
        told,
        [
            ("public.added", 2, 0, true),
            ("public.project_events", 0, 3, false),
            ("public.projects", 9, 2, false)
        ]
    );
}

#[tokio::test]
async fn what_belongs_to_the_database_itself_survives() {
    let db = Database::at("006").await.unwrap();
    let name = db.url().connect_options().get_database().unwrap().to_owned();
    let role = format!("reader_{}", &name[name.len().saturating_sub(12)..]);
    sql(
        &db,
        &format!(
            "CREATE ROLE \"{role}\";
             ALTER DATABASE \"{name}\" OWNER TO \"{role}\";
             ALTER DATABASE \"{name}\" SET search_path TO \"$user\", public;
             ALTER DATABASE \"{name}\" SET bytea_output TO 'escape';
             ALTER DATABASE \"{name}\" CONNECTION LIMIT 44;
             ALTER ROLE \"{role}\" IN DATABASE \"{name}\" SET work_mem TO '5MB';
             REVOKE ALL ON DATABASE \"{name}\" FROM PUBLIC;
             GRANT CONNECT ON DATABASE \"{name}\" TO \"{role}\" WITH GRANT OPTION;
             CREATE TABLE blobs (x bytea, t timestamptz); INSERT INTO blobs VALUES ('\\x00ff', now())"
        ),
    )
    .await;
    recovery::rollback::close_idle(db.pool()).await;
    let properties = || async {
        let mut reader = db.reader().await.unwrap();
        recovery::properties::Properties::read(&mut reader).await.unwrap()
    };
    let folder = Folder::new();
    let before = properties().await;
    let taken = backup(&db, &folder.path()).await;
    sql(&db, &format!("ALTER DATABASE \"{name}\" SET bytea_output TO 'hex'; CREATE TABLE t (x int)")).await;
    roll_back(&db, &taken).await.unwrap();
    assert_eq!(properties().await, before);
    assert_eq!(before.comment(), Some(runbook::ephemeral::MARK));
    sql(
        &db,
        &format!(
            "ALTER DATABASE \"{name}\" OWNER TO CURRENT_USER; DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\""
        ),
    )
    .await;
}

#[tokio::test]
async fn hostile_names_and_values_come_back() {
    let db = Database::empty().await.unwrap();
    sql(&db, include_str!("hostile.sql")).await;
    let folder = Folder::new();
    let before = witness(&db).await;
    let taken = backup(&db, &folder.path()).await;
    assert!(taken.1.state.tables.len() >= 5, "{:?}", taken.1.state.tables);
    sql(&db, "ALTER TABLE \"Sch\"\"ema é\".\"select\" ADD COLUMN more int DEFAULT 1; INSERT INTO \"t\" DEFAULT VALUES").await;
    let losses = roll_back(&db, &taken).await.unwrap().losses.unwrap();
    assert_eq!(witness(&db).await, before);
    assert_eq!(losses.iter().map(|loss| loss.lost).sum::<i64>(), 1, "{losses:?}");
}

#[tokio::test]
async fn a_session_of_somebody_else_is_named_and_nothing_is_changed() {
    let db = Database::at("006").await.unwrap();
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    sql(&db, "CREATE TABLE added (x int)").await;
    let before = witness(&db).await;
    let options = db.url().connect_options().application_name("the api");
    let mut other = <sqlx::PgConnection as sqlx::Connection>::connect_with(&options).await.unwrap();

    let error = roll_back(&db, &taken).await.unwrap_err().to_string();
    assert!(error.contains("the api of") && error.contains("nothing was changed"), "{error}");
    assert_eq!(witness(&db).await, before);

    let mut plan = rollback_plan(&db).await;
    plan.disconnect_others = true;
    plan.run(&db, &taken.0, &taken.1).await.unwrap();
    assert!(sqlx::query("SELECT 1").execute(&mut other).await.is_err(), "the other session was ended");
    assert_ne!(witness(&db).await, before);
}

#[tokio::test]
async fn a_session_that_is_about_to_end_is_waited_for() {
    let db = Database::at("006").await.unwrap();
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    sql(&db, "CREATE TABLE added (x int)").await;
    let mut other =
        <sqlx::PgConnection as sqlx::Connection>::connect_with(&db.url().connect_options()).await.unwrap();
    // The service is told to end, and its session still has this to do.
    let leaving = tokio::spawn(async move {
        sqlx::query("SELECT pg_sleep(0.3)").execute(&mut other).await.unwrap();
        sqlx::Connection::close(other).await.unwrap();
    });
    roll_back(&db, &taken).await.unwrap();
    leaving.await.unwrap();
}

#[tokio::test]
async fn a_copy_that_is_not_what_the_manifest_says_is_not_put_in_place() {
    let db = Database::at("006").await.unwrap();
    sql(&db, ROWS).await;
    let folder = Folder::new();
    let (dump, mut manifest) = backup(&db, &folder.path()).await;
    sql(&db, "CREATE TABLE added (x int)").await;
    let before = witness(&db).await;
    let events = manifest.state.tables.iter_mut().find(|table| table.name == "project_events").unwrap();
    events.hash = "1".to_owned();

    let error = roll_back(&db, &(dump, manifest)).await.unwrap_err().to_string();
    assert!(error.contains("project_events holds 200 rows as it should, but not the same ones"), "{error}");
    assert_eq!(witness(&db).await, before);
    assert_eq!(databases(&db).await, 1, "the copy is gone");
}

#[tokio::test]
async fn a_dump_that_was_changed_is_refused_before_anything_is_done() {
    let db = Database::at("006").await.unwrap();
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    std::fs::write(&taken.0.path, "something else").unwrap();
    let error = roll_back(&db, &taken).await.unwrap_err().to_string();
    assert!(error.contains("is not what its manifest says"), "{error}");
}

#[tokio::test]
async fn rows_that_break_their_foreign_key_cannot_be_restored_and_nothing_is_changed() {
    let db = Database::at("006").await.unwrap();
    sql(
        &db,
        "SET session_replication_role = replica;
         INSERT INTO project_events (project_id, event_type, actor, data) VALUES ('nobody', 'x', 'y', '{}');
         SET session_replication_role = origin",
    )
    .await;
    let folder = Folder::new();
    let before = witness(&db).await;
    let taken = backup(&db, &folder.path()).await;
    let error = roll_back(&db, &taken).await.unwrap_err().to_string();
    assert!(error.contains("fk_events_project_id"), "{error}");
    assert_eq!(witness(&db).await, before);
    assert_eq!(databases(&db).await, 1, "the copy is gone");
}
