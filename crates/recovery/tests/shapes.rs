//! Whatever the tables are like and the deployment made of them: of what was written since the backup, all is told, and nothing
//! else.

use harness::{Database, Server};
use rstest::rstest;
use runbook::verdict::Verdict;

use crate::support::{
    Folder, act, backup, context, databases, own_backup, roll_back, rollback_plan, sql, witness,
};

/// What the rollback tells of each object, one a line.
fn told(verdict: &Verdict) -> Vec<String> {
    verdict.findings().iter().map(|found| format!("{}: {}", found.object, found.problem)).collect()
}

/// What stands at the backup; what happens afterwards; what is told.
#[rstest]
#[case::no_key(
    "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1), (1), (2)",
    "DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t WHERE a = 1); INSERT INTO t VALUES (2), (2), (3)",
    &["public.t: lost by the rollback: 3 rows written or changed since the backup; 1 rows are again what they were"]
)]
#[case::generated_and_identity(
    "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, a int, b int GENERATED ALWAYS AS (a * 2) STORED); INSERT INTO t (a) VALUES (1)",
    "INSERT INTO t (a) VALUES (2)",
    &["public.t: lost by the rollback: 1 rows written since the backup",
      "public.t_id_seq: stood at 2, and is back at 1: numbers that it gave since the backup are given again"]
)]
#[case::unlogged("CREATE UNLOGGED TABLE t (a int); INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)",
    &["public.t: lost by the rollback: 1 rows written since the backup"])]
#[case::heirs(
    "CREATE TABLE up (a int); CREATE TABLE down (b int) INHERITS (up); INSERT INTO up VALUES (1); INSERT INTO down VALUES (1, 1)",
    "INSERT INTO down VALUES (2, 2)",
    &["public.down: lost by the rollback: 1 rows written since the backup"]
)]
#[case::a_row_that_moved_to_another_partition(
    "CREATE TABLE p (k int, v text) PARTITION BY LIST (k); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
     CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2); INSERT INTO p VALUES (1, 'x'), (2, 'y')",
    "UPDATE p SET k = 2 WHERE v = 'x'",
    &["public.p1: 1 rows came back that were deleted since the backup",
      "public.p2: lost by the rollback: 1 rows written since the backup"]
)]
#[case::a_partition_that_was_split(
    "CREATE TABLE p (k int, v text) PARTITION BY LIST (k); CREATE TABLE rest PARTITION OF p DEFAULT;
     INSERT INTO p SELECT n % 3, n FROM generate_series(1, 30) n",
    "ALTER TABLE p DETACH PARTITION rest; CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p DEFAULT;
     INSERT INTO p SELECT * FROM rest; DROP TABLE rest; INSERT INTO p VALUES (1, 'new'), (9, 'newer')",
    &["public.p: lost by the rollback: 2 rows written since the backup"]
)]
#[case::a_partition_that_was_made_and_written_to(
    "CREATE TABLE p (k int, v text) PARTITION BY LIST (k); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); INSERT INTO p VALUES (1, 'x')",
    "CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2); INSERT INTO p VALUES (2, 'y')",
    &["public.p: lost by the rollback: 1 rows written since the backup"]
)]
#[case::a_partition_that_was_detached(
    "CREATE TABLE p (k int, v text) PARTITION BY LIST (k); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
     CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2); INSERT INTO p VALUES (1, 'x'), (2, 'y')",
    "ALTER TABLE p DETACH PARTITION p2",
    &[]
)]
#[case::a_table_that_was_made_a_partitioned_one(
    "CREATE TABLE t (v text, \"K\" int, t int); INSERT INTO t SELECT n, n % 3, n FROM generate_series(1, 30) n",
    "ALTER TABLE t RENAME TO old; CREATE TABLE t (\"K\" int, t int, v text) PARTITION BY LIST (\"K\"); CREATE TABLE t0 PARTITION OF t FOR VALUES IN (0);
     CREATE TABLE t1 PARTITION OF t DEFAULT; INSERT INTO t SELECT \"K\", t, v FROM old; DROP TABLE old; UPDATE t SET v = 'seen' WHERE v = '5'",
    &["public.t: lost by the rollback: 1 rows written or changed since the backup; 1 rows are again what they were"]
)]
#[case::a_table_that_was_renamed(
    "CREATE TABLE before (id int, v text); INSERT INTO before SELECT n, n FROM generate_series(1, 9) n; CREATE TABLE other (a int)",
    "ALTER TABLE before RENAME TO after; INSERT INTO after VALUES (10, 'ten')",
    &["public.after: lost by the rollback: 1 rows written since the backup; the table is called public.before again"]
)]
#[case::a_table_that_was_renamed_and_nothing_else(
    "CREATE TABLE before (id int, v text); INSERT INTO before VALUES (1, 'x')",
    "CREATE SCHEMA app; ALTER TABLE before SET SCHEMA app",
    &[]
)]
#[case::a_table_that_was_dropped("CREATE TABLE t (a int); INSERT INTO t VALUES (1)", "DROP TABLE t",
    &["public.t: 1 rows came back that were deleted since the backup"])]
