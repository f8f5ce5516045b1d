//! What few schemas have: sound rows that look broken, and broken rows that are easily overlooked.

use harness::Database;
use rstest::rstest;
use runbook::verdict::Outcome;

use crate::support::{assert_only, live, without_rules};
use crate::swift::asked;
use crate::{execute, failed, verdict, verdicts};

#[rstest]
#[case::default_that_computes(
    "CREATE SEQUENCE q; CREATE TABLE t (id bigint PRIMARY KEY DEFAULT nextval('q') * 10); INSERT INTO t DEFAULT VALUES; INSERT INTO t DEFAULT VALUES"
)]
#[case::serial_that_feeds_no_more(
    "CREATE TABLE t (id serial PRIMARY KEY); ALTER TABLE t ALTER id DROP DEFAULT; INSERT INTO t VALUES (7)"
)]
#[case::key_of_fixed_length(
    "CREATE TABLE p (id char(8) PRIMARY KEY); CREATE TABLE t (r text REFERENCES p); INSERT INTO p VALUES ('ab'); INSERT INTO t VALUES ('ab'), ('ab  ')"
)]
#[case::key_of_another_number(
    "CREATE TABLE p (id float4 PRIMARY KEY); CREATE TABLE t (r bigint REFERENCES p); INSERT INTO p VALUES (16777216); INSERT INTO t VALUES (16777217)"
)]
#[case::sums_that_cancel(
    "CREATE TABLE t (id integer PRIMARY KEY, x float8, a float8[]); INSERT INTO t VALUES (1, 0.1, '{0.1}'), (2, 0.2, '{0.2}'), (3, -0.3, '{-0.3}'); \
    CREATE MATERIALIZED VIEW v AS SELECT sum(x), ARRAY[sum(x)] FROM t; UPDATE t SET x = x WHERE id = 1"
)]
#[case::equal_and_written_otherwise(
    "CREATE TABLE t (id integer PRIMARY KEY, n numeric); INSERT INTO t VALUES (1, 1.0), (2, 1.00); \
    CREATE MATERIALIZED VIEW v AS SELECT DISTINCT n FROM t; UPDATE t SET n = n WHERE id = 1"
)]
#[case::excluded_by_another_collation(
    "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false); \
    CREATE TABLE t (c text COLLATE ci, EXCLUDE USING btree (c COLLATE \"C\" WITH =)); INSERT INTO t VALUES ('a'), ('A')"
)]
#[case::volatile_operator(
    "CREATE TYPE mt AS (n integer); CREATE FUNCTION same(mt, mt) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN true;END'; \
    CREATE OPERATOR | (LEFTARG = mt, RIGHTARG = mt, FUNCTION = same); CREATE TABLE t (n integer CHECK (n <= 3 AND n >= -1)); INSERT INTO t VALUES (1)"
)]
#[tokio::test]
async fn sound_rows_are_no_fault(#[case] statements: &str) {
    let statements: Vec<&str> = statements.split("; ").collect();
    let db = Database::made(&statements).await.unwrap();
    let verdicts = verdicts(&without_rules(db.context())).await;
    assert!(failed(&verdicts).is_empty(), "{verdicts:#?}");
    let judged =
        verdicts.iter().filter(|(id, _)| id.starts_with("integrity.constraints") || id.contains("orphans"));
    for (id, verdict) in judged {
        let reason = verdict.reason().unwrap_or_default();
        assert!(
            verdict.outcome() == Outcome::Pass || reason.starts_with("there are no"),
            "{id}: {verdict:?}"
        );
    }
}

const UNREADY: &str = "UPDATE pg_index SET indisready = false WHERE indrelid";
const READY: &str = "UPDATE pg_index SET indisready = true WHERE indrelid";

#[rstest]
#[case::check_of_a_partition_elsewhere(
    "integrity.constraints.check",
    "CREATE SCHEMA parts; CREATE TABLE o (a integer) PARTITION BY RANGE (a); \
    CREATE TABLE parts.o1 PARTITION OF o DEFAULT; INSERT INTO o VALUES (-1); ALTER TABLE o ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
    "c ON parts.o1"
)]
#[case::partition_whose_parent_is_elsewhere(
    "integrity.foreign_keys.orphans",
    "CREATE SCHEMA root; CREATE TABLE root.p (id integer PRIMARY KEY); \
    CREATE TABLE root.rt (r integer REFERENCES root.p) PARTITION BY RANGE (r); CREATE TABLE rt1 PARTITION OF root.rt DEFAULT; \
    SET session_replication_role = replica; INSERT INTO rt1 VALUES (77)",
    "rt_r_fkey ON public.rt1"
)]
#[case::leaf_of_an_invalid_key(
    "integrity.constraints.unique",
    "CREATE TABLE u (a integer) PARTITION BY RANGE (a); CREATE TABLE u1 PARTITION OF u FOR VALUES FROM (0) TO (10); \
    CREATE TABLE u2 PARTITION OF u DEFAULT; CREATE UNIQUE INDEX uk ON ONLY u (a); CREATE UNIQUE INDEX u1k ON u1 (a); ALTER INDEX uk ATTACH PARTITION u1k; \
    UNREADY = 'u1'::regclass; INSERT INTO u1 VALUES (1), (1); READY = 'u1'::regclass",
    "u1k ON public.u1"
)]
#[case::excluded_by_the_indexs_collation(
    "integrity.constraints.exclusion",
    "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false); \
    CREATE TABLE x (c text, EXCLUDE USING btree (c COLLATE ci WITH =)); UNREADY = 'x'::regclass; INSERT INTO x VALUES ('a'), ('A'); READY = 'x'::regclass",
    "x_c_excl ON public.x"
)]
#[case::what_is_no_number_in_a_view(
    "integrity.matviews.fresh",
    "CREATE TABLE t (v float8); INSERT INTO t VALUES ('NaN'); CREATE MATERIALIZED VIEW m AS SELECT v FROM t; \
    UPDATE t SET v = '-Infinity'",
    "public.m"
)]
#[case::partitions_own_sequence(
    "integrity.sequences.behind",
    "CREATE TABLE own (id serial); INSERT INTO own DEFAULT VALUES; INSERT INTO own DEFAULT VALUES; \
    CREATE TABLE o (id integer NOT NULL) PARTITION BY RANGE (id); ALTER TABLE o ATTACH PARTITION own DEFAULT; SELECT setval('own_id_seq', 1, false)",
    "public.own_id_seq"
)]
#[case::impostor_of_a_function(
    "integrity.foreign_keys.orphans",
    "CREATE FUNCTION num_nulls(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT 1'; \
    CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE c (r integer REFERENCES p); SET session_replication_role = replica; INSERT INTO c VALUES (7)",
    "c_r_fkey ON public.c"
)]
#[tokio::test]
async fn broken_rows_are_found(#[case] check: &str, #[case] statements: &str, #[case] object: &str) {
    let statements = statements.replace("UNREADY", UNREADY).replace("READY", READY);
    let statements: Vec<&str> = statements.split("; ").collect();
    let db = Database::made(&statements).await.unwrap();
    let verdicts = verdicts(&without_rules(db.context())).await;
    assert_only(&verdicts, check, object);
}

