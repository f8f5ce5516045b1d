//! `runbook smoke`: on our own, on a target, as commands, as a load; and each mistake as one sentence.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use harness::Database;
use harness::service::Service;

use crate::program::runbook;

fn said(output: &Output) -> (String, String) {
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// Off the runtime's threads, which the harness's own database needs.
async fn run(command: Command) -> Output {
    let mut command = command;
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// A server that answers everything with 200 and an empty object, and keeps what it was sent.
fn listener() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let heard = Arc::<Mutex<Vec<String>>>::default();
    let keep = Arc::clone(&heard);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && lines.read_line(&mut head).is_ok_and(|read| read > 0) {}
            keep.lock().unwrap().push(head);
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
            let _ = lines.into_inner().write_all(answer);
        }
    });
    (address, heard)
}

#[test]
fn a_case_is_printed_as_commands_and_nothing_is_sent() {
    let output = runbook().args(["smoke", "--curl", "--case", "create_test_project"]).output().unwrap();
    let (printed, errors) = said(&output);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    assert!(printed.contains(r#"curl -X POST http://localhost:8000/projects -H "Content-Type: application/json" -d '{"name":"Deploy Test""#), "{printed}");
    let output = runbook().args(["smoke", "--curl", "--base-url", "https://there.example"]).output().unwrap();
    let (printed, _) = said(&output);
    assert!(printed.contains("https://there.example/projects") && printed.contains("# 1: 200"), "{printed}");
}

#[test]
fn mistakes_are_one_sentence_and_2() {
    let closed = {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        taken.local_addr().unwrap()
    };
    // Something that is not HTTP answers, and hangs up.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let odd = other.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in other.incoming().flatten() {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
        }
    });
    let load = |base: &str| {
        vec!["smoke".to_owned(), "--load".into(), "1s".into(), "--base-url".into(), base.to_owned()]
    };
    let of = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    for (arguments, sentence) in [
        (load("localhost:8000"), "the API address `localhost:8000` is not http://HOST or https://HOST"),
        (load("http://no.such.host.invalid"), "no connection to http://no.such.host.invalid"),
        (load(&format!("http://{closed}")), "Connection refused"),
        (load(&format!("http://{odd}")), "no whole answer"),
        (of(&["smoke", "--load", "soon"]), "is not a unit of time"),
        (of(&["smoke", "--case", "none"]), "--case none: there is no such case; there are bad_bodies"),
        (of(&["smoke", "--target", "nowhere"]), "runbook.toml has no [targets.nowhere]; it names staging"),
        (of(&["smoke", "--target", "staging"]), "name the API with --base-url"),
    ] {
        let output = runbook().args(&arguments).output().unwrap();
        let (printed, errors) = said(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {printed}{errors}");
        assert!(errors.contains(sentence), "{arguments:?}: {errors}");
        assert!(!errors.contains("panicked"), "{errors}");
    }
}

#[tokio::test]
async fn the_whole_contract_holds_on_a_service_of_our_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = runbook();
    command.args(["smoke", "--json", "--report"]).arg(folder.path());
    let output = run(command).await;
    let (printed, errors) = said(&output);
    assert_eq!(output.status.code(), Some(0), "{errors}{printed}");
    let all: Vec<serde_json::Value> = serde_json::from_str(&printed).unwrap();
    assert!(all.len() >= 11 && all.iter().all(|one| one["outcome"] == "pass"), "{printed}");
    let report = reported(folder.path());
    assert_eq!((&report["verdict"], &report["target"]["kind"]), (&"go".into(), &"ephemeral".into()));
    assert_eq!(report["steps"][0]["lines"].as_array().unwrap().len(), all.len());
}

/// The report in a folder, as the published schema describes it, with a page beside it.
fn reported(folder: &std::path::Path) -> serde_json::Value {
    let schema = serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap();
    let report = std::fs::read_to_string(folder.join("report.json")).unwrap();
    let report = serde_json::from_str(&report).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<String> =
        validator.iter_errors(&report).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(problems.is_empty(), "{problems:#?}");
    assert!(std::fs::read_to_string(folder.join("report.html")).unwrap().contains("</html>"));
    report
}

