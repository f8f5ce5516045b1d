//! A deployment that ends in the middle leaves the old schema, never something between: whoever is killed.
//!
//! Each migration stops half way, at a lock that the test holds, so that the middle is a place and not a moment.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use harness::proxy::Proxy;
use harness::{Database, Server};
use migrations::Migrator;
use migrations::catalogue::Catalogue;
use runbook::ephemeral::Ephemeral;
use runbook::secret::DatabaseUrl;
use runbook::settings::MigrationTool;
use runbook::wait;
use sqlx::{Connection as _, PgConnection};

use crate::support::{Copied, as_by_alembic, current};

const HALF: &str = "CREATE TABLE half (a int);\nSELECT pg_advisory_lock(77);\nCREATE TABLE whole (a int);\n";
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the deployer that is to be killed finds its database and its migrations.
const URL: &str = "RUNBOOK_TEST_KILLED_URL";
const FOLDER: &str = "RUNBOOK_TEST_KILLED_FOLDER";

#[tokio::test]
async fn a_killed_deployer_leaves_the_old_schema_and_the_next_one_finishes() {
    let db = Database::migrated().await.unwrap();
    let copied = halfway(MigrationTool::Sqlx);
    let before = read(&db).await;
    let lock = hold(db.url()).await;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["killed::deployer", "--exact", "--ignored"])
        .env(URL, db.url().expose())
        .env(FOLDER, &copied.folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    in_the_middle(&db).await;
    // SIGKILL.
    child.kill().unwrap();
    child.wait().unwrap();
    lock.close().await.unwrap();
    alone(&db).await;
    let migrator = copied.open();
    old(&*migrator, &db, &before).await;
    assert_eq!(migrator.upgrade(db.url(), "008").await.unwrap(), ["008"]);
    assert!(read(&db).await.text().contains("table whole\n"));
}

#[tokio::test]
#[ignore = "the deployer that the test above kills"]
async fn deployer() {
    let (Ok(url), Ok(folder)) = (std::env::var(URL), std::env::var(FOLDER)) else { return };
    let mut settings = (*harness::settings()).clone();
    settings.migrations.sqlx = Some(folder.into());
    let migrator = migrations::open_with(&settings, MigrationTool::Sqlx).unwrap();
    migrator.upgrade(&DatabaseUrl::parse(&url).unwrap(), "008").await.unwrap();
}

/// Deploys revision 008, and kills the tool while it waits for our lock.
async fn kill_in_the_middle(migrator: &Arc<dyn Migrator>, db: &Database) {
    let lock = hold(db.url()).await;
    let (deployer, url) = (Arc::clone(migrator), db.url().clone());
    let running = tokio::spawn(async move { deployer.upgrade(&url, "008").await });
    in_the_middle(db).await;
    // Dropping the future kills the child process.
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    lock.close().await.unwrap();
    alone(db).await;
}

#[tokio::test]
async fn a_killed_alembic_leaves_the_old_schema() {
    let db = as_by_alembic("007").await;
    let copied = halfway(MigrationTool::Alembic);
    let migrator: Arc<dyn Migrator> = Arc::from(copied.open());
    let before = read(&db).await;
    kill_in_the_middle(&migrator, &db).await;
    old(&*migrator, &db, &before).await;
}

#[tokio::test]
async fn what_alembic_committed_before_it_was_killed_is_named_with_the_statement_that_mends_it() {
    let db = as_by_alembic("007").await;
    let copied = Copied::of(MigrationTool::Alembic);
    copied.write(
        "versions/008_half.py",
        "from alembic import op\n\nrevision = '008'\ndown_revision = '007'\n\n\ndef upgrade():\n    \
         with op.get_context().autocommit_block():\n        op.execute('CREATE TABLE half (a int)')\n        \
         op.execute('SELECT pg_advisory_lock(77)')\n    op.execute('CREATE TABLE whole (a int)')\n\n\n\
         def downgrade():\n    op.drop_table('half')\n",
    );
    let migrator: Arc<dyn Migrator> = Arc::from(copied.open());
    let before = read(&db).await;
    kill_in_the_middle(&migrator, &db).await;
    // The tool cannot promise more: it is neither old nor new, and the difference says in what.
    assert_eq!(current(&*migrator, &db).await.unwrap().as_deref(), Some("007"));
    let differences = Catalogue::diff(&before, &read(&db).await);
    let told: Vec<(String, String)> =
        differences.iter().map(|difference| (difference.to_string(), difference.remedy())).collect();
    assert_eq!(told, [("table half: absent | present".to_owned(), "DROP TABLE half".to_owned())]);
    sqlx::raw_sql("DROP TABLE half").execute(db.pool()).await.unwrap();
    assert_eq!(migrator.upgrade(db.url(), "008").await.unwrap(), ["008"]);
}