#[case::a_column_that_was_dropped(
    "CREATE TABLE t (a int, \"B b\" text); INSERT INTO t VALUES (1, 'x'), (2, NULL)",
    "UPDATE t SET \"B b\" = 'written since'; ALTER TABLE t DROP \"B b\"",
    &["public.t: 1 rows hold again what they held in \"B b\", which was dropped since the backup: what was written there before \
       that is not known"]
)]
#[case::a_column_that_was_renamed(
    "CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x')",
    "ALTER TABLE t RENAME b TO c",
    &["public.t: 1 rows held values in c, which the restored table has not, or with another type: what was written there since \
       the backup is lost; 1 rows hold again what they held in b, which was dropped since the backup: what was written there \
       before that is not known"]
)]
#[case::a_key_that_was_widened(
    "CREATE TABLE t (a smallint, b int); INSERT INTO t VALUES (1, 1), (2, 2)",
    "ALTER TABLE t ALTER a TYPE bigint, ALTER b TYPE bigint; INSERT INTO t VALUES (3, 30000000000)",
    &["public.t: lost by the rollback: 1 rows written since the backup"]
)]
#[case::a_materialized_view_is_no_table(
    "CREATE TABLE t (a int); CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM t; INSERT INTO t VALUES (1)",
    "REFRESH MATERIALIZED VIEW m",
    &[]
)]
#[case::of_roles_that_may_not_see_it(
    "CREATE TABLE t (a int); ALTER TABLE t OWNER TO pg_monitor; ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY",
    "INSERT INTO t VALUES (1)",
    &["public.t: lost by the rollback: 1 rows written since the backup"]
)]
#[case::event_triggers_that_forbid_everything(
    "CREATE TABLE t (a int); CREATE FUNCTION never() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''not here''; END';
     CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION never(); ALTER EVENT TRIGGER e ENABLE ALWAYS",
    "INSERT INTO t VALUES (1)",
    &["public.t: lost by the rollback: 1 rows written since the backup"]
)]
#[case::a_publication("CREATE TABLE t (a int PRIMARY KEY); CREATE PUBLICATION pub FOR TABLE t", "DROP PUBLICATION pub; INSERT INTO t VALUES (1)",
    &["public.t: lost by the rollback: 1 rows written since the backup"])]