#[tokio::test]
async fn a_load_on_a_service_of_our_own_is_a_report_with_its_figures_and_a_chart() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = runbook();
    command.args(["smoke", "--load", "500ms", "-c", "4", "--report"]).arg(folder.path());
    let output = run(command).await;
    let (printed, errors) = said(&output);
    assert_eq!(output.status.code(), Some(0), "{errors}{printed}");
    let report = reported(folder.path());
    let result = &report["steps"][0]["lines"][0]["checks"][0];
    let measured = result["measurements"].as_array().unwrap();
    let figure = |name: &str| measured.iter().find(|one| one["name"] == format!("load: {name}")).unwrap();
    for name in ["answered", "latency, p50", "latency, p95", "latency, p99", "latency, max"] {
        assert!(figure(name)["value"].as_f64().unwrap() > 0.0, "{name}: {report}");
    }
    assert_eq!(figure("errors")["value"], 0.0, "{report}");
    let spread = figure("latency, max")["spread"].as_array().unwrap();
    let answers: u64 = spread.iter().map(|bar| bar[1].as_u64().unwrap()).sum();
    assert_eq!(answers, result["examined"].as_u64().unwrap());
    // The system of other machines does not tell.
    if cfg!(target_os = "linux") {
        assert!(figure("memory of the service, at most")["value"].as_f64().unwrap() > 1.0, "{report}");
    }
    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.contains("class=\"chart\"") && page.contains("load: latency, p95"), "{page}");
}

#[test]
fn what_is_wrong_with_a_case_is_said_with_file_and_line_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = crate::folder::workspace().join("fixtures");
    assert!(Command::new("cp").arg("-r").arg(&fixtures).arg(folder.path()).status().unwrap().success());
    let root = folder.path().join("fixtures");
    let (address, heard) = listener();
    let good = "title = 'x'\n[[step]]\npath = '/projects'\n[step.expect]\nstatus = 200\n";
    for (text, sentence) in [
        (format!("{good}surprise = 1\n"), "added.toml:6: unknown field `surprise`"),
        (
            format!("{good}[step.expect.json]\n'result.status' = 1\n"),
            "added.toml:7: `result.status` is not a JSON pointer",
        ),
        (format!("{good}schema = 'contract.toml'\n"), "added.toml:6: "),
        (
            format!("{good}[[step.database]]\nquery = 'DELETE FROM projects'\nrows = []\n"),
            "added.toml:7: refused: only SELECT",
        ),
    ] {
        std::fs::write(root.join("api/added.toml"), text).unwrap();
        let mut command = runbook();
        command.env("RUNBOOK_FIXTURES", &root);
        let output = command.args(["smoke", "--base-url", &format!("http://{address}")]).output().unwrap();
        let (printed, errors) = said(&output);
        assert_eq!(output.status.code(), Some(2), "{printed}{errors}");
        assert!(errors.contains(sentence), "{sentence}: {errors}");
    }
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_target_is_written_to_only_when_it_is_named_again_and_is_left_as_it_was() {
    let db = Database::seeded().await.unwrap();
    let service = Service::start(&harness::settings().api.start, db.url()).await.unwrap();
    let smoke = |more: &[&str]| {
        let mut command = runbook();
        command.env("STAGING_DATABASE_URL", db.url().expose()).env("APEX_ADMIN_TOKEN", service.token());
        command.args(["smoke", "--target", "staging", "--base-url", &service.base_url()]).args(more);
        command
    };
    let rows = "SELECT md5(string_agg(p::text, '' ORDER BY project_id)) FROM projects AS p";
    let before: String = sqlx::query_scalar(rows).fetch_one(db.pool()).await.unwrap();
    let refused = run(smoke(&[])).await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).1.contains("--allow-writes staging"), "{}", said(&refused).1);
    let another = run(smoke(&["--allow-writes", "production"])).await;
    assert_eq!(another.status.code(), Some(2));
    for (more, checks) in [
        (&["--read-only"][..], "8 passed, 0 failed"),
        (&["--allow-writes", "staging"], "11 passed, 0 failed"),
    ] {
        let output = run(smoke(more)).await;
        let (printed, errors) = said(&output);
        assert_eq!(output.status.code(), Some(0), "{errors}{printed}");
        assert!(printed.contains(checks), "{printed}");
        let after: String = sqlx::query_scalar(rows).fetch_one(db.pool()).await.unwrap();
        assert_eq!(before, after, "{more:?}");
    }
}

