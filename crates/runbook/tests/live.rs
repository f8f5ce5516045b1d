//! Connecting to a live database: what a person reads when it fails, and what a pooler is told.
//!
//! The server here is a few bytes of the protocol, so that each refusal comes when it is wanted. A real server with
//! TLS and roles stands in `crates/cli/tests/staging.rs`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rstest::rstest;
use runbook::live::Live;
use runbook::reader::ReadLimits;
use runbook::secret::{DatabaseUrl, Surroundings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const LIMITS: ReadLimits = ReadLimits {
    statement: Duration::from_secs(5),
    lock: Duration::from_secs(1),
    idle: Duration::from_secs(5),
};

/// What the server answers to the startup message of a connection.
#[derive(Clone, Copy)]
enum Answer {
    Refuse(&'static str, &'static str),
    Welcome,
    HangUp,
}

struct Fake {
    url: DatabaseUrl,
    /// The startup messages received.
    heard: Arc<Mutex<Vec<String>>>,
}

/// A server that gives `answers` in turn, and the last one for ever after.
async fn fake(answers: &'static [Answer]) -> Fake {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    tokio::spawn(async move {
        for turn in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            let answer = answers[turn.min(answers.len() - 1)];
            let _ = serve(stream, answer, &log).await;
        }
    });
    Fake { url: address(&format!("postgres://reader:hunter2@127.0.0.1:{port}/apex?sslmode=disable")), heard }
}

async fn serve(mut stream: TcpStream, answer: Answer, heard: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let length = stream.read_i32().await?;
    let mut message = vec![0; usize::try_from(length).unwrap() - 4];
    stream.read_exact(&mut message).await?;
    heard.lock().unwrap().push(String::from_utf8_lossy(&message).replace('\0', " "));
    match answer {
        Answer::HangUp => Ok(()),
        // AuthenticationOk, ReadyForQuery
        Answer::Welcome => stream.write_all(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I").await,
        Answer::Refuse(code, text) => {
            let fields = format!("SFATAL\0VFATAL\0C{code}\0M{text}\0\0");
            let mut error = vec![b'E'];
            error.extend(u32::try_from(fields.len() + 4).unwrap().to_be_bytes());
            error.extend(fields.as_bytes());
            stream.write_all(&error).await
        }
    }
}

fn address(text: &str) -> DatabaseUrl {
    DatabaseUrl::resolve(Some(text), &Surroundings::of([])).unwrap()
}

/// The sentence, after a look at what every one of them must keep.
async fn sentence(url: &DatabaseUrl, startup: Duration) -> String {
    let sentence = Live::connect_within(url, LIMITS, startup).await.unwrap_err().to_string();
    assert!(!sentence.contains("hunter2"), "{sentence}");
    assert!(!sentence.contains('\n') && !sentence.ends_with('.'), "{sentence}");
    sentence
}

#[rstest]
#[case::wrong_password(&[Answer::Refuse("28P01", "password authentication failed for user \"reader\"")], "refuses the password of user `reader`")]
#[case::not_in_pg_hba(&[Answer::Refuse("28000", "no pg_hba.conf entry for host")], "does not let user `reader` in")]
#[case::no_database(&[Answer::Refuse("3D000", "database \"apex\" does not exist")], "there is no database `apex`")]
#[case::no_right(&[Answer::Refuse("42501", "permission denied for database \"apex\"")], "GRANT CONNECT")]
#[case::too_many_connections(&[Answer::Refuse("53300", "sorry, too many clients already")], "has no connection left")]
#[case::shutting_down(&[Answer::Refuse("57P01", "terminating connection")], "is shutting down")]
#[case::starting_up(&[Answer::Refuse("57P03", "the database system is starting up")], "still starting up after 0.05 s")]
#[case::unknown_code(&[Answer::Refuse("XX000", "oh\nno")], "refused the connection: oh no (SQLSTATE XX000)")]
#[case::hung_up(&[Answer::HangUp], "closed the connection before it was open")]
#[tokio::test]
async fn each_refusal_is_one_sentence_without_the_password(
    #[case] answers: &'static [Answer],
    #[case] expected: &str,
) {
    let server = fake(answers).await;
    let sentence = sentence(&server.url, Duration::from_millis(50)).await;
    assert!(sentence.contains(expected), "{sentence}");
    assert!(sentence.contains("127.0.0.1"), "it says where: {sentence}");
}

#[tokio::test]
async fn a_server_that_is_starting_up_is_waited_for() {
    const STARTING: Answer = Answer::Refuse("57P03", "the database system is starting up");
    let server = fake(&[STARTING, STARTING, Answer::Welcome]).await;
    Live::connect_within(&server.url, LIMITS, Duration::from_secs(30)).await.unwrap();
    assert_eq!(server.heard.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_pooler_that_refuses_startup_parameters_is_asked_again_without() {
    let server =
        fake(&[Answer::Refuse("08P01", "unsupported startup parameter: options"), Answer::Welcome]).await;
    Live::connect(&server.url, LIMITS).await.unwrap();
    let heard = server.heard.lock().unwrap();
    assert!(heard[0].contains("default_transaction_read_only=on"), "{heard:?}");
    assert!(!heard[1].contains("options") && !heard[1].contains("extra_float_digits"), "{heard:?}");
    assert!(heard[1].contains("application_name runbook"), "{heard:?}");
}

#[tokio::test]
async fn nothing_that_listens_is_one_sentence() {
    // Port 1 belongs to a service (tcpmux) that nobody runs.
    let sentence = sentence(&address("postgres://u:hunter2@127.0.0.1:1/d"), Duration::ZERO).await;
    assert!(sentence.contains("nothing listens at"), "{sentence}");
}

#[tokio::test]
async fn a_folder_without_a_socket_is_one_sentence() {
    let sentence =
        sentence(&address("postgres:///d?host=/nowhere&user=u&password=hunter2"), Duration::ZERO).await;
    assert!(sentence.contains("there is no socket"), "{sentence}");
}

#[tokio::test]
async fn a_server_without_tls_is_named_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 8];
        stream.read_exact(&mut request).await.unwrap();
        stream.write_all(b"N").await.unwrap();
    });
    let url = address(&format!("postgres://u:hunter2@127.0.0.1:{port}/d?sslmode=verify-full"));
    let sentence = sentence(&url, Duration::ZERO).await;
    assert!(sentence.contains("offers no TLS"), "{sentence}");
}
