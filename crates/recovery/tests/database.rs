//! What belongs to the database itself and is in no dump comes back with it, or is refused beforehand.

use harness::{Database, Server};
use recovery::properties::Properties;
use rstest::rstest;
use runbook::ephemeral::Ephemeral;

use crate::support::{
    Folder, Role, act, adopt, backup, context, databases, name, own_backup, roll_back, sql, witness,
};

async fn properties(db: &Ephemeral) -> Properties {
    let read = Properties::read(&mut db.reader().await.unwrap()).await.unwrap();
    recovery::rollback::close_idle(db.pool()).await;
    read
}

/// Each is of the database, and set otherwise by the deployment. `{db}` and `{role}` stand for their names.
#[rstest]
#[case::a_template("ALTER DATABASE {db} IS_TEMPLATE true", "ALTER DATABASE {db} IS_TEMPLATE false")]
#[case::no_template("ALTER DATABASE {db} IS_TEMPLATE false", "ALTER DATABASE {db} IS_TEMPLATE true")]
#[case::a_limit("ALTER DATABASE {db} CONNECTION LIMIT 7", "ALTER DATABASE {db} CONNECTION LIMIT -1")]
#[case::an_owner("ALTER DATABASE {db} OWNER TO {role}", "ALTER DATABASE {db} OWNER TO CURRENT_USER")]
#[case::grants(
    "REVOKE ALL ON DATABASE {db} FROM PUBLIC; GRANT CREATE ON DATABASE {db} TO {role} WITH GRANT OPTION",
    "GRANT ALL ON DATABASE {db} TO PUBLIC; REVOKE ALL ON DATABASE {db} FROM {role}"
)]
#[case::grants_that_were_taken_from_the_owner(
    "ALTER DATABASE {db} OWNER TO {role}; REVOKE ALL ON DATABASE {db} FROM {role}, PUBLIC",
    "GRANT ALL ON DATABASE {db} TO {role}"
)]
#[case::grants_of_one_who_was_granted_them(
    "GRANT CREATE ON DATABASE {db} TO {role} WITH GRANT OPTION; SET ROLE {role}; GRANT CREATE ON DATABASE {db} TO pg_monitor;
     RESET ROLE; GRANT CREATE ON DATABASE {db} TO pg_monitor",
    "REVOKE CREATE ON DATABASE {db} FROM {role} CASCADE"
)]
#[case::settings(
    "ALTER DATABASE {db} SET search_path TO \"$user\", public, \"a, b\"; ALTER DATABASE {db} SET log_statement TO 'all';
     ALTER DATABASE {db} SET our.tenant TO E'it''s \\\\ \"x\"'; ALTER ROLE {role} IN DATABASE {db} SET work_mem TO '5MB'",
    "ALTER DATABASE {db} RESET ALL; ALTER ROLE {role} IN DATABASE {db} RESET ALL; ALTER DATABASE {db} SET work_mem TO '6MB'"
)]
#[case::default_privileges(
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {role}; ALTER DEFAULT PRIVILEGES FOR ROLE {role} IN SCHEMA public
       GRANT ALL ON SEQUENCES TO PUBLIC",
    "ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM {role}"
)]
#[tokio::test]
async fn it_is_what_it_was(#[case] before: &str, #[case] deployed: &str) {
    let db = Database::empty().await.unwrap();
    let role = Role::new(&db, "NOCREATEDB").await;
    role.database.pool().close().await;
    let fill = |text: &str| {
        let database = format!("\"{}\"", name(&db));
        text.replace("{db}", &database).replace("{role}", &format!("\"{}\"", role.name))
    };
    sql(&db, "CREATE TABLE t (a int)").await;
    sql(&db, &fill(before)).await;
    recovery::rollback::close_idle(db.pool()).await;
    let (had, seen) = (properties(&db).await, witness(&db).await);
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    sql(&db, &fill(deployed)).await;
    assert!(properties(&db).await != had || witness(&db).await != seen);
    let outcome = roll_back(&db, &taken).await.unwrap();
    assert_eq!(outcome.replaced, None);
    assert_eq!((properties(&db).await, witness(&db).await), (had, seen));
    assert_eq!(databases(&db).await, 1);
    sql(&db, &fill("ALTER DATABASE {db} IS_TEMPLATE false; ALTER DATABASE {db} RESET ALL")).await;
    role.drop(&db).await;
}

