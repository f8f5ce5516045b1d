//! The database of a failed test is kept for a person to look at.

use std::process::Command;

use harness::Database;
use harness::backend::binaries;

#[tokio::test]
#[ignore = "another test runs it in a process of its own"]
async fn fails_with_a_row_in_its_database() {
    let db = Database::empty().await.unwrap();
    sqlx::query("CREATE TABLE evidence AS SELECT 'seen' AS what").execute(db.pool()).await.unwrap();
    panic!("on purpose");
}

#[tokio::test]
async fn the_line_that_a_failed_test_prints_opens_its_database() {
    let state = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kept::fails_with_a_row_in_its_database", "--ignored", "--nocapture"])
        .env("RUNBOOK_STATE", state.path())
        .env("RUNBOOK_BACKEND", "local")
        .env("RUNBOOK_IDLE_SECONDS", "0")
        .env("RUNBOOK_KEEP_SECONDS", "4")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = text.lines().find_map(|line| line.split_once("is kept for 1 min: ")).expect(&text).1;

    let folders = std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect::<Vec<_>>();
    let folders = folders.into_iter().chain(binaries::find().into_iter().map(|found| found.folder));
    let asked = Command::new("sh")
        .args(["-c", &format!("{line} -tAc 'SELECT what FROM evidence'")])
        .env("PATH", std::env::join_paths(folders).unwrap())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&asked.stdout), "seen\n", "{line}: {asked:?}");

    // Not for ever.
    runbook::wait::until("the end of the kept database", std::time::Duration::from_secs(30), || async {
        let left = std::fs::read_dir(state.path()).into_iter().flatten().count();
        if left == 0 { Ok(()) } else { Err(format!("{left} state folders")) }
    })
    .await
    .unwrap();
}
