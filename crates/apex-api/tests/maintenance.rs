//! Maintenance mode: writes wait, reads go on, a restart forgets nothing.

use std::sync::Arc;
use std::time::Duration;

use harness::Database;
use reqwest::Method;
use serde_json::json;

use crate::support::{Api, send, waiting};

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

#[tokio::test]
async fn a_state_file_that_could_never_be_written_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("state.json");
    let error = apex_api::Maintenance::load(&path).unwrap_err().to_string();
    assert_eq!(error, format!("{}: its folder is not there: make it, or name another file", path.display()));
    // One beside the program has no folder in its name.
    apex_api::Maintenance::load(std::path::Path::new("no-such-state.json")).unwrap();
}

/// Holds a project's row, so that a write of it stays on its way; ready when it is seen to wait.
async fn held<'a>(
    db: &'a Database,
    id: &str,
    write: impl Future<Output = ()> + Send + 'static,
) -> (sqlx::Transaction<'a, sqlx::Postgres>, tokio::task::JoinHandle<()>) {
    let mut holder = db.pool().begin().await.unwrap();
    sqlx::query("SELECT FROM projects WHERE project_id = $1 FOR UPDATE")
        .bind(id)
        .execute(&mut *holder)
        .await
        .unwrap();
    let write = tokio::spawn(write);
    waiting(&mut holder, 1).await;
    (holder, write)
}

/// Waits until the service says that writes are refused.
async fn maintained(api: &Api) {
    runbook::wait::until("maintenance mode", Duration::from_secs(5), || async {
        let health = api.get("/health").await.is(200);
        if health.at("/result/maintenance") == true { Ok(()) } else { Err("it is not told") }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_switch_that_waits_for_a_write_keeps_nobody_else_waiting() {
    let db = Database::seeded().await.unwrap();
    let api = Arc::new(Api::on(&db).await);
    let created = api.draft().await;
    let (path, etag) = (created.path(), created.etag());
    let writer = Arc::clone(&api);
    let (written, wrote) = (path.clone(), etag.clone());
    let (holder, write) = held(&db, &created.text("/result/project_id"), async move {
        writer.put(&written, &wrote, &json!({"name": "New"})).await.is(200);
    })
    .await;
    let switching = Arc::clone(&api);
    let switch = tokio::spawn(async move { switching.maintain(true).await.is(200) });
    // Seen, and refusing, while the write that was admitted before is still on its way.
    maintained(&api).await;
    api.get("/ready").await.is(200);
    api.get("/metrics").await.is(200);
    api.get(&path).await.is(200);
    api.put(&path, &etag, &json!({"name": "Late"})).await.is(503);
    // The switch does not answer before that write is over.
    assert!(!switch.is_finished(), "a write is on its way");
    holder.rollback().await.unwrap();
    write.await.unwrap();
    switch.await.unwrap();
    assert_eq!(api.get(&path).await.at("/result/name"), "New");
}

#[tokio::test]
async fn a_write_whose_caller_is_gone_is_waited_for_all_the_same() {
    let db = Database::seeded().await.unwrap();
    let api = Arc::new(Api::on(&db).await);
    let created = api.draft().await;
    let (writer, path, etag) = (Arc::clone(&api), created.path(), created.etag());
    let (holder, write) = held(&db, &created.text("/result/project_id"), async move {
        writer.put(&path, &etag, &json!({"name": "New"})).await;
    })
    .await;
    // The connection is cut in the midst of the request.
    write.abort();
    assert!(write.await.unwrap_err().is_cancelled());
    let switching = Arc::clone(&api);
    let switch = tokio::spawn(async move { switching.maintain(true).await.is(200) });
    maintained(&api).await;
    assert!(!switch.is_finished(), "a write is on its way");
    holder.rollback().await.unwrap();
    switch.await.unwrap();
    // It was taken whole, with its event, before the switch was answered.
    assert_eq!(api.get(&created.path()).await.at("/result/name"), "New");
}

#[tokio::test]
async fn a_token_is_taken_whole_or_not_at_all() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let token = crate::support::TOKEN;
    for header in [
        String::new(),
        "Bearer".into(),
        "Bearer ".into(),
        format!("Basic {token}"),
        token.to_owned(),
        format!("Bearer {token}x"),
        format!("Bearer {}", &token[1..]),
        format!("Bearer {}", token.to_uppercase()),
        format!("Bearer \"{token}\""),
        format!("Bearer {token}, Bearer {token}"),
    ] {
        let put = api.request(Method::PUT, "/admin/maintenance").header("Authorization", &header);
        let answer = send(put.json(&json!({"enabled": true}))).await.is(401);
        assert_eq!(answer.headers["www-authenticate"], "Bearer", "{header:?}");
    }
    send(api.request(Method::GET, "/admin/maintenance").header("authorization", format!("bEARER {token}")))
        .await
        .is(200);
    api.draft().await;
}
