//! What would go wrong is refused before anything is done, in one sentence; what goes wrong half-way leaves one database or
//! the other.

use harness::Database;
use recovery::properties::Properties;
use recovery::state::State;
use rstest::rstest;
use runbook::ephemeral::{Ephemeral, MARK};
use runbook::secret::DatabaseUrl;
use runbook::verdict::Outcome;
use tokio::net::{TcpListener, TcpStream};

use crate::support::{
    Folder, ROWS, Role, adopt, backup, databases, name, own_backup, pass, roll_back, rollback_plan, sql,
    with_script, witness, written,
};

#[tokio::test]
async fn a_role_that_lacks_a_right_is_told_which_before_anything_is_done() {
    let db = Database::empty().await.unwrap();
    let role = Role::new(&db, "NOCREATEDB").await;
    let (who, whose) = (role.name.clone(), name(&db));
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    let error = roll_back(&role.database, &taken).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("the role {who} may not create databases")), "{error}");
    sql(&db, &format!("ALTER ROLE \"{who}\" CREATEDB")).await;
    let error = roll_back(&role.database, &taken).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("the role {who} may not rename the database")), "{error}");
    sql(&db, &format!("ALTER DATABASE \"{whose}\" OWNER TO \"{who}\"")).await;
    let error = roll_back(&role.database, &taken).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("the role {who} may not give the database to")), "{error}");
    assert_eq!(databases(&db).await, 1);
    role.drop(&db).await;
}

/// It is enough to own the database, and to be allowed to create others.
#[tokio::test]
async fn an_owner_who_is_no_superuser_rolls_back() {
    let db = Database::empty().await.unwrap();
    let role = Role::new(&db, "CREATEDB").await;
    sql(&db, &format!("ALTER DATABASE \"{}\" OWNER TO \"{}\"", name(&db), role.name)).await;
    // The session that waits for the restore idles meanwhile.
    for setting in ["idle_session_timeout = 1", "default_transaction_read_only = on"] {
        sql(&db, &format!("ALTER ROLE \"{}\" IN DATABASE postgres SET {setting}", role.name)).await;
    }
    sql(&role.database, "CREATE TABLE t (a serial); INSERT INTO t VALUES (DEFAULT); CREATE SCHEMA s").await;
    recovery::rollback::close_idle(db.pool()).await;
    let folder = Folder::new();
    let before = witness(&db).await;
    let taken = own_backup(&role.database, &folder).await.unwrap();
    sql(&role.database, "INSERT INTO t VALUES (DEFAULT)").await;
    recovery::rollback::close_idle(db.pool()).await;
    let losses = roll_back(&role.database, &taken).await.unwrap().losses.unwrap();
    assert_eq!(losses.iter().map(|loss| loss.lost).sum::<i64>(), 1, "{losses:?}");
    assert_eq!(witness(&db).await, before);
    recovery::rollback::close_idle(db.pool()).await;

    // Rows that it does not see, it does not call counted.
    sql(&role.database, "ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; TABLE t").await;
    let kept = roll_back(&role.database, &taken).await.unwrap();
    let error = kept.losses.unwrap_err();
    assert!(error.starts_with("row security may hide rows of public.t from this role"), "{error}");
    let kept = kept.replaced.unwrap();
    sql(&role.database, &format!("DROP DATABASE {kept} WITH (FORCE)")).await;
    role.drop(&db).await;
}

/// Those of the tests, for dumps with the prefix of [`own_backup`].
fn own_settings() -> runbook::settings::Settings {
    let mut settings = (*harness::settings()).clone();
    settings.backup.prefix = "own".to_owned();
    settings
}