/// All pairs of so many rows would take minutes.
#[tokio::test]
async fn overlap_among_many_ranges_is_told_with_its_pair() {
    let db = Database::made(&[
        "CREATE TABLE ex (id integer, r int4range, EXCLUDE USING gist (r WITH &&))",
        "INSERT INTO ex SELECT n, int4range(n * 10, n * 10 + 10) FROM generate_series(1, 30000) AS n",
        "UPDATE pg_index SET indisready = false WHERE indrelid = 'ex'::regclass",
        "INSERT INTO ex VALUES (0, '[505,506)')",
        "UPDATE pg_index SET indisready = true WHERE indrelid = 'ex'::regclass",
        "VACUUM ANALYZE",
    ])
    .await
    .unwrap();
    let broken = verdict(&without_rules(db.context()), "integrity.constraints.exclusion").await;
    let [finding] = broken.findings() else { panic!("{broken:?}") };
    let shown = r#"1 pair of rows next to each other in the order of their ranges that exclude each other: r = "[500,510)", r against = "[505,506)""#;
    assert_eq!(finding.problem, shown);
}

/// A row that an index lacks is the index's fault to tell: where nobody is going to ask it, the heap is.
#[tokio::test]
async fn indexes_are_trusted_only_where_they_are_asked_too() {
    const ORPHANS: &str = "integrity.foreign_keys.orphans";
    let db = Database::loaded(10_000).await.unwrap();
    execute(&db, "CREATE EXTENSION amcheck").await;
    for (asked, along) in [(true, true), (false, false)] {
        let context = live(&db).await;
        integrity::ask_together(&context, |id| id == ORPHANS || asked && id == "integrity.corruption.btree");
        let verdict = verdict(&context, ORPHANS).await;
        assert_eq!(
            verdict.summary().is_some_and(|summary| summary.contains("amcheck vouches")),
            along,
            "{verdict:?}"
        );
    }
}

/// Two words that differ as bytes and are equal in the collation of their key, in a small table and in one whose keys are
/// counted by their hashes; the same two are no fault of a key that tells them apart.
#[rstest]
#[case::small(10, 0)]
#[case::large(20_000, 1)]
#[tokio::test]
async fn key_of_a_nondeterministic_collation_is_doubled_by_equal_words(
    #[case] rows: u32,
    #[case] hashed: i64,
) {
    let fill = format!(
        "INSERT INTO words SELECT 'word ' || n, repeat('padding ', 60) FROM generate_series(1, {rows}) AS n"
    );
    let db = Database::made(&[
        "CREATE EXTENSION pg_stat_statements",
        "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
        "CREATE TABLE words (word text COLLATE ci, note text, \
         CONSTRAINT by_case UNIQUE (word))",
        "CREATE UNIQUE INDEX by_bytes ON words (word COLLATE \"C\")",
        &fill,
        "ANALYZE words",
    ])
    .await
    .unwrap();
    let id = "integrity.constraints.unique";
    let clean = verdict(&without_rules(db.context()), id).await;
    assert_eq!(
        (clean.outcome(), clean.summary()),
        (Outcome::Pass, Some("2 unique keys proved from the rows"))
    );
    let counted = "count(DISTINCT pg_catalog.hashtextextended((word) COLLATE public.ci";
    assert_eq!(asked(&db, counted).await, hashed);
    for statement in [
        "UPDATE pg_index SET indisready = false WHERE indexrelid = 'by_case'::regclass",
        "INSERT INTO words VALUES ('WORD 7', 'x')",
        "UPDATE pg_index SET indisready = true WHERE indexrelid = 'by_case'::regclass",
    ] {
        execute(&db, statement).await;
    }
    let broken = verdict(&without_rules(db.context()), id).await;
    let [finding] = broken.findings() else { panic!("{broken:?}") };
    assert_eq!(finding.object, "by_case ON public.words");
    assert!(finding.problem.starts_with("1 key on more than one row"), "{finding:?}");
}
