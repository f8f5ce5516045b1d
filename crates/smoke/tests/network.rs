//! What stands between the client and the service: certificates, redirects, lost connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse as _;
use harness::Database;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use runbook::context::{Api, Context};
use runbook::verdict::{Outcome, Verdict};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::wrong::faultless;

async fn ask(context: &Context, id: &str) -> Verdict {
    smoke::checks().into_iter().find(|check| check.id == id).unwrap().run(context).await
}

/// An authority, and where its certificate lies.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: tempfile::NamedTempFile,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), file }
    }

    /// A server with a certificate for a name, that answers every request with an empty object; its port.
    async fn serve(&self, name: &str, expired: bool) -> u16 {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if expired {
            (params.not_before, params.not_after) =
                (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2021, 1, 1));
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let _ = stream.read(&mut [0; 4096]).await;
                    let _ = stream
                        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
                        .await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        port
    }
}

async fn over_tls(authority: &Authority, name: &str, expired: bool, trusted: bool) -> Verdict {
    let db = Database::empty().await.unwrap();
    let mut context = db.context();
    let mut settings = (*context.settings).clone();
    settings.api.certificate_authority = trusted.then(|| authority.file.path().to_owned());
    context.settings = settings.into();
    let port = authority.serve(name, expired).await;
    context.api = Some(Api { base_url: format!("https://localhost:{port}") });
    ask(&context, "smoke.api.health").await
}

