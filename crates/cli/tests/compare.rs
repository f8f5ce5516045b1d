//! `runbook diff` and `runbook describe`, on databases of our own that the program takes for live ones.

use harness::Database;
use std::process::Output;

use crate::program::runbook;

#[tokio::test]
async fn two_equal_sides_end_with_0_and_what_differs_is_told_with_both_sides_and_its_mending() {
    let (a, b) = (Database::migrated().await.unwrap(), Database::migrated().await.unwrap());
    let output = run(&["diff", a.url().expose(), b.url().expose()]).await;
    assert_eq!(output.status.code(), Some(0), "{}{}", printed(&output), errors(&output));
    assert!(printed(&output).ends_with("objects, and no difference\n"), "{}", printed(&output));
    execute(&b, "ALTER TABLE projects ALTER name DROP NOT NULL; DROP INDEX ix_projects_etag").await;
    let output = run(&["diff", a.url().expose(), b.url().expose()]).await;
    assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
    let told = printed(&output);
    for said in [
        "table projects, column name\n",
        ": character varying(255) not null\n",
        "    mend: ALTER TABLE projects ALTER COLUMN name SET NOT NULL\n",
        "    mend: CREATE INDEX CONCURRENTLY ix_projects_etag ON projects using btree (etag)\n",
        "2 differences in ",
    ] {
        assert!(told.contains(said), "{said}: {told}");
    }
    let password = password(&a);
    assert!(!told.contains(&password), "{told}");
    let script = printed(&run(&["diff", a.url().expose(), b.url().expose(), "--sql"]).await);
    for statement in script.split(";\n").filter(|statement| !statement.trim().is_empty()) {
        execute(&b, statement).await;
    }
    let output = run(&["diff", a.url().expose(), b.url().expose()]).await;
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
}

/// What is left for a person stands in the script as a comment, whatever it names.
#[tokio::test]
async fn a_name_of_several_lines_adds_nothing_to_the_script() {
    let (a, b) = (Database::migrated().await.unwrap(), Database::migrated().await.unwrap());
    let name = "\"x\n; CREATE TABLE stolen (); \r CREATE TABLE stolen_too (); --\"";
    execute(&a, &format!("CREATE TYPE {name} AS ENUM ('a')")).await;
    execute(&b, &format!("CREATE TYPE {name} AS ENUM ('a', 'b\n; CREATE TABLE third (); --')")).await;
    let script = printed(&run(&["diff", a.url().expose(), b.url().expose(), "--sql"]).await);
    assert!(script.contains("-- by hand: type "), "{script}");
    execute(&b, &script).await;
    let output = run(&["diff", a.url().expose(), b.url().expose()]).await;
    assert!(printed(&output).contains("1 difference in "), "{}", printed(&output));
}

#[tokio::test]
async fn a_database_is_compared_with_what_its_migrations_make() {
    let db = Database::at("006").await.unwrap();
    let output = run(&["diff", "sqlx@006", db.url().expose()]).await;
    assert_eq!(output.status.code(), Some(0), "{}{}", printed(&output), errors(&output));
    let output = run(&["diff", "sqlx", db.url().expose(), "--json"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
    let told: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    let table = told.iter().find(|one| one["object"] == "table partition_metadata").unwrap();
    assert_eq!((&table["a"], &table["b"]), (&"present".into(), &serde_json::Value::Null));
    assert!(
        table["statements"][0].as_str().unwrap().starts_with("CREATE TABLE partition_metadata ("),
        "{table}"
    );
}

#[tokio::test]
async fn a_table_is_described_with_its_columns_indexes_and_who_refers_to_it() {
    let db = Database::migrated().await.unwrap();
    let url = db.url().expose();
    for name in ["projects", "public.projects"] {
        let output = run(&["describe", name, "--database-url", url]).await;
        assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
        let told = printed(&output);
        for said in [
            "table projects\n",
            "project_id        | character varying(255)   | not null |",
            "created_at        | timestamp with time zone | not null | now()",
            "Indexes:\n",
            "    ix_projects_etag using btree (etag)\n",
            "Constraints:\n",
            "    projects_pkey PRIMARY KEY (project_id)\n",
            "Referenced by:\n    project_events fk_events_project_id FOREIGN KEY (project_id) REFERENCES projects(project_id)",
        ] {
            assert!(told.contains(said), "{said}: {told}");
        }
    }
    let output = run(&["describe", "project", "--database-url", url]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains("has no `project` in public; did you mean `"), "{}", errors(&output));
}

#[tokio::test]
async fn a_side_that_is_nothing_is_one_sentence_that_repeats_no_password() {
    for (side, said) in [
        ("nowhere", "runbook.toml has no [targets.nowhere]"),
        ("reader:hunter2/x@127.0.0.1", "neither an address (postgres://…), nor a target"),
        ("postgres://reader:hunter2@127.0.0.1:1/apex", "reader@127.0.0.1:1"),
        ("mysql://reader:hunter2@127.0.0.1/apex", "runbook: not a usable database address"),
        ("", "a side is neither an address"),
        ("sqlx@999", "there is no revision `999`; known are 001"),
    ] {
        let output = run(&["diff", "sqlx@001", side]).await;
        let told = errors(&output);
        assert_eq!(output.status.code(), Some(2), "{side}: {told}");
        assert!(told.contains(said) && !told.contains("hunter2"), "{side}: {told}");
    }
}

/// `PGOPTIONS` is about the caller's databases: a side that migrations make is made as always, and a live one is still
/// asked with it.
#[tokio::test]
async fn what_pgoptions_says_reaches_the_live_side_alone() {
    let db = Database::at("006").await.unwrap();
    let url = db.url().expose().to_owned();
    for options in
        ["-c search_path=pg_catalog", "-c default_transaction_read_only=on", "-c statement_timeout=1ms"]
    {
        let output = with_options(options, vec!["diff", "sqlx@006", "sqlx@006"]).await;
        assert_eq!(output.status.code(), Some(0), "{options}: {}{}", printed(&output), errors(&output));
    }
    for options in ["-c search_path=pg_catalog", "-c default_transaction_read_only=on"] {
        let output = with_options(options, vec!["diff", "sqlx@006", &url]).await;
        assert_eq!(output.status.code(), Some(0), "{options}: {}{}", printed(&output), errors(&output));
    }
    let output = with_options("-c no_such_setting=1", vec!["diff", "sqlx@006", &url]).await;
    let told = errors(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("no_such_setting"), "{told}");
}

async fn with_options(options: &str, arguments: Vec<&str>) -> Output {
    let options = options.to_owned();
    let arguments: Vec<String> = arguments.into_iter().map(ToOwned::to_owned).collect();
    let work = move || runbook().env("PGOPTIONS", options).args(arguments).output().unwrap();
    tokio::task::spawn_blocking(work).await.unwrap()
}

async fn run(arguments: &[&str]) -> Output {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    tokio::task::spawn_blocking(move || runbook().args(arguments).output().unwrap()).await.unwrap()
}

async fn execute(db: &Database, sql: &str) {
    db.execute(sql).await.unwrap();
}

fn password(db: &Database) -> String {
    let rest = db.url().expose().split_once("://").unwrap().1;
    let user = rest.split('@').next().unwrap();
    user.split_once(':').map_or_else(|| "no password at all".into(), |(_, password)| password.to_owned())
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
