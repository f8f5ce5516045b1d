//! The catalogue's text: everything is seen, and the same definition reads the same under any name.

use harness::Database;
use migrations::catalogue::{Catalogue, Kind};
use rstest::rstest;
use runbook::ephemeral::Ephemeral;

#[rstest]
#[case::column_type(
    "ALTER TABLE projects ALTER name TYPE text",
    "table projects, column name: character varying(255) not null | text not null"
)]
#[case::default("ALTER TABLE projects ALTER created_at DROP DEFAULT", "table projects, column created_at: ")]
#[case::index("DROP INDEX ix_projects_etag", "table projects, index ix_projects_etag: ")]
#[case::foreign_key(
    "ALTER TABLE project_events DROP CONSTRAINT fk_events_project_id",
    "table project_events, constraint fk_events_project_id: FOREIGN KEY (project_id) REFERENCES projects(project_id) ON DELETE CASCADE | absent"
)]
#[case::table("CREATE TABLE \"o\"\"dd Ta.ble\" (a int)", "table \"o\"\"dd Ta.ble\": absent | present")]
#[case::unlogged(
    "ALTER TABLE partition_metadata SET UNLOGGED",
    "sequence partition_metadata_partition_id_seq"
)]
#[case::view("CREATE VIEW v AS SELECT 1 AS one", "view v: absent | present")]
#[case::function(
    "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql RETURN a + 1",
    "function f(a integer): absent | present"
)]
#[case::aggregate(
    "CREATE AGGREGATE g (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0')",
    "aggregate g(integer): absent | present"
)]
#[case::trigger(
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER t BEFORE INSERT ON projects FOR EACH ROW EXECUTE FUNCTION f()",
    "function f(): absent | present"
)]
#[case::enumeration("CREATE TYPE mood AS ENUM ('glad', 'sad')", "type mood: absent | present")]
#[case::domain("CREATE DOMAIN positive AS int CHECK (VALUE > 0)", "type positive: absent | present")]
#[case::composite("CREATE TYPE pair AS (a int, b text)", "type pair: absent | present")]
#[case::policy(
    "CREATE POLICY p ON projects USING (true)",
    "table projects, policy p: absent | permissive for all to public using (true)"
)]
#[case::row_security(
    "ALTER TABLE projects ENABLE ROW LEVEL SECURITY",
    "table projects, row security: absent | enabled"
)]
#[case::comment(
    "COMMENT ON COLUMN projects.name IS 'it''s'",
    "table projects, column name: character varying(255) not null | character varying(255) not null comment 'it''s'"
)]
#[case::extension("CREATE EXTENSION pg_trgm", "extension pg_trgm: absent | present")]
#[case::statistics(
    "CREATE STATISTICS s ON status, account_id FROM projects",
    "statistics s: absent | present"
)]
#[case::publication("CREATE PUBLICATION p FOR TABLE projects", "publication p: absent | present")]
#[case::storage(
    "ALTER TABLE projects SET (fillfactor = 70)",
    "table projects, options: absent | fillfactor=70"
)]
#[case::sequence(
    "ALTER SEQUENCE project_events_event_id_seq INCREMENT 2",
    "sequence project_events_event_id_seq, definition: "
)]
#[case::roles_of_a_policy(
    "CREATE POLICY p ON projects TO pg_monitor, pg_database_owner USING (true)",
    "table projects, policy p: absent | permissive for all to pg_database_owner, pg_monitor using (true)"
)]
#[tokio::test]
async fn every_kind_of_change_is_seen(#[case] change: &'static str, #[case] said: &str) {
    let db = Database::migrated().await.unwrap();
    let before = read(&db, "public").await;
    db.execute(change).await.unwrap();
    let after = read(&db, "public").await;
    let differences = Catalogue::diff(&before, &after);
    let first = differences.first().map(ToString::to_string).unwrap_or_default();
    assert!(first.starts_with(said), "{differences:?}");
    assert_ne!(before.fingerprint(), after.fingerprint());
}

