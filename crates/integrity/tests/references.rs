//! References that the settings state and no constraint does.

use harness::Database;
use rstest::rstest;
use runbook::verdict::Outcome;

use crate::support::settings_with;
use crate::{execute, verdict};

const FOREIGN_KEYS: &str = "integrity.foreign_keys.orphans";
const NOTES: &str = r#"
[[integrity.reference]]
from = { table = "no\"tes", columns = ["Project", "about"] }
to = { table = "projects", columns = ["project_id", "account_id"] }
"#;

#[tokio::test]
async fn stated_reference_is_proved_like_a_foreign_key() {
    let db = Database::seeded().await.unwrap();
    let (_folder, settings) = settings_with(NOTES);
    let mut context = db.context();
    context.settings = std::sync::Arc::new(settings);
    execute(
        &db,
        "CREATE TABLE \"no\"\"tes\" (id integer PRIMARY KEY, \"Project\" varchar(255), about text); \
         INSERT INTO \"no\"\"tes\" SELECT row_number() OVER (), project_id, account_id FROM projects; \
         INSERT INTO \"no\"\"tes\" VALUES (9001, NULL, 'x'), (9002, 'gone', NULL)",
    )
    .await;
    integrity::validate(&context).await.unwrap();
    let clean = verdict(&context, FOREIGN_KEYS).await;
    assert_eq!((clean.outcome(), clean.examined()), (Outcome::Pass, 3), "{clean:?}");
    execute(&db, "INSERT INTO \"no\"\"tes\" VALUES (9003, 'gone', 'it''s')").await;
    let broken = verdict(&context, FOREIGN_KEYS).await;
    let [finding] = broken.findings() else { panic!("{broken:?}") };
    assert_eq!(finding.object, r#"public."no""tes" ("Project", about)"#);
    assert_eq!(
        finding.problem,
        r#"1 row with no match in public.projects, which the settings say there is: id = "9003", "Project" = "gone", about = "it's""#
    );
    let (_, list) = finding.remedy.split_once("list them all: ").unwrap();
    assert_eq!(
        sqlx::query(sqlx::AssertSqlSafe(list.to_owned())).fetch_all(db.pool()).await.unwrap().len(),
        1
    );
}

const LARGE: &str = r#"
[[integrity.reference]]
from = { table = "remarks", columns = ["about"] }
to = { table = "things", columns = ["code"] }
"#;
const THINGS: [&str; 5] = [
    "CREATE EXTENSION amcheck; CREATE EXTENSION pg_stat_statements",
    "CREATE TABLE things (code text PRIMARY KEY, note text); CREATE TABLE remarks (id integer PRIMARY KEY, about text, note text)",
    "INSERT INTO things SELECT 'code_' || n, repeat('note ', 120) FROM generate_series(1, 10000) AS n; \
     INSERT INTO remarks SELECT n, 'code_' || n, repeat('note ', 120) FROM generate_series(1, 10000) AS n; \
     INSERT INTO remarks VALUES (0, NULL, 'x')",
    "VACUUM ANALYZE",
    "CHECKPOINT",
];

/// Over both heaps, or along both indexes where there are two and amcheck vouches for them.
#[rstest]
#[case::over_the_heaps(&[], "ONLY public.remarks AS c WHERE pg_catalog.num_nulls(c.about)%")]
#[case::along_indexes(&["CREATE INDEX ON remarks (about)", "VACUUM ANALYZE"], "ONLY public.remarks AS c WHERE c.about IS NOT NULL%")]
#[tokio::test]
async fn stated_reference_of_large_tables_goes_a_shorter_way(#[case] further: &[&str], #[case] words: &str) {
    let db = Database::made(&THINGS).await.unwrap();
    for statement in further {
        execute(&db, statement).await;
    }
    let (_folder, settings) = settings_with(LARGE);
    let mut context = db.context();
    context.settings = std::sync::Arc::new(settings);
    let clean = verdict(&context, FOREIGN_KEYS).await;
    assert_eq!((clean.outcome(), clean.examined()), (Outcome::Pass, 1), "{clean:?}");
    let asked: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%' || $1 AND query NOT LIKE '%EXPLAIN%' \
         AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
    .bind(words)
    .fetch_one(db.pool())
    .await
    .unwrap();
    assert_eq!(asked, 1, "{words}");
    execute(&db, "UPDATE remarks SET about = 'gone' WHERE id = 9000").await;
    let broken = verdict(&context, FOREIGN_KEYS).await;
    let [finding] = broken.findings() else { panic!("{broken:?}") };
    assert!(finding.problem.ends_with(r#"id = "9000", about = "gone""#), "{finding:?}");
}
