//! Applying and reverting SQL migrations, and version tables that say something impossible.

use harness::Database;
use migrations::MigrationError;
use rstest::rstest;
use runbook::settings::MigrationTool;

use crate::support::{Copied, current};

#[tokio::test]
async fn a_database_goes_up_and_down_to_any_revision() {
    let db = Database::empty().await.unwrap();
    let migrator = migrations::open_with(&harness::settings(), MigrationTool::Sqlx).unwrap();
    assert_eq!(current(&*migrator, &db).await.unwrap(), None);
    assert_eq!(migrator.upgrade(db.url(), "002").await.unwrap(), ["001", "002"]);
    assert_eq!(current(&*migrator, &db).await.unwrap().as_deref(), Some("002"));
    assert_eq!(migrator.pending(Some("002")).len(), 5);
    assert_eq!(migrator.upgrade(db.url(), "007").await.unwrap(), ["003", "004", "005", "006", "007"]);
    assert_eq!(migrator.upgrade(db.url(), "003").await.unwrap(), Vec::<String>::new());
    assert_eq!(migrator.downgrade(db.url(), Some("005")).await.unwrap(), ["007", "006"]);
    assert_eq!(current(&*migrator, &db).await.unwrap().as_deref(), Some("005"));
    assert_eq!(migrator.downgrade(db.url(), None).await.unwrap(), ["005", "004", "003", "002", "001"]);
    assert_eq!(current(&*migrator, &db).await.unwrap(), None);
}

#[tokio::test]
async fn a_revision_nobody_knows_is_refused_with_those_that_are() {
    let db = Database::empty().await.unwrap();
    let migrator = migrations::open_with(&harness::settings(), MigrationTool::Sqlx).unwrap();
    let error = migrator.upgrade(db.url(), "042").await.unwrap_err().to_string();
    assert_eq!(error, "there is no revision `042`; known are 001, 002, 003, 004, 005, 006, 007");
}

#[rstest]
#[case::ahead(
    "INSERT INTO _sqlx_migrations VALUES (8, 'x', '2025-01-01', true, '', 1)",
    "the database is ahead: it stands at revision `8`, which these files do not know (their newest is `007`)"
)]
#[case::changed(
    "UPDATE _sqlx_migrations SET checksum = 'x' WHERE version = 3",
    "revision `003` was changed after it was applied: "
)]
#[case::dirty(
    "UPDATE _sqlx_migrations SET success = false WHERE version = 7",
    "revision `007` was left half applied"
)]
#[case::a_hole(
    "DELETE FROM _sqlx_migrations WHERE version = 4",
    "revision `004` is not applied although `007` is"
)]
#[case::elsewhere(
    "CREATE SCHEMA odd; ALTER TABLE _sqlx_migrations SET SCHEMA odd",
    "the version table stands as odd._sqlx_migrations outside the search path"
)]
#[tokio::test]
async fn an_impossible_state_is_named_and_nothing_is_applied(
    #[case] plant: &'static str,
    #[case] said: &str,
) {
    let db = Database::migrated().await.unwrap();
    sqlx::raw_sql(plant).execute(db.pool()).await.unwrap();
    let migrator = migrations::open_with(&harness::settings(), MigrationTool::Sqlx).unwrap();
    let error = current(&*migrator, &db).await.unwrap_err();
    assert!(error.to_string().starts_with(said), "{error}");
    assert!(error.is_state());
    // An upgrade finds the same, and changes nothing: least of all does it start anew.
    let copied = Copied::of(MigrationTool::Sqlx);
    copied.write("008_x.up.sql", "CREATE TABLE fresh (a int);");
    if !said.starts_with("the database is ahead") {
        let error = copied.open().upgrade(db.url(), "008").await.unwrap_err();
        assert!(error.to_string().starts_with(said), "{error}");
    }
    assert!(!there(&db, "fresh").await);
}

async fn there(db: &Database, table: &str) -> bool {
    let query = "SELECT to_regclass($1) IS NOT NULL";
    sqlx::query_scalar(query).bind(table).fetch_one(db.pool()).await.unwrap()
}

#[tokio::test]
async fn a_statement_that_times_out_in_the_middle_is_named_and_rolled_back() {
    let db = Database::migrated().await.unwrap();
    let copied = Copied::of(MigrationTool::Sqlx);
    let up = "CREATE TABLE fresh (a int);\nSET LOCAL statement_timeout = '50ms';\nSELECT pg_sleep(20);\n";
    copied.write("008_x.up.sql", up);
    let migrator = copied.open();
    let error = migrator.upgrade(db.url(), "008").await.unwrap_err().to_string();
    let said = "008_x.up.sql:3: canceling statement due to statement timeout (SQLSTATE 57014), in \
        `SELECT pg_sleep(20)`; it was rolled back";
    assert!(error.contains(said), "{error}");
    assert!(!there(&db, "fresh").await);
    assert_eq!(current(&*migrator, &db).await.unwrap().as_deref(), Some("007"));
}

#[tokio::test]
async fn a_role_that_may_not_read_the_version_table_is_told_so_and_changes_nothing() {
    let db = Database::migrated().await.unwrap();
    let migrator = migrations::open_with(&harness::settings(), MigrationTool::Sqlx).unwrap();
    let role =
        "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET role = pg_monitor', current_database()); END$$";
    sqlx::raw_sql(role).execute(db.pool()).await.unwrap();
    let error = migrator.upgrade(db.url(), "007").await.unwrap_err().to_string();
    assert!(error.starts_with("permission denied for "), "{error}");
}