#[tokio::test]
async fn the_text_does_not_depend_on_the_name_of_the_schema() {
    let db = Database::migrated().await.unwrap();
    let mut before = read(&db, "public").await.text();
    // The extension's own objects move along; they are its affair in either place.
    db.execute("ALTER SCHEMA public RENAME TO \"O\"\"dd Schemä\"").await.unwrap();
    let after = read(&db, "O\"dd Schemä").await.text();
    before = before.replace("schema public", "schema \"O\"\"dd Schemä\"");
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_column_that_moved_is_a_difference() {
    let db = Database::migrated().await.unwrap();
    let before = read(&db, "public").await;
    sqlx::raw_sql(
        "ALTER TABLE code_references DROP COLUMN formula; ALTER TABLE code_references ADD COLUMN formula text",
    )
    .execute(db.pool())
    .await
    .unwrap();
    let differences = Catalogue::diff(&before, &read(&db, "public").await);
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0].part.as_deref(), Some("order of columns"));
}

#[tokio::test]
async fn a_column_that_moved_is_told_beside_what_else_differs() {
    let db = Database::migrated().await.unwrap();
    let before = read(&db, "public").await;
    db.execute(
        "ALTER TABLE code_references DROP COLUMN formula; ALTER TABLE code_references ADD COLUMN formula text, \
         ADD COLUMN more text",
    )
    .await
    .unwrap();
    let told: Vec<String> =
        Catalogue::diff(&before, &read(&db, "public").await).iter().map(|told| told.subject()).collect();
    assert_eq!(told, ["table code_references, column more", "table code_references, order of columns"]);
}

/// A body is kept as it was written: with an empty search path the two are not the same.
#[tokio::test]
async fn a_schema_that_a_function_no_longer_names_is_a_difference_and_is_mended_with_its_name() {
    let db = Database::empty().await.unwrap();
    let function = |table: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION f() RETURNS bigint LANGUAGE plpgsql SET search_path = '' AS \
             $$ BEGIN RETURN (SELECT count(*) FROM {table}); END $$"
        )
    };
    db.execute("CREATE TABLE t (a integer)").await.unwrap();
    db.execute(&function("public.t")).await.unwrap();
    let before = read(&db, "public").await;
    db.execute(&function("t")).await.unwrap();
    let differences = Catalogue::diff(&before, &read(&db, "public").await);
    assert_eq!(
        differences.iter().map(|told| told.subject()).collect::<Vec<_>>(),
        ["function f(), definition"]
    );
    for statement in differences[0].statements() {
        db.execute(statement).await.unwrap();
    }
    let count: i64 = sqlx::query_scalar("SELECT public.f()").fetch_one(db.pool()).await.unwrap();
    assert_eq!(count, 0);
}

/// `IN` over a column of varchar is stored in one way when it is first written, and in another after a restore.
#[tokio::test]
async fn what_a_restore_writes_otherwise_is_no_difference() {
    let db = Database::empty().await.unwrap();
    let first = "a IN ('x', 'y')";
    let restored = "(a)::text = ANY (ARRAY[('x'::character varying)::text, ('y'::character varying)::text])";
    let make = |condition: &str| {
        let of_domain = condition.replace("(a)", "(VALUE)").replace("a IN", "VALUE IN");
        format!(
            "DROP SCHEMA public CASCADE; CREATE SCHEMA public;
            CREATE DOMAIN d AS varchar CONSTRAINT c CHECK ({of_domain});
            CREATE TABLE t (a varchar(9) CONSTRAINT c CHECK ({condition}),
                g boolean GENERATED ALWAYS AS ({condition}) STORED);
            CREATE INDEX i ON t (a) WHERE {condition};
            CREATE POLICY p ON t USING ({condition});
            CREATE VIEW v AS SELECT a FROM t WHERE {condition};
            CREATE FUNCTION f(a varchar) RETURNS boolean LANGUAGE sql BEGIN ATOMIC SELECT {condition}; END"
        )
    };
    db.execute(&make(first)).await.unwrap();
    let before = read(&db, "public").await;
    db.execute(&make(restored)).await.unwrap();
    let differences = Catalogue::diff(&before, &read(&db, "public").await);
    assert!(differences.is_empty(), "{differences:#?}");
    db.execute(&make("a IN ('x', 'z')")).await.unwrap();
    assert_eq!(Catalogue::diff(&before, &read(&db, "public").await).len(), 7);
}

#[tokio::test]
async fn a_schema_that_is_not_there_reads_as_nothing_of_it() {
    let db = Database::migrated().await.unwrap();
    let catalogue = read(&db, "nowhere").await;
    assert!(catalogue.names().all(|name| name.kind == Kind::Extension), "{}", catalogue.text());
}

async fn read(database: &Ephemeral, schema: &str) -> Catalogue {
    let mut reader = database.reader().await.unwrap();
    Catalogue::read(&mut reader, &[schema.to_owned()]).await.unwrap()
}
