//! Every write since the backup is told, or the database that holds it is kept.

use harness::Database;
use runbook::ephemeral::Ephemeral;
use runbook::verdict::Verdict;

use crate::support::{Folder, act, backup, context, roll_back, rollback_plan, sql};

/// What the rollback tells of each object, one a line.
fn told(verdict: &Verdict) -> Vec<String> {
    verdict.findings().iter().map(|found| format!("{}: {}", found.object, found.problem)).collect()
}

async fn replaced(db: &Ephemeral, name: &str) -> Ephemeral {
    let limits = harness::settings().limits.reading();
    Ephemeral::adopt(db.url().with_database(name).unwrap(), limits).await.unwrap()
}

async fn count(db: &Ephemeral, sql: &'static str) -> i64 {
    let count = sqlx::query_scalar(sql).fetch_one(db.pool()).await.unwrap();
    recovery::rollback::close_idle(db.pool()).await;
    count
}

#[tokio::test]
async fn a_database_that_holds_uncounted_losses_stays_until_a_person_drops_it() {
    let db = Database::at("006").await.unwrap();
    sql(&db, "CREATE TYPE mood AS ENUM ('so', 'la'); CREATE TABLE broken (mood mood)").await;
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    // A value that cannot be written out any more, so that nobody can compare the row.
    sql(&db, "INSERT INTO broken VALUES ('la'); DELETE FROM pg_enum WHERE enumlabel = 'la'").await;
    let first = roll_back(&db, &taken).await.unwrap();
    assert!(first.losses.is_err(), "{first:?}");
    let kept = first.replaced.unwrap();

    sql(&db, "CREATE TABLE again (x int); INSERT INTO again VALUES (1)").await;
    let mut plan = rollback_plan(&db).await;
    plan.keep_replaced = true;
    let second = plan.run(&db, &taken.0, &taken.1).await.unwrap();
    let other = second.replaced.unwrap();
    assert_ne!(kept, other);
    let context = context(&db, &folder);
    let third = act(&context, "recovery.rollback.restore").await.unwrap();
    let plan = recovery::checks().into_iter().find(|check| check.id == "recovery.rollback.plan").unwrap();
    let plan = plan.run(&context).await;
    for (name, of) in [(&kept, "SELECT count(*) FROM broken"), (&other, "SELECT count(*) FROM again")] {
        assert_eq!(count(&replaced(&db, name).await, of).await, 1, "{name}");
        for verdict in [&third, &plan] {
            assert!(told(verdict).iter().any(|line| line.starts_with(&format!("{name}: "))), "{verdict:?}");
        }
    }
    for name in [kept, other] {
        sql(&db, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    }
}

#[tokio::test]
async fn large_objects_that_were_written_since_the_backup_are_told() {
    let db = Database::empty().await.unwrap();
    sql(
        &db,
        "SELECT lo_from_bytea(1001, 'stays'), lo_from_bytea(1002, 'changes'), lo_from_bytea(1003, 'goes');
         -- A hole, which a restore fills with zeros.
         SELECT lo_create(1004); SELECT lo_put(1004, 9000, 'far out')",
    )
    .await;
    let folder = Folder::new();
    let context = context(&db, &folder);
    act(&context, "recovery.backup.create").await.unwrap();
    assert_eq!(told(&act(&context, "recovery.rollback.restore").await.unwrap()), Vec::<String>::new());
    sql(
        &db,
        "SELECT lo_put(1002, 0, 'CHANGES'), lo_unlink(1003), lo_from_bytea(1005, 'is new'), lo_from_bytea(1006, '')",
    )
    .await;
    let verdict = act(&context, "recovery.rollback.restore").await.unwrap();
    assert_eq!(
        told(&verdict),
        [
            "large objects: lost by the rollback: 3 of them, written or changed since the backup; 2 are again what they were"
        ]
    );
    assert!(verdict.summary().unwrap_or_default().contains("3 large objects"), "{verdict:?}");
    assert_eq!(count(&db, "SELECT count(*) FROM pg_largeobject_metadata").await, 4);
}

#[tokio::test]
async fn positions_of_sequences_that_moved_since_the_backup_are_told() {
    let db = Database::empty().await.unwrap();
    sql(
        &db,
        "CREATE SEQUENCE stays START 4; CREATE SEQUENCE \"in; voices\"; CREATE SEQUENCE asked; CREATE SEQUENCE goes;
         SELECT nextval('stays'), setval('\"in; voices\"', 10), nextval('goes')",
    )
    .await;
    let folder = Folder::new();
    let context = context(&db, &folder);
    act(&context, "recovery.backup.create").await.unwrap();
    sql(
        &db,
        "SELECT setval('\"in; voices\"', 17), setval('asked', 500, false); DROP SEQUENCE goes; CREATE SEQUENCE untouched;
         CREATE SEQUENCE made; SELECT nextval('made')",
    )
    .await;
    let verdict = act(&context, "recovery.rollback.restore").await.unwrap();
    assert_eq!(
        told(&verdict),
        [
            "public.\"in; voices\": stood at 17, and is back at 10: numbers that it gave since the backup are given again",
            "public.asked: would have given 500 next, and gives 1 next: numbers that it gave since the backup are given again",
            "public.made: stood at 1, and is gone: it was made since the backup",
        ]
    );
    assert!(verdict.summary().unwrap_or_default().contains("3 sequences"), "{verdict:?}");
}
