//! Large tables by a shorter way over their heaps: that it is gone, and that it sees what the longer one sees.

use harness::Database;
use rstest::rstest;
use runbook::verdict::Outcome;

use crate::keys::proved;
use crate::{execute, failed, verdict, verdicts};

const UNIQUE: &str = "integrity.constraints.unique";
const CHECK: &str = "integrity.constraints.check";
const NOT_NULL: &str = "integrity.constraints.not_null";
const FOREIGN_KEYS: &str = "integrity.foreign_keys.orphans";

/// A table past the size from which a shorter way is worth a question: whole numbers without gaps from below zero, keys
/// in the order of their rows, wide numbers in no order, text in no order.
const SCHEMA: &str = "CREATE EXTENSION pg_stat_statements; \
    CREATE TABLE owner (id integer PRIMARY KEY); INSERT INTO owner SELECT generate_series(1, 50); \
    CREATE TABLE big (id integer PRIMARY KEY, code text UNIQUE, wide bigint UNIQUE, token text UNIQUE, maybe smallint UNIQUE, \
        pair_a integer, pair_b text, kind text NOT NULL CHECK (kind IN ('a', 'b')), size integer CHECK (size > 0), \
        owner integer REFERENCES owner, note text NOT NULL, UNIQUE (pair_a, pair_b)); \
    INSERT INTO big SELECT n - 100, 'code_' || lpad(n::text, 8, '0'), (n * 7919::bigint % 10007) * 1000000007, md5(n::text), \
        CASE WHEN n % 3 > 0 THEN n END, n % 7, 'p' || n, CASE n % 2 WHEN 0 THEN 'a' ELSE 'b' END, n, 1 + n % 50, \
        repeat('note ', 120) \
    FROM generate_series(1, 10000) AS n; \
    VACUUM ANALYZE; CHECKPOINT";

async fn big() -> Database {
    let statements: Vec<&str> = SCHEMA.split("; ").collect();
    Database::made(&statements).await.unwrap()
}

/// What the server says of a table whose keys no pass has the memory to count.
const VAST: &str = "UPDATE pg_class SET reltuples = 1e9 WHERE oid = 'big'::regclass";

/// How many statements with such words this database was sent.
pub async fn asked(db: &Database, words: &str) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_statements WHERE query LIKE $1 AND query NOT LIKE '%EXPLAIN%' \
         AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
    .bind(format!("%{words}%"))
    .fetch_one(db.pool())
    .await
    .unwrap()
}

#[rstest]
// id, maybe and wide as they are; code, token and the pair by their hashes.
#[case::there_is_room("SELECT", &[
    ("count(DISTINCT id)", 1), ("count(DISTINCT wide)", 1), ("count(DISTINCT maybe)", 1), ("count(DISTINCT", 6),
    ("hashtextextended((pair_b)%hashint8extended(((pair_a))::bigint", 1), ("bit_count(bit_or", 0), ("lag(", 0),
    ("ONLY public.big WHERE%GROUP BY", 0),
])]
// id and maybe; code; wide, token and the pair.
#[case::there_is_not(VAST, &[
    ("count(DISTINCT", 0), ("bit_count(bit_or", 2), ("OVER () AS before", 1), ("ONLY public.big WHERE%HAVING count(*)", 5),
])]
#[tokio::test]
async fn each_claim_of_a_large_table_goes_the_shorter_way_that_fits_it(
    #[case] before: &str,
    #[case] keys: &[(&str, i64)],
) {
    let db = big().await;
    execute(&db, before).await;
    for (id, examined) in [(UNIQUE, 7), (CHECK, 2), (FOREIGN_KEYS, 1)] {
        let clean = verdict(&db.context(), id).await;
        assert_eq!((clean.outcome(), clean.examined()), (Outcome::Pass, examined), "{id}: {clean:?}");
    }
    assert_eq!(verdict(&db.context(), NOT_NULL).await.outcome(), Outcome::Pass);
    // The two halves of the heap.
    let others = [
        ("ONLY public.big WHERE%size > %ctid", 2),
        ("ONLY public.big WHERE%num_nulls(id, kind, note)%ctid", 2),
        ("ONLY public.big AS c WHERE%NOT EXISTS", 1),
        ("ONLY public.big TABLESAMPLE", 0),
    ];
    for (words, expected) in keys.iter().chain(&others) {
        assert_eq!(asked(&db, words).await, *expected, "{words}");
    }
}