#[tokio::test]
async fn a_certificate_is_taken_for_its_host_and_from_whom_we_trust_only() {
    let authority = Authority::new();
    let verdict = over_tls(&authority, "localhost", false, true).await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{:#?}", verdict.findings());
    for (name, expired, trusted, says) in [
        ("elsewhere.example", false, true, "not valid for name \"localhost\""),
        ("localhost", true, true, "expired"),
        ("localhost", false, false, "UnknownIssuer"),
    ] {
        let verdict = over_tls(&authority, name, expired, trusted).await;
        let problem = &verdict.findings()[0].problem;
        assert!(problem.contains("no connection to https://localhost:"), "{problem}");
        assert!(problem.contains(says), "{problem}");
    }
}

#[tokio::test]
async fn an_authority_that_is_no_certificate_is_one_sentence() {
    let db = Database::empty().await.unwrap();
    let mut context = db.context();
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut settings = (*context.settings).clone();
    settings.api.certificate_authority = Some(file.path().to_owned());
    context.settings = settings.into();
    context.api = Some(Api { base_url: "https://localhost:1".into() });
    let verdict = ask(&context, "smoke.api.health").await;
    let said = verdict.reason().unwrap();
    assert!(
        said.starts_with("[api] certificate_authority: ") && said.ends_with("it holds no certificate"),
        "{said}"
    );
}

#[tokio::test]
async fn a_redirect_is_followed_with_its_body() {
    let db = Database::seeded().await.unwrap();
    let mut serving = faultless(&db).await;
    let to = serving.context.api.clone().unwrap().base_url;
    let before = Router::new().fallback(move |request: Request| {
        let location = format!("{to}{}", request.uri());
        async move { (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, location)]).into_response() }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    serving.context.api = Some(Api { base_url: format!("http://{}", listener.local_addr().unwrap()) });
    tokio::spawn(async move { axum::serve(listener, before).await.unwrap() });
    let verdict = ask(&serving.context, "smoke.project.create").await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{:#?}", verdict.findings());
}

#[tokio::test]
async fn a_secret_does_not_follow_a_redirect_to_another_host() {
    let db = Database::empty().await.unwrap();
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("http://localhost:{}/", elsewhere.local_addr().unwrap().port());
    let before = Router::new().fallback(move || {
        let to = to.clone();
        async move { (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, to)]).into_response() }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut context = db.context();
    let mut settings = (*context.settings).clone();
    // Any variable that is set; its value is the secret.
    settings.api.authentication.bearer_variable = Some("PATH".into());
    context.settings = settings.into();
    context.api = Some(Api { base_url: format!("http://{}", listener.local_addr().unwrap()) });
    tokio::spawn(async move { axum::serve(listener, before).await.unwrap() });
    let verdict = ask(&context, "smoke.api.health").await;
    let problem = &verdict.findings()[0].problem;
    assert!(
        problem.contains("a redirect to another host, localhost, which is not told the secrets"),
        "{problem}"
    );
    let secret = std::env::var("PATH").unwrap();
    assert!(!format!("{:?}", verdict.findings()).contains(&secret), "{:#?}", verdict.findings());
    tokio::select! {
        biased;
        reached = elsewhere.accept() => panic!("the other host was asked: {reached:?}"),
        () = std::future::ready(()) => {}
    }
}

#[tokio::test]
async fn a_secret_does_not_follow_a_redirect_to_another_port_of_its_host() {
    let db = Database::empty().await.unwrap();
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", elsewhere.local_addr().unwrap());
    let to = format!("{origin}/health");
    let before = Router::new().fallback(move || {
        let to = to.clone();
        async move { (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, to)]).into_response() }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut context = db.context();
    let mut settings = (*context.settings).clone();
    // A header of the service's own, which no client knows to be a secret.
    settings.api.authentication.header = Some("X-Api-Key".into());
    settings.api.authentication.header_variable = Some("PATH".into());
    context.settings = settings.into();
    context.api = Some(Api { base_url: format!("http://{}", listener.local_addr().unwrap()) });
    tokio::spawn(async move { axum::serve(listener, before).await.unwrap() });
    let asked = tokio::spawn(async move { elsewhere.accept().await.map(drop) });
    let verdict = ask(&context, "smoke.api.health").await;
    let problem = &verdict.findings()[0].problem;
    assert!(problem.contains(&format!("a redirect to {origin}, which is not told the secrets")), "{problem}");
    assert!(!asked.is_finished(), "the other port was asked");
    asked.abort();
}

/// Closes the first connections that it takes after they have sent something, and passes the others on.
async fn closing(first: u32, to: String) -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let closed = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&closed);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            if count.load(Ordering::SeqCst) < first {
                count.fetch_add(1, Ordering::SeqCst);
                let _ = client.read(&mut [0; 4096]).await;
                continue;
            }
            let to = to.clone();
            tokio::spawn(async move {
                if let Ok(mut server) = TcpStream::connect(to).await {
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    (base, closed)
}

#[tokio::test]
async fn what_can_do_no_harm_is_sent_once_more_and_counted() {
    let db = Database::seeded().await.unwrap();
    let mut serving = faultless(&db).await;
    let to = serving.context.api.clone().unwrap().base_url.replace("http://", "");
    let (base, closed) = closing(2, to).await;
    serving.context.api = Some(Api { base_url: base });
    let verdict = ask(&serving.context, "smoke.project.read").await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{:#?}", verdict.findings());
    assert_eq!(closed.load(Ordering::SeqCst), 2);
    let counted = verdict.measurements().iter().find(|m| m.name == "requests sent once more").unwrap();
    assert!((counted.value - 2.0).abs() < f64::EPSILON);
    assert!(verdict.findings()[0].problem.contains("sent once more, 2 times"), "{:#?}", verdict.findings());
}

#[tokio::test]
async fn a_create_without_a_key_is_never_sent_twice() {
    let db = Database::seeded().await.unwrap();
    let mut serving = faultless(&db).await;
    let to = serving.context.api.clone().unwrap().base_url.replace("http://", "");
    let (base, closed) = closing(1, to).await;
    serving.context.api = Some(Api { base_url: base });
    let verdict = ask(&serving.context, "smoke.project.create").await;
    assert_eq!(verdict.outcome(), Outcome::Fail);
    assert_eq!(closed.load(Ordering::SeqCst), 1);
    assert!(
        verdict.findings()[0].problem.contains("expected an answer, got no whole answer"),
        "{:#?}",
        verdict.findings()
    );
}

#[tokio::test]
async fn a_window_is_not_ended_by_a_check_that_could_not_see_it() {
    let db = Database::seeded().await.unwrap();
    let mut serving = faultless(&db).await;
    let on = smoke::actions().into_iter().find(|action| action.id == "smoke.maintenance.on").unwrap();
    assert_eq!(on.run(&serving.context).await.unwrap().outcome(), Outcome::Pass);
    let to = serving.context.api.clone().unwrap().base_url.replace("http://", "");
    let (base, _) = closing(1, to).await;
    serving.context.api = Some(Api { base_url: base });
    let verdict = ask(&serving.context, "smoke.maintenance.mode").await;
    assert_eq!(verdict.outcome(), Outcome::Fail, "{:?}", verdict.reason());
    let problem = &verdict.findings()[0].problem;
    assert!(problem.starts_with("whether it is on cannot be seen, so nothing was switched: "), "{problem}");
    let state = std::fs::read_to_string(serving.state.path().join("state.json")).unwrap();
    assert_eq!(state, r#"{"maintenance":true}"#);
}

/// Where the child of the test below finds the authority that it trusts.
const AUTHORITY: &str = "RUNBOOK_TEST_PROXY_AUTHORITY";

/// Takes `CONNECT apex.example:443` and leads it to a port of this machine; what it was asked.
async fn tunnel(to: u16) -> (String, Arc<std::sync::Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::<std::sync::Mutex<Vec<String>>>::default();
    let keep = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let keep = Arc::clone(&keep);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match client.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => return,
                    }
                }
                keep.lock().unwrap().push(String::from_utf8_lossy(&head).into_owned());
                let mut server = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (address, asked)
}

/// The proxy of the environment is asked for a tunnel, and the certificate is still judged by the service's own name.
#[tokio::test]
async fn https_goes_through_the_proxy_of_the_environment() {
    let authority = Authority::new();
    for (name, passes) in [("apex.example", true), ("proxy.example", false)] {
        let port = authority.serve(name, false).await;
        let (proxy, asked) = tunnel(port).await;
        let output = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["network::behind_the_proxy", "--exact", "--ignored"])
            .env(AUTHORITY, authority.file.path())
            .env("HTTPS_PROXY", &proxy)
            // It fails on purpose: nobody wants to look at its database.
            .env("RUNBOOK_KEEP_SECONDS", "0")
            .env_remove("NO_PROXY")
            .env_remove("no_proxy")
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.success(), passes, "{name}: {said}");
        assert!(passes || said.contains("not valid for name"), "{said}");
        let asked = asked.lock().unwrap().clone();
        assert!(
            !asked.is_empty() && asked.iter().all(|head| head.starts_with("CONNECT apex.example:443 ")),
            "{asked:?}"
        );
    }
}

#[tokio::test]
#[ignore = "the child of the test above, whose environment names a proxy"]
async fn behind_the_proxy() {
    let Some(authority) = std::env::var_os(AUTHORITY) else { return };
    let db = Database::empty().await.unwrap();
    let mut context = db.context();
    let mut settings = (*context.settings).clone();
    settings.api.certificate_authority = Some(authority.into());
    context.settings = settings.into();
    context.api = Some(Api { base_url: "https://apex.example".into() });
    let verdict = ask(&context, "smoke.api.health").await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{:#?}", verdict.findings());
}