#[tokio::test]
async fn its_tablespace_is_the_one_that_it_had() {
    let server = Server::options().setting("allow_in_place_tablespaces", "on").start().await.unwrap();
    server.execute("postgres", "CREATE TABLESPACE own LOCATION ''").await.unwrap();
    let db = server.create("placed").await.unwrap();
    recovery::rollback::close_idle(db.pool()).await;
    server.execute("postgres", "ALTER DATABASE placed SET TABLESPACE own").await.unwrap();
    sql(&db, "CREATE TABLE t (a int)").await;
    let had = properties(&db).await;
    let folder = Folder::new();
    let taken = own_backup(&db, &folder).await.unwrap();
    recovery::rollback::close_idle(db.pool()).await;
    server.execute("postgres", "ALTER DATABASE placed SET TABLESPACE pg_default").await.unwrap();
    assert_ne!(properties(&db).await, had);
    roll_back(&db, &taken).await.unwrap();
    assert_eq!(properties(&db).await, had);
}

/// What this role, or this server, cannot give it is refused before the restore, in the server's own words.
#[rstest]
#[case::a_setting_of_superusers(
    "ALTER DATABASE {db} SET log_statement TO 'all'",
    "",
    "permission denied to set parameter"
)]
#[case::a_setting_of_another_role(
    "ALTER ROLE CURRENT_USER IN DATABASE {db} SET work_mem TO '5MB'",
    "",
    // Before 16, and since.
    "must be superuser to alter superusers | permission denied to alter role"
)]
#[case::a_grant_to_a_role_that_is_gone(
    "CREATE ROLE {gone}; GRANT CREATE ON DATABASE {db} TO {gone}",
    "REVOKE ALL ON DATABASE {db} FROM {gone}; DROP ROLE {gone}",
    "role \"gone of {db}\" does not exist"
)]
#[case::a_label_whose_provider_is_not_there(
    "INSERT INTO pg_shseclabel SELECT oid, 'pg_database'::regclass, 'nobody''s', 'secret' FROM pg_database
       WHERE datname = current_database()",
    "DELETE FROM pg_shseclabel WHERE objoid = (SELECT oid FROM pg_database WHERE datname = current_database())",
    "security label provider \"nobody's\" is not loaded"
)]
#[tokio::test]
async fn what_cannot_be_given_is_refused_beforehand(
    #[case] before: &str,
    #[case] after: &str,
    #[case] said: &str,
) {
    let db = Database::empty().await.unwrap();
    let role = Role::new(&db, "CREATEDB").await;
    let fill = |text: &str| {
        let database = name(&db);
        text.replace("{gone}", &format!("\"gone of {database}\"")).replace("{db}", &format!("\"{database}\""))
    };
    sql(&db, &format!("ALTER DATABASE \"{}\" OWNER TO \"{}\"", name(&db), role.name)).await;
    sql(&db, &fill(before)).await;
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    sql(&db, &format!("{}; CREATE TABLE deployed (a int)", fill(after))).await;
    recovery::rollback::close_idle(db.pool()).await;
    let (had, seen) = (properties(&db).await, witness(&db).await);
    let error = roll_back(&role.database, &taken).await.unwrap_err().to_string();
    let begins = format!("the role {} cannot give the database what it had", role.name);
    let told = said.split(" | ").any(|said| error.contains(&said.replace("{db}", &name(&db))));
    assert!(error.starts_with(&begins) && told, "{error}");
    assert!(error.ends_with("; nothing was changed"), "{error}");
    assert_eq!((properties(&db).await, witness(&db).await, databases(&db).await), (had, seen, 1));
    sql(&db, &fill("DELETE FROM pg_shseclabel WHERE objoid = (SELECT oid FROM pg_database WHERE datname = current_database()); ALTER ROLE CURRENT_USER IN DATABASE {db} RESET ALL")).await;
    role.drop(&db).await;
}

