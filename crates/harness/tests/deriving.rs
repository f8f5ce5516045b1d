//! Rows for any schema, worked out from its catalogue: types, keys and checks are kept, whatever the names.

use harness::Database;
use harness::loader::{Unwatched, derive, fill};
use sqlx::PgConnection;

const SCHEMA: &str = r#"
CREATE SCHEMA "Odd ""schema";
SET search_path TO "Odd ""schema";
CREATE TYPE mood AS ENUM ('calm', 'it''s', 'größer');
CREATE DOMAIN percent AS numeric(5, 2) CHECK (VALUE >= 0 AND VALUE <= 100);
CREATE TABLE person (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email varchar(12) NOT NULL UNIQUE,
    feels mood NOT NULL,
    share percent NOT NULL,
    role text NOT NULL CHECK (role IN ('admin', 'o''clock', 'guest')),
    born date, woke time, slept interval, seen timestamptz NOT NULL DEFAULT now(),
    tags text[] NOT NULL, extra jsonb NOT NULL, raw bytea, home inet, code char(3) NOT NULL,
    size int CHECK (size > 10 AND size <= 20),
    double int GENERATED ALWAYS AS (size * 2) STORED,
    boss bigint REFERENCES person (id)
);
CREATE TABLE place (key uuid PRIMARY KEY, "Na me" text NOT NULL, UNIQUE ("Na me", key));
CREATE TABLE visit (
    person_id bigint NOT NULL REFERENCES person (id),
    place_key uuid NOT NULL REFERENCES place (key),
    PRIMARY KEY (person_id, place_key)
);
CREATE TABLE passport (
    person_id bigint PRIMARY KEY REFERENCES person (id) ON DELETE CASCADE,
    number int UNIQUE NOT NULL, level smallint NOT NULL CHECK (level = ANY (ARRAY[1, 2, 3]))
);
CREATE TABLE hen (id int PRIMARY KEY, egg_id int);
CREATE TABLE egg (id int PRIMARY KEY, hen_id int NOT NULL REFERENCES hen (id));
ALTER TABLE hen ADD FOREIGN KEY (egg_id) REFERENCES egg (id);
CREATE TABLE part (a int, b int, PRIMARY KEY (a, b));
CREATE TABLE use_of (id serial PRIMARY KEY, a int NOT NULL, b int NOT NULL, FOREIGN KEY (a, b) REFERENCES part (a, b));
"#;

async fn prepared(sql: &'static str) -> (Database, PgConnection) {
    let db = Database::empty().await.unwrap();
    sqlx::raw_sql(sql).execute(db.pool()).await.unwrap();
    let connection = db.pool().acquire().await.unwrap().detach();
    (db, connection)
}

#[tokio::test]
async fn every_table_of_a_foreign_schema_is_filled_twice_and_keeps_its_constraints() {
    let (db, mut connection) = prepared(SCHEMA).await;
    let schemas = ["Odd \"schema".to_owned()];
    for round in 1..=2 {
        let derived = derive(&mut connection, &schemas, &[], 50).await.unwrap();
        assert_eq!(derived.tables.len(), 8, "{:?}", derived.tables);
        let loaded = fill(&mut connection, &derived, 50, &Unwatched)
            .await
            .unwrap_or_else(|error| panic!("{error}\n{}", derived.text));
        assert!(loaded.tables.iter().all(|(_, rows)| *rows == 50), "{loaded:?}");
        let people: i64 = sqlx::query_scalar("SELECT count(*) FROM \"Odd \"\"schema\".person")
            .fetch_one(db.pool())
            .await
            .unwrap();
        assert_eq!(people, 50 * round);
    }
    // The counter goes on after what was written.
    let next = "INSERT INTO \"Odd \"\"schema\".person (email, feels, share, role, tags, extra, code)
        VALUES ('new', 'calm', 1, 'guest', '{}', '{}', 'abc') RETURNING id";
    assert_eq!(sqlx::query_scalar::<_, i64>(next).fetch_one(db.pool()).await.unwrap(), 101);
    let filled: (i64, i64) =
        sqlx::query_as("SELECT count(DISTINCT feels), count(DISTINCT role) FROM \"Odd \"\"schema\".person")
            .fetch_one(db.pool())
            .await
            .unwrap();
    assert_eq!(filled, (3, 3));
}

