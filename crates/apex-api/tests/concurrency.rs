//! Many at once.

use futures_util::future::join_all;
use harness::Database;
use reqwest::Method;
use serde_json::json;

use crate::support::{Api, send};

#[tokio::test]
async fn of_fifty_writers_with_one_etag_exactly_one_wins() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let created = api.draft().await;
    let (path, etag) = (created.path(), created.etag());
    let writes = (0..50).map(|n| {
        let change = json!({ "name": format!("writer {n}"), "updated_by": "tester" });
        let (api, path, etag) = (&api, &path, &etag);
        async move { api.put(path, etag, &change).await }
    });
    let mut statuses: Vec<u16> = join_all(writes).await.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    let mut expected = vec![412; 50];
    expected[0] = 200;
    assert_eq!(statuses, expected);
}

#[tokio::test]
async fn twenty_creates_with_one_key_make_one_project() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let body = json!({"name": "Sign", "account_id": "acc_001", "created_by": "tester"});
    let creates = (0..20).map(|_| {
        send(api.request(Method::POST, "/projects").header("Idempotency-Key", "the same").json(&body))
    });
    let answers = join_all(creates).await;
    let first = answers[0].text("/result/project_id");
    for answer in answers {
        assert_eq!(answer.is(201).text("/result/project_id"), first);
    }
}
