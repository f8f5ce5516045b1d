//! Large data sets that outlive their run.

use std::sync::Arc;

use harness::Kept;
use harness::loader::Unwatched;

#[tokio::test]
async fn a_second_run_finds_the_rows_of_the_first() {
    let first = Kept::loaded(300, Arc::new(Unwatched)).await.unwrap();
    let count = "SELECT count(*) FROM projects WHERE project_id LIKE 'proj\\_0%'";
    let rows: i64 = sqlx::query_scalar(count).fetch_one(first.pool()).await.unwrap();
    assert_eq!(rows, 300);
    let data = first.data();
    first.close().await.unwrap();
    let second = Kept::loaded(300, Arc::new(Unwatched)).await.unwrap();
    assert!(!second.is_fresh(), "the rows were there");
    assert_eq!(second.data(), data);
    let rows: i64 = sqlx::query_scalar(count).fetch_one(second.pool()).await.unwrap();
    assert_eq!(rows, 300);
}

#[tokio::test]
async fn no_rows_and_more_than_the_disk_holds_are_refused_beforehand() {
    let nothing = Kept::loaded(0, Arc::new(Unwatched)).await.unwrap_err().to_string();
    assert_eq!(nothing, "a data set of 0 rows shows nothing: ask for at least 1");
    let nothing = harness::Database::loaded(0).await.err().unwrap().to_string();
    assert_eq!(nothing, "a data set of 0 rows shows nothing: ask for at least 1");
    let much = Kept::loaded(5_000_000_000, Arc::new(Unwatched)).await.unwrap_err().to_string();
    assert!(much.contains("MiB are needed") && much.contains("RUNBOOK_CACHE"), "{much}");
}