/// Killed in the midst of its writes, it leaves rows; the next run removes them.
#[tokio::test]
async fn what_a_killed_run_left_the_next_one_removes() {
    let db = Database::seeded().await.unwrap();
    let service = Service::start(&harness::settings().api.start, db.url()).await.unwrap();
    let smoke = || {
        let mut command = runbook();
        command.env("STAGING_DATABASE_URL", db.url().expose()).env("APEX_ADMIN_TOKEN", service.token());
        command.args([
            "smoke",
            "--target",
            "staging",
            "--allow-writes",
            "staging",
            "--base-url",
            &service.base_url(),
        ]);
        command
    };
    let count = async || -> i64 {
        let tagged =
            "SELECT count(*) FROM projects WHERE created_by = 'deployer' AND project_id <> 'proj_test_001'";
        sqlx::query_scalar(tagged).fetch_one(db.pool()).await.unwrap()
    };
    // A lock that no update gets past stops it where its rows are there.
    let mut holding = db.pool().begin().await.unwrap();
    sqlx::raw_sql("CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_lock_shared(7); RETURN new; END $$;
                   CREATE TRIGGER wait BEFORE UPDATE ON projects FOR EACH ROW EXECUTE FUNCTION wait()")
        .execute(db.pool())
        .await
        .unwrap();
    sqlx::raw_sql("SELECT pg_advisory_xact_lock(7)").execute(&mut *holding).await.unwrap();
    let mut child = smoke().stdout(std::process::Stdio::null()).spawn().unwrap();
    let there = || async { if count().await > 0 { Ok(()) } else { Err("no row yet") } };
    runbook::wait::until("its rows are there", std::time::Duration::from_secs(30), there).await.unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(count().await > 0);
    holding.rollback().await.unwrap();
    sqlx::raw_sql("DROP TRIGGER wait ON projects").execute(db.pool()).await.unwrap();
    let output = run(smoke()).await;
    let (printed, errors) = said(&output);
    assert_eq!(output.status.code(), Some(0), "{errors}{printed}");
    assert!(printed.contains("a run that died left it behind"), "{printed}");
    assert_eq!(count().await, 0);
}

#[test]
fn a_load_is_told_as_figures_and_a_proxy_and_secrets_of_the_environment_are_used() {
    let (address, heard) = listener();
    let folder = tempfile::tempdir().unwrap();
    let fixtures = crate::folder::workspace().join("fixtures");
    let copied = Command::new("cp").arg("-r").arg(&fixtures).arg(folder.path()).status().unwrap();
    assert!(copied.success());
    let root = folder.path().join("fixtures");
    let settings = std::fs::read_to_string(root.join("runbook.toml")).unwrap();
    let settings = settings.replace(
        "[api.maintenance]",
        "[api.authentication]\nbearer_variable = \"APEX_TOKEN\"\nheader = \"X-Api-Key\"\nheader_variable = \"APEX_KEY\"\n\n[api.maintenance]",
    );
    std::fs::write(root.join("runbook.toml"), settings).unwrap();
    let smoke = |more: &[&str]| {
        let mut command = runbook();
        command.env("RUNBOOK_FIXTURES", &root).env("HTTP_PROXY", format!("http://{address}"));
        command.args(["smoke", "--load", "300ms", "-c", "2", "--base-url", "http://apex.example"]).args(more);
        command
    };
    let output = smoke(&[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).1.contains("APEX_TOKEN is not set"), "{}", said(&output).1);
    let output = smoke(&["--json"]).env("APEX_TOKEN", "t0ken").env("APEX_KEY", "k3y").output().unwrap();
    let (printed, errors) = said(&output);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    assert!(!printed.contains("t0ken") && !errors.contains("t0ken"));
    let figures: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert!(figures["load"]["answers"].as_u64().unwrap() > 0, "{printed}");
    assert_eq!(figures["load"]["errors"], serde_json::json!({}));
    let first = heard.lock().unwrap().first().unwrap().clone();
    assert!(first.starts_with("GET http://apex.example/health HTTP/1.1"), "{first}");
    assert!(first.contains("authorization: Bearer t0ken") && first.contains("x-api-key: k3y"), "{first}");
    let drawn = smoke(&[]).env("APEX_TOKEN", "t0ken").env("APEX_KEY", "k3y").output().unwrap();
    let (printed, _) = said(&drawn);
    assert!(printed.contains("p95") && printed.contains('█') && printed.contains("0 errors"), "{printed}");
}
