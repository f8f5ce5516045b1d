//! What the catalogue asks of rows, form by form: it is kept, or refused before the first row is written.

use harness::Database;
use harness::HarnessError;
use harness::loader::{Derived, Loaded, Unwatched, derive, fill};
use sqlx::PgConnection;

async fn prepared(sql: &'static str) -> (Database, PgConnection) {
    let db = Database::empty().await.unwrap();
    sqlx::raw_sql(sql).execute(db.pool()).await.unwrap();
    let connection = db.pool().acquire().await.unwrap().detach();
    (db, connection)
}

async fn filled(connection: &mut PgConnection, rows: u64) -> Result<(Derived, Loaded), HarnessError> {
    let derived = derive(connection, &["public".to_owned()], &[], rows).await?;
    let loaded = fill(connection, &derived, rows, &Unwatched).await?;
    Ok((derived, loaded))
}

#[rstest::rstest]
#[case::tenants(
    "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE a (t int NOT NULL REFERENCES t, y int, PRIMARY KEY (t, y));
     CREATE TABLE b (t int NOT NULL REFERENCES t, y int, FOREIGN KEY (t, y) REFERENCES a)"
)]
#[case::tenants_of_two(
    "CREATE TABLE t (id int PRIMARY KEY);
     CREATE TABLE a (t int NOT NULL REFERENCES t, y int, PRIMARY KEY (t, y));
     CREATE TABLE b (t int NOT NULL REFERENCES t, z uuid, PRIMARY KEY (t, z));
     CREATE TABLE c (t int NOT NULL REFERENCES t, y int NOT NULL, z uuid NOT NULL, PRIMARY KEY (t, y, z),
        FOREIGN KEY (t, y) REFERENCES a, FOREIGN KEY (t, z) REFERENCES b)"
)]
#[case::tenants_of_itself(
    "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE a (t int NOT NULL REFERENCES t, y int, up int NOT NULL,
        PRIMARY KEY (t, y), FOREIGN KEY (t, up) REFERENCES a)"
)]
#[case::unique_part_of_a_key(
    "CREATE TABLE a (x int, y int, PRIMARY KEY (x, y), UNIQUE (y));
     CREATE TABLE b (x int NOT NULL, y int NOT NULL UNIQUE, FOREIGN KEY (x, y) REFERENCES a)"
)]
#[case::tightest(
    "CREATE TABLE a (n int NOT NULL CHECK (n >= 10) CHECK (n >= 0), m int CHECK (m <= 5) CHECK (m <= 9))"
)]
#[case::fractions("CREATE TABLE a (m numeric(12, 4) NOT NULL CHECK (m >= 0.25 AND m < 0.75))")]
#[case::narrow_fractions(
    "CREATE TABLE a (m numeric(3, 2) NOT NULL CHECK (m > 0.25 AND m < 0.27), f float4 NOT NULL CHECK (f <= 0.3 AND f > 0.1))"
)]
#[case::turned("CREATE TABLE a (n int NOT NULL CHECK (5 < n AND 10 >= n))")]
#[case::equal("CREATE TABLE a (n int NOT NULL CHECK (n = 7), b bool NOT NULL CHECK (b = true))")]
#[case::array_text("CREATE TABLE a (n text NOT NULL CHECK (n = ANY ('{a,\"b c\"}')))")]
#[case::signed("CREATE TABLE a (n int NOT NULL CHECK (n IN (-1, 0, 1)))")]
#[case::list_and_length("CREATE TABLE a (n text NOT NULL CHECK (n IN ('aaa', 'bbbbbb') AND length(n) < 5))")]
#[case::lengths(
    "CREATE TABLE a (n text NOT NULL CHECK (length(n) >= 12), m text NOT NULL CHECK (length(m) = 2))"
)]
#[case::dates(
    "CREATE TABLE a (d date NOT NULL CHECK (d > '1999-05-30' AND d < '1999-06-02'), t timestamptz NOT NULL
        CHECK (t >= '2031-01-01' AND t < '2031-01-02'), u date CHECK (u >= '2030-01-01'), v timestamp CHECK (v < '1990-01-01'))"
)]
#[case::date_key("CREATE TABLE a (k date PRIMARY KEY)")]
#[case::moment_key("CREATE TABLE a (k timestamptz PRIMARY KEY, t time UNIQUE NOT NULL)")]
#[case::float_key("CREATE TABLE a (k float4 PRIMARY KEY, f float8 UNIQUE)")]
#[case::interval_key("CREATE TABLE a (k interval PRIMARY KEY)")]
#[case::address_key("CREATE TABLE a (k inet PRIMARY KEY, c cidr UNIQUE)")]
#[case::other_keys("CREATE TABLE a (k bytea PRIMARY KEY, j jsonb UNIQUE, n name UNIQUE, c char(9) UNIQUE)")]
#[case::lowered("CREATE TABLE a (e text NOT NULL); CREATE UNIQUE INDEX ON a (lower(e))")]
#[case::partial(
    "CREATE TABLE a (s text CHECK (s IN ('x', 'y')), u text); CREATE UNIQUE INDEX ON a (s) WHERE u = 'no'"
)]
#[case::date_and_few(
    "CREATE TYPE mood AS ENUM ('a', 'b'); CREATE TABLE a (d date, m mood, PRIMARY KEY (d, m))"
)]
#[case::counted_alone("CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY)")]
#[case::defaults_alone("CREATE TABLE a (p polygon, q polygon)")]
#[case::between("CREATE TABLE a (k int PRIMARY KEY CHECK (k BETWEEN 1000 AND 9999))")]
#[case::below_zero(
    "CREATE TABLE a (k int CHECK (k BETWEEN -500 AND -1), m int CHECK (m < -10), UNIQUE (k, m))"
)]
#[case::odd_name(
    "CREATE TABLE a (\"i}d\" int PRIMARY KEY, up int NOT NULL REFERENCES a, \"row\" int UNIQUE NOT NULL REFERENCES a)"
)]
#[case::ranges(
    "CREATE TABLE a (id int, at timestamptz, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
     CREATE TABLE a1 PARTITION OF a FOR VALUES FROM ('2023-01-01') TO ('2023-02-01');
     CREATE TABLE a2 PARTITION OF a FOR VALUES FROM ('2023-02-01') TO ('2023-03-01');
     CREATE TABLE a3 PARTITION OF a FOR VALUES FROM ('2024-02-01') TO ('2024-02-02')"
)]
#[case::ranges_of_numbers(
    "CREATE TABLE a (n int NOT NULL) PARTITION BY RANGE (n); CREATE TABLE a1 PARTITION OF a FOR VALUES FROM (5000) TO (6000);
     CREATE TABLE b (d date NOT NULL) PARTITION BY RANGE (d);
     CREATE TABLE b1 PARTITION OF b FOR VALUES FROM ('2021-01-01') TO ('2021-01-02')"
)]
#[case::parts_that_take_no_null(
    "CREATE TABLE a (\"K k\" int, m int) PARTITION BY RANGE (\"K k\"); CREATE TABLE a1 PARTITION OF a FOR VALUES FROM (0) TO (10);
     CREATE TABLE b (k text) PARTITION BY LIST (k); CREATE TABLE b1 PARTITION OF b FOR VALUES IN ('x', 'y')"
)]
#[case::lists(
    "CREATE TABLE a (k text NOT NULL) PARTITION BY LIST (k); CREATE TABLE a1 PARTITION OF a FOR VALUES IN ('x', 'y');
     CREATE TABLE a2 PARTITION OF a FOR VALUES IN ('z')"
)]
#[case::one_after_the_other(
    "CREATE TABLE a (s date NOT NULL, e date NOT NULL, f timestamptz, u timestamptz, CHECK (e > s),
        CHECK (u IS NULL OR f <= u));
     CREATE TABLE b (x int NOT NULL CHECK (x > 5), y int NOT NULL, z numeric(8, 2) NOT NULL, w numeric(8, 2) NOT NULL,
        CHECK (x < y), CHECK (w >= z AND z > 10))"
)]
#[case::both_of_two("CREATE TABLE a (x int NOT NULL, y int NOT NULL, CHECK (x > 2000 AND y < -2000))")]
#[case::parts_of_parts(
    "CREATE TABLE a (k text, d date, id int, PRIMARY KEY (k, d, id)) PARTITION BY LIST (k);
     CREATE TABLE a1 PARTITION OF a FOR VALUES IN ('x') PARTITION BY RANGE (d);
     CREATE TABLE a11 PARTITION OF a1 FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
     CREATE TABLE a2 PARTITION OF a FOR VALUES IN ('y') PARTITION BY RANGE (d);
     CREATE TABLE a21 PARTITION OF a2 FOR VALUES FROM ('2021-01-01') TO ('2021-02-01')"
)]
#[case::but_these(
    "CREATE TYPE mood AS ENUM ('a', 'b', 'c'); CREATE TABLE a (m mood NOT NULL CHECK (m <> 'b'), n int NOT NULL
        CHECK (n IN (1, 2, 3) AND n NOT IN (1, 2)), v varchar(3) NOT NULL CHECK (v IN ('abc', 'long1')))"
)]
#[case::but_numbers(
    "CREATE TABLE a (n int NOT NULL CHECK (n NOT IN (1, 2, 3, 500)), m int NOT NULL CHECK (m BETWEEN 0 AND 3 AND m <> 3))"
)]
#[case::bytes("CREATE TABLE a (k text NOT NULL CHECK (octet_length(k) <= 3), n numeric(2, 5) NOT NULL)")]
#[case::rest_and_hash(
    "CREATE TABLE a (k text NOT NULL) PARTITION BY LIST (k); CREATE TABLE a1 PARTITION OF a DEFAULT;
     CREATE TABLE b (k int) PARTITION BY HASH (k); CREATE TABLE b1 PARTITION OF b FOR VALUES WITH (MODULUS 1, REMAINDER 0)"
)]
#[tokio::test]
async fn what_the_catalogue_asks_is_kept(#[case] schema: &'static str) {
    let (_db, mut connection) = prepared(schema).await;
    for _ in 0..2 {
        let (derived, loaded) = filled(&mut connection, 60).await.unwrap();
        assert!(loaded.tables.iter().all(|(_, rows)| *rows == 60), "{loaded:?}\n{}", derived.text);
    }
}