#[tokio::test]
async fn one_table_is_filled_from_the_rows_that_are_there() {
    let db = Database::seeded().await.unwrap();
    let mut connection = db.pool().acquire().await.unwrap().detach();
    let schemas = ["public".to_owned()];
    let derived = derive(&mut connection, &schemas, &["project_events".into()], 40).await.unwrap();
    fill(&mut connection, &derived, 40, &Unwatched).await.unwrap();
    let orphans: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM project_events e LEFT JOIN projects p USING (project_id) WHERE p.project_id IS NULL",
    )
    .fetch_one(db.pool())
    .await
    .unwrap();
    assert_eq!(orphans, 0);
}

#[tokio::test]
async fn the_system_under_deployment_is_filled_without_a_data_set() {
    let db = Database::migrated().await.unwrap();
    let mut connection = db.pool().acquire().await.unwrap().detach();
    let derived = derive(&mut connection, &["public".to_owned()], &[], 200).await.unwrap();
    fill(&mut connection, &derived, 200, &Unwatched).await.unwrap();
    let statuses: i64 =
        sqlx::query_scalar("SELECT count(DISTINCT status) FROM projects").fetch_one(db.pool()).await.unwrap();
    assert_eq!(statuses, 5, "each value of the CHECK");
}

#[tokio::test]
async fn the_history_of_the_migrations_is_left_alone() {
    let db = Database::migrated().await.unwrap();
    let more = "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY); CREATE SCHEMA tool;
        CREATE TABLE tool.revision (version_num varchar(32) PRIMARY KEY)";
    sqlx::raw_sql(more).execute(db.pool()).await.unwrap();
    let mut connection = db.pool().acquire().await.unwrap().detach();
    let schemas = ["public".to_owned(), "tool".to_owned()];
    let derived = derive(&mut connection, &schemas, &[], 5).await.unwrap();
    assert!(derived.tables.contains(&"public.projects".into()), "{:?}", derived.tables);
    assert!(!derived.text.contains("version_num") && !derived.text.contains("_sqlx"), "{}", derived.text);
    for table in ["_sqlx_migrations", "public.alembic_version", "tool.revision"] {
        let error = derive(&mut connection, &schemas, &[table.into()], 5).await.unwrap_err().to_string();
        assert!(error.contains("is the history of the migrations") && error.contains("--table"), "{error}");
    }
}

#[rstest::rstest]
#[case::circle(
    "CREATE TABLE a (k int PRIMARY KEY); CREATE TABLE b (k int PRIMARY KEY, a int NOT NULL REFERENCES a);
     ALTER TABLE a ADD b int NOT NULL REFERENCES b",
    "public.a: its foreign keys lead in a circle and none of them may be null"
)]
#[case::unknown_type(
    "CREATE TABLE a (shape polygon NOT NULL)",
    "shape: columns of type polygon cannot be generated, and this one needs a value"
)]
#[case::too_narrow(
    "CREATE TABLE a (k varchar(1) PRIMARY KEY)",
    "public.a.k: 9 more different values fit a_pkey (character varying(1)), fewer than the 50 rows"
)]
#[case::counted_out(
    "CREATE TABLE a (k smallint PRIMARY KEY); INSERT INTO a VALUES (32760)",
    "public.a.k: 7 more different values fit smallint from 32761 on, fewer than the 50 rows"
)]
#[case::nothing("CREATE VIEW v AS SELECT 1", "there is no table to fill in public")]
#[tokio::test]
async fn what_cannot_be_filled_is_said_in_one_sentence(#[case] schema: &'static str, #[case] sentence: &str) {
    let (_db, mut connection) = prepared(schema).await;
    let error = derive(&mut connection, &["public".to_owned()], &[], 50).await.unwrap_err();
    assert!(error.to_string().contains(sentence), "{error}");
}

#[tokio::test]
async fn a_check_that_cannot_be_read_is_named_and_nothing_is_written() {
    let (db, mut connection) =
        prepared("CREATE TABLE a (k int PRIMARY KEY, code text NOT NULL CHECK (code ~ '^[A-Z]{3}$'))").await;
    let derived = derive(&mut connection, &["public".to_owned()], &[], 50).await.unwrap();
    assert!(derived.text.contains("# Not understood"), "{}", derived.text);
    let error = fill(&mut connection, &derived, 50, &Unwatched).await.unwrap_err().to_string();
    assert!(error.contains("a_code_check") && error.contains("nothing was written"), "{error}");
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM a").fetch_one(db.pool()).await.unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn a_table_that_is_not_there_is_named() {
    let (_db, mut connection) = prepared("CREATE TABLE a (k int)").await;
    let error = derive(&mut connection, &["public".to_owned()], &["b".into()], 50).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no table b in public: name another, or leave it out for all");
}
