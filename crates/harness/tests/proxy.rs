//! A network that breaks and heals.

use harness::Database;
use harness::proxy::Proxy;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};

async fn through(db: &Database) -> (Proxy, PgConnectOptions) {
    // A socket would lead past it.
    let options = db.url().clone().with_socket(None).connect_options();
    let address = format!("{}:{}", options.get_host(), options.get_port()).parse().unwrap();
    let proxy = Proxy::to(address).await.unwrap();
    let options = options.port(proxy.address().port());
    (proxy, options)
}

async fn answers(connection: &mut PgConnection) -> bool {
    sqlx::query("SELECT 1").execute(connection).await.is_ok()
}

#[tokio::test]
async fn a_cut_network_ends_connections_and_a_healed_one_takes_new_ones() {
    let db = Database::empty().await.unwrap();
    let (proxy, options) = through(&db).await;
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    assert!(answers(&mut connection).await);

    proxy.cut();
    assert!(!answers(&mut connection).await);
    assert!(PgConnection::connect_with(&options).await.is_err());

    proxy.heal().await.unwrap();
    assert!(answers(&mut PgConnection::connect_with(&options).await.unwrap()).await);
    let traffic = proxy.traffic();
    assert!(traffic[0].sent > 0 && traffic[0].received > 0 && !traffic[0].open, "{traffic:?}");
}

#[tokio::test]
async fn a_refusing_network_leaves_open_connections_alone() {
    let db = Database::empty().await.unwrap();
    let (proxy, options) = through(&db).await;
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    proxy.refuse().await.unwrap();
    assert!(PgConnection::connect_with(&options).await.is_err());
    assert!(answers(&mut connection).await);
    proxy.heal().await.unwrap();
    assert!(PgConnection::connect_with(&options).await.is_ok());
}

#[tokio::test]
async fn a_delayed_answer_takes_at_least_the_delay() {
    let db = Database::empty().await.unwrap();
    let (proxy, options) = through(&db).await;
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    let delay = std::time::Duration::from_millis(50);
    proxy.delay(delay);
    let start = std::time::Instant::now();
    assert!(answers(&mut connection).await);
    assert!(start.elapsed() >= delay, "it cannot be faster, however idle the machine");
}
