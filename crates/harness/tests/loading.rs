//! The generated data set: as many rows as asked for, the same ones each time, in order of time.

use harness::Database;
use harness::loader::Plan;

async fn one<T>(db: &Database, sql: &'static str) -> T
where
    T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    sqlx::query_scalar(sql).fetch_one(db.pool()).await.unwrap()
}

const GENERATED: &str = "SELECT ROW(
    (SELECT count(*) FROM projects WHERE project_id LIKE 'proj\\_0%'),
    (SELECT count(DISTINCT account_id) FROM projects WHERE project_id LIKE 'proj\\_0%'),
    (SELECT count(*) FROM project_payloads WHERE project_id LIKE 'proj\\_0%'),
    (SELECT count(*) FROM project_events WHERE project_id LIKE 'proj\\_0%'))::text";

#[tokio::test]
async fn a_loaded_database_has_a_payload_and_three_events_a_project() {
    let db = Database::loaded(1000).await.unwrap();
    assert_eq!(one::<String>(&db, GENERATED).await, "(1000,100,1000,3000)");
}

#[tokio::test]
async fn time_runs_forwards_in_a_loaded_database() {
    let db = Database::loaded(1000).await.unwrap();
    let backwards: i64 = one(
        &db,
        "SELECT (SELECT count(*) FROM projects WHERE updated_at < created_at)
              + (SELECT count(*) FROM project_events e JOIN projects p USING (project_id) WHERE e.timestamp < p.created_at)
              + (SELECT count(*) FROM (SELECT DISTINCT ON (project_id) project_id, event_type FROM project_events
                    ORDER BY project_id, timestamp) first WHERE event_type <> 'project.created')",
    )
    .await;
    assert_eq!(backwards, 0);
}

#[tokio::test]
async fn the_same_rows_are_generated_at_an_earlier_revision() {
    let digest = "SELECT md5(string_agg(p::text, '|' ORDER BY project_id)) FROM
        (SELECT project_id, account_id, status, created_at, updated_at, etag, confidence FROM projects
         WHERE project_id LIKE 'proj\\_0%') p";
    let (head, earlier) =
        (Database::loaded(200).await.unwrap(), Database::loaded_at("006", 200).await.unwrap());
    assert_eq!(one::<String>(&head, digest).await, one::<String>(&earlier, digest).await);
    let later: Option<String> = one(&earlier, "SELECT to_regclass('partition_metadata')::text").await;
    assert_eq!(later, None, "partition_metadata came with 007");
}

#[tokio::test]
async fn a_revision_without_the_envelope_is_loaded_without_it() {
    let db = Database::loaded_at("005", 100).await.unwrap();
    let (rows, columns): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM projects WHERE project_id LIKE 'proj\\_0%'),
            (SELECT count(*) FROM information_schema.columns WHERE table_name = 'projects' AND column_name = 'confidence')",
    )
    .fetch_one(db.pool())
    .await
    .unwrap();
    assert_eq!((rows, columns), (100, 0));
}

#[test]
fn a_wrong_key_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dataset.toml");
    std::fs::write(
        &file,
        "epoch = \"2025-01-01T00:00:00Z\"\n[[table]]\nname = \"a\"\nrows = 3\ncolumn = []\n",
    )
    .unwrap();
    let error = Plan::read(&file).unwrap_err().to_string();
    assert!(error.contains("dataset.toml:4: unknown field `rows`"), "{error}");
}

#[test]
fn a_parent_that_comes_later_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dataset.toml");
    let text = "epoch = \"2025-01-01T00:00:00Z\"\n[[table]]\nname = \"a\"\neach = { of = \"b\", rows = 3 }\ncolumn = []\n";
    std::fs::write(&file, text).unwrap();
    let error = Plan::read(&file).unwrap_err().to_string();
    assert!(error.contains("dataset.toml:4: b: `each` names no earlier table"), "{error}");
}

#[tokio::test]
async fn the_documented_set_is_loaded() {
    let db = Database::loaded(10_000).await.unwrap();
    assert_eq!(one::<String>(&db, GENERATED).await, "(10000,100,10000,30000)");
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM project_stats WHERE account_id = 'acc_001'").await, 4);
}
