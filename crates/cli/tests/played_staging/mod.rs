//! A server that plays staging: `runbook verify` asks it everything and changes nothing.

mod log;
mod nightly;
pub(crate) mod program;
mod stage;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use harness::{Pooler, Server};
use program::{Ended, Program};
use rstest::rstest;
use sqlx::Connection as _;
use stage::{Certificates, READER, WRITER, WRONG, address, staging};

/// Transactions that wrote, counted by the server: each takes the next number, reading ones take none.
async fn next_transaction(server: &Server) -> i64 {
    let options = server.url("apex").unwrap().connect_options().socket(server.socket());
    let mut connection = sqlx::PgConnection::connect_with(&options).await.unwrap();
    let next: String = sqlx::query_scalar("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    next.parse().unwrap()
}

#[rstest]
#[case::that_may_only_read("reader", READER)]
#[case::that_may_write("writer", WRITER)]
#[tokio::test]
async fn verify_asks_everything_and_writes_nothing_as_a_role(#[case] role: &str, #[case] password: &str) {
    let certificates = Certificates::good();
    let server = staging(&certificates).await;
    let program = Program::new(true);
    let authority = certificates.authority_file(program.home());
    let program = program.with("STAGING_URL", &address(&server, role, password, &authority));
    let before = next_transaction(&server).await;

    let ended = program.run(&["verify", "--target", "staging", "--report", "report"], &[password]);
    assert!(matches!(ended.code, Some(0 | 1 | 3)), "{:?}\n{}\n{}", ended.code, ended.stdout, ended.stderr);

    assert_eq!(next_transaction(&server).await, before, "a transaction wrote");
    let statements = log::statements_of(&server.log(), role);
    assert!(statements.len() > 20, "the log holds {} statements of {role}", statements.len());
    let wrong = log::that_do_more_than_read(&statements);
    assert!(wrong.is_empty(), "{wrong:#?}");
    all_were_asked(&program, password);
}

/// Every live-safe check stands in the report, and most could be measured; no file of it holds the password.
fn all_were_asked(program: &Program, password: &str) {
    let folder = program.home().join("report");
    for file in std::fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(password), "a password in {}", path.display());
    }
    let report = std::fs::read_to_string(folder.join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let mut asked = BTreeSet::new();
    collect_checks(&report, &mut asked);
    let live_safe: BTreeSet<String> = program.live_safe_checks().into_iter().collect();
    assert!(!live_safe.is_empty());
    let missing: Vec<_> =
        live_safe.iter().filter(|id| !asked.iter().any(|(asked, _)| asked == *id)).collect();
    assert!(missing.is_empty(), "not in the report: {missing:?}");
    let refused: Vec<_> = asked.iter().filter(|(_, reason)| reason.contains("refused:")).collect();
    assert!(refused.is_empty(), "the guard refused what a check asks: {refused:#?}");
}

/// `id` and `reason` of everything in the report that looks like a check.
fn collect_checks(value: &serde_json::Value, found: &mut BTreeSet<(String, String)>) {
    match value {
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect_checks(item, found)),
        serde_json::Value::Object(fields) => {
            if let (Some(id), Some(_)) = (fields.get("id").and_then(|id| id.as_str()), fields.get("examined"))
            {
                let reason = fields.get("reason").and_then(|reason| reason.as_str()).unwrap_or_default();
                found.insert((id.to_owned(), reason.to_owned()));
            }
            fields.values().for_each(|field| collect_checks(field, found));
        }
        _ => {}
    }
}

/// Usage or configuration: status 2, one sentence on standard error, nothing on standard output.
fn refused_with(ended: &Ended, sentence: &str) {
    assert_eq!(ended.code, Some(2), "{}\n{}", ended.stdout, ended.stderr);
    let said = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(sentence), "{}", ended.stderr);
    assert!(ended.stdout.is_empty(), "{}", ended.stdout);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

#[rstest]
#[case::expired(Certificates::for_hosts(&["127.0.0.1"], 2021), true, "has expired")]
#[case::of_another_host(Certificates::for_hosts(&["db.example"], 2119), true, "is for another host name")]
#[case::of_an_unknown_authority(Certificates::good(), false, "authority that is not trusted")]
#[tokio::test]
async fn a_wrong_certificate_is_one_sentence(
    #[case] shown: Certificates,
    #[case] trusted: bool,
    #[case] sentence: &str,
) {
    let server = shown.server().start().await.unwrap();
    let program = Program::new(true);
    let other = Certificates::good();
    let authority = if trusted { &shown } else { &other }.authority_file(program.home());
    let program = program.with("STAGING_URL", &address(&server, "reader", READER, &authority));
    refused_with(&program.run(&["verify", "--target", "staging"], &[READER]), sentence);
}

