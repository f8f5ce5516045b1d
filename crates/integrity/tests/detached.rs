//! A partition whose detachment was interrupted: its parent no longer sees its rows, so it is proved by itself.

use harness::Database;
use rstest::rstest;
use runbook::verdict::Outcome;

use crate::support::{assert_only, live, waiting_for_a_lock, without_rules};
use crate::{execute, failed, verdicts};

/// Two partitions, of which the first is about to go.
const SCHEMA: [&str; 7] = [
    "CREATE TABLE p (id integer PRIMARY KEY)",
    "CREATE TABLE t (id serial, r integer REFERENCES p, a integer CHECK (a > 0), PRIMARY KEY (id, a)) PARTITION BY LIST (a)",
    "CREATE TABLE t1 PARTITION OF t (CONSTRAINT other CHECK (id > 0)) FOR VALUES IN (1)",
    "CREATE TABLE t2 PARTITION OF t FOR VALUES IN (2)",
    "INSERT INTO p VALUES (1), (2)",
    "INSERT INTO t (r, a) VALUES (1, 1), (2, 2)",
    "ANALYZE",
];

/// What `DETACH CONCURRENTLY` leaves when somebody loses patience with it.
async fn interrupt_the_detachment(db: &Database) {
    let mut reader = db.pool().begin().await.unwrap();
    sqlx::query("SELECT FROM t").execute(&mut *reader).await.unwrap();
    let pool = db.pool().clone();
    let detaching = tokio::spawn(async move {
        sqlx::query("ALTER TABLE t DETACH PARTITION t1 CONCURRENTLY").execute(&pool).await.map(drop)
    });
    let [pid] = waiting_for_a_lock(db, 1).await[..] else { panic!("one session waits") };
    sqlx::query("SELECT pg_cancel_backend($1)").bind(pid).execute(db.pool()).await.unwrap();
    assert!(detaching.await.unwrap().is_err(), "it was cancelled");
    reader.rollback().await.unwrap();
    let pending: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_inherits WHERE inhdetachpending")
        .fetch_one(db.pool())
        .await
        .unwrap();
    assert_eq!(pending, 1);
}

#[rstest]
#[case::orphan(
    "integrity.foreign_keys.orphans",
    "SET session_replication_role = replica; INSERT INTO t1 (r, a) VALUES (77, 1)",
    "t_r_fkey ON public.t1"
)]
#[case::doubled_key(
    "integrity.constraints.unique",
    "UPDATE pg_index SET indisready = false WHERE indrelid = 't1'::regclass; INSERT INTO t1 VALUES (1, 1, 1); \
     UPDATE pg_index SET indisready = true WHERE indrelid = 't1'::regclass",
    "t1_pkey ON public.t1"
)]
#[case::check(
    "integrity.constraints.check",
    "UPDATE pg_class SET relchecks = 0 WHERE oid = 't1'::regclass; INSERT INTO t1 VALUES (-5, 1, 1); \
     UPDATE pg_class SET relchecks = (SELECT count(*) FROM pg_constraint WHERE conrelid = pg_class.oid AND contype = 'c') \
     WHERE oid = 't1'::regclass",
    "other ON public.t1"
)]
#[case::sequence("integrity.sequences.behind", "INSERT INTO t1 VALUES (70, 1, 1)", "public.t_id_seq")]
#[tokio::test]
async fn what_is_wrong_in_it_is_found(#[case] check: &str, #[case] damage: &str, #[case] object: &str) {
    let db = Database::made(&SCHEMA).await.unwrap();
    interrupt_the_detachment(&db).await;
    execute(&db, damage).await;
    let verdicts = verdicts(&without_rules(live(&db).await)).await;
    assert_only(&verdicts, check, object);
}

/// A key that stands in it and in its parent is on two rows of two tables.
#[tokio::test]
async fn it_is_no_fault_of_its_parent() {
    let db = Database::made(&SCHEMA).await.unwrap();
    interrupt_the_detachment(&db).await;
    execute(&db, "CREATE UNIQUE INDEX ON t1 (r); CREATE UNIQUE INDEX ON t2 (r)").await;
    execute(&db, "UPDATE t2 SET r = 1").await;
    let verdicts = verdicts(&without_rules(live(&db).await)).await;
    assert!(failed(&verdicts).is_empty(), "{verdicts:#?}");
    for id in ["integrity.foreign_keys.orphans", "integrity.constraints.unique", "integrity.sequences.behind"]
    {
        assert_eq!(verdicts[id].outcome(), Outcome::Pass, "{id}: {:?}", verdicts[id]);
    }
}
