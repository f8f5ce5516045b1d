//! References that the settings state and no constraint does.

use harness::Database;
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