#[tokio::test]
async fn what_is_wrong_with_a_role_or_a_database_is_one_sentence() {
    let certificates = Certificates::good();
    let server = staging(&certificates).await;
    let home = tempfile::tempdir().unwrap();
    let authority = certificates.authority_file(home.path());
    let good = address(&server, "reader", READER, &authority);
    server
        .execute(
            "apex",
            "REVOKE CONNECT ON DATABASE apex FROM public; CREATE ROLE other LOGIN PASSWORD 'other'; \
         GRANT CONNECT ON DATABASE apex TO reader; ALTER ROLE writer CONNECTION LIMIT 0",
        )
        .await
        .unwrap();
    let cases = [
        (good.replace(READER, WRONG), "refuses the password of user `reader`"),
        (good.replace(&format!(":{READER}"), ""), "none was given"),
        (good.replace("/apex?", "/nowhere?"), "there is no database `nowhere`"),
        (good.replace("reader:", "other:").replace(READER, "other"), "GRANT CONNECT"),
        (good.replace("reader:", "writer:").replace(READER, WRITER), "has no connection left"),
        (good.replace("verify-full", "disable"), "does not let user `reader` in"),
        (good.replace("/authority.pem", "/nothing.pem"), "nothing.pem"),
    ];
    for (url, sentence) in cases {
        let program = Program::new(true).with("STAGING_URL", &url);
        refused_with(&program.run(&["verify", "--target", "staging"], &[READER, WRITER, WRONG]), sentence);
    }
}

#[test]
fn a_server_that_is_starting_up_is_one_sentence() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // A server in recovery, as the protocol shows it: each connection gets this answer.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut length = [0; 4];
            let _ = stream.read_exact(&mut length);
            let mut message = vec![0; u32::from_be_bytes(length) as usize - 4];
            let _ = stream.read_exact(&mut message);
            let fields = "SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";
            let mut error = vec![b'E'];
            error.extend(u32::try_from(fields.len() + 4).unwrap().to_be_bytes());
            error.extend(fields.as_bytes());
            let _ = stream.write_all(&error);
        }
    });
    let url = format!("postgres://reader:{READER}@127.0.0.1:{port}/apex?sslmode=disable");
    let program = Program::new(true).with("STAGING_URL", &url);
    refused_with(
        &program.run(&["verify", "--target", "staging"], &[READER]),
        "is still starting up after 0.2 s",
    );
}

/// One check is enough to see that the connection came about.
const ONE: [&str; 5] = ["verify", "--target", "staging", "--only", "schema"];

#[tokio::test]
async fn the_surroundings_of_libpq_work() {
    let certificates = Certificates::good();
    let server = staging(&certificates).await;
    let port = server.port().to_string();
    let write = |path: &Path, text: &str| {
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    let connected = |program: &Program, how: &str| {
        let ended = program.run(&ONE, &[READER]);
        assert!(
            matches!(ended.code, Some(0 | 1 | 3)),
            "{how}: {:?}\n{}\n{}",
            ended.code,
            ended.stdout,
            ended.stderr
        );
        assert!(!log::statements_of(&server.log(), "reader").is_empty(), "{how}");
    };

    let program = Program::new(false);
    let authority = certificates.authority_file(program.home()).display().to_string();
    let program = program
        .with("PGHOST", "127.0.0.1")
        .with("PGPORT", &port)
        .with("PGUSER", "reader")
        .with("PGDATABASE", "apex")
        .with("PGSSLMODE", "verify-full")
        .with("PGSSLROOTCERT", &authority);
    refused_with(&program.run(&ONE, &[READER]), "none was given");
    std::fs::write(program.home().join(".pgpass"), "").unwrap();
    refused_with(&program.run(&ONE, &[READER]), "is not used because others can read it; chmod 0600 it");
    write(&program.home().join(".pgpass"), &format!("127.0.0.1:{port}:apex:reader:{READER}\n"));
    connected(&program, "~/.pgpass");

    let program = program.with("PGPASSFILE", "/nowhere").with("PGPASSWORD", READER);
    connected(&program, "PG* variables");

    let program = Program::new(false).with("PGSERVICE", "staging").with("PGPASSWORD", READER);
    let service = format!(
        "[staging]\nhost=127.0.0.1\nport={port}\nuser=reader\ndbname=apex\nsslmode=verify-full\nsslrootcert={authority}\n"
    );
    write(&program.home().join(".pg_service.conf"), &service);
    connected(&program, "a service file");
}

#[tokio::test]
async fn pgbouncer_in_transaction_mode_works() {
    let server = staging(&Certificates::good()).await;
    let pooler = Pooler::before(&server.url_as("reader", READER, "apex").unwrap(), 5).await.unwrap();
    let program = Program::new(true).with("STAGING_URL", pooler.url().expose());
    let before = next_transaction(&server).await;
    let ended = program.run(&["verify", "--target", "staging", "--report", "report"], &[READER]);
    assert!(matches!(ended.code, Some(0 | 1 | 3)), "{:?}\n{}\n{}", ended.code, ended.stdout, ended.stderr);
    assert_eq!(next_transaction(&server).await, before, "a transaction wrote");
    all_were_asked(&program, READER);
    let report = std::fs::read_to_string(program.home().join("report/report.json")).unwrap();
    assert!(!report.contains("prepared statement"), "a named statement was used through the pooler");
}
