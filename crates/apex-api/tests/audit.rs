//! The audit log: an event with every write, in the same transaction.

use harness::Database;
use serde_json::{Value, json};

use crate::support::Api;

async fn events(db: &Database, path: &str) -> Vec<(String, String, Value)> {
    let id = path.trim_start_matches("/projects/");
    sqlx::query_as(
        "SELECT event_type, actor, data::jsonb FROM project_events WHERE project_id = $1 ORDER BY event_id",
    )
    .bind(id)
    .fetch_all(db.pool())
    .await
    .unwrap()
}

#[tokio::test]
async fn each_write_leaves_one_event_with_its_actor() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let created = api.draft().await;
    let edit = json!({"customer": "Diner", "updated_by": "editor"});
    let edited = api.put(&created.path(), &created.etag(), &edit).await.is(200);
    let submit = json!({"status": "estimating", "updated_by": "estimator"});
    api.put(&created.path(), &edited.etag(), &submit).await.is(200);
    let events = events(&db, &created.path()).await;
    let kinds: Vec<_> = events.iter().map(|(kind, actor, _)| (kind.as_str(), actor.as_str())).collect();
    assert_eq!(
        kinds,
        [
            ("project.created", "tester"),
            ("project.updated", "editor"),
            ("project.status_changed", "estimator")
        ]
    );
    assert_eq!(events[1].2, json!({"fields": ["customer"]}));
    assert_eq!(events[2].2, json!({"from": "draft", "to": "estimating"}));
}

#[tokio::test]
async fn a_project_whose_event_cannot_be_written_is_not_there_either() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let before: i64 = sqlx::query_scalar("SELECT count(*) FROM projects").fetch_one(db.pool()).await.unwrap();
    sqlx::raw_sql("ALTER TABLE project_events ADD CHECK (actor <> 'tester') NOT VALID")
        .execute(db.pool())
        .await
        .unwrap();
    let body = json!({"name": "Sign", "account_id": "acc_001", "created_by": "tester"});
    let answer = api.post("/projects", &body).await.is(500);
    assert!(!answer.body.to_string().contains("check"), "internals leaked: {:#}", answer.body);
    let after: i64 = sqlx::query_scalar("SELECT count(*) FROM projects").fetch_one(db.pool()).await.unwrap();
    assert_eq!(before, after);
}

#[tokio::test]
async fn an_edit_within_a_transition_leaves_its_own_event() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let created = api.draft().await;
    let both = json!({"status": "estimating", "name": "Renamed", "confidence": 0.5, "updated_by": "editor"});
    api.put(&created.path(), &created.etag(), &both).await.is(200);
    let events = events(&db, &created.path()).await;
    let told: Vec<_> = events.iter().skip(1).map(|(kind, _, data)| (kind.as_str(), data.clone())).collect();
    assert_eq!(
        told,
        [
            ("project.updated", json!({"fields": ["name", "confidence"]})),
            ("project.status_changed", json!({"from": "draft", "to": "estimating"})),
        ]
    );
}

#[tokio::test]
async fn an_update_whose_event_cannot_be_written_changes_nothing() {
    let db = Database::seeded().await.unwrap();
    let api = Api::on(&db).await;
    let created = api.draft().await;
    db.execute("ALTER TABLE project_events ADD CHECK (event_type <> 'project.status_changed') NOT VALID")
        .await
        .unwrap();
    let both = json!({"status": "estimating", "name": "Renamed"});
    api.put(&created.path(), &created.etag(), &both).await.is(500);
    assert_eq!(api.get(&created.path()).await.at("/result"), created.at("/result"));
    assert_eq!(events(&db, &created.path()).await.len(), 1);
}
