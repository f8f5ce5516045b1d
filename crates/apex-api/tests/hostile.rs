//! A caller who means harm, or whose tools do: headers, numbers, names and bodies at their edges.

use harness::Database;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Api, send};

/// Sends bytes as they are and reads the answer to its end.
async fn raw(api: &Api, request: &str) -> String {
    let address = api.base.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

#[tokio::test]
async fn a_field_that_stands_twice_is_refused_and_named() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let body = r#"{"name":"a","account_id":"b","created_by":"c","name":"d"}"#;
    let request =
        api.request(Method::POST, "/projects").header("Content-Type", "application/json").body(body);
    let answer = send(request).await.is(422);
    assert_eq!(
        answer.at("/result/error/problems/0"),
        &json!({"field": "name", "problem": "stands there twice"})
    );
    let created = api.draft().await;
    let request = api
        .request(Method::PUT, &created.path())
        .header("If-Match", created.etag())
        .header("Content-Type", "application/json")
        .body(r#"{"status":"draft","status":"estimating"}"#);
    assert_eq!(send(request).await.is(422).at("/result/error/problems/0/field"), "status");
    assert_eq!(api.get(&created.path()).await.etag(), created.etag());
}

#[tokio::test]
async fn a_body_that_is_nested_without_end_is_refused() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    for deep in [format!("{{\"name\":{}", "[".repeat(200_000)), "{\"a\":".repeat(100_000)] {
        let request =
            api.request(Method::POST, "/projects").header("Content-Type", "application/json").body(deep);
        send(request).await.is(422);
    }
}

#[tokio::test]
async fn only_a_whole_strong_etag_of_if_match_counts() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let created = api.draft().await;
    let (path, etag) = (created.path(), created.etag());
    let bare = etag.trim_matches('"');
    let change = json!({"name": "New"});
    for wrong in [
        // One etag that holds commas is one, and another.
        format!("\"other,{bare},other\""),
        format!("\"other, {bare}"),
        format!("\"{etag}\""),
        format!("{etag}{etag}"),
        format!("{etag} {etag}"),
        format!("w/{etag}"),
        // A star stands alone, or is none.
        "\"other\", *".to_owned(),
        "\"*\"".to_owned(),
        "**".to_owned(),
        String::new(),
        ",".to_owned(),
    ] {
        let answer = api.put(&path, &wrong, &change).await;
        assert_eq!(answer.status, 412, "{wrong}: {:#}", answer.body);
    }
    let twice = api.request(Method::PUT, &path).header("If-Match", "*").header("If-Match", "\"other\"");
    send(twice.json(&change)).await.is(412);
    // What the service itself gives is taken, without its quotes and among others too, over several lines.
    let first = api.put(&path, bare, &change).await.is(200);
    let second = api.put(&path, &format!(" , \"a,b\" ,W/\"c\",{} ,", first.etag()), &change).await.is(200);
    let lines = api.request(Method::PUT, &path).header("If-Match", "\"x\"").header("If-Match", second.etag());
    send(lines.json(&change)).await.is(200);
}

#[tokio::test]
async fn a_method_that_a_route_does_not_know_is_told_those_that_it_knows() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    for (path, allowed) in [
        ("/projects", "GET,HEAD,POST"),
        ("/projects/proj_test_001", "GET,HEAD,PUT"),
        ("/health", "GET,HEAD"),
        ("/admin/maintenance", "PUT,GET,HEAD"),
    ] {
        let answer = send(api.request(Method::DELETE, path)).await.is(405);
        assert_eq!(answer.headers["allow"], allowed, "{path}");
        assert_eq!(answer.at("/result/error/code"), "method_not_allowed");
    }
}

