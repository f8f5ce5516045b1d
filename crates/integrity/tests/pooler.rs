//! A PgBouncer in transaction mode before the server, with few servers to give.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use harness::Database;
use rstest::rstest;
use runbook::secret::DatabaseUrl;
use runbook::verdict::Outcome;
use sqlx::{Connection as _, PgConnection};

use crate::support::{live, live_at, with};
use crate::{execute, verdict, verdicts};

/// One server: no session can see what another one exported. Two: one holds the snapshot, one reads.
#[rstest]
#[case::one(1)]
#[case::two(2)]
#[case::three(3)]
#[tokio::test]
async fn few_servers_are_enough_for_every_verdict(#[case] servers: usize) {
    let db = Database::seeded().await.unwrap();
    execute(&db, "CREATE EXTENSION amcheck").await;
    let pooler = Pooler::before(&db, servers).await;
    for together in [true, false] {
        let context = live_at(&db.context(), &pooler.url).await;
        integrity::ask_together(&context, |_| together);
        let through = verdicts(&context).await;
        let passed = through.values().filter(|verdict| verdict.outcome() == Outcome::Pass).count();
        assert!(passed >= 9, "{through:#?}");
        for (id, direct) in verdicts(&live(&db).await).await {
            assert_eq!(
                (through[id].outcome(), through[id].reason()),
                (direct.outcome(), direct.reason()),
                "{id}"
            );
            assert_eq!(through[id].summary(), direct.summary(), "{id}");
        }
    }
}

#[rstest]
#[case::one(1)]
#[case::two(2)]
#[tokio::test]
async fn fault_is_found_and_shown_through_few_servers(#[case] servers: usize) {
    let db = Database::seeded().await.unwrap();
    execute(
        &db,
        "BEGIN; SET LOCAL session_replication_role = replica; INSERT INTO project_events \
         (event_id, project_id, event_type, actor, data) VALUES (900, 'gone', 'x', 'y', '{}'); COMMIT",
    )
    .await;
    let pooler = Pooler::before(&db, servers).await;
    let context = live_at(&db.context(), &pooler.url).await;
    let verdict = verdict(&context, "integrity.foreign_keys.orphans").await;
    let [finding] = verdict.findings() else { panic!("{verdict:?}") };
    assert!(finding.problem.ends_with(r#"event_id = "900", project_id = "gone""#), "{finding:?}");
}

#[tokio::test]
async fn pooler_whose_only_server_is_taken_is_told_of_and_not_waited_for_without_an_end() {
    let db = Database::seeded().await.unwrap();
    let pooler = Pooler::before(&db, 1).await;
    let mut context = db.context();
    with(&mut context, |settings| settings.limits.statement = Duration::from_millis(100));
    let context = live_at(&context, &pooler.url).await;
    let options = pooler.url.connect_options().extra_float_digits(None).statement_cache_capacity(0);
    let mut other = PgConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT 1").execute(&mut other).await.unwrap();
    let verdict = verdict(&context, "integrity.foreign_keys.orphans").await;
    assert_eq!(verdict.outcome(), Outcome::NotMeasured, "{verdict:?}");
    let reason = verdict.reason().unwrap();
    assert!(reason.contains("no transaction could be begun within 5.1 s"), "{reason}");
}

/// Ended when dropped.
struct Pooler {
    child: Child,
    url: DatabaseUrl,
    _folder: tempfile::TempDir,
}

impl Pooler {
    async fn before(db: &Database, servers: usize) -> Self {
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .expect("PgBouncer is not installed: install the package `pgbouncer`, then run this test again");
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        // A port of our own: it is free when asked for, and PgBouncer has no way to say which one it took.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let options = db.url().connect_options();
        let (_, credentials) = db.url().expose().split_once("://").unwrap();
        let (_, password) = credentials.split_once('@').unwrap().0.split_once(':').unwrap();
        let (user, name) = (options.get_username(), options.get_database().unwrap());
        let settings = format!(
            "[databases]\n{name} = host={} port={} dbname={name} user={user} password={password}\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = {servers}\nmax_client_conn = 50\n",
            options.get_host(),
            options.get_port(),
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new(program);
        // As root it refuses to run, and takes the user to become instead.
        if std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
            command.arg("-u").arg("nobody");
        }
        let child = command.arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let url = DatabaseUrl::parse(&format!("postgres://{user}@127.0.0.1:{port}/{name}?sslmode=disable"))
            .unwrap();
        let pooler = Self { child, url, _folder: folder };
        runbook::wait::until("PgBouncer listening", Duration::from_secs(10), || async {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await
        })
        .await
        .unwrap();
        pooler
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
