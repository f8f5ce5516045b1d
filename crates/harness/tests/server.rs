//! Private servers: their own configuration, their end, their return.

use harness::Server;
use sqlx::{Connection as _, PgConnection};

#[tokio::test]
async fn a_killed_server_comes_back_with_its_rows() {
    let mut server = Server::options().start().await.unwrap();
    let db = server.create("kept").await.unwrap();
    sqlx::query("CREATE TABLE t AS SELECT 1 AS id").execute(db.pool()).await.unwrap();
    sqlx::query("CHECKPOINT").execute(db.pool()).await.unwrap();

    server.kill().await.unwrap();
    assert!(PgConnection::connect_with(&db.url().connect_options()).await.is_err());

    server.restart().await.unwrap();
    let mut connection = PgConnection::connect_with(&db.url().connect_options()).await.unwrap();
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(&mut connection).await.unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn a_server_takes_settings_of_its_own_and_leaves_nothing_behind() {
    let server = Server::options().setting("log_statement", "all").start().await.unwrap();
    server.execute("postgres", "SELECT 'seen in the log'").await.unwrap();
    let log = std::fs::read_to_string(server.log()).unwrap();
    assert!(log.contains("seen in the log"), "{log}");

    let (data, pid) = (server.data(), server.pid().unwrap());
    drop(server);
    assert!(!data.exists(), "{}", data.display());
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[tokio::test]
async fn a_taken_port_is_one_sentence() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Server::options().port(port).start().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("port {port} on 127.0.0.1 is taken: stop what listens there, or name another port")
    );
}

#[tokio::test]
async fn a_wrong_setting_is_told_in_the_servers_own_words() {
    let error = Server::options().setting("work_mem", "a lot").start().await.unwrap_err().to_string();
    assert!(error.contains("work_mem"), "{error}");
}

#[tokio::test]
async fn more_room_than_any_disk_has_is_refused_before_anything_is_written() {
    let error = Server::options().room(u64::MAX >> 20).start().await.unwrap_err().to_string();
    assert!(
        error.contains(" MiB are needed for a data directory") && error.ends_with("RUNBOOK_DATA"),
        "{error}"
    );
}

#[tokio::test]
async fn a_seeded_database_of_a_private_server_is_gone_with_its_log_when_discarded() {
    let server = Server::options().start().await.unwrap();
    let db = server.seeded("filled").await.unwrap();
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM projects").fetch_one(db.pool()).await.unwrap();
    assert!(rows > 0, "the seeds write projects");
    server.discard("filled").await.unwrap();
    assert!(PgConnection::connect_with(&db.url().connect_options()).await.is_err());
}
