//! `runbook explain` and `runbook load`: what they show, and what they refuse.

use std::process::Output;

use harness::Database;
use rstest::rstest;

use crate::folder::workspace;
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
        (
            &["load", "--rows", "5", "--table", "_sqlx_migrations"],
            "public._sqlx_migrations is the history of the migrations, which only their tool writes",
        ),
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

/// The fixtures with one query alone, of this text: `queries/only.sql`.
fn fixtures_with_query(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(workspace().join("fixtures")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "queries" {
            std::os::unix::fs::symlink(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    std::fs::create_dir(folder.path().join("queries")).unwrap();
    std::fs::write(folder.path().join("queries/only.sql"), text).unwrap();
    folder
}

/// A good header, and whatever follows it.
fn headed(rest: &str) -> String {
    format!("-- states: a project\n-- budget: 10 ms\n-- indexes: projects_pkey\n-- rows: any\n{rest}")
}

/// What was said without the rows and bars in which a place in a file is drawn.
fn words(output: &Output) -> String {
    said(output).split_whitespace().filter(|word| !matches!(*word, "│" | "×")).collect::<Vec<_>>().join(" ")
}

#[rstest]
#[case::no_budget(
    "-- states: a project\n-- indexes: any\n-- rows: any\nSELECT 1".into(),
    "queries/only.sql:1: it has no budget"
)]
#[case::two_statements(
    headed("SELECT 1; SELECT 2"),
    "queries/only.sql:5: it holds 2 statements where exactly one may stand"
)]
#[case::delete(
    headed("DELETE FROM projects"),
    "queries/only.sql:5: refused: only SELECT, VALUES, SHOW, TABLE"
)]
#[case::hidden_in_a_with(
    headed("WITH gone AS (DELETE FROM projects RETURNING *) SELECT * FROM gone"),
    "queries/only.sql:5: refused: only SELECT, VALUES, SHOW, TABLE"
)]
#[case::lock(
    headed("SELECT * FROM projects FOR UPDATE"),
    "queries/only.sql:5: refused: `FOR UPDATE` takes locks"
)]
#[case::side_effect(
    headed("SELECT nextval('project_events_event_id_seq')"),
    "queries/only.sql:5: refused: the function `nextval` has side effects"
)]
#[case::no_sql(headed("SELEKT 1"), "queries/only.sql:5: refused:")]
#[case::value_of_no_date(
    headed("-- parameter: $1 since date = 'soon'\nSELECT * FROM projects WHERE created_at > $1"),
    "queries/only.sql:5: parameter $1 (since): invalid input syntax for type date: \"soon\""
)]
#[case::value_of_several_rows(
    headed(
        "-- parameter: $1 id text = (SELECT project_id FROM projects)\nSELECT * FROM projects WHERE project_id = $1"
    ),
    "queries/only.sql:5: parameter $1 (id): more than one row returned by a subquery"
)]
#[case::setting(
    headed("SHOW work_mem"),
    "queries/only.sql:5: a query is a SELECT, VALUES, TABLE or WITH, not SHOW"
)]
#[case::type_of_another_column(
    headed("-- parameter: $1 id int = 5\nSELECT * FROM projects WHERE project_id = $1"),
    "queries/only.sql:6: operator does not exist: character varying = integer"
)]
#[case::no_table(
    headed("SELECT * FROM projekts"),
    "queries/only.sql:5: relation \"projekts\" does not exist"
)]
#[tokio::test]
async fn a_wrong_query_file_is_named_with_its_line_and_nothing_is_drawn(
    #[case] text: String,
    #[case] sentence: &str,
) {
    let db = Database::seeded().await.unwrap();
    let fixtures = fixtures_with_query(&text);
    let query = ["explain", "only", "--database-url", db.url().expose(), "--fixtures"];
    let output = runbook().args(query).arg(fixtures.path()).output().unwrap();
    let all = words(&output);
    assert_eq!(output.status.code(), Some(2), "{all}");
    assert!(all.contains(sentence), "{all}");
    let drawn = all.matches("[queries/only.sql:").count();
    assert_eq!(all.matches("only.sql:").count() - drawn, 1, "said twice: {all}");
    assert!(output.stdout.is_empty(), "{all}");
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM projects").fetch_one(db.pool()).await.unwrap();
    assert!(rows > 0, "nothing was deleted");
}

