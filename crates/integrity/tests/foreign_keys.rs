use harness::Database;
use rstest::rstest;
use runbook::verdict::Outcome;

use crate::{execute, verdict};

const CHECK: &str = "integrity.foreign_keys.orphans";

#[tokio::test]
async fn orphaned_payload_is_reported_with_its_key_and_the_query_for_all() {
    let db = Database::seeded().await.unwrap();
    execute(
        &db,
        "BEGIN; SET LOCAL session_replication_role = replica; \
         INSERT INTO project_payloads (payload_id, project_id, module, config, files, cost_snapshot) \
         VALUES (900, 'gone', 'signage.single_pole.base_plate', '{}', '[]', '{}'); COMMIT",
    )
    .await;
    let verdict = verdict(&db.context(), CHECK).await;
    let [finding] = verdict.findings() else { panic!("{verdict:?}") };
    assert_eq!(finding.object, "fk_payloads_project_id ON public.project_payloads");
    assert_eq!(
        finding.problem,
        r#"1 row with no match in public.projects: payload_id = "900", project_id = "gone""#
    );
    let (_, list) = finding.remedy.split_once("list them all: ").unwrap();
    let listed: Vec<(i32, String)> =
        sqlx::query_as(sqlx::AssertSqlSafe(list.to_owned())).fetch_all(db.pool()).await.unwrap();
    assert_eq!(listed, [(900, "gone".to_owned())]);
}

#[tokio::test]
async fn only_the_first_keys_are_shown_and_all_are_counted() {
    let db = Database::seeded().await.unwrap();
    execute(
        &db,
        "BEGIN; SET LOCAL session_replication_role = replica; \
         INSERT INTO project_events (project_id, event_type, actor, data) \
         SELECT 'gone' || n, 'file.attached', 'loader', '{}' FROM generate_series(1, 12) AS n; COMMIT",
    )
    .await;
    let verdict = verdict(&db.context(), CHECK).await;
    let [finding] = verdict.findings() else { panic!("{verdict:?}") };
    assert!(finding.problem.starts_with("12 rows with no match"), "{}", finding.problem);
    assert_eq!(finding.problem.matches("event_id = ").count(), 5, "{}", finding.problem);
    assert!(finding.problem.ends_with("; …"), "{}", finding.problem);
}