#[rstest]
#[case::whole_number(
    UNIQUE,
    "big_pkey",
    "INSERT INTO big (id, kind, note) VALUES (77, 'a', 'x')",
    r#"id = "77""#
)]
#[case::below_zero(
    UNIQUE,
    "big_pkey",
    "INSERT INTO big (id, kind, note) VALUES (-64, 'a', 'x')",
    r#"id = "-64""#
)]
#[case::least_of_all(
    UNIQUE,
    "big_pkey",
    "INSERT INTO big (id, kind, note) VALUES (-2147483648, 'a', 'x'), (-2147483648, 'b', 'y')",
    r#"id = "-2147483648""#
)]
#[case::nullable_number(
    UNIQUE,
    "big_maybe_key",
    "UPDATE big SET maybe = 2 WHERE id = 9000",
    r#"maybe = "2""#
)]
#[case::in_order(
    UNIQUE,
    "big_code_key",
    "UPDATE big SET code = 'code_00000003' WHERE id = 9000",
    r#"code = "code_00000003""#
)]
#[case::in_no_order(
    UNIQUE,
    "big_wide_key",
    "UPDATE big SET wide = 7919000055433 WHERE id = 9000",
    r#"wide = "7919000055433""#
)]
#[case::text(
    UNIQUE,
    "big_token_key",
    "UPDATE big SET token = md5('5') WHERE id = 9000",
    r#"token = "e4da3b7fbbce2345d7772b0674a318d5""#
)]
#[case::several_columns(
    UNIQUE,
    "big_pair_a_pair_b_key",
    "UPDATE big SET pair_a = 1, pair_b = 'p8' WHERE id = 9000",
    r#"pair_a = "1", pair_b = "p8""#
)]
#[case::condition_on_the_first_page(
    CHECK,
    "",
    "ALTER TABLE big DROP CONSTRAINT big_size_check; \
     UPDATE big SET size = 0 WHERE id = -99; ALTER TABLE big ADD CONSTRAINT big_size_check CHECK (size > 0) NOT VALID",
    r#"id = "-99", size = "0""#
)]
#[case::condition_past_the_pages_that_are_known(
    CHECK,
    "",
    "ALTER TABLE big DROP CONSTRAINT big_kind_check; \
     INSERT INTO big (id, kind, note) SELECT n, 'a', repeat('note ', 120) FROM generate_series(20000, 24000) AS n; \
     INSERT INTO big (id, kind, note) VALUES (30000, 'z', 'x'); \
     ALTER TABLE big ADD CONSTRAINT big_kind_check CHECK (kind IN ('a', 'b')) NOT VALID",
    r#"id = "30000", kind = "z""#
)]
#[case::null(
    NOT_NULL,
    "",
    "ALTER TABLE big ALTER kind DROP NOT NULL; UPDATE big SET kind = NULL WHERE id = 9000; \
     UPDATE pg_attribute SET attnotnull = true WHERE attrelid = 'big'::regclass AND attname = 'kind'",
    r#"id = "9000", null = "kind""#
)]
#[case::orphan(FOREIGN_KEYS, "", "UPDATE big SET owner = 51 WHERE id = 9000", r#"id = "9000", owner = "51""#)]
#[tokio::test]
async fn fault_in_a_large_table_is_found_by_its_check_and_by_no_other(
    #[case] check: &str,
    #[case] unseen_by: &str,
    #[case] statements: &str,
    #[case] shown: &str,
) {
    let db = big().await;
    let ready = |ready: bool| {
        format!("UPDATE pg_index SET indisready = {ready} WHERE indexrelid::regclass::text = '{unseen_by}'; ")
    };
    let plant = format!(
        "SET LOCAL session_replication_role = replica; {} {statements}; {}",
        ready(false),
        ready(true)
    );
    execute(&db, &format!("BEGIN; {plant}; COMMIT")).await;
    let together = crate::support::live(&db).await;
    integrity::ask_together(&together, |_| true);
    // Each check by itself, and those that read the same tables in one go; then as on a table that is larger by far.
    for (context, before) in [(db.context(), "SELECT"), (together, "SELECT"), (db.context(), VAST)] {
        execute(&db, before).await;
        let verdicts = verdicts(&context).await;
        let found: Vec<&str> = failed(&verdicts).iter().map(|(id, _)| *id).collect();
        assert_eq!(found, [check], "{verdicts:#?}");
        let [finding] = verdicts[check].findings() else { panic!("{:?}", verdicts[check]) };
        assert!(finding.problem.starts_with("1 ") && finding.problem.ends_with(shown), "{finding:?}");
    }
}