#[tokio::test]
async fn a_changed_file_stops_the_next_upgrade_before_it_starts() {
    let db = Database::at("006").await.unwrap();
    let copied = Copied::of(MigrationTool::Sqlx);
    copied.write("003_reference_tables.up.sql", "SELECT 'something else';");
    let error = copied.open().upgrade(db.url(), "007").await.unwrap_err();
    assert!(matches!(&error, MigrationError::Checksum { id, .. } if id == "003"), "{error}");
    let there: bool = sqlx::query_scalar("SELECT to_regclass('partition_metadata') IS NOT NULL")
        .fetch_one(db.pool())
        .await
        .unwrap();
    assert!(!there);
}

#[tokio::test]
async fn a_failing_statement_is_named_with_its_line_and_rolled_back() {
    let db = Database::migrated().await.unwrap();
    let copied = Copied::of(MigrationTool::Sqlx);
    copied.write("008_x.up.sql", "CREATE TABLE fresh (a int);\n\nUPDATE fresh\nSET b = 1;\n");
    let error = copied.open().upgrade(db.url(), "008").await.unwrap_err().to_string();
    assert!(
        error.contains("008_x.up.sql:4: column \"b\" of relation \"fresh\" does not exist (SQLSTATE 42703)"),
        "{error}"
    );
    let there: bool =
        sqlx::query_scalar("SELECT to_regclass('fresh') IS NOT NULL").fetch_one(db.pool()).await.unwrap();
    assert!(!there);
    assert_eq!(current(&*copied.open(), &db).await.unwrap().as_deref(), Some("007"));
}

#[tokio::test]
async fn a_statement_that_fails_on_the_rows_is_named_although_the_database_names_no_position() {
    let db = Database::seeded().await.unwrap();
    let copied = Copied::of(MigrationTool::Sqlx);
    let up =
        "CREATE TABLE fresh (a int);\nSELECT 1;\n\nALTER TABLE projects\n    ADD CHECK (false);\nSELECT 2;\n";
    copied.write("008_x.up.sql", up);
    let error = copied.open().upgrade(db.url(), "008").await.unwrap_err().to_string();
    assert!(error.contains("008_x.up.sql:4: check constraint"), "{error}");
    assert!(
        error.contains("(SQLSTATE 23514), in `ALTER TABLE projects ADD CHECK (false)`; it was rolled back"),
        "{error}"
    );
}

#[tokio::test]
async fn the_version_table_is_as_sqlx_itself_leaves_it() {
    let (ours, theirs) = (Database::empty().await.unwrap(), Database::empty().await.unwrap());
    let settings = harness::settings();
    migrations::open_with(&settings, MigrationTool::Sqlx).unwrap().upgrade(ours.url(), "007").await.unwrap();
    let folder = settings.path(settings.migrations.sqlx.as_ref().unwrap());
    sqlx::migrate::Migrator::new(folder).await.unwrap().run(theirs.pool()).await.unwrap();
    let rows = "SELECT version, description, success, encode(checksum, 'hex'), execution_time >= 0
        FROM _sqlx_migrations ORDER BY version";
    let read = async |db: &Database| -> Vec<(i64, String, bool, String, bool)> {
        sqlx::query_as(rows).fetch_all(db.pool()).await.unwrap()
    };
    assert_eq!(read(&ours).await, read(&theirs).await);
}

#[tokio::test]
async fn a_revision_without_a_way_back_stops_the_downgrade_before_it_starts() {
    let db = Database::migrated().await.unwrap();
    let copied = Copied::of(MigrationTool::Sqlx);
    copied.remove("006_envelope.down.sql");
    let migrator = copied.open();
    assert!(!migrator.history()[5].reversible);
    let error = migrator.downgrade(db.url(), Some("004")).await.unwrap_err();
    assert!(matches!(&error, MigrationError::Irreversible { id, .. } if id == "006"), "{error}");
    assert_eq!(current(&*migrator, &db).await.unwrap().as_deref(), Some("007"));
}

#[tokio::test]
async fn an_owner_who_is_no_superuser_goes_up_and_down_where_the_extension_was_made_beforehand() {
    let db = Database::empty().await.unwrap();
    let name: String =
        sqlx::query_scalar("SELECT current_database()::text").fetch_one(db.pool()).await.unwrap();
    let role = format!("owner_of_{name}");
    let setup = format!(
        "CREATE EXTENSION pg_stat_statements; CREATE ROLE {role} LOGIN PASSWORD 'x'; \
         GRANT CREATE ON SCHEMA public TO {role}; GRANT CREATE ON DATABASE {name} TO {role}"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(setup)).execute(db.pool()).await.unwrap();
    let mut url = url::Url::parse(db.url().expose()).unwrap();
    url.set_username(&role).unwrap();
    url.set_password(Some("x")).unwrap();
    let url = runbook::secret::DatabaseUrl::parse(url.as_str()).unwrap();
    let migrator = migrations::open_with(&harness::settings(), MigrationTool::Sqlx).unwrap();
    migrator.upgrade(&url, "007").await.unwrap();
    migrator.downgrade(&url, None).await.unwrap();
    let left: Vec<String> = sqlx::query_scalar("SELECT extname::text FROM pg_extension ORDER BY 1")
        .fetch_all(db.pool())
        .await
        .unwrap();
    let drop = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(drop)).execute(db.pool()).await.unwrap();
    assert_eq!(left, ["pg_stat_statements", "plpgsql"]);
}
