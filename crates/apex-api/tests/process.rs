//! The program itself: its ready line, and how it ends.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use harness::Database;

use crate::support::{client, send};

struct Program {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Program {
    fn start(url: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_apex-api"))
            .args(arguments)
            .env("DATABASE_URL", url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn it_says_where_it_listens_and_ends_with_its_parent() {
    let db = Database::seeded().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let state = state.to_str().unwrap();
    let mut program = Program::start(
        db.url().expose(),
        &["--listen", "127.0.0.1:0", "--state", state, "--exit-with-parent"],
    );
    let line = program.line();
    let address = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}"));
    send(client().get(format!("http://{address}/ready"))).await.is(200);
    drop(program.child.stdin.take());
    assert!(program.child.wait().unwrap().success());
}

#[tokio::test]
async fn the_worker_says_when_it_works_and_ends_with_its_parent() {
    let db = Database::seeded().await.unwrap();
    let mut program = Program::start(db.url().expose(), &["worker", "--exit-with-parent"]);
    assert_eq!(program.line(), "working");
    let connections: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'apex-worker' AND datname = current_database()")
            .fetch_one(db.pool())
            .await
            .unwrap();
    assert_eq!(connections, 1);
    drop(program.child.stdin.take());
    assert!(program.child.wait().unwrap().success());
}

#[tokio::test]
async fn sigterm_ends_it_in_order() {
    let db = Database::seeded().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let mut program =
        Program::start(db.url().expose(), &["--listen", "127.0.0.1:0", "--state", state.to_str().unwrap()]);
    program.line();
    Command::new("kill").arg(program.child.id().to_string()).status().unwrap();
    assert!(program.child.wait().unwrap().success());
}

#[tokio::test]
async fn a_request_on_its_way_at_sigterm_is_answered_and_a_new_one_is_refused() {
    let db = Database::seeded().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let mut program =
        Program::start(db.url().expose(), &["--listen", "127.0.0.1:0", "--state", state.to_str().unwrap()]);
    let address = program.line().replace("listening on ", "");
    let path = format!("http://{address}/projects/proj_test_001");
    let etag = "\"an etag\"";
    db.execute("UPDATE projects SET status = 'draft', etag = 'an etag' WHERE project_id = 'proj_test_001'")
        .await
        .unwrap();
    let mut holder = db.pool().begin().await.unwrap();
    sqlx::query("SELECT FROM projects WHERE project_id = 'proj_test_001' FOR UPDATE")
        .execute(&mut *holder)
        .await
        .unwrap();
    let change = serde_json::json!({"name": "In time"});
    let write = tokio::spawn(send(client().put(&path).header("If-Match", etag).json(&change)));
    crate::support::waiting(&mut holder, 1).await;
    Command::new("kill").arg(program.child.id().to_string()).status().unwrap();
    runbook::wait::until("the end of listening", std::time::Duration::from_secs(5), || async {
        match tokio::net::TcpStream::connect(&address).await {
            Ok(_) => Err("it still listens"),
            Err(_) => Ok(()),
        }
    })
    .await
    .unwrap();
    holder.rollback().await.unwrap();
    assert_eq!(write.await.unwrap().is(200).at("/result/name"), "In time");
    assert!(program.child.wait().unwrap().success());
}

#[test]
fn a_token_that_no_header_can_bring_is_told_at_the_start_without_it() {
    for token in ["hunter2\n", " hunter2", "hünter2", " "] {
        let output = Command::new(env!("CARGO_BIN_EXE_apex-api"))
            .args(["--listen", "127.0.0.1:0", "--exit-with-parent"])
            .env("DATABASE_URL", "postgres://apex@127.0.0.1:1/apex")
            .env("APEX_ADMIN_TOKEN", token)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{token:?}");
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            "apex-api: APEX_ADMIN_TOKEN holds what no header can: it must be printable ASCII, without blanks around it\n"
        );
    }
}

#[test]
fn a_bad_address_is_one_sentence_without_the_password() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_apex-api"))
        .env("DATABASE_URL", "mysql//root:hunter2@db")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
    assert_eq!(text, "apex-api: DATABASE_URL is not a postgres:// address\n");
}
