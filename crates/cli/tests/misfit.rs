//! `runbook verify` on a database that the settings do not fit, and a run that is gone on with.

use std::path::Path;
use std::process::Output;

use harness::Database;
use rstest::rstest;

use crate::folder::workspace;
use crate::program::runbook;

/// The fixtures with this at the end of `runbook.toml`.
fn fixtures_with(more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = workspace().join("fixtures");
    for entry in std::fs::read_dir(&fixtures).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "runbook.toml" {
            std::os::unix::fs::symlink(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    let text = std::fs::read_to_string(fixtures.join("runbook.toml")).unwrap();
    std::fs::write(folder.path().join("runbook.toml"), format!("{text}\n{more}")).unwrap();
    folder
}

fn verify(db: &Database, fixtures: &Path, more: &[&str]) -> Output {
    let only =
        ["verify", "--only", "integrity.foreign_keys", "--database-url", db.url().expose(), "--fixtures"];
    runbook().args(only).arg(fixtures).args(more).output().unwrap()
}

/// The fixtures with a rule of this text in `rules/bad.sql`.
fn fixtures_with_rule(text: &str) -> tempfile::TempDir {
    let folder = fixtures_with("");
    let rules = folder.path().join("rules");
    std::fs::remove_file(&rules).unwrap();
    std::fs::create_dir(&rules).unwrap();
    for entry in std::fs::read_dir(workspace().join("fixtures/rules")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), rules.join(entry.file_name())).unwrap();
    }
    std::fs::write(rules.join("bad.sql"), text).unwrap();
    folder
}

/// What was said of fixtures that do not fit: the exit code is 2, and nothing has run.
fn refusal(db: &Database, fixtures: &Path) -> String {
    let report = fixtures.join("report");
    let output = verify(db, fixtures, &["--report", report.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(output.stdout.is_empty() && !report.join("report.json").exists(), "{output:?}");
    // Drawn in rows with a bar before each.
    said.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

#[rstest]
#[case::table("nota", "a", "names the table `public.nota`, which the database lacks")]
#[case::column("project_events", "proj", "names the column `proj`, which public.project_events lacks")]
#[tokio::test]
async fn reference_that_does_not_fit_ends_with_2_at_its_line_and_nothing_has_run(
    #[case] table: &str,
    #[case] column: &str,
    #[case] sentence: &str,
) {
    let db = Database::seeded().await.unwrap();
    let fixtures = fixtures_with(&format!(
        "[[integrity.reference]]\nfrom = {{ table = \"{table}\", columns = [\"{column}\"] }}\n\
         to = {{ table = \"projects\", columns = [\"project_id\"] }}"
    ));
    let text = std::fs::read_to_string(fixtures.path().join("runbook.toml")).unwrap();
    let line =
        text.lines().position(|line| line.starts_with(&format!("from = {{ table = \"{table}\""))).unwrap()
            + 1;
    let said = refusal(&db, fixtures.path());
    assert!(said.contains(sentence) && said.contains(&format!("runbook.toml:{line}:")), "{said}");
}

const HEADER: &str = "-- id: r\n-- states: All is well\n-- severity: error\n";

#[rstest]
#[case::without_a_header(
    "SELECT project_id AS object, 'x' AS problem FROM projects",
    "bad.sql:1: the header lacks `-- id:`"
)]
#[case::that_writes(&format!("{HEADER}DELETE FROM projects RETURNING project_id AS object, 'x' AS problem"), "bad.sql:4: ")]
#[case::that_writes_in_a_function(
    &format!("{HEADER}SELECT wipe()::text AS object, 'x' AS problem"),
    "the function `wipe` has side effects"
)]
#[case::with_other_columns(
    &format!("{HEADER}SELECT project_id AS object FROM projects"),
    "must return the columns object and problem"
)]
#[case::with_a_column_that_is_not_there(
    &format!("{HEADER}SELECT project_id AS object,\n  no_such AS problem\nFROM projects"),
    "bad.sql:5: "
)]
#[tokio::test]
async fn rule_that_does_not_fit_ends_with_2_at_its_line_and_nothing_has_run(
    #[case] text: &str,
    #[case] sentence: &str,
) {
    let db = Database::seeded().await.unwrap();
    let function = "CREATE FUNCTION wipe() RETURNS integer LANGUAGE sql AS 'DELETE FROM projects; SELECT 1'";
    sqlx::raw_sql(function).execute(db.pool()).await.unwrap();
    let count = "SELECT count(*) FROM projects";
    let before: i64 = sqlx::query_scalar(count).fetch_one(db.pool()).await.unwrap();
    let said = refusal(&db, fixtures_with_rule(text).path());
    assert!(said.contains(sentence) && said.contains("bad.sql:"), "{said}");
    let after: i64 = sqlx::query_scalar(count).fetch_one(db.pool()).await.unwrap();
    assert!(before > 0 && before == after, "{before} {after}");
}

#[tokio::test]
async fn resume_file_is_kept_private_and_one_of_another_kind_ends_with_2() {
    use std::os::unix::fs::PermissionsExt as _;
    let db = Database::seeded().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("resume");
    let resume = ["--resume", file.to_str().unwrap()];
    let output = verify(&db, &workspace().join("fixtures"), &resume);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{output:?}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(&file).unwrap().contains("fk_events_project_id"));

    std::fs::write(&file, "hello\n").unwrap();
    let output = verify(&db, &workspace().join("fixtures"), &resume);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("resume:1: it is not a file of --resume"), "{said}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "hello\n");
}

#[tokio::test]
async fn history_gains_a_reading_with_each_run_and_a_file_of_another_kind_ends_with_2() {
    let db = Database::seeded().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("readings");
    let run = || {
        let only = ["verify", "--only", "monitoring.slow_queries", "--database-url", db.url().expose()];
        runbook().args(only).arg("--history").arg(&file).output().unwrap()
    };
    for readings in [1, 2] {
        let output = run();
        assert!(matches!(output.status.code(), Some(0 | 3)), "{output:?}");
        assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), readings);
    }
    std::fs::write(&file, "hello\n").unwrap();
    let output = run();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("readings:1: it is not a file of --history"), "{said}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "hello\n");
}

/// An empty database has nothing that could pass.
#[tokio::test]
async fn a_single_check_that_could_not_be_measured_is_no_go_ahead() {
    let db = Database::empty().await.unwrap();
    let only = ["verify", "--only", "perf.queries.seqscan", "--database-url", db.url().expose()];
    let output = runbook().args(only).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("nothing was measured: perf.queries.seqscan: "), "{said}");
}
