//! The system's own writes, which a bench carries out with and without each index: they fit the data set.

use harness::Database;
use sqlx::{AssertSqlSafe, PgConnection};

#[tokio::test]
async fn every_write_of_the_fixtures_writes_rows_of_its_table() {
    let db = Database::loaded(10_000).await.unwrap();
    let entries = std::fs::read_dir(harness::fixtures_folder().join("writes")).unwrap();
    let files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let shown = file.display();
        let table = text.lines().find_map(|line| line.strip_prefix("-- table:"));
        let table = table.unwrap_or_else(|| panic!("{shown}: it lacks `-- table:`")).trim().to_owned();
        let mut transaction = db.pool().begin().await.unwrap();
        // A session's counters of this transaction hold those of earlier ones that were not reported yet.
        let before = touched(&mut transaction, &table).await;
        let done = sqlx::raw_sql(AssertSqlSafe(text.clone())).execute(&mut *transaction).await;
        let done = done.unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert!(done.rows_affected() >= 200, "{shown}: {} rows", done.rows_affected());
        let touched = (touched(&mut transaction, &table).await - before).unsigned_abs();
        assert_eq!(touched, done.rows_affected(), "{shown} writes to another table than {table}");
        transaction.rollback().await.unwrap();
    }
}

/// The rows of a table that this session has written.
async fn touched(connection: &mut PgConnection, table: &str) -> i64 {
    let asked = "SELECT pg_stat_get_xact_tuples_inserted(c) + pg_stat_get_xact_tuples_updated(c)
        + pg_stat_get_xact_tuples_deleted(c) FROM CAST(to_regclass($1) AS oid) AS c";
    sqlx::query_scalar(asked).bind(table).fetch_one(connection).await.unwrap()
}