#[tokio::test]
async fn a_row_that_has_no_json_form_is_an_answer_and_ends_no_connection() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    for time in ["infinity", "-infinity", "10000-01-01", "4713-01-01 BC"] {
        db.execute(&format!("UPDATE projects SET created_at = '{time}' WHERE project_id = 'proj_test_001'"))
            .await
            .unwrap();
        let read = api.get("/projects/proj_test_001").await.is(500);
        assert_eq!(read.at("/result/error/code"), "internal", "{time}");
        assert_eq!(
            api.get("/projects?limit=100").await.is(500).at("/result/error/code"),
            "internal",
            "{time}"
        );
    }
    let change = json!({"name": "New"});
    api.put("/projects/proj_test_001", "*", &change).await.is(500);
    db.execute("UPDATE projects SET created_at = now(), status = 'draft' WHERE project_id = 'proj_test_001'")
        .await
        .unwrap();
    api.put("/projects/proj_test_001", "*", &change).await.is(200);
    let figures = api.get("/metrics").await.is(200);
    let line = "http_requests_total{method=\"GET\",route=\"/projects/{id}\",status=\"500\"} 4";
    assert!(figures.body.as_str().unwrap().lines().any(|found| found == line), "{:#}", figures.body);
}

#[tokio::test]
async fn a_page_may_be_asked_for_at_any_place_that_a_number_can_name() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    for skip in ["9223372036854775807", "9223372036854775800"] {
        let page = api.get(&format!("/projects?skip={skip}&limit=100")).await.is(200);
        assert_eq!(page.at("/result/items"), &json!([]));
    }
    for wrong in [
        "limit=",
        "limit=-1",
        "limit=1.0",
        "limit=1e1",
        "limit=0x10",
        "limit=%2B5",
        "limit=%201",
        "skip=",
        "limit=١",
    ] {
        api.get(&format!("/projects?{wrong}")).await.is(422);
    }
}

#[tokio::test]
async fn a_search_finds_what_was_written_and_nothing_that_only_looks_like_it() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    for name in ["100% sure", "under_score", "back\\slash", "Grüße 🦀", "quote ' \" end"] {
        let body = json!({"name": name, "account_id": "acc_001", "created_by": "tester"});
        api.post("/projects", &body).await.is(201);
    }
    for (words, found) in [
        ("0%25 s", 1),
        ("r_s", 1),
        ("k\\s", 1),
        ("k\\\\s", 0),
        ("r%25s", 0),
        ("GRÜSSE", 0),
        ("grüße 🦀", 1),
        ("e ' %22 e", 1),
    ] {
        let answer = api.get(&format!("/projects?q={words}")).await.is(200);
        assert_eq!(answer.at("/result/total"), found, "{words}");
    }
    let long = "%5C".repeat(20_000);
    assert_eq!(api.get(&format!("/projects?q={long}")).await.is(200).at("/result/total"), 0);
}

#[tokio::test]
async fn a_key_that_stands_twice_is_refused() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let body = json!({"name": "a", "account_id": "b", "created_by": "c"});
    let keyed = api.request(Method::POST, "/projects").header("Idempotency-Key", "one");
    send(keyed.header("Idempotency-Key", "two").json(&body)).await.is(422);
}

#[tokio::test]
async fn head_is_a_get_without_its_body() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let head = send(api.request(Method::HEAD, "/projects/proj_test_001")).await.is(200);
    assert_eq!(head.body, "");
    assert_eq!(head.etag(), api.get("/projects/proj_test_001").await.etag());
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_the_service_goes_on() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let long = "x".repeat(1 << 20);
    for (request, status) in [
        ("hello\r\n\r\n".to_owned(), "400"),
        (format!("GET /health HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), "431"),
        (format!("GET /projects?q={} HTTP/1.1\r\nHost: a\r\n\r\n", &long[..100_000]), "414"),
        ("POST /projects HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n".to_owned(), "400"),
        (
            "POST /projects HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"
                .to_owned(),
            "400",
        ),
        (
            "POST /projects HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Transfer-Encoding: chunked\r\n\r\nzz\r\n"
                .to_owned(),
            "422",
        ),
    ] {
        let answer = raw(&api, &request).await;
        let start: String = request.chars().take(60).collect();
        let shown: String = answer.chars().take(200).collect();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{start:?}: {shown}");
    }
    api.get("/health").await.is(200);
}