#[rstest]
#[case::index(
    "-- indexes: projects_pkey, ix_typo",
    "queries/only.sql:3: there is no index ix_typo: create it, or name the one"
)]
#[case::table(
    "-- indexes: projects_pkey\n-- sequential: nope",
    "queries/only.sql:4: there is no table nope: name one that the query may read"
)]
#[case::column(
    "-- indexes: projects_pkey\n-- distribution: $1 projects.nope",
    "queries/only.sql:4: distribution of $1: column \"nope\" does not exist"
)]
#[case::column_of_another_type(
    "-- indexes: projects_pkey\n-- distribution: $1 projects.created_at",
    "queries/only.sql:4: distribution of $1: projects.created_at is timestamp with time zone, and the parameter is text"
)]
#[tokio::test]
async fn a_plan_whose_header_names_what_is_not_there_is_drawn_and_ends_with_2(
    #[case] header: &str,
    #[case] sentence: &str,
) {
    let db = Database::loaded(1000).await.unwrap();
    let query = "-- parameter: $1 id text = 'proj_00000007'\nSELECT * FROM projects WHERE project_id = $1";
    let fixtures = fixtures_with_query(&headed(query).replace("-- indexes: projects_pkey", header));
    let query = ["explain", "only", "--database-url", db.url().expose(), "--fixtures"];
    let output = runbook().args(query).arg(fixtures.path()).output().unwrap();
    let all = words(&output);
    assert_eq!(output.status.code(), Some(2), "{all}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("projects_pkey"), "{all}");
    assert!(all.contains(sentence), "{all}");
}

/// One is known to write by what the catalogue says of it, the other one lies.
#[rstest]
#[case::said_to_be_volatile("VOLATILE", "refused: the function `noted` has side effects, or may have them")]
#[case::said_to_be_stable("STABLE", "INSERT is not allowed in a non-volatile function")]
#[tokio::test]
async fn a_query_that_writes_in_a_function_is_not_executed(#[case] kind: &str, #[case] sentence: &str) {
    let db = Database::seeded().await.unwrap();
    let function = format!(
        "CREATE TABLE notes (a int); CREATE FUNCTION noted() RETURNS int LANGUAGE plpgsql {kind} AS $$ BEGIN \
         INSERT INTO notes VALUES (1); RETURN 1; END $$"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(function)).execute(db.pool()).await.unwrap();
    let fixtures = fixtures_with_query(&headed("SELECT noted() FROM projects"));
    let name = name(&db).await;
    let query = ["explain", "only", "--analyze", "5s", "--allow-writes", &name];
    let place = ["--database-url", db.url().expose(), "--fixtures"];
    let output = runbook().args(query).args(place).arg(fixtures.path()).output().unwrap();
    let all = words(&output);
    assert_eq!(output.status.code(), Some(2), "{all}");
    assert!(all.contains("queries/only.sql:5: ") && all.contains(sentence), "{all}");
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM notes").fetch_one(db.pool()).await.unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn a_wrong_query_file_is_told_before_anything_is_verified() {
    let db = Database::seeded().await.unwrap();
    let fixtures = fixtures_with_query("-- states: a project\n-- indexes: any\n-- rows: any\nSELECT 1");
    let checks = ["verify", "--only", "perf", "--database-url", db.url().expose(), "--fixtures"];
    let output = runbook().args(checks).arg(fixtures.path()).output().unwrap();
    let all = words(&output);
    assert_eq!(output.status.code(), Some(2), "{all}");
    assert!(all.contains("queries/only.sql:1: it has no budget") && output.stdout.is_empty(), "{all}");
}

#[test]
fn a_folder_without_queries_explains_nothing() {
    let fixtures = fixtures_with_query("");
    std::fs::remove_file(fixtures.path().join("queries/only.sql")).unwrap();
    let output = runbook().args(["explain", "--fixtures"]).arg(fixtures.path()).output().unwrap();
    let all = words(&output);
    assert_eq!(output.status.code(), Some(2), "{all}");
    assert!(all.contains("it holds no query"), "{all}");
}

#[test]
fn a_size_of_nothing_or_of_more_than_there_is_ends_with_2() {
    for (arguments, sentence) in [
        (&["explain", "project_by_id", "--scale", "0"][..], "0 is not in 1"),
        (&["explain", "project_by_id", "--scale=-5"], "invalid value '-5' for '--scale"),
        (&["explain", "project_by_id", "--scale", "many"], "invalid value 'many' for '--scale"),
        (&["load", "--rows=-5"], "invalid value '-5' for '--rows"),
        (&["rehearse", "--scale=-5"], "invalid value '-5' for '--scale"),
        (&["explain", "project_by_id", "--scale", "5000000000"], "MiB are needed for a data directory"),
        (&["explain", "project_by_id", "--scale", "18446744073709551615"], "rows of its leading table are"),
        (&["rehearse", "--scale", "5000000000"], "MiB are needed for a data directory"),
    ] {
        let output = runbook().env("RUNBOOK_BACKEND", "local").args(arguments).output().unwrap();
        let said = words(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(sentence), "{arguments:?}: {said}");
    }
}
