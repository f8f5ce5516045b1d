//! A rollback that is interrupted leaves the database that was there, and the next one cleans up after it.

use harness::Database;
use recovery::rehearsal::rehearse;
use rstest::rstest;

use crate::support::{
    Folder, ROWS, backup, context, databases, programs, roll_back, rollback_plan, sql, with_script, witness,
    written,
};

#[tokio::test]
async fn dropped_in_the_middle_it_changes_nothing_and_the_next_one_cleans_up() {
    let db = Database::at("006").await.unwrap();
    sql(&db, ROWS).await;
    let folder = Folder::new();
    let before = witness(&db).await;
    let taken = backup(&db, &folder.path()).await;
    sql(&db, "CREATE TABLE deployed (x int)").await;
    let deployed = witness(&db).await;

    let mut plan = rollback_plan(&db).await;
    let script = "\"$REAL\" \"$@\"; echo $$ > \"$HERE/pid\"; exec sleep 600";
    plan.programs = with_script(&plan.programs, folder.beside(), "pg_restore", script);
    let pid_file = folder.beside().join("pid");
    let pid = tokio::select! {
        outcome = plan.run(&db, &taken.0, &taken.1) => panic!("it hangs by design: {outcome:?}"),
        pid = written(&pid_file) => pid,
    };
    let status = format!("/proc/{}/status", pid.trim());
    let limit = std::time::Duration::from_secs(20);
    runbook::wait::until("the end of the child", limit, async || match std::fs::read_to_string(&status) {
        Ok(text) if !text.contains("State:\tZ") => Err("alive"),
        _ => Ok(()),
    })
    .await
    .unwrap();
    assert_eq!(witness(&db).await, deployed);
    assert_eq!(databases(&db).await, 2, "the copy is still there");

    roll_back(&db, &taken).await.unwrap();
    assert_eq!(witness(&db).await, before);
    assert_eq!(databases(&db).await, 1);
}

#[rstest]
#[case::before_it_did_anything("kill -9 $$")]
#[case::after_it_did_everything("\"$REAL\" \"$@\"; kill -9 $$")]
#[case::when_it_left_out_the_rows("\"$REAL\" --schema-only \"$@\"")]
#[tokio::test]
async fn a_restore_that_fails_changes_nothing(#[case] script: &str) {
    let db = Database::at("006").await.unwrap();
    sql(&db, ROWS).await;
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    sql(&db, "CREATE TABLE deployed (x int)").await;
    let deployed = witness(&db).await;
    let mut plan = rollback_plan(&db).await;
    plan.programs = with_script(&programs(&db).await, folder.beside(), "pg_restore", script);
    plan.run(&db, &taken.0, &taken.1).await.unwrap_err();
    assert_eq!(witness(&db).await, deployed);
    assert_eq!(databases(&db).await, 1, "the copy is gone");
}

#[tokio::test]
async fn two_at_once_are_refused() {
    let db = Database::empty().await.unwrap();
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    let mut plan = rollback_plan(&db).await;
    let script =
        "echo > \"$HERE/begun\"; while ! test -e \"$HERE/go\"; do sleep 0.01; done; exec \"$REAL\" \"$@\"";
    plan.programs = with_script(&plan.programs, folder.beside(), "pg_restore", script);
    let second = async {
        written(&folder.beside().join("begun")).await;
        let error = roll_back(&db, &taken).await.unwrap_err().to_string();
        std::fs::write(folder.beside().join("go"), "").unwrap();
        error
    };
    let (first, error) = tokio::join!(plan.run(&db, &taken.0, &taken.1), second);
    first.unwrap();
    assert_eq!(error, "another rollback of this database is at work; wait for its end");
}

#[tokio::test]
async fn a_database_of_somebody_elses_with_the_same_name_is_left_alone() {
    let db = Database::empty().await.unwrap();
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    let name: String = sqlx::query_scalar(
        "SELECT 'runbook_restoring_' || left(encode(sha256(convert_to(current_database(), 'UTF8')), 'hex'), 16)",
    )
    .fetch_one(db.pool())
    .await
    .unwrap();
    sql(&db, &format!("CREATE DATABASE {name}")).await;
    sql(&db, &format!("COMMENT ON DATABASE {name} IS 'mine'")).await;
    let error = roll_back(&db, &taken).await.unwrap_err().to_string();
    assert_eq!(error, format!("there is a database {name} that runbook did not make; rename it first"));
    assert_eq!(databases(&db).await, 2);
    sql(&db, &format!("DROP DATABASE {name}")).await;
}

#[tokio::test]
async fn a_dump_that_is_too_new_for_pg_restore_is_said_with_what_to_do() {
    let db = Database::empty().await.unwrap();
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    // The version of the format stands after `PGDMP`.
    let mut bytes = std::fs::read(&taken.0.path).unwrap();
    bytes[6] = 99;
    std::fs::write(&taken.0.path, bytes).unwrap();
    let programs = programs(&db).await;
    let limit = std::time::Duration::from_secs(30);
    let error = recovery::restore::contents(&programs, &taken.0.path, limit).await.unwrap_err().to_string();
    assert!(error.starts_with("pg_restore failed: the dump was written by a newer pg_dump; name"), "{error}");
}

/// The server does not drop a database that has one.
#[tokio::test]
async fn a_copy_with_a_subscription_is_cleaned_up_as_well() {
    let db = Database::empty().await.unwrap();
    let name = format!("s; {}", db.url().connect_options().get_database().unwrap());
    let subscription = format!(
        "CREATE SUBSCRIPTION \"{name}\" CONNECTION 'host=/nowhere' PUBLICATION p
           WITH (connect = false, slot_name = 'slot')"
    );
    sql(&db, &format!("CREATE TABLE t (a int); INSERT INTO t VALUES (1); {subscription}")).await;
    let folder = Folder::new();
    let (dump, mut manifest) = backup(&db, &folder.path()).await;
    let rehearsed =
        rehearse(&context(&db, &folder), &programs(&db).await, &dump, Some(&manifest)).await.unwrap();
    assert_eq!((rehearsed.failure.as_deref(), rehearsed.differences.as_deref()), (None, Some(&[][..])));

    manifest.state.tables[0].hash = "1".to_owned();
    let error = roll_back(&db, &(dump, manifest)).await.unwrap_err().to_string();
    assert!(error.contains("public.t holds 1 rows as it should, but not the same ones"), "{error}");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_subscription WHERE subname = $1")
        .bind(&name)
        .fetch_one(db.pool())
        .await
        .unwrap();
    assert_eq!((databases(&db).await, left), (1, 1), "only the database that was dumped has it");
    for statement in ["ALTER SUBSCRIPTION {} SET (slot_name = NONE)", "DROP SUBSCRIPTION {}"] {
        sql(&db, &statement.replace("{}", &format!("\"{name}\""))).await;
    }
}