#[tokio::test]
async fn checks_that_are_asked_together_read_each_heap_once_and_say_what_they_say_alone() {
    let db = big().await;
    let context = crate::support::live(&db).await;
    integrity::ask_together(&context, |id| id != FOREIGN_KEYS);
    for (id, summary) in [
        (CHECK, "2 CHECK constraints proved from the rows"),
        (NOT_NULL, "4 NOT NULL columns proved from the rows"),
        (UNIQUE, "7 unique keys proved from the rows"),
        (FOREIGN_KEYS, "1 foreign key proved from the rows"),
    ] {
        let clean = verdict(&context, id).await;
        assert_eq!((clean.outcome(), clean.summary()), (Outcome::Pass, Some(summary)), "{clean:?}");
    }
    // The conditions, the null columns and the keys, in one go.
    for (words, expected) in [
        (
            "size > %num_nulls(id, kind, note)%count(DISTINCT%count(DISTINCT%count(DISTINCT%count(DISTINCT%count(DISTINCT%count(DISTINCT",
            1,
        ),
        ("count(DISTINCT", 1),
        ("num_nulls(id, kind, note)", 1),
        ("ONLY public.big WHERE", 0),
        ("ONLY public.big TABLESAMPLE", 0),
    ] {
        assert_eq!(asked(&db, words).await, expected, "{words}");
    }
    // Asked once more, each looks by itself.
    // Of this database alone: other tests count theirs.
    execute(
        &db,
        "SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database WHERE datname = current_database()",
    )
    .await;
    assert_eq!(verdict(&context, CHECK).await.outcome(), Outcome::Pass);
    assert!(asked(&db, "size > ").await > 0);
}

/// Where two parts meet there is no row that tells that the order of the one goes on in the other.
#[tokio::test]
async fn seam_without_rows_raises_no_alarm_and_hides_no_fault() {
    let db = big().await;
    // Two keys that lie in order are each compared with the row before.
    execute(&db, VAST).await;
    execute(&db, "ALTER TABLE big ALTER code SET NOT NULL").await;
    execute(&db, "DELETE FROM big WHERE ctid >= '(300,0)' AND ctid < '(600,0)'").await;
    let clean = proved(&db).await;
    assert_eq!((clean.outcome(), clean.examined()), (Outcome::Pass, 7), "{clean:?}");
    execute(
        &db,
        "UPDATE pg_index SET indisready = false WHERE indexrelid = 'big_code_key'::regclass; \
         UPDATE big SET code = 'code_00000003' WHERE id = 9000; \
         UPDATE pg_index SET indisready = true WHERE indexrelid = 'big_code_key'::regclass",
    )
    .await;
    let broken = proved(&db).await;
    let [finding] = broken.findings() else { panic!("{broken:?}") };
    assert!(finding.problem.ends_with(r#"code = "code_00000003""#), "{finding:?}");
}

/// Bookings of rooms, and of the whole house, in no order; padded past the size that counts. Empty ranges and nulls
/// exclude nothing.
const BOOKINGS: &str = "CREATE EXTENSION btree_gist; CREATE EXTENSION pg_stat_statements; \
    CREATE TABLE booking (id integer PRIMARY KEY, room integer, during int4range, whole int4range, note text, \
        CONSTRAINT by_room EXCLUDE USING gist (room WITH =, during WITH &&), \
        CONSTRAINT by_house EXCLUDE USING gist (whole WITH &&) WHERE (id > 0)); \
    INSERT INTO booking SELECT n, n % 10, int4range(o * 5, o * 5 + 5), int4range(o * 3, o * 3 + 3, '[)'), \
        repeat('note', 400) FROM (SELECT n, n * 7919 % 3001 AS o FROM generate_series(1, 3000) AS n) AS s; \
    INSERT INTO booking VALUES (-1, 1, 'empty', 'empty', ''), (-2, 1, 'empty', '[1,100000)', ''), (-3, NULL, '[0,9)', NULL, ''), \
        (-4, NULL, '[0,9)', NULL, '');";

#[rstest]
#[case::contained_in_another("by_room", "UPDATE booking SET during = '[0,100000)' WHERE id = 1500")]
#[case::across_the_edge(
    "by_house",
    "UPDATE booking SET whole = int4range(lower(whole) - 1, upper(whole) - 1) WHERE id = 7"
)]
#[tokio::test]
async fn overlap_of_ranges_is_found_by_those_next_to_each_other(
    #[case] constraint: &str,
    #[case] fault: &str,
) {
    let db = Database::empty().await.unwrap();
    execute(&db, BOOKINGS).await;
    execute(&db, "VACUUM ANALYZE").await;
    const EXCLUSION: &str = "integrity.constraints.exclusion";
    let clean = verdict(&db.context(), EXCLUSION).await;
    assert_eq!((clean.outcome(), clean.examined()), (Outcome::Pass, 2), "{clean:?}");
    assert_eq!((asked(&db, "AS before FROM").await, asked(&db, "booking TABLESAMPLE").await), (2, 0));
    let ready = |ready: bool| {
        format!("UPDATE pg_index SET indisready = {ready} WHERE indexrelid = '{constraint}'::regclass")
    };
    execute(
        &db,
        &format!(
            "BEGIN; SET LOCAL session_replication_role = replica; {}; {fault}; {}; COMMIT",
            ready(false),
            ready(true)
        ),
    )
    .await;
    let verdicts = verdicts(&db.context()).await;
    let found: Vec<&str> = failed(&verdicts).iter().map(|(id, _)| *id).collect();
    assert_eq!(found, [EXCLUSION], "{verdicts:#?}");
    let [finding] = verdicts[EXCLUSION].findings() else { panic!("{:?}", verdicts[EXCLUSION]) };
    assert_eq!(finding.object, format!("{constraint} ON public.booking"));
}

