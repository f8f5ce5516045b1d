//! A rollback whose server is out of reach from one moment on, at each of its steps: the database is the one of before or the one of
//! now, and the next rollback goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use harness::Database;
use runbook::ephemeral::Ephemeral;
use runbook::secret::DatabaseUrl;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::support::{Folder, adopt, backup, databases, pass, roll_back, sql, witness};

/// What changes the databases of the server, or ends a transaction that does.
const STEPS: [&str; 5] =
    ["CREATE DATABASE", "ALTER DATABASE", "COMMENT ON DATABASE", "DROP DATABASE", "COMMIT"];

/// More than a rollback has, so that the last one runs to its end.
const MOST: usize = 64;

#[tokio::test]
async fn cut_off_at_any_step_it_left_one_database_or_the_other() {
    let db = Database::empty().await.unwrap();
    let database = db.url().connect_options().get_database().unwrap().to_owned();
    let set = format!(
        "ALTER DATABASE \"{database}\" SET work_mem TO '5MB'; ALTER DATABASE \"{database}\" CONNECTION LIMIT 50"
    );
    sql(&db, &format!("CREATE TABLE t (a int); INSERT INTO t VALUES (1); {set}")).await;
    let folder = Folder::new();
    let before = witness(&db).await;
    let taken = backup(&db, &folder.path()).await;
    let (mut old, mut new, mut whole) = (0, 0, false);
    for step in 1..MOST {
        sql(&db, "CREATE TABLE deployed (a int); INSERT INTO t VALUES (2)").await;
        let deployed = witness(&db).await;
        recovery::rollback::close_idle(db.pool()).await;
        let (behind, cut) = cut_off_at(&db, step).await;
        let outcome = roll_back(&behind, &taken).await;
        behind.pool().close().await;
        if !*cut.borrow() {
            outcome.unwrap();
            whole = true;
            break;
        }
        nobody_at_work(&db).await;
        let seen = witness(&db).await;
        assert!(seen == deployed || seen == before, "step {step}: {outcome:?}");
        if seen == deployed {
            old += 1
        } else {
            new += 1
        }
        recovery::rollback::close_idle(db.pool()).await;
        let next = roll_back(&db, &taken).await.unwrap();
        assert_eq!((witness(&db).await == before, next.replaced), (true, None), "step {step}");
        for kept in &next.earlier {
            sql(&db, &format!("DROP DATABASE {kept} WITH (FORCE)")).await;
        }
        assert_eq!(
            (next.earlier.len(), databases(&db).await),
            (usize::from(seen == before), 1),
            "step {step}"
        );
    }
    assert!(whole && old > 3 && new > 0, "{old} before the swap, {new} after it, {whole}");
}

/// The server ends what a lost session had begun, and frees its lock then.
async fn nobody_at_work(db: &Ephemeral) {
    let free = "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory' AND
        lpad(to_hex(classid::bigint), 8, '0') || lpad(to_hex(objid::bigint), 8, '0')
        = left(encode(sha256(convert_to(current_database(), 'UTF8')), 'hex'), 16)";
    let limit = Duration::from_secs(20);
    runbook::wait::until("the end of the lost rollback", limit, async || {
        let free: bool = sqlx::query_scalar(free).fetch_one(db.pool()).await.unwrap();
        if free { Ok(()) } else { Err("it holds its lock") }
    })
    .await
    .unwrap();
}

/// The database, through a network that ends before the `last` of [`STEPS`], and whether it has ended.
async fn cut_off_at(db: &Database, last: usize) -> (Ephemeral, watch::Receiver<bool>) {
    let options = db.url().connect_options();
    let to = (options.get_host().to_owned(), options.get_port());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (end, ended) = watch::channel(false);
    let seen = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            if *end.borrow() {
                continue;
            }
            let server = TcpStream::connect(to.clone()).await.unwrap();
            tokio::spawn(until_the_end(client, server, end.clone(), Arc::clone(&seen), last));
        }
    });
    let address = db.url().expose().replacen(&format!(":{}/", options.get_port()), &format!(":{port}/"), 1);
    (adopt(DatabaseUrl::own(&address).unwrap()).await, ended)
}

async fn until_the_end(
    client: TcpStream,
    server: TcpStream,
    end: watch::Sender<bool>,
    seen: Arc<AtomicUsize>,
    last: usize,
) {
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let mut ended = end.subscribe();
    let there = pass(from_client, to_server, |piece| {
        let is_step = STEPS.iter().any(|step| piece.windows(step.len()).any(|part| part == step.as_bytes()));
        if is_step && seen.fetch_add(1, Ordering::Relaxed) + 1 == last {
            end.send_replace(true);
        }
        !*end.borrow()
    });
    let back = pass(from_server, to_client, |_| true);
    // Both directions are closed at once, and so is whatever else is connected.
    tokio::select! {
        () = there => {}
        () = back => {}
        _ = ended.wait_for(|ended| *ended) => {}
    }
}