/// Whose privileges it does not have without `SET ROLE`: halfway, it could not go on, nor take the copy away.
#[tokio::test]
async fn a_membership_that_is_not_inherited_is_not_enough() {
    let db = Database::empty().await.unwrap();
    let role = Role::new(&db, "CREATEDB NOINHERIT").await;
    let (database, who) = (name(&db), role.name.clone());
    let owner = format!("owner of {who}");
    sql(&db, &format!("CREATE ROLE \"{owner}\"; GRANT \"{owner}\" TO \"{who}\"; ALTER DATABASE \"{database}\" OWNER TO \"{owner}\"")).await;
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    sql(&db, &format!("ALTER DATABASE \"{database}\" OWNER TO \"{who}\"")).await;
    recovery::rollback::close_idle(db.pool()).await;
    let error = roll_back(&role.database, &taken).await.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("the role {who} may not give the database to {owner}, whose it was")),
        "{error}"
    );
    assert_eq!(databases(&db).await, 1);
    role.drop(&db).await;
    sql(&db, &format!("DROP ROLE \"{owner}\"")).await;
}

/// The server hides from a role what others' sessions are; that they are there, it does not.
#[tokio::test]
async fn a_session_whose_kind_the_role_may_not_see_is_named_all_the_same() {
    let db = Database::empty().await.unwrap();
    let role = Role::new(&db, "CREATEDB").await;
    sql(&db, &format!("ALTER DATABASE \"{}\" OWNER TO \"{}\"", name(&db), role.name)).await;
    recovery::rollback::close_idle(db.pool()).await;
    let folder = Folder::new();
    let taken = own_backup(&role.database, &folder).await.unwrap();
    let options = db.url().connect_options().application_name("the api");
    let other = <sqlx::PgConnection as sqlx::Connection>::connect_with(&options).await.unwrap();
    let error = roll_back(&role.database, &taken).await.unwrap_err().to_string();
    assert!(error.starts_with("others are connected to the database (the api of "), "{error}");
    assert!(error.contains("nothing was changed"), "{error}");
    sqlx::Connection::close(other).await.unwrap();
    assert_eq!(databases(&db).await, 1);
    role.drop(&db).await;
}

/// Killed while it dropped what it had replaced, and had told of: nobody can use that database any more.
#[tokio::test]
async fn a_replaced_database_whose_drop_was_interrupted_is_dropped_by_the_next_rollback() {
    let db = Database::empty().await.unwrap();
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    let mut plan = crate::support::rollback_plan(&db).await;
    plan.keep_replaced = true;
    let kept = plan.run(&db, &taken.0, &taken.1).await.unwrap().replaced.unwrap();
    // As the server leaves it when it is killed in DROP DATABASE (15.4 and later).
    sql(&db, &format!("UPDATE pg_database SET datconnlimit = -2 WHERE datname = '{kept}'")).await;
    let plan = recovery::checks().into_iter().find(|check| check.id == "recovery.rollback.plan").unwrap();
    let verdict = plan.run(&context(&db, &folder)).await;
    assert!(verdict.findings().iter().all(|found| found.object != kept), "{verdict:?}");
    let outcome = roll_back(&db, &taken).await.unwrap();
    assert_eq!((outcome.earlier, outcome.replaced), (Vec::new(), None));
    assert_eq!(databases(&db).await, 1);
}

/// A copy that is a template already cannot be dropped as it is.
#[tokio::test]
async fn a_template_that_a_killed_rollback_left_is_cleaned_up() {
    let db = Database::empty().await.unwrap();
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    let copy: String = sqlx::query_scalar(
        "SELECT 'runbook_restoring_' || left(encode(sha256(convert_to(current_database(), 'UTF8')), 'hex'), 16)",
    )
    .fetch_one(db.pool())
    .await
    .unwrap();
    sql(&db, &format!("CREATE DATABASE {copy} IS_TEMPLATE true")).await;
    roll_back(&db, &taken).await.unwrap();
    assert_eq!(databases(&db).await, 1);
}