/// Under `constraint_exclusion = on`, a query for rows against a constraint is answered by the constraint.
#[tokio::test]
async fn no_constraint_vouches_for_itself() {
    let db = big().await;
    execute(
        &db,
        "CREATE TABLE small (id integer PRIMARY KEY, size integer CHECK (size > 0)); \
         INSERT INTO small VALUES (1, 1), (2, 2)",
    )
    .await;
    for table in ["small", "big"] {
        execute(
            &db,
            &format!(
                "ALTER TABLE {table} DROP CONSTRAINT {table}_size_check; UPDATE {table} SET size = 0 WHERE id = 2; \
                 ALTER TABLE {table} ADD CONSTRAINT {table}_size_check CHECK (size > 0) NOT VALID; \
                 UPDATE pg_constraint SET convalidated = true WHERE conname = '{table}_size_check'"
            ),
        )
        .await;
    }
    execute(
        &db,
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET constraint_exclusion = on', current_database()); END $$",
    )
    .await;
    let context = crate::support::live(&db).await;
    let setting: String = context.reader().await.unwrap().scalar("SHOW constraint_exclusion").await.unwrap();
    assert_eq!(setting, "on");
    let verdict = verdict(&context, CHECK).await;
    let objects: Vec<&str> = verdict.findings().iter().map(|finding| finding.object.as_str()).collect();
    assert_eq!(objects, ["big_size_check ON public.big", "small_size_check ON public.small"], "{verdict:?}");
}

/// From 17 on the planner believes that a NOT NULL column holds no null, and answers `IS NULL` without a look.
#[tokio::test]
async fn null_in_a_not_null_column_is_found_whatever_the_planner_believes() {
    let db = big().await;
    execute(
        &db,
        "CREATE TABLE small (id integer PRIMARY KEY, kind text NOT NULL); INSERT INTO small VALUES (9000, 'a'), (2, 'b')",
    )
    .await;
    for table in ["small", "big"] {
        execute(
            &db,
            &format!(
                "ALTER TABLE {table} ALTER kind DROP NOT NULL; UPDATE {table} SET kind = NULL WHERE id = 9000; \
                 UPDATE pg_attribute SET attnotnull = true WHERE attrelid = '{table}'::regclass AND attname = 'kind'"
            ),
        )
        .await;
    }
    let version: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::integer")
        .fetch_one(db.pool())
        .await
        .unwrap();
    let believed: i64 = sqlx::query_scalar("SELECT count(*) FROM small WHERE kind IS NULL")
        .fetch_one(db.pool())
        .await
        .unwrap();
    assert_eq!(believed, i64::from(version < 170_000), "{version}");
    let verdict = verdict(&db.context(), NOT_NULL).await;
    let found: Vec<(&str, bool)> = verdict
        .findings()
        .iter()
        .map(|finding| {
            (finding.object.as_str(), finding.problem.starts_with("1 ") && finding.problem.contains("9000"))
        })
        .collect();
    assert_eq!(found, [("public.big", true), ("public.small", true)], "{verdict:?}");
}
