//! What a database starts with, and that nobody else's is touched.

use harness::Database;

#[tokio::test]
async fn an_empty_database_has_no_tables() {
    let db = Database::empty().await.unwrap();
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        .fetch_one(db.pool())
        .await
        .unwrap();
    assert_eq!(tables, 0);
}

#[tokio::test]
async fn a_migrated_database_stands_at_the_head() {
    let db = Database::migrated().await.unwrap();
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        .fetch_one(db.pool())
        .await
        .unwrap();
    assert!(tables >= 7, "{tables}");
}

#[tokio::test]
async fn two_databases_do_not_see_each_other() {
    let (one, other) = (Database::empty().await.unwrap(), Database::empty().await.unwrap());
    sqlx::query("CREATE TABLE only_here (id int)").execute(one.pool()).await.unwrap();
    let seen: Option<String> =
        sqlx::query_scalar("SELECT to_regclass('only_here')::text").fetch_one(other.pool()).await.unwrap();
    assert_eq!(seen, None);
}

#[tokio::test]
async fn many_databases_asked_for_at_once_wait_for_one_template() {
    // A revision that no other test asks for: its template is not there yet.
    let asked = ["003", "003", "003", "003"].map(Database::at);
    for db in futures_util::future::join_all(asked).await {
        let reached: i64 =
            sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE tablename = 'pricing_configs'")
                .fetch_one(db.unwrap().pool())
                .await
                .unwrap();
        assert_eq!(reached, 1);
    }
}

#[tokio::test]
async fn a_script_is_run_once_for_all_who_begin_with_it() {
    let script = ["CREATE TABLE made (at timestamptz)", "INSERT INTO made VALUES (clock_timestamp())"];
    let (one, other) = (Database::made(&script).await.unwrap(), Database::made(&script).await.unwrap());
    let at = "SELECT at::text FROM made";
    let first: String = sqlx::query_scalar(at).fetch_one(one.pool()).await.unwrap();
    one.execute("DELETE FROM made").await.unwrap();
    let second: String = sqlx::query_scalar(at).fetch_one(other.pool()).await.unwrap();
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_script_that_fails_is_told_in_the_servers_words() {
    let error = Database::made(&["CREATE TABLE t ()", "SELECT 1 / 0"]).await.err().unwrap().to_string();
    assert!(error.contains("division by zero"), "{error}");
}