/// Closed to everybody, as a person does it to keep the service out: a rollback cannot be told from a session either.
#[tokio::test]
async fn a_database_that_is_closed_is_said_to_be() {
    let server = Server::options().start().await.unwrap();
    let db = server.create("closed").await.unwrap();
    let folder = Folder::new();
    let taken = own_backup(&db, &folder).await.unwrap();
    server.execute("postgres", "ALTER DATABASE closed ALLOW_CONNECTIONS false").await.unwrap();
    let error = roll_back(&db, &taken).await.unwrap_err().to_string();
    assert!(
        error.contains("ALTER DATABASE \"closed\" ALLOW_CONNECTIONS true")
            && error.ends_with("nothing was changed"),
        "{error}"
    );
    server.execute("postgres", "ALTER DATABASE closed ALLOW_CONNECTIONS true").await.unwrap();
    roll_back(&db, &taken).await.unwrap();
}

/// The server dies in the middle of the restore: the database is there when it comes back, and the next rollback goes on.
#[tokio::test]
async fn a_server_that_dies_in_the_middle_leaves_the_database() {
    let mut server = Server::options().setting("fsync", "on").start().await.unwrap();
    let db = server.create("lost").await.unwrap();
    sql(&db, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)").await;
    let folder = Folder::new();
    let taken = own_backup(&db, &folder).await.unwrap();
    sql(&db, "INSERT INTO t VALUES (2)").await;
    let mut plan = crate::support::rollback_plan(&db).await;
    let script =
        "\"$REAL\" \"$@\"; echo > \"$HERE/begun\"; while ! test -e \"$HERE/go\"; do sleep 0.01; done";
    plan.programs = crate::support::with_script(&plan.programs, folder.beside(), "pg_restore", script);
    let (begun, go) = (folder.beside().join("begun"), folder.beside().join("go"));
    let killed = async {
        crate::support::written(&begun).await;
        server.kill().await.unwrap();
        std::fs::write(go, "").unwrap();
    };
    let (outcome, ()) = tokio::join!(plan.run(&db, &taken.0, &taken.1), killed);
    outcome.unwrap_err();
    server.restart().await.unwrap();
    let db = adopt(server.url("lost").unwrap()).await;
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(db.pool()).await.unwrap();
    assert_eq!(count, 2);
    assert_eq!(databases(&db).await, 2, "the copy is still there");
    let losses = roll_back(&db, &taken).await.unwrap().losses.unwrap();
    assert_eq!(losses.iter().map(|loss| loss.lost).sum::<i64>(), 1);
    assert_eq!(databases(&db).await, 1);
}

/// They follow a database, not its name.
#[tokio::test]
async fn replication_slots_of_the_replaced_database_are_told() {
    let server = Server::options().setting("wal_level", "logical").start().await.unwrap();
    let db = server.create("published").await.unwrap();
    sql(&db, "CREATE TABLE t (a int); CREATE PUBLICATION p FOR ALL TABLES").await;
    let folder = Folder::new();
    let taken = own_backup(&db, &folder).await.unwrap();
    sql(&db, "SELECT pg_create_logical_replication_slot('follower', 'pgoutput')").await;
    recovery::rollback::close_idle(db.pool()).await;
    let mut settings = (*harness::settings()).clone();
    settings.backup.prefix = "own".to_owned();
    let mut context = runbook::context::Context::new(
        std::sync::Arc::new(settings),
        runbook::context::Database::Ephemeral(db.clone()),
    );
    context.backups = Some(folder.path());
    context.scratch = harness::scratch();
    let plan = recovery::checks().into_iter().find(|check| check.id == "recovery.rollback.plan").unwrap();
    let plan = plan.run(&context).await;
    let done = act(&context, "recovery.rollback.restore").await.unwrap();
    for verdict in [plan, done] {
        assert!(
            verdict.findings().iter().any(|found| found.object == "replication slot follower"),
            "{verdict:?}"
        );
    }
    assert_eq!(databases(&db).await, 1);
    drop(taken);
}
