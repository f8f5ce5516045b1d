//! `runbook explain` and `runbook load`: what they show, and what they refuse.

use std::process::Output;

use harness::Database;

use crate::program::runbook;

fn run(arguments: &[&str]) -> Output {
    runbook().args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

async fn name(db: &Database) -> String {
    sqlx::query_scalar("SELECT current_database()::text").fetch_one(db.pool()).await.unwrap()
}

#[test]
fn mistakes_end_with_2_and_one_sentence() {
    for (arguments, sentence) in [
        (
            &["explain", "no_such_query"][..],
            "there is no query no_such_query: `runbook explain` lists those of",
        ),
        (&["explain", "project_by_id", "--target", "nowhere"], "runbook.toml has no [targets.nowhere]"),
        (&["explain", "project_by_id", "--analyze", "5s"], "--analyze is for --target and --database-url"),
        (
            &[
                "explain",
                "project_by_id",
                "--database-url",
                "postgres://x@127.0.0.1:1/y",
                "--analyze",
                "soon",
            ],
            "--analyze soon: it is not a time such as 5s or 500ms",
        ),
        (
            &["explain", "project_by_id", "--database-url", "postgres://x@127.0.0.1:1/y", "--analyze", "5s"],
            "--analyze executes the query on y, and that takes --allow-writes y",
        ),
        (
            &["load", "--rows", "5", "--database-url", "postgres://x:hunter2@127.0.0.1:1/y"],
            "rows are written to it only with --allow-writes y",
        ),
        (&["load", "--rows", "0"], "0 is not in 1"),
        (&["load", "--rows", "5", "--table", "nowhere"], "there is no table nowhere in public"),
    ] {
        let output = run(arguments);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(sentence), "{arguments:?}: {said}");
        assert!(!said.contains("hunter2") && !said.contains("panicked"), "{said}");
    }
}

#[tokio::test]
async fn a_plan_is_drawn_without_being_executed_on_a_database_of_others() {
    let db = Database::loaded(1000).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let svg = folder.path().join("plan.svg");
    let url = db.url().expose().to_owned();
    let arguments =
        ["explain", "projects_by_status_100", "--database-url", &url, "--svg", svg.to_str().unwrap()];
    let output = run(&arguments);
    let page = said(&output);
    assert_eq!(output.status.code(), Some(0), "{page}");
    assert!(
        page.contains("rows (est.)") && page.contains(" on projects") && !page.contains("own ms"),
        "{page}"
    );
    assert!(std::fs::read_to_string(&svg).unwrap().contains("not executed"));
    let name = name(&db).await;
    let output = run(&[&arguments[..4], &["--analyze", "5s", "--allow-writes", &name]].concat());
    let page = said(&output);
    assert!(page.contains("own ms") && page.contains("executed in"), "{page}");
}

#[test]
fn a_plan_is_executed_on_a_database_of_our_own() {
    let output = run(&["explain", "events_of_project", "--scale", "1000"]);
    let page = said(&output);
    assert_eq!(output.status.code(), Some(0), "{page}");
    assert!(page.contains("own ms") && page.contains("project_events"), "{page}");
    assert!(page.contains("no further index would lower its cost") || page.contains("hypopg"), "{page}");
}

#[tokio::test]
async fn a_database_that_was_named_twice_is_filled() {
    let db = Database::migrated().await.unwrap();
    let url = db.url().expose().to_owned();
    let name = name(&db).await;
    let output = run(&["load", "--rows", "20", "--database-url", &url, "--allow-writes", &name]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM projects").fetch_one(db.pool()).await.unwrap();
    assert_eq!(rows, 20);
    let printed = run(&["load", "--rows", "20", "--print", "--table", "projects", "--database-url", &url]);
    assert!(said(&printed).contains("[[table]]\nname = \"projects\""), "{}", said(&printed));
}

/// On a server of this machine: of another one's disk nothing is known.
#[test]
fn more_rows_than_the_disk_holds_are_refused_before_the_first() {
    let mut command = runbook();
    command.env("RUNBOOK_BACKEND", "local").args(["load", "--rows", "5000000000", "--table", "projects"]);
    let output = command.output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("MiB free; ask for fewer rows, or make room"), "{said}");
}
