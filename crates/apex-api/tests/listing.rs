//! Lists: pages, filters, search.

use harness::Database;
use serde_json::Value;

use crate::support::{Answer, Api};

fn ids(answer: &Answer) -> Vec<String> {
    let items = answer.at("/result/items").as_array().unwrap();
    items.iter().map(|item| item["project_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn pages_hold_every_project_once_while_rows_are_inserted() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let first = api.get("/projects?limit=1").await.is(200);
    let total = first.at("/result/total").as_u64().unwrap();
    let mut seen = Vec::new();
    for skip in (0..total).step_by(7) {
        api.draft().await;
        seen.extend(ids(&api.get(&format!("/projects?skip={skip}&limit=7")).await.is(200)));
    }
    seen.truncate(usize::try_from(total).unwrap());
    let mut unique = seen.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len() as u64, total);
    let expected: Vec<String> = sqlx::query_scalar(
        "SELECT project_id FROM projects WHERE created_by <> 'tester' ORDER BY created_at, project_id",
    )
    .fetch_all(db.pool())
    .await
    .unwrap();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_status_lists_its_projects_and_no_others() {
    let db = Database::seeded().await.unwrap();
    let answer = Api::on(&db).await.get("/projects?status=submitted&limit=100").await.is(200);
    let statuses: Vec<&Value> =
        answer.at("/result/items").as_array().unwrap().iter().map(|item| &item["status"]).collect();
    assert!(!statuses.is_empty() && statuses.iter().all(|status| *status == "submitted"), "{statuses:?}");
    assert_eq!(answer.at("/result/total"), statuses.len());
}

#[tokio::test]
async fn a_search_takes_wildcards_literally() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    assert_eq!(ids(&api.get("/projects?q=HARBOUR").await.is(200)), ["proj_seed_001"]);
    assert!(ids(&api.get("/projects?q=%25").await.is(200)).is_empty());
    assert!(ids(&api.get("/projects?q=' OR true --").await.is(200)).is_empty());
}

#[tokio::test]
async fn a_page_past_the_end_is_empty_and_still_knows_the_total() {
    let db = Database::seeded().await.unwrap();
    let answer = Api::on(&db).await.get("/projects?skip=100000").await.is(200);
    assert!(ids(&answer).is_empty());
    assert!(answer.at("/result/total").as_u64().unwrap() > 0);
}
