//! Bad input: 422 with every problem named, and never a 5xx.

use harness::Database;
use reqwest::Method;
use serde_json::json;

use crate::support::{Api, send};

const JSON: &str = "application/json";

#[tokio::test]
async fn a_bad_body_is_refused_with_its_field() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    for (case, kind, body, field) in [
        ("broken", JSON, r#"{"name": "#, "body"),
        ("empty", JSON, "", "body"),
        ("not an object", JSON, "[1, 2]", "body"),
        ("wrong content type", "text/plain", r#"{"name":"a","account_id":"b","created_by":"c"}"#, "body"),
        ("missing", JSON, r#"{"account_id":"b","created_by":"c"}"#, "name"),
        ("null", JSON, r#"{"name":null,"account_id":"b","created_by":"c"}"#, "name"),
        ("wrong type", JSON, r#"{"name":7,"account_id":"b","created_by":"c"}"#, "name"),
        ("blank", JSON, r#"{"name":"a","account_id":"  ","created_by":"c"}"#, "account_id"),
        ("nul", JSON, r#"{"name":"a\u0000","account_id":"b","created_by":"c"}"#, "name"),
        (
            "nul in text",
            JSON,
            r#"{"name":"a","account_id":"b","created_by":"c","description":"\u0000"}"#,
            "description",
        ),
        ("lone surrogate", JSON, r#"{"name":"\ud800","account_id":"b","created_by":"c"}"#, "body"),
        ("unknown", JSON, r#"{"name":"a","account_id":"b","created_by":"c","status":"accepted"}"#, "status"),
        ("not utf8", JSON, "{\"name\":\"\u{fffd}\"", "body"),
    ] {
        let request = api.request(Method::POST, "/projects").header("Content-Type", kind).body(body);
        let answer = send(request).await.is(422);
        assert_eq!(answer.at("/result/error/problems/0/field"), field, "{case}: {:#}", answer.body);
    }
}

#[tokio::test]
async fn all_problems_are_named_at_once() {
    let db = Database::seeded().await.unwrap();
    let answer = Api::on(&db).await.post("/projects", &json!({"name": 1, "extra": 2})).await.is(422);
    let problems = answer.at("/result/error/problems").as_array().unwrap();
    let fields: Vec<_> = problems.iter().map(|problem| problem["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["name", "account_id", "created_by", "extra"]);
}

#[tokio::test]
async fn a_name_is_as_long_as_its_column_in_characters() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    for (characters, status) in [(255, 201), (256, 422)] {
        let body = json!({"name": "é".repeat(characters), "account_id": "a", "created_by": "b"});
        api.post("/projects", &body).await.is(status);
    }
}

#[tokio::test]
async fn ten_megabytes_are_refused_with_an_answer() {
    let db = Database::seeded().await.unwrap();
    let body = json!({"name": "x".repeat(10 << 20), "account_id": "a", "created_by": "b"});
    Api::on(&db).await.post("/projects", &body).await.is(413);
}

#[tokio::test]
async fn a_bad_parameter_is_refused() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    for query in [
        "limit=0",
        "limit=101",
        "limit=ten",
        "skip=-1",
        "skip=9223372036854775808",
        "status=lost",
        "q=%00",
        "limit=1&limit=2",
    ] {
        api.get(&format!("/projects?{query}")).await.is(422);
    }
}

#[tokio::test]
async fn a_bad_update_is_refused_and_changes_nothing() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let created = api.draft().await;
    for change in [
        json!({}),
        json!({"status": "lost"}),
        json!({"confidence": 1.2}),
        json!({"confidence": "high"}),
        json!({"name": null}),
        json!({"created_by": "me"}),
    ] {
        api.put(&created.path(), &created.etag(), &change).await.is(422);
        assert_eq!(api.get(&created.path()).await.etag(), created.etag(), "{change}");
    }
}

#[tokio::test]
async fn hostile_text_is_stored_as_it_is_and_never_a_server_error() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    for text in [
        "'; DROP TABLE projects; --",
        "\"",
        "$1",
        "%s{}\\",
        "\u{202e}ohce",
        "🦀",
        "\r\nX: y",
        "${jndi:x}",
        "\u{1}",
    ] {
        let body = json!({"name": text, "account_id": text, "created_by": text, "description": text});
        let created = api.post("/projects", &body).await.is(201);
        let read = api.get(&created.path()).await.is(200);
        assert_eq!(read.at("/result/name"), text);
    }
    let long = format!("/projects/{}", "x".repeat(4000));
    for path in
        ["/projects/%00", "/projects/%ff", "/projects/..%2f..", "/projects/'%3B--", "/projects/%", &long]
    {
        api.get(path).await.is(404);
    }
}