#[rstest::rstest]
#[case::all_signs("CREATE TABLE a (n int NOT NULL CHECK (n IN (-1, 0, 1)))", "count(DISTINCT n)", 3)]
#[case::pairs(
    "CREATE TYPE mood AS ENUM ('a', 'b', 'c'); CREATE TABLE a (m mood, f bool, PRIMARY KEY (m, f))",
    "count(DISTINCT (m, f))",
    6
)]
#[case::days(
    "CREATE TYPE mood AS ENUM ('a', 'b'); CREATE TABLE a (d date CHECK (d BETWEEN '2024-01-01' AND '2024-01-03'), m mood,
        PRIMARY KEY (d, m))",
    "count(DISTINCT (d, m))",
    6
)]
#[case::all_of_few("CREATE TABLE a (n numeric(1, 0) PRIMARY KEY CHECK (n > 3))", "count(DISTINCT n)", 6)]
#[case::spread(
    "CREATE TABLE a (m numeric(12, 4) CHECK (m >= 0.25 AND m < 0.26))",
    "least(count(DISTINCT m), 2)",
    2
)]
#[tokio::test]
async fn few_values_are_all_used(
    #[case] schema: &'static str,
    #[case] asked: &'static str,
    #[case] counted: i64,
) {
    let (db, mut connection) = prepared(schema).await;
    filled(&mut connection, 6).await.unwrap();
    let found: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT {asked} FROM a")))
        .fetch_one(db.pool())
        .await
        .unwrap();
    assert_eq!(found, counted);
}

