//! `runbook verify` on a database that the settings do not fit, and a run that is gone on with.

use std::path::Path;
use std::process::Output;

use harness::Database;

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

#[tokio::test]
async fn reference_to_a_table_that_is_not_there_ends_with_2_and_nothing_has_run() {
    let db = Database::seeded().await.unwrap();
    let fixtures = fixtures_with(
        "[[integrity.reference]]\nfrom = { table = \"nota\", columns = [\"a\"] }\nto = { table = \"projects\", columns = [\"project_id\"] }",
    );
    let report = fixtures.path().join("report");
    let output = verify(&db, fixtures.path(), &["--report", report.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("names the table `public.nota`") && said.contains("runbook.toml:"), "{said}");
    assert!(output.stdout.is_empty() && !report.join("report.json").exists(), "{output:?}");
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