#[rstest]
#[case::as_the_server_makes_one("")]
#[case::with_a_locale_of_its_own(
    "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-DE' CONNECTION LIMIT 7"
)]
#[case::in_another_encoding("TEMPLATE template0 ENCODING LATIN1 LOCALE 'C'")]
#[case::in_no_encoding("TEMPLATE template0 ENCODING SQL_ASCII LOCALE 'C'")]
#[tokio::test]
async fn a_database_of_a_hostile_name_is_rolled_back(#[case] kind: &str) {
    let db = Database::empty().await.unwrap();
    let hostile = format!("it's \"a\" \\ %41=?&#/ dbname=é {}", &name(&db)[name(&db).len() - 12..]);
    let quoted = format!("\"{}\"", hostile.replace('"', "\"\""));
    sql(&db, &format!("CREATE DATABASE {quoted} {kind}")).await;
    sql(&db, &format!("COMMENT ON DATABASE {quoted} IS '{MARK}'")).await;
    let other = adopt(db.url().with_database(&hostile).unwrap()).await;
    sql(&other, "CREATE TABLE \"Täblé Ã¤\" (a text); INSERT INTO \"Täblé Ã¤\" VALUES ('ä'); CREATE TABLE \"T\" (a int)").await;
    let folder = Folder::new();
    let taken = own_backup(&other, &folder).await.unwrap();
    let mut context = runbook::context::Context::new(
        std::sync::Arc::new(own_settings()),
        runbook::context::Database::Ephemeral(other.clone()),
    );
    context.backups = Some(folder.path());
    let check = recovery::checks().into_iter().find(|check| check.id == "recovery.backup.complete").unwrap();
    let verdict = check.run(&context).await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{verdict:?}");

    sql(&other, "DROP TABLE \"T\"; UPDATE \"Täblé Ã¤\" SET a = 'ö'").await;
    let losses = roll_back(&other, &taken).await.unwrap().losses.unwrap();
    assert_eq!(
        losses.iter().map(|loss| (loss.lost, loss.returned)).collect::<Vec<_>>(),
        [(1, 1)],
        "{losses:?}"
    );
    let mut reader = other.reader().await.unwrap();
    assert_eq!(State::read(&mut reader).await.unwrap(), taken.1.state);
    assert_eq!(Properties::read(&mut reader).await.unwrap(), taken.1.database);
    drop(reader);
    assert_eq!(databases(&other).await, 1);
    other.pool().close().await;
    sql(&db, &format!("DROP DATABASE {quoted} WITH (FORCE)")).await;
}

#[tokio::test]
async fn a_dump_of_another_database_or_under_another_name_is_refused() {
    let db = Database::at("006").await.unwrap();
    let other = Database::empty().await.unwrap();
    let folder = Folder::new();
    let taken = backup(&other, &folder.path()).await;
    let error = roll_back(&db, &taken).await.unwrap_err().to_string();
    let (of, this) = (name(&other), name(&db));
    assert!(error.contains(&format!("is a dump of the database {of}, and this one is {this}")), "{error}");

    let mut renamed = taken.clone();
    renamed.0.path = folder.path().join("apex_full_20260302_000000.dump");
    std::fs::rename(&taken.0.path, &renamed.0.path).unwrap();
    let error = roll_back(&other, &renamed).await.unwrap_err().to_string();
    assert!(error.contains("the manifest of apex_full_20260302_000000.dump is that of"), "{error}");
}

#[tokio::test]
async fn a_manifest_is_no_way_to_run_statements() {
    let db = Database::empty().await.unwrap();
    let folder = Folder::new();
    sql(&db, &format!("GRANT CONNECT ON DATABASE \"{}\" TO pg_monitor", name(&db))).await;
    let (dump, manifest) = backup(&db, &folder.path()).await;
    let text = serde_json::to_string(&manifest).unwrap();
    let hostile = text
        .replace("\"CONNECT\"", "\"CONNECT ON DATABASE postgres TO PUBLIC; CREATE ROLE x; GRANT CONNECT\"");
    assert_ne!(text, hostile);
    std::fs::write(dump.manifest_path(), hostile).unwrap();
    let manifest = dump.manifest().unwrap().unwrap();
    let error = roll_back(&db, &(dump, manifest)).await.unwrap_err().to_string();
    assert!(error.contains("is no privilege on a database"), "{error}");
    assert_eq!(databases(&db).await, 1);
}