#[rstest::rstest]
#[case::labels(
    "CREATE TYPE mood AS ENUM ('a', 'b'); CREATE TABLE a (m mood UNIQUE)",
    "public.a.m: 2 more different values fit a_m_key (mood), fewer than the 60 rows that are asked for; ask for at most 2 with --rows"
)]
#[case::flags(
    "CREATE TABLE a (k bool PRIMARY KEY)",
    "public.a.k: 2 more different values fit a_pkey (boolean)"
)]
#[case::digits(
    "CREATE TABLE a (k numeric(1, 0) PRIMARY KEY CHECK (k >= 0))",
    "ask for at most 10 with --rows"
)]
#[case::bounds(
    "CREATE TABLE a (k int PRIMARY KEY CHECK (k BETWEEN 1000 AND 1049))",
    "50 more different values fit a_pkey (integer with CHECK (((k >= 1000) AND (k <= 1049))))"
)]
#[case::length(
    "CREATE TABLE a (k text PRIMARY KEY CHECK (length(k) <= 1))",
    "9 more different values fit a_pkey (text with CHECK ((length(k) <= 1)))"
)]
#[case::no_value(
    "CREATE TABLE a (n int CHECK (n > 3 AND n < 4))",
    "public.a.n: no value can be made that fits integer with CHECK"
)]
#[case::no_partition(
    "CREATE TABLE a (n int) PARTITION BY LIST (n)",
    "public.a is partitioned, and has no partition"
)]
#[case::parts_of_texts(
    "CREATE TABLE a (x text NOT NULL) PARTITION BY RANGE (x); CREATE TABLE a1 PARTITION OF a FOR VALUES FROM ('a') TO ('m')",
    "public.a is partitioned, and what its partitions take cannot be read (((x IS NOT NULL) AND"
)]
#[case::parts_missing(
    "CREATE TABLE a (x int) PARTITION BY HASH (x); CREATE TABLE a1 PARTITION OF a FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
    "public.a is partitioned, and its partitions by hash leave some rows out"
)]
#[case::pairs(
    "CREATE TYPE mood AS ENUM ('a', 'b'); CREATE TABLE a (d date CHECK (d BETWEEN '2024-01-01' AND '2024-01-10'), m mood,
        PRIMARY KEY (d, m))",
    "ask for at most 20 with --rows"
)]
#[case::shape(
    "CREATE TABLE a (k int4range PRIMARY KEY)",
    "values of type int4range cannot be set apart for a_pkey"
)]
#[case::two_keys(
    "CREATE TABLE p (x int, y int, PRIMARY KEY (x, y)); CREATE TABLE q (y int, z int, PRIMARY KEY (y, z));
     CREATE TABLE a (x int NOT NULL, y int NOT NULL, z int NOT NULL, FOREIGN KEY (x, y) REFERENCES p,
        FOREIGN KEY (y, z) REFERENCES q)",
    "public.a: a_y_z_fkey shares columns with another foreign key"
)]
#[case::turned_away(
    "CREATE TABLE a (n int); CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
     CREATE TRIGGER no BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION no()",
    "public.a: the server took 0 of 60 rows, so a trigger or a rule turns them away; nothing was written"
)]
#[case::at_commit(
    "CREATE TABLE a (n int); CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RAISE unique_violation; END'; CREATE CONSTRAINT TRIGGER no AFTER INSERT ON a DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION no()",
    "nothing was written"
)]
#[tokio::test]
async fn what_cannot_be_kept_is_refused_in_one_sentence(
    #[case] schema: &'static str,
    #[case] sentence: &str,
) {
    let (db, mut connection) = prepared(schema).await;
    let error = filled(&mut connection, 60).await.map(|(derived, _)| derived.text).unwrap_err().to_string();
    assert!(error.contains(sentence), "{error}");
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM a").fetch_one(db.pool()).await.unwrap();
    assert_eq!(rows, 0);
}

