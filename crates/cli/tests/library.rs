//! Another team's system: `verify` checks a schema that is not the workspace's, by another folder of fixtures.

use harness::Database;
use runbook::settings::Settings;
use serde_json::Value;
use sqlx::AssertSqlSafe;

use crate::folder::workspace;
use crate::program::runbook;

const ROWS: &str = "INSERT INTO lending.book SELECT 'isbn-' || n, 'Title ' || n, 'shelf-' || (n % 400)
                    FROM generate_series(1, 20000) AS n;
                    INSERT INTO lending.reader SELECT n, 'Reader ' || n FROM generate_series(1, 5000) AS n;
                    INSERT INTO lending.loan (isbn, card, lent_on) SELECT 'isbn-' || n, n, DATE '2026-01-01' + n % 90
                    FROM generate_series(1, 1000) AS n;
                    ANALYZE;";

/// The desk's database, migrated by the desk's own migrations.
async fn desk() -> Database {
    let database = Database::empty().await.unwrap();
    let settings = Settings::load(&folder()).unwrap();
    let migrator = migrations::open(&settings).unwrap();
    migrator.upgrade(database.url(), migrator.head().unwrap()).await.unwrap();
    execute(&database, ROWS).await;
    database
}

async fn execute(database: &Database, sql: &'static str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(database.pool()).await.unwrap();
}

fn folder() -> std::path::PathBuf {
    workspace().join("crates/cli/tests/fixtures/library")
}

/// The report, and the exit status.
async fn verify(database: &Database) -> (Value, Option<i32>) {
    let url = database.url().expose().to_owned();
    let run = move || {
        runbook()
            .args(["verify", "--json", "--database-url", &url, "--fixtures"])
            .arg(folder())
            .output()
            .unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"));
    (json, output.status.code())
}

fn line<'a>(json: &'a Value, words: &str) -> &'a Value {
    let steps = json["steps"].as_array().unwrap();
    let mut lines = steps.iter().flat_map(|step| step["lines"].as_array().unwrap());
    lines.find(|line| line["words"] == words).unwrap_or_else(|| panic!("no line `{words}`: {json:#}"))
}

#[tokio::test]
async fn a_system_that_is_not_the_workspaces_own_is_verified() {
    let database = desk().await;
    let (json, code) = verify(&database).await;
    assert_eq!(json["verdict"], "go", "{:#}", json["reasons"]);
    assert_eq!(code, Some(0));
    assert_eq!(json["title"], "Lending desk: release night");
    assert_eq!(json["target"]["kind"], "live");
    for words in [
        "Every shelf is where the plan says",
        "Nobody borrowed a book that does not exist",
        "Look up a reader by card",
        "The desk finds books by their shelf",
    ] {
        assert_eq!(line(&json, words)["verdict"], "pass", "{words}: {:#}", line(&json, words));
    }
    assert_eq!(line(&json, "./restore.sh")["reason"], "it is something to do, and this run only looks");
    assert_eq!(json["criteria"][0]["verdict"], "pass");
    assert_eq!(json["criteria"][1]["reason"], "nobody can know");
    let validator = jsonschema::validator_for(
        &serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap(),
    );
    assert!(validator.unwrap().is_valid(&json));
}

#[tokio::test]
async fn its_faults_are_found_and_are_a_no_go() {
    let database = desk().await;
    execute(
        &database,
        "SET session_replication_role = replica; DELETE FROM lending.book WHERE isbn = 'isbn-7';
         INSERT INTO lending.loan (isbn, card, lent_on) VALUES ('isbn-8', 9, '2026-02-02')",
    )
    .await;
    let (json, code) = verify(&database).await;
    assert_eq!((json["verdict"].as_str(), code), (Some("no_go"), Some(1)), "{:#}", json["reasons"]);
    assert_eq!(line(&json, "Nobody borrowed a book that does not exist")["verdict"], "fail");
    let failed: Vec<&str> =
        json["reasons"].as_array().unwrap().iter().map(|reason| reason.as_str().unwrap()).collect();
    assert_eq!(failed.len(), 2, "{failed:#?}");
    assert!(
        failed
            .iter()
            .any(|reason| reason.starts_with("integrity.rules: lending.book") && reason.contains("isbn-8")),
        "{failed:#?}"
    );
}