#[tokio::test]
async fn a_session_that_is_lost_in_the_middle_changes_nothing_and_the_next_rollback_cleans_up() {
    let db = Database::at("006").await.unwrap();
    sql(&db, ROWS).await;
    let folder = Folder::new();
    let before = witness(&db).await;
    let taken = backup(&db, &folder.path()).await;
    sql(&db, "CREATE TABLE deployed (x int)").await;
    let deployed = witness(&db).await;
    let mut plan = rollback_plan(&db).await;
    let script =
        "echo > \"$HERE/begun\"; while ! test -e \"$HERE/go\"; do sleep 0.01; done; exec \"$REAL\" \"$@\"";
    plan.programs = with_script(&plan.programs, folder.beside(), "pg_restore", script);
    let ended = async {
        written(&folder.beside().join("begun")).await;
        // The session that holds the lock of this database's rollback.
        sql(
            &db,
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND
               lpad(to_hex(classid::bigint), 8, '0') || lpad(to_hex(objid::bigint), 8, '0')
               = left(encode(sha256(convert_to(current_database(), 'UTF8')), 'hex'), 16)",
        )
        .await;
        std::fs::write(folder.beside().join("go"), "").unwrap();
    };
    let (outcome, ()) = tokio::join!(plan.run(&db, &taken.0, &taken.1), ended);
    outcome.unwrap_err();
    assert_eq!(witness(&db).await, deployed);
    assert_eq!(databases(&db).await, 2, "the copy is still there");
    roll_back(&db, &taken).await.unwrap();
    assert_eq!(witness(&db).await, before);
    assert_eq!(databases(&db).await, 1);
}

/// The server commits the swap, and its answer is lost.
#[tokio::test]
async fn a_swap_whose_answer_is_lost_is_known_to_be_done() {
    let db = Database::at("006").await.unwrap();
    sql(&db, ROWS).await;
    let behind = behind_a_proxy(&db, false).await;
    let folder = Folder::new();
    let before = witness(&db).await;
    let taken = backup(&db, &folder.path()).await;
    sql(&db, "CREATE TABLE deployed (x int); INSERT INTO deployed VALUES (1)").await;
    recovery::rollback::close_idle(db.pool()).await;

    let outcome = roll_back(&behind, &taken).await.unwrap();
    assert_eq!(outcome.losses.unwrap().iter().map(|loss| loss.lost).sum::<i64>(), 1);
    assert_eq!(witness(&db).await, before);
    assert_eq!((databases(&db).await, outcome.replaced), (1, None));
}

/// And the server is out of reach afterwards.
#[tokio::test]
async fn where_it_cannot_be_known_whether_the_swap_was_done_it_is_said_how_to_tell() {
    let db = Database::empty().await.unwrap();
    let behind = behind_a_proxy(&db, true).await;
    let folder = Folder::new();
    let before = witness(&db).await;
    let taken = backup(&db, &folder.path()).await;
    sql(&db, "CREATE TABLE deployed (x int)").await;
    recovery::rollback::close_idle(db.pool()).await;

    let error = roll_back(&behind, &taken).await.unwrap_err().to_string();
    let kept = error
        .split("it was, when there is a database ")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(witness(&db).await, before);
    assert_eq!(databases(&db).await, 2, "{error}");
    let next = roll_back(&db, &taken).await.unwrap();
    assert_eq!(next.earlier, std::slice::from_ref(&kept));
    sql(&db, &format!("DROP DATABASE {kept} WITH (FORCE)")).await;
}

/// The database, reached through a network that loses the answer to the commit of a swap, and everything after it where
/// `for_good`.
async fn behind_a_proxy(db: &Database, for_good: bool) -> Ephemeral {
    let options = db.url().connect_options();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let to = (options.get_host().to_owned(), options.get_port());
    let (swap, swapped) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            // Not listened to any more: closed as soon as it is there.
            if !(for_good && *swapped.borrow()) {
                let server = TcpStream::connect(to.clone()).await.unwrap();
                tokio::spawn(until_the_swap(client, server, swap.clone()));
            }
        }
    });
    let address = db.url().expose().replacen(&format!(":{}/", options.get_port()), &format!(":{port}/"), 1);
    assert_ne!(address, db.url().expose());
    adopt(DatabaseUrl::own(&address).unwrap()).await
}

/// Passes everything on, but for the answer to the commit of what renames.
async fn until_the_swap(client: TcpStream, server: TcpStream, seen: tokio::sync::watch::Sender<bool>) {
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let (swap, mut swapped) = tokio::sync::watch::channel(false);
    let back = tokio::spawn(async move {
        pass(from_server, to_client, |_| !*swapped.borrow_and_update()).await;
    });
    let mut renames = false;
    pass(from_client, to_server, |piece| {
        let holds = |text: &[u8]| piece.windows(text.len()).any(|window| window == text);
        renames |= holds(b"RENAME TO");
        if renames && holds(b"COMMIT") {
            swap.send_replace(true);
            seen.send_replace(true);
        }
        true
    })
    .await;
    back.abort();
}