#[rstest::rstest]
#[case("uuid", "gen_random_uuid()")]
#[case("date", "'2025-03-01'::date + n")]
#[case("timestamptz", "'2025-03-01 10:00:00.25+01'::timestamptz + n * interval '1 h'")]
#[case("inet", "'10.0.0.0'::inet + n")]
#[case("numeric", "n + 0.25")]
#[case("time", "'10:00:00'::time + n * interval '1 min'")]
#[tokio::test]
async fn keys_of_any_type_are_taken_from_the_rows_that_are_there(#[case] kind: &str, #[case] value: &str) {
    let (db, mut connection) = prepared("SELECT").await;
    let schema = format!(
        "CREATE TABLE p (k {kind} PRIMARY KEY); INSERT INTO p SELECT {value} FROM generate_series(1, 20) AS n;
         CREATE TABLE a (k {kind} NOT NULL REFERENCES p); CREATE TABLE b (k {kind} PRIMARY KEY REFERENCES p)"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(schema)).execute(db.pool()).await.unwrap();
    let only = ["a".to_owned(), "b".to_owned()];
    let schemas = ["public".to_owned()];
    let derived = derive(&mut connection, &schemas, &only, 20).await.unwrap();
    fill(&mut connection, &derived, 20, &Unwatched).await.unwrap();
    let error = derive(&mut connection, &schemas, &only[1..], 1).await.unwrap_err().to_string();
    assert!(error.contains("public.b.k: 0 more different values fit b_pkey"), "{error}");
}
