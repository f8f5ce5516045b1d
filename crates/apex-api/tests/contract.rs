//! What a caller can rely on: envelopes, etags, transitions, idempotency.

use harness::Database;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, send};

#[tokio::test]
async fn a_new_project_is_a_draft_and_reads_back_the_same() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let body = json!({"name": "Deploy Test", "account_id": "acc_001", "created_by": "deployer"});
    let created = api.post("/projects", &body).await.is(201);
    assert_eq!(created.at("/result/status"), "draft");
    assert_eq!(created.at("/result/confidence"), 1.0);
    assert_eq!(created.at("/result/constants_version"), "footing_v1,material_v1,wind_v1");
    assert_eq!(created.headers["location"], created.path());
    let read = api.get(&created.path()).await.is(200);
    assert_eq!(read.at("/result"), created.at("/result"));
    assert_eq!(read.at("/content_sha256"), created.at("/content_sha256"));
    assert_eq!(read.at("/content_sha256"), read.at("/result/content_sha256"));
    assert_eq!(read.etag(), created.etag());
}

#[tokio::test]
async fn the_seeded_project_of_the_runbook_can_be_read() {
    let db = Database::seeded().await.unwrap();
    let read = Api::on(&db).await.get("/projects/proj_test_001").await.is(200);
    assert_eq!(read.at("/result/confidence"), 0.92);
    assert_eq!(read.at("/confidence"), 0.92);
}

#[tokio::test]
async fn a_database_one_revision_behind_is_served_too() {
    let db = Database::at("006").await.unwrap();
    let api = Api::on(&db).await;
    let created = api.draft().await;
    api.get(&created.path()).await.is(200);
    api.get("/ready").await.is(200);
}

#[tokio::test]
async fn every_answer_is_an_envelope() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let schema = harness::settings().path("api/envelope.schema.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (method, path, status) in [
        ("GET", "/projects/proj_test_001", 200),
        ("GET", "/projects?limit=3", 200),
        ("GET", "/health", 200),
        ("GET", "/ready", 200),
        ("GET", "/projects/nope", 404),
        ("GET", "/nope", 404),
        ("DELETE", "/projects/proj_test_001", 405),
        ("GET", "/projects?limit=0", 422),
        ("POST", "/projects", 422),
        ("PUT", "/admin/maintenance", 401),
    ] {
        let answer = send(api.request(method.parse().unwrap(), path)).await.is(status);
        let errors: Vec<_> = validator.iter_errors(&answer.body).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{method} {path}: {errors:?} in {:#}", answer.body);
        assert_eq!(answer.text("/content_sha256"), apex_api::content_sha256(answer.at("/result")));
    }
}

#[tokio::test]
async fn every_write_renews_the_etag_also_one_that_changes_nothing() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let created = api.draft().await;
    let change = json!({"name": "Sign", "updated_by": "tester"});
    let first = api.put(&created.path(), &created.etag(), &change).await.is(200);
    let second = api.put(&created.path(), &first.etag(), &change).await.is(200);
    assert_ne!(created.etag(), first.etag());
    assert_ne!(first.etag(), second.etag());
    assert_eq!(api.get(&created.path()).await.etag(), second.etag());
}

#[tokio::test]
async fn an_update_needs_the_current_etag() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let created = api.draft().await;
    let changed = api.put(&created.path(), &created.etag(), &json!({"name": "New"})).await.is(200);
    let stale = api.put(&created.path(), &created.etag(), &json!({"name": "Newer"})).await.is(412);
    assert_eq!(stale.at("/result/error/code"), "stale_etag");
    api.put(&created.path(), &changed.etag(), &json!({"name": "Newer"})).await.is(200);
}

#[tokio::test]
async fn if_match_takes_a_star_a_list_and_no_weak_etag() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let created = api.draft().await;
    let change = json!({"name": "New"});
    api.put(&created.path(), &format!("W/{}", created.etag()), &change).await.is(412);
    let changed = api.put(&created.path(), &format!("\"other\", {}", created.etag()), &change).await.is(200);
    assert_ne!(changed.etag(), created.etag());
    api.put(&created.path(), "*", &change).await.is(200);
    let bare = send(api.request(Method::PUT, &created.path()).json(&change)).await;
    bare.is(428);
}

#[tokio::test]
async fn only_the_documented_transitions_are_allowed() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let statuses = ["draft", "estimating", "submitted", "accepted", "rejected"];
    let path = "/projects/proj_test_001";
    for (from, to) in statuses.into_iter().flat_map(|from| statuses.map(|to| (from, to))) {
        let set = "UPDATE projects SET status = $1 WHERE project_id = 'proj_test_001'";
        sqlx::query(set).bind(from).execute(db.pool()).await.unwrap();
        let allowed = matches!(
            (from, to),
            ("draft", "draft" | "estimating")
                | ("estimating", "estimating" | "submitted")
                | ("submitted", "accepted" | "rejected")
        );
        let before = api.get(path).await;
        let answer = api.put(path, &before.etag(), &json!({"status": to, "updated_by": "tester"})).await;
        if allowed {
            assert_eq!(answer.is(200).at("/result/status"), to, "{from} → {to}");
        } else {
            assert_eq!(answer.is(412).at("/result/error/code"), "forbidden_transition", "{from} → {to}");
            assert_eq!(api.get(path).await.at("/result"), before.at("/result"), "{from} → {to}");
        }
    }
}

#[tokio::test]
async fn a_repeated_key_makes_one_project_and_never_serves_another_request() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let create = |name: &str| {
        let body = json!({"name": name, "account_id": "acc_001", "created_by": "tester"});
        send(api.request(Method::POST, "/projects").header("Idempotency-Key", "one key").json(&body))
    };
    let first = create("Sign").await.is(201);
    let again = create("Sign").await.is(201);
    assert_eq!(first.at("/result"), again.at("/result"));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    create("Another").await.is(409);
    let events: i64 = sqlx::query_scalar("SELECT count(*) FROM project_events WHERE project_id = $1")
        .bind(first.text("/result/project_id"))
        .fetch_one(db.pool())
        .await
        .unwrap();
    assert_eq!(events, 1);
}
