//! Settings and rules that do not fit the database: the file, the line and one sentence, before anything runs.

use std::sync::Arc;

use harness::Database;
use rstest::rstest;

use crate::support::{settings_with, with};

const HEADER: &str = "-- id: r\n-- states: All is well\n-- severity: error\n";

#[rstest]
#[case::table(
    "from = { table = \"nota\", columns = [\"a\"] }",
    2,
    "names the table `public.nota`, which the database lacks"
)]
#[case::schema(
    "from = { schema = \"no'where\", table = \"projects\", columns = [\"project_id\"] }",
    2,
    "names the table `no'where.projects`, which the database lacks"
)]
#[case::column(
    "from = { table = \"project_events\", columns = [\"proj\"] }",
    2,
    "names the column `proj`, which public.project_events lacks"
)]
#[case::kind(
    "from = { table = \"project_events\", columns = [\"event_id\"] }",
    2,
    "compares columns of `project_events` and `projects` that cannot be compared: operator does not exist"
)]
#[tokio::test]
async fn reference_that_does_not_fit_is_named_with_its_line(
    #[case] from: &str,
    #[case] line: usize,
    #[case] said: &str,
) {
    let db = Database::seeded().await.unwrap();
    let (folder, settings) = settings_with(&format!(
        "[[integrity.reference]]\n{from}\nto = {{ table = \"projects\", columns = [\"project_id\"] }}\n"
    ));
    let before = std::fs::read_to_string(harness::fixtures_folder().join("runbook.toml")).unwrap();
    let mut context = db.context();
    context.settings = Arc::new(settings);
    let error = integrity::validate(&context).await.unwrap_err().to_string();
    let file = folder.path().join("runbook.toml");
    let line = before.lines().count() + 1 + line;
    assert!(error.starts_with(&format!("{}:{line}: ", file.display())), "{error}");
    assert!(error.contains(said), "{error}");
    assert!(!error.contains('\n'), "{error}");
}

#[rstest]
#[case::column("SELECT project_id AS object,\n  no_such AS problem\nFROM projects", 5, "no_such")]
#[case::no_problem(
    "SELECT project_id AS object FROM projects",
    1,
    "must return the columns object and problem"
)]
#[case::a_function_of_theirs(
    "SELECT wipe()::text AS object, 'x' AS problem",
    1,
    "the function `wipe` has side effects"
)]
#[tokio::test]
async fn rule_that_does_not_fit_is_named_with_its_line(
    #[case] query: &str,
    #[case] line: usize,
    #[case] said: &str,
) {
    let db = Database::seeded().await.unwrap();
    crate::execute(
        &db,
        "CREATE FUNCTION wipe() RETURNS integer LANGUAGE sql AS 'DELETE FROM projects; SELECT 1'",
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bad.sql"), format!("{HEADER}{query}")).unwrap();
    let mut context = db.context();
    with(&mut context, |settings| settings.integrity.rules = Some(folder.path().to_owned()));
    let error = integrity::validate(&context).await.unwrap_err().to_string();
    assert!(error.contains(&format!("bad.sql:{line}: ")) && error.contains(said), "{error}");
    assert!(!error.contains('\n'), "{error}");
}

#[tokio::test]
async fn settings_that_fit_are_silent() {
    let db = Database::seeded().await.unwrap();
    integrity::validate(&db.context()).await.unwrap();
}