#[tokio::test]
async fn it_is_told(#[case] before: &str, #[case] since: &str, #[case] expected: &[&str]) {
    let db = Database::empty().await.unwrap();
    sql(&db, before).await;
    let folder = Folder::new();
    let context = context(&db, &folder);
    act(&context, "recovery.backup.create").await.unwrap();
    let seen = witness(&db).await;
    sql(&db, since).await;
    let verdict = act(&context, "recovery.rollback.restore").await.unwrap();
    assert_eq!(told(&verdict), expected);
    let sequences = expected.iter().filter(|line| line.contains("stood at")).count();
    assert_eq!(
        verdict.summary().unwrap_or_default().contains("1 sequence stood elsewhere"),
        sequences == 1,
        "{verdict:?}"
    );
    assert_eq!((witness(&db).await == seen, databases(&db).await), (true, 1));
}

#[tokio::test]
async fn rows_of_five_megabytes_are_compared() {
    rows_of_so_many_megabytes_are_compared(5).await;
}

mod soak {
    #[tokio::test]
    #[ignore = "it compares 200 MB; `make soak` runs it"]
    async fn rows_of_fifty_megabytes_are_compared() {
        super::rows_of_so_many_megabytes_are_compared(50).await;
    }
}

/// Values that stand outside of their rows, and are larger as text than in them.
async fn rows_of_so_many_megabytes_are_compared(megabytes: u32) {
    let db = Database::empty().await.unwrap();
    let (bytes, text) = (megabytes * 30_000, megabytes * 16_000);
    sql(
        &db,
        &format!(
            "CREATE TABLE t (a int, b bytea, c text);
             ALTER TABLE t ALTER b SET STORAGE EXTERNAL, ALTER c SET STORAGE EXTERNAL;
             INSERT INTO t SELECT n, decode(repeat(md5(n::text), {bytes}), 'hex'), repeat(md5(n::text), {text})
             FROM generate_series(1, 4) n"
        ),
    )
    .await;
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    sql(
        &db,
        "UPDATE t SET b = set_byte(b, length(b) - 9, 7) WHERE a = 2; UPDATE t SET c = c || '.' WHERE a = 3",
    )
    .await;
    let losses = roll_back(&db, &taken).await.unwrap().losses.unwrap();
    let told: Vec<_> = losses.iter().map(|loss| (loss.lost, loss.returned)).collect();
    assert_eq!(told, [(2, 2)]);
}

#[tokio::test]
async fn prepared_transactions_are_named_and_nothing_is_changed() {
    let server = Server::options().setting("max_prepared_transactions", "4").start().await.unwrap();
    let db = server.create("prepared").await.unwrap();
    sql(&db, "CREATE TABLE t (a int)").await;
    let folder = Folder::new();
    let taken = own_backup(&db, &folder).await.unwrap();
    sql(&db, "BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'it''s \"open\"'").await;
    let error = roll_back(&db, &taken).await.unwrap_err().to_string();
    assert!(
        error.contains("the database holds prepared transactions (it's \"open\"), so nothing was changed"),
        "{error}"
    );
    sql(&db, "COMMIT PREPARED 'it''s \"open\"'").await;
    let losses = roll_back(&db, &taken).await.unwrap().losses.unwrap();
    assert_eq!(losses.iter().map(|loss| loss.lost).sum::<i64>(), 1);
}

/// It waits for its lock on the tables no longer than for the end of the session.
#[tokio::test]
async fn a_session_of_a_superuser_that_holds_locks_is_named_or_ended() {
    let db = Database::empty().await.unwrap();
    sql(&db, "CREATE TABLE t (a int)").await;
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    let options = db.url().connect_options().application_name("psql");
    let mut other = <sqlx::PgConnection as sqlx::Connection>::connect_with(&options).await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE; INSERT INTO t VALUES (1)")
        .execute(&mut other)
        .await
        .unwrap();
    let error = roll_back(&db, &taken).await.unwrap_err().to_string();
    assert!(error.contains("psql of ") && error.contains("idle in transaction"), "{error}");
    let mut plan = rollback_plan(&db).await;
    plan.disconnect_others = true;
    // What it had not committed, nobody wrote.
    assert_eq!(plan.run(&db, &taken.0, &taken.1).await.unwrap().losses.unwrap(), []);
}
