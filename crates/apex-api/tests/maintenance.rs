//! Maintenance mode: writes wait, reads go on, a restart forgets nothing.

use harness::Database;
use reqwest::Method;
use serde_json::json;

use crate::support::{Api, send};

#[tokio::test]
async fn writes_wait_reads_go_on_and_a_restart_forgets_nothing() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let created = api.draft().await;
    api.maintain(true).await.is(200);
    let api = api.restarted(db.pool().clone()).await;
    let body = json!({"name": "Sign", "account_id": "acc_001", "created_by": "tester"});
    for answer in [
        api.post("/projects", &body).await,
        api.put(&created.path(), &created.etag(), &json!({"name": "New"})).await,
    ] {
        let answer = answer.is(503);
        assert_eq!(answer.headers["retry-after"], "30");
        assert_eq!(answer.at("/result/error/code"), "maintenance");
    }
    // Whoever deploys proves the deployment before the window ends.
    let deployer = api.request(Method::POST, "/projects").bearer_auth(crate::support::TOKEN).json(&body);
    send(deployer).await.is(201);
    send(api.request(Method::POST, "/projects").bearer_auth("wrong").json(&body)).await.is(503);
    api.get(&created.path()).await.is(200);
    api.get("/projects").await.is(200);
    assert_eq!(api.get("/health").await.is(200).at("/result/maintenance"), true);
    assert_eq!(api.get("/ready").await.is(200).at("/result/maintenance"), true);
    api.maintain(false).await.is(200);
    api.post("/projects", &body).await.is(201);
}

#[tokio::test]
async fn only_the_token_switches_it_and_only_with_a_plain_answer() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let put = |token: &'static str| api.request(Method::PUT, "/admin/maintenance").bearer_auth(token);
    send(api.request(Method::PUT, "/admin/maintenance").json(&json!({"enabled": true}))).await.is(401);
    send(put("wrong").json(&json!({"enabled": true}))).await.is(401);
    for body in [json!({}), json!({"enabled": "yes"}), json!({"enabled": true, "for": 10})] {
        send(put(crate::support::TOKEN).json(&body)).await.is(422);
    }
    api.draft().await;
}

#[tokio::test]
async fn a_broken_state_file_is_refused_rather_than_guessed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    std::fs::write(&path, "{\"maintenance\": 1").unwrap();
    let error = apex_api::Maintenance::load(&path).unwrap_err().to_string();
    assert!(
        error.starts_with(&path.display().to_string()) && error.contains("mend it or remove it"),
        "{error}"
    );
}
