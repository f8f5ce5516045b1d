//! What is wrong with a case file or an address is one sentence, before anything is sent.

use std::path::Path;

use harness::Database;
use runbook::context::Api;
use runbook::settings::Settings;

const GOOD: &str = "title = 'x'\n[[step]]\npath = '/projects'\n[step.expect]\nstatus = 200\n";

/// Settings whose contract has one more case.
fn with_case(text: &str) -> (tempfile::TempDir, Settings) {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = (*harness::settings()).clone();
    for entry in std::fs::read_dir(settings.path("api")).unwrap().flatten() {
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    std::fs::write(folder.path().join("added.toml"), text).unwrap();
    settings.api.cases = Some(folder.path().to_owned());
    (folder, settings)
}

#[track_caller]
fn refused(text: &str, sentence: &str) {
    let (folder, settings) = with_case(text);
    let error = smoke::validate(&settings).unwrap_err().to_string();
    let expected = format!("{}{sentence}", folder.path().join("added.toml").display());
    assert!(error.starts_with(&expected), "\nexpected {expected}\nfound    {error}");
    assert!(!error.contains('\n'), "more than one line: {error}");
}

#[test]
fn a_good_case_is_taken() {
    let (_folder, settings) = with_case(GOOD);
    smoke::validate(&settings).unwrap();
}

#[test]
fn what_is_wrong_with_a_case_is_said_with_its_line() {
    refused(&format!("{GOOD}\n[step.expekt]\n"), ":7: unknown field `expekt`");
    refused(&format!("check = 'smoke.no.such'\n{GOOD}"), ":1: no check has the id `smoke.no.such`");
    refused(
        &format!("{GOOD}[step.expect.json]\n'result.status' = 1\n"),
        ":7: `result.status` is not a JSON pointer",
    );
    refused(&format!("{GOOD}[step.expect.json]\n'/a' = {{ biggest = 1 }}\n"), ":7: `biggest` is not a word");
    refused(
        &format!("{GOOD}[[step.database]]\nquery = 'DELETE FROM projects'\nrows = []\n"),
        ":7: refused: only SELECT",
    );
    refused(
        &format!("{GOOD}[[step.database]]\nquery = 'SELECT 1; SELECT 2'\nrows = []\n"),
        ":7: refused: 2 statements",
    );
    refused(
        &format!("{GOOD}[[step.database]]\nquery = 'SHOW all'\nrows = []\n"),
        ":7: only a SELECT can stand here",
    );
    refused(
        &format!("{GOOD}[[step.database]]\nquery = 'SELECT $1'\nwith = ['{{id}}']\nrows = []\n"),
        ":8: `{id}` is not captured",
    );
    refused(
        "title = 'x'\n[[step]]\npath = '/a/{id}'\n[step.expect]\nstatus = 200\n",
        ":3: `{id}` is not captured",
    );
    refused("title = 'x'\n[[step]]\npath = 'a'\n[step.expect]\nstatus = 200\n", ":3: a path starts with `/`");
    refused(
        "title = 'x'\n[[step]]\ncurl = 'wget x'\n[step.expect]\nstatus = 200\n",
        ":3: it is not a curl command",
    );
    refused(
        "title = 'x'\ncheck = 'smoke.project.read'\n[[step]]\nmethod = 'POST'\npath = '/a'\n[step.expect]\nstatus = 200\n",
        ":4: a case of `smoke.project.read` only reads, so POST is not allowed",
    );
    refused(
        "title = 'x'\n[[step]]\npath = '/a'\nheaders = { 'no header' = 'x' }\n[step.expect]\nstatus = 200\n",
        ":4: `no header` is not a header that can be sent",
    );
    refused("title = 'x'\n[[step]]\npath = '/a'\n[step.expect]\nstatus = 700\n", ":5: `700` is not a status");
    refused(
        "title = 'x'\n[[step]]\npath = '/a'\n[step.expect]\nstatus = []\n",
        ":5: `status` names no status",
    );
    // Nobody at all would have won.
    refused(
        "title = 'x'\n[[step]]\npath = '/a'\nrace = { writers = 0, winners = 0 }\n[step.expect]\nstatus = 200\n",
        ":4: a race has 2 to 1000 writers",
    );
    refused(
        "title = 'x'\n[[step]]\nmethod = 'POST'\npath = '/a'\njson = { a = '' }\n\
         fill = { pointer = '/a', with = 'x', times = 1000000000000 }\n[step.expect]\nstatus = 200\n",
        ":6: `fill` puts in a text of at most 256 MiB",
    );
    refused("title = 'x'\nstep = []\n", ":1: a case needs at least one [[step]]");
}

#[test]
fn a_schema_that_is_not_one_is_said_with_the_line_that_names_it() {
    let (folder, settings) = with_case(&format!("{GOOD}schema = 'odd.json'\n"));
    let said = |text: &str| {
        std::fs::write(folder.path().join("odd.json"), text).unwrap();
        smoke::validate(&settings).unwrap_err().to_string()
    };
    assert!(said("{").contains("added.toml:6: "), "{}", said("{"));
    assert!(said("{").contains("odd.json: not JSON"), "{}", said("{"));
    assert!(said(r#"{"type": 7}"#).contains("odd.json: not a JSON schema"), "{}", said(r#"{"type": 7}"#));
}

#[tokio::test]
async fn a_bad_address_is_one_sentence() {
    let db = Database::empty().await.unwrap();
    let mut context = db.context();
    for base in ["localhost:8000", "ftp://localhost", "no address"] {
        context.api = Some(Api { base_url: base.into() });
        let health = smoke::checks().into_iter().find(|check| check.id == "smoke.api.health").unwrap();
        let verdict = health.run(&context).await;
        let expected = format!("the API address `{base}` is not http://HOST or https://HOST");
        assert_eq!(verdict.reason(), Some(expected.as_str()));
    }
}

#[tokio::test]
async fn a_password_in_the_address_is_refused_and_not_repeated() {
    let db = Database::empty().await.unwrap();
    let mut context = db.context();
    for base in ["http://apex:hunter2@localhost:8000", "https://hunter2@localhost", "apex:hunter2@localhost"]
    {
        context.api = Some(Api { base_url: base.into() });
        let health = smoke::checks().into_iter().find(|check| check.id == "smoke.api.health").unwrap();
        let verdict = health.run(&context).await;
        let said = verdict.reason().unwrap();
        assert!(said.contains("localhost") && !said.contains("hunter2"), "{said}");
    }
}

#[tokio::test]
async fn a_query_that_the_database_does_not_understand_is_said_with_its_file() {
    let db = Database::seeded().await.unwrap();
    let serving = crate::wrong::faultless(&db).await;
    let mut context = serving.context.clone();
    for query in ["SELECT colour FROM projects", "SELECT $2 AS second"] {
        let (folder, settings) =
            with_case(&format!("{GOOD}[[step.database]]\nquery = '{query}'\nwith = ['x']\nrows = []\n"));
        context.settings = settings.into();
        context.stash = std::sync::Arc::default();
        let verdict = smoke::run_case(&context, "added").await.unwrap_err().to_string();
        assert!(verdict.starts_with(&folder.path().join("added.toml").display().to_string()), "{verdict}");
        assert!(verdict.contains("SQLSTATE") || verdict.contains("colour"), "{verdict}");
    }
}

#[test]
fn what_is_wrong_with_the_contract_is_said_with_its_line() {
    let (folder, settings) = with_case(GOOD);
    let path = folder.path().join("contract.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    for (from, to, sentence) in [
        (
            "openapi = \"/openapi.json\"",
            "openapi = \"openapi.json\"",
            "`openapi.json` is not a path of the service",
        ),
        ("\"/projects?limit=5\"", "\"projects\"", "`projects` is not a path of the service"),
        ("hash = \"/content_sha256\"", "hash = \"content_sha256\"", "`content_sha256` is not a JSON pointer"),
        ("schema = \"envelope.schema.json\"", "schema = \"contract.toml\"", "contract.toml: not JSON"),
        (
            "method = \"POST\", path = \"/projects\", body",
            "method = \"PO ST\", path = \"/projects\", body",
            "`PO ST` is not a method",
        ),
        ("[maintenance]", "[maintenence]", "unknown field `maintenence`"),
    ] {
        assert!(text.contains(from), "{from}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
        let error = smoke::validate(&settings).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}:", path.display())) && error.contains(sentence), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn a_load_that_is_none_is_said_with_its_line() {
    let (folder, settings) = with_case(GOOD);
    let path = folder.path().join("contract.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let line = 1 + text.lines().position(|line| line == "[load]").unwrap();
    for (from, to) in [("seconds = 0.5", "seconds = 0"), ("connections = 4", "connections = 0")] {
        assert!(text.contains(from));
        std::fs::write(&path, text.replace(from, to)).unwrap();
        let error = smoke::validate(&settings).unwrap_err().to_string();
        let expected = format!("{}:{line}: a load lasts from 0.1 to 60 seconds", path.display());
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[tokio::test]
async fn an_api_that_is_not_there_or_not_http_is_a_finding() {
    let db = Database::empty().await.unwrap();
    let mut context = db.context();
    let port = db.url().connect_options().get_port();
    for (base, problem) in [
        ("http://127.0.0.1:1".to_owned(), "no connection to http://127.0.0.1:1"),
        (format!("http://127.0.0.1:{port}"), "expected an answer, got no "),
    ] {
        context.api = Some(Api { base_url: base });
        let health = smoke::checks().into_iter().find(|check| check.id == "smoke.api.health").unwrap();
        let verdict = health.run(&context).await;
        assert!(verdict.findings()[0].problem.contains(problem), "{:?}", verdict.findings());
    }
}

#[test]
fn the_fixtures_own_contract_is_right() {
    assert!(Path::new(&harness::settings().path("api/contract.toml")).is_file());
    smoke::validate(&harness::settings()).unwrap();
}

#[tokio::test]
async fn an_address_with_a_query_or_a_fragment_is_one_sentence_that_tells_neither() {
    let db = Database::empty().await.unwrap();
    let mut context = db.context();
    for address in
        ["http://localhost:1?key=hunter2", "http://localhost:1/api?hunter2", "http://localhost:1/#hunter2"]
    {
        context.api = Some(Api { base_url: address.into() });
        let check = smoke::checks().into_iter().find(|check| check.id == "smoke.api.health").unwrap();
        let verdict = check.run(&context).await;
        assert_eq!(
            verdict.reason(),
            Some("the API address of localhost carries a query or a fragment; give what stands before it"),
            "{address}"
        );
    }
}

#[tokio::test]
async fn a_path_of_the_settings_that_is_none_is_one_sentence_and_asks_no_other_host() {
    let db = Database::empty().await.unwrap();
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let trick = format!("@{}/", elsewhere.local_addr().unwrap());
    let asked = tokio::spawn(async move { elsewhere.accept().await.map(drop) });
    let mut context = db.context();
    context.api = Some(Api { base_url: "http://localhost:1".into() });
    context.stash.put(smoke::AdminToken("a token".to_owned().into()));
    for path in ["health", trick.as_str(), ""] {
        let mut settings = (*harness::settings()).clone();
        settings.api.health = Some(path.into());
        settings.api.maintenance.as_mut().unwrap().path = Some(path.into());
        context.settings = settings.into();
        let check = smoke::checks().into_iter().find(|check| check.id == "smoke.api.health").unwrap();
        let verdict = check.run(&context).await;
        let says = format!("[api] health: `{path}` is not a path of the service: it starts with `/`");
        assert_eq!(verdict.reason(), Some(says.as_str()));
        let on = smoke::actions().into_iter().find(|action| action.id == "smoke.maintenance.on").unwrap();
        let error = on.run(&context).await.unwrap_err().to_string();
        let says = format!("[api.maintenance] `{path}` is not a path of the service: it starts with `/`");
        assert!(error.ends_with(&says), "{error}");
        let error = smoke::reach(&context.settings, "http://localhost:1").await.unwrap_err().to_string();
        assert!(error.contains("is not a path of the service"), "{error}");
    }
    assert!(!asked.is_finished(), "the other host was asked");
    asked.abort();
}

#[tokio::test]
async fn an_admin_token_that_no_header_can_hold_is_one_sentence_without_it() {
    let db = Database::seeded().await.unwrap();
    let mut context = db.context();
    context.api = Some(Api { base_url: "http://localhost:1".into() });
    context.stash.put(smoke::AdminToken("hunter2\n".to_owned().into()));
    for id in ["smoke.project.create", "smoke.maintenance.mode"] {
        let check = smoke::checks().into_iter().find(|check| check.id == id).unwrap();
        let verdict = check.run(&context).await;
        assert_eq!(
            verdict.reason(),
            Some("the admin token holds what no header can: a line break, say"),
            "{id}: {:?}",
            verdict.findings()
        );
    }
}