#[tokio::test]
async fn hostile_values_are_shown_as_data_and_cut() {
    let db = Database::seeded().await.unwrap();
    execute(
        &db,
        "BEGIN; SET LOCAL session_replication_role = replica; \
         INSERT INTO project_events (event_id, project_id, event_type, actor, data) VALUES \
         (901, E'\\'); DROP TABLE projects; --\\n\\x1b[31m', 'file.attached', 'loader', '{}'), \
         (902, repeat('ü', 200), 'file.attached', 'loader', '{}'); COMMIT",
    )
    .await;
    let verdict = verdict(&db.context(), CHECK).await;
    let [finding] = verdict.findings() else { panic!("{verdict:?}") };
    assert!(finding.problem.contains(r#""'); DROP TABLE projects; --\n\u{1b}[31m""#), "{}", finding.problem);
    assert!(finding.problem.contains(&format!("\"{}\"…", "ü".repeat(60))), "{}", finding.problem);
    assert!(!finding.problem.contains(['\n', '\u{1b}']), "{:?}", finding.problem);
}

#[tokio::test]
async fn composite_keys_are_judged_by_their_match_type() {
    let db = Database::empty().await.unwrap();
    execute(
        &db,
        "CREATE TABLE parent (a integer, b text, PRIMARY KEY (a, b)); \
         CREATE TABLE simple (id integer PRIMARY KEY, a integer, b text, FOREIGN KEY (a, b) REFERENCES parent); \
         CREATE TABLE whole (id integer PRIMARY KEY, a integer, b text, FOREIGN KEY (a, b) REFERENCES parent MATCH FULL); \
         INSERT INTO parent VALUES (1, 'x'); \
         INSERT INTO simple VALUES (1, 1, 'x'), (2, NULL, 'y'), (3, NULL, NULL); \
         INSERT INTO whole VALUES (1, 1, 'x'), (3, NULL, NULL)",
    )
    .await;
    let clean = verdict(&db.context(), CHECK).await;
    assert_eq!((clean.outcome(), clean.examined()), (Outcome::Pass, 2), "{clean:?}");
    execute(
        &db,
        "BEGIN; SET LOCAL session_replication_role = replica; INSERT INTO simple VALUES (4, 1, 'z'); \
         INSERT INTO whole VALUES (2, NULL, 'y'), (4, 2, 'x'); COMMIT",
    )
    .await;
    let broken = verdict(&db.context(), CHECK).await;
    let problems: Vec<&str> = broken.findings().iter().map(|finding| finding.problem.as_str()).collect();
    assert_eq!(
        problems,
        [
            r#"1 row with no match in public.parent: id = "4", a = "1", b = "z""#,
            r#"1 row with a key that is null in part, against MATCH FULL: id = "2", a = null, b = "y""#,
            r#"1 row with no match in public.parent: id = "4", a = "2", b = "x""#,
        ]
    );
}

#[tokio::test]
async fn partitions_on_both_sides_and_a_self_reference_are_one_key_each() {
    let db = Database::empty().await.unwrap();
    execute(
        &db,
        "CREATE TABLE parent (id integer PRIMARY KEY) PARTITION BY RANGE (id); \
         CREATE TABLE parent_low PARTITION OF parent FOR VALUES FROM (0) TO (100); \
         CREATE TABLE parent_high PARTITION OF parent FOR VALUES FROM (100) TO (200); \
         CREATE TABLE child (id integer, parent_id integer REFERENCES parent) PARTITION BY HASH (id); \
         CREATE TABLE child_0 PARTITION OF child FOR VALUES WITH (MODULUS 2, REMAINDER 0); \
         CREATE TABLE child_1 PARTITION OF child FOR VALUES WITH (MODULUS 2, REMAINDER 1); \
         CREATE TABLE tree (id integer PRIMARY KEY, above integer REFERENCES tree DEFERRABLE INITIALLY DEFERRED); \
         INSERT INTO parent SELECT generate_series(0, 199); \
         INSERT INTO child SELECT n, n FROM generate_series(0, 199) AS n; \
         INSERT INTO tree VALUES (1, 2), (2, 1)",
    )
    .await;
    let clean = verdict(&db.context(), CHECK).await;
    assert_eq!((clean.outcome(), clean.examined()), (Outcome::Pass, 2), "{clean:?}");
    execute(
        &db,
        "BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM parent WHERE id = 150; \
         INSERT INTO tree VALUES (3, 4); COMMIT",
    )
    .await;
    let broken = verdict(&db.context(), CHECK).await;
    let objects: Vec<&str> = broken.findings().iter().map(|finding| finding.object.as_str()).collect();
    assert_eq!(objects, ["child_parent_id_fkey ON public.child", "tree_above_fkey ON public.tree"]);
    assert!(broken.findings()[0].problem.ends_with(r#"parent_id = "150""#), "{broken:?}");
}

const UNENFORCED: &str = "CREATE TABLE parent (id integer PRIMARY KEY); \
    CREATE TABLE child (id integer PRIMARY KEY, parent integer REFERENCES parent NOT ENFORCED); \
    INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1, 1)";
const PERIODS: &str = "CREATE EXTENSION IF NOT EXISTS btree_gist; \
    CREATE TABLE lease (id integer, during int4range, PRIMARY KEY (id, during WITHOUT OVERLAPS)); \
    CREATE TABLE stay (id integer, lease integer, during int4range, \
        FOREIGN KEY (lease, PERIOD during) REFERENCES lease (id, PERIOD during)); \
    INSERT INTO lease VALUES (1, '[0,10)'), (1, '[10,20)'); INSERT INTO stay VALUES (1, 1, '[5,15)')";

/// From 18 on. Before, the server knows no such key, and there is nothing to prove.
#[rstest]
#[case::not_enforced(UNENFORCED, "INSERT INTO child VALUES (2, 7)", r#"id = "2", parent = "7""#)]
#[case::of_periods(
    PERIODS,
    "INSERT INTO stay VALUES (2, 1, '[15,25)')",
    r#"lease = "1", during = "[15,25)""#
)]
#[tokio::test]
async fn key_that_only_newer_servers_know_is_proved_there(
    #[case] schema: &'static str,
    #[case] orphan: &str,
    #[case] shown: &str,
) {
    let db = Database::empty().await.unwrap();
    let version: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::integer")
        .fetch_one(db.pool())
        .await
        .unwrap();
    let made = sqlx::raw_sql(schema).execute(db.pool()).await;
    assert_eq!(made.is_ok(), version >= 180_000, "{made:?}");
    if made.is_err() {
        return;
    }
    let clean = verdict(&db.context(), CHECK).await;
    assert_eq!((clean.outcome(), clean.examined()), (Outcome::Pass, 1), "{clean:?}");
    execute(&db, &format!("BEGIN; SET LOCAL session_replication_role = replica; {orphan}; COMMIT")).await;
    let broken = verdict(&db.context(), CHECK).await;
    let [finding] = broken.findings() else { panic!("{broken:?}") };
    assert!(finding.problem.ends_with(shown), "{finding:?}");
}
