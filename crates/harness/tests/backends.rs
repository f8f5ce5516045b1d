//! The ways to have a server, and one clear sentence where a way cannot be gone.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use harness::{Database, Server};
use rstest::rstest;
use sqlx::{Connection as _, PgConnection};

/// Asks for a database in a process of its own, whose environment is all that differs.
fn told(environment: &[(&str, &str)]) -> String {
    told_in(&tempfile::tempdir().unwrap(), environment)
}

fn told_in(state: &tempfile::TempDir, environment: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "backends::asks_for_a_database", "--ignored", "--nocapture"])
        .env("RUNBOOK_STATE", state.path())
        .env("RUNBOOK_IDLE_SECONDS", "0")
        .env_remove("RUNBOOK_DATABASE_URL")
        .env_remove("RUNBOOK_PG_BIN")
        .env_remove("RUNBOOK_BACKEND")
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.split_once("told: ").map(|(_, told)| told.to_owned()));
    line.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test]
#[ignore = "the other tests run it in a process of its own"]
async fn asks_for_a_database() {
    let told = match Database::migrated().await {
        Ok(db) => {
            let name: String =
                sqlx::query_scalar("SELECT current_database()").fetch_one(db.pool()).await.unwrap();
            format!("{name} on {}", db.url())
        }
        Err(error) => error.to_string(),
    };
    println!("told: {told}");
}

#[rstest]
#[case::no_binaries(
    &[("RUNBOOK_BACKEND", "local"), ("RUNBOOK_PG_BIN", "/nowhere")],
    "no Postgres can be had: RUNBOOK_BACKEND=local, and RUNBOOK_PG_BIN=/nowhere holds no postgres and initdb; start"
)]
#[case::no_engine(
    &[("RUNBOOK_BACKEND", "container"), ("DOCKER_HOST", "unix:///nowhere")],
    "no Postgres can be had: RUNBOOK_BACKEND=container, and unix:///nowhere: No such file or directory"
)]
#[case::no_address(
    &[("RUNBOOK_BACKEND", "url")],
    "no Postgres can be had: RUNBOOK_BACKEND=url, and RUNBOOK_DATABASE_URL is not set; start"
)]
#[case::unknown(
    &[("RUNBOOK_BACKEND", "cloud")],
    "RUNBOOK_BACKEND=cloud is not known: use auto, container, local or url"
)]
#[case::unreachable(
    &[("RUNBOOK_DATABASE_URL", "postgres://u:hunter2@127.0.0.1:1/db")],
    "postgres://u@127.0.0.1:1/db (RUNBOOK_DATABASE_URL) cannot be reached: the connection failed: Connection refused"
)]
fn a_way_that_cannot_be_gone_is_one_sentence(#[case] environment: &[(&str, &str)], #[case] starts: &str) {
    let told = told(environment);
    assert!(told.starts_with(starts), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn programs_that_are_too_old_are_named_with_their_version() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["postgres", "initdb"] {
        let path = folder.path().join(name);
        std::fs::write(&path, "#!/bin/sh\necho 'postgres (PostgreSQL) 14.20'\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let named = folder.path().to_str().unwrap();
    let told = told(&[("RUNBOOK_BACKEND", "local"), ("RUNBOOK_PG_BIN", named)]);
    assert!(
        told.ends_with("is PostgreSQL 14.20, and at least 15 is needed: name a newer one in RUNBOOK_PG_BIN"),
        "{told}"
    );
}

#[test]
fn a_full_disk_is_one_sentence() {
    // /proc is a file system with no room at all, on every machine that has it.
    let told = told(&[("RUNBOOK_BACKEND", "local"), ("RUNBOOK_DATA", "/proc")]);
    assert!(
        told.starts_with("/proc is full: 0 MiB are free and 256 MiB are needed for a data directory"),
        "{told}"
    );
}

#[tokio::test]
async fn an_address_without_createdb_names_the_grant() {
    let server = Server::options().start().await.unwrap();
    server.execute("postgres", "CREATE ROLE \"No maker\" LOGIN PASSWORD 'hunter2'").await.unwrap();
    let url = server.url_as("No maker", "hunter2", "postgres").unwrap();
    let told = told(&[("RUNBOOK_DATABASE_URL", url.expose())]);
    assert!(told.contains("has no CREATEDB: run `ALTER ROLE \"No maker\" CREATEDB` there"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn databases_on_somebody_elses_server_are_gone_after_the_run() {
    let server = Server::options().start().await.unwrap();
    server
        .execute("postgres", "CREATE ROLE maker LOGIN CREATEDB SUPERUSER PASSWORD 'hunter2'")
        .await
        .unwrap();
    let url = server.url_as("maker", "hunter2", "postgres").unwrap();
    let state = tempfile::tempdir().unwrap();
    let told = told_in(&state, &[("RUNBOOK_DATABASE_URL", url.expose())]);
    assert!(told.contains(&format!("on postgres://maker@127.0.0.1:{}/runbook_", server.port())), "{told}");

    let mut connection = PgConnection::connect_with(&url.connect_options()).await.unwrap();
    let connection = tokio::sync::Mutex::new(&mut connection);
    runbook::wait::until("no database of the run is left", std::time::Duration::from_secs(30), || async {
        let mut connection = connection.lock().await;
        let left: Vec<String> =
            sqlx::query_scalar("SELECT datname FROM pg_database WHERE datname LIKE 'runbook%'")
                .fetch_all(&mut **connection)
                .await
                .unwrap();
        if left.is_empty() { Ok(()) } else { Err(left.join(", ")) }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_survey_says_what_would_be_chosen_and_why() {
    let survey = harness::backend::survey().await.unwrap();
    let names: Vec<_> = survey.found.iter().map(|found| found.backend).collect();
    assert_eq!(names, ["url", "container", "local"]);
    let chosen = survey.chosen.expect("these tests have run, so there is a way");
    let found = survey.found.iter().find(|found| found.backend == chosen).unwrap();
    assert_eq!(found.missing, None);
    assert!(!found.there.is_empty() && !survey.why.is_empty());
}
