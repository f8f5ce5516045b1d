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
async fn a_schema_that_is_not_there_reads_as_nothing_of_it() {
    let db = Database::migrated().await.unwrap();
    let catalogue = read(&db, "nowhere").await;
    assert!(catalogue.names().all(|name| name.kind == Kind::Extension), "{}", catalogue.text());
}

async fn read(database: &Ephemeral, schema: &str) -> Catalogue {
    let mut reader = database.reader().await.unwrap();
    Catalogue::read(&mut reader, &[schema.to_owned()]).await.unwrap()
}
