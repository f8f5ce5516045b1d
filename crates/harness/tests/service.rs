//! The API process of the fixtures: started, killed, restarted, and never left behind.

use harness::service::Service;
use harness::{Database, settings};

#[tokio::test]
async fn a_service_is_healthy_when_it_is_handed_out_and_gone_when_dropped() {
    let db = Database::seeded().await.unwrap();
    let mut service = Service::start(&settings().api.start, db.url()).await.unwrap();
    assert!(service.is_running(), "{}", service.output());
    let (address, pid) = (service.address(), service.pid());
    service.restart().await.unwrap();
    assert_ne!(service.pid(), pid);
    drop(service);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[tokio::test]
async fn a_service_that_ends_is_told_with_its_own_words_and_no_password() {
    let db = Database::empty().await.unwrap();
    let start = runbook::settings::ServiceStart {
        package: None,
        program: Some("sh".into()),
        arguments: vec!["-c".into(), "echo cannot reach $DATABASE_URL >&2; exit 3".into()],
        environment: [("DATABASE_URL".to_owned(), "{database_url}".to_owned())].into(),
    };
    let error = Service::start(&start, db.url()).await.unwrap_err().to_string();
    assert!(error.contains("cannot reach postgres://"), "{error}");
    assert!(!error.contains(db.url().expose()), "{error}");
}