#[tokio::test]
async fn a_cut_connection_and_a_killed_server_leave_the_old_schema() {
    let mut server = Server::options().start().await.unwrap();
    let db = server.create("cut").await.unwrap();
    let copied = halfway(MigrationTool::Sqlx);
    let migrator: Arc<dyn Migrator> = Arc::from(copied.open());
    migrator.upgrade(db.url(), "007").await.unwrap();
    let before = read(&db).await;

    let proxy = Proxy::to(([127, 0, 0, 1], server.port()).into()).await.unwrap();
    let mut through = url::Url::parse(db.url().expose()).unwrap();
    through.set_port(Some(proxy.address().port())).unwrap();
    let through = DatabaseUrl::parse(through.as_str()).unwrap();
    let lock = hold(db.url()).await;
    let deployer = Arc::clone(&migrator);
    let running = tokio::spawn(async move { deployer.upgrade(&through, "008").await });
    in_the_middle(&db).await;
    proxy.cut();
    let error = running.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("008") && !error.contains("panicked"), "{error}");
    lock.close().await.unwrap();
    alone(&db).await;
    old(&*migrator, &db, &before).await;

    let lock = hold(db.url()).await;
    let (deployer, url) = (Arc::clone(&migrator), db.url().clone());
    let running = tokio::spawn(async move { deployer.upgrade(&url, "008").await });
    in_the_middle(&db).await;
    server.kill().await.unwrap();
    let error = running.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("008"), "{error}");
    drop(lock);
    server.restart().await.unwrap();
    let db =
        Ephemeral::adopt(server.url("cut").unwrap(), harness::settings().limits.reading()).await.unwrap();
    old(&*migrator, &db, &before).await;
    assert_eq!(migrator.upgrade(db.url(), "008").await.unwrap(), ["008"]);
}

/// The migrations with one more, which stops half way.
fn halfway(tool: MigrationTool) -> Copied {
    let copied = Copied::of(tool);
    match tool {
        MigrationTool::Sqlx => copied.write("008_half.up.sql", HALF),
        MigrationTool::Alembic => copied.write(
            "versions/008_half.py",
            format!(
                "from alembic import op\n\nrevision = \"008\"\ndown_revision = \"007\"\n\n\ndef upgrade():\n    \
                 for statement in \"\"\"{HALF}\"\"\".split(\";\\n\"):\n        if statement.strip():\n            \
                 op.execute(statement)\n\n\ndef downgrade():\n    op.drop_table(\"half\")\n"
            ),
        ),
    }
    copied
}

/// A session that holds the lock at which the migration stops.
async fn hold(url: &DatabaseUrl) -> PgConnection {
    let mut connection = PgConnection::connect_with(&url.connect_options()).await.unwrap();
    sqlx::query("SELECT pg_advisory_lock(77)").execute(&mut connection).await.unwrap();
    connection
}

/// Waits until the migration has come to the lock.
async fn in_the_middle(db: &Ephemeral) {
    // Of this database: the tests beside this one stop at the same number in theirs.
    let query = "SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
        WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.objid = 77 AND NOT l.granted";
    wait::until("the migration standing half way", PATIENCE, || async {
        let waiting: i64 = sqlx::query_scalar(query).fetch_one(db.pool()).await.map_err(|e| e.to_string())?;
        if waiting == 1 { Ok(()) } else { Err(format!("{waiting} wait")) }
    })
    .await
    .unwrap();
}

/// Waits until nobody but this pool is left on the database: the server has noticed.
async fn alone(db: &Ephemeral) {
    let query = "SELECT count(*) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
        WHERE a.datname = current_database() AND l.locktype = 'advisory'";
    wait::until("the server letting go", PATIENCE, || async {
        let held: i64 = sqlx::query_scalar(query).fetch_one(db.pool()).await.map_err(|e| e.to_string())?;
        if held == 0 { Ok(()) } else { Err(format!("{held} advisory locks")) }
    })
    .await
    .unwrap();
}

async fn read(db: &Ephemeral) -> Catalogue {
    let mut reader = db.reader().await.unwrap();
    Catalogue::read(&mut reader, &harness::settings().database.schemas).await.unwrap()
}

async fn old(migrator: &dyn Migrator, db: &Ephemeral, before: &Catalogue) {
    assert_eq!(current(migrator, db).await.unwrap().as_deref(), Some("007"));
    let differences = Catalogue::diff(before, &read(db).await);
    assert!(differences.is_empty(), "{differences:?}");
}
