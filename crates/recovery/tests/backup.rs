//! A backup is complete, private and told truly, or leaves no trace.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use harness::Database;
use recovery::backup::{Backup, checksum};
use recovery::manifest::Manifest;
use recovery::programs::Programs;
use recovery::rehearsal::rehearse;
use rstest::rstest;
use runbook::secret::DatabaseUrl;
use secrecy::ExposeSecret as _;

use crate::support::{Folder, NOW, ROWS, backup, context, programs, sql, try_backup, with_script, written};

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_dump_has_its_name_its_manifest_and_its_modes() {
    let db = Database::seeded().await.unwrap();
    let folder = Folder::new();
    let (dump, manifest) = backup(&db, &folder.path()).await;
    assert_eq!(names(&folder.path()), ["apex_full_20260301_120000.dump", "apex_full_20260301_120000.json"]);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder.path()), mode(&dump.path), mode(&dump.manifest_path())), (0o700, 0o600, 0o600));
    assert_eq!(Manifest::read(&dump.manifest_path()).unwrap(), manifest);
    assert_eq!(checksum(&dump.path).unwrap(), (manifest.sha256.clone(), manifest.bytes));
    let projects: i64 =
        sqlx::query_scalar("SELECT count(*) FROM projects").fetch_one(db.pool()).await.unwrap();
    let counted = manifest.state.tables.iter().find(|table| table.table == "public.projects").unwrap();
    assert_eq!(counted.rows, projects);
    assert!(manifest.finished_at >= manifest.started_at);
}

#[tokio::test]
async fn a_second_backup_in_the_same_second_takes_the_next_name() {
    let db = Database::empty().await.unwrap();
    let folder = Folder::new();
    backup(&db, &folder.path()).await;
    let (second, manifest) = backup(&db, &folder.path()).await;
    assert_eq!(second.name(), "apex_full_20260301_120001.dump");
    assert_eq!(manifest.dump, second.name());
    assert_eq!(names(&folder.path()).len(), 4);
}

#[tokio::test]
async fn rows_written_while_the_dump_runs_are_in_neither_dump_nor_manifest() {
    let db = Database::at("006").await.unwrap();
    sql(&db, ROWS).await;
    let folder = Folder::new();
    let script =
        "echo > \"$HERE/begun\"; while ! test -e \"$HERE/go\"; do sleep 0.01; done; exec \"$REAL\" \"$@\"";
    let slow = with_script(&programs(&db).await, folder.beside(), "pg_dump", script);
    let meanwhile = async {
        written(&folder.beside().join("begun")).await;
        sql(
            &db,
            "DELETE FROM project_events; UPDATE projects SET name = 'later'; CREATE TABLE later (x int)",
        )
        .await;
        std::fs::write(folder.beside().join("go"), "").unwrap();
    };
    let into = folder.path();
    let (taken, ()) = tokio::join!(try_backup(&db, &into, slow), meanwhile);
    let (dump, manifest) = taken.unwrap();
    let events = manifest.state.tables.iter().find(|table| table.name == "project_events").unwrap();
    assert_eq!(events.rows, 200);
    let rehearsal =
        rehearse(&context(&db, &folder), &programs(&db).await, &dump, Some(&manifest)).await.unwrap();
    assert_eq!((rehearsal.failure.as_deref(), rehearsal.differences.as_deref()), (None, Some(&[][..])));
}

#[rstest]
#[case::a_full_disk(
    "echo 'pg_dump: error: could not write to output file: No space left on device' >&2; exit 1",
    "pg_dump failed: the disk is full; make room or name another folder"
)]
#[case::a_refusal(
    "echo 'pg_dump: error: query failed: ERROR:  permission denied for table projects' >&2; exit 1",
    "pg_dump failed: query failed: ERROR:  permission denied for table projects"
)]
#[case::a_kill("kill -9 $$", "pg_dump failed: signal: 9 (SIGKILL)")]
#[case::a_hang("exec sleep 600", "pg_dump was ended after 0.2 s; raise limits.command_seconds")]
#[tokio::test]
async fn a_dump_that_fails_leaves_no_trace(#[case] script: &str, #[case] told: &str) {
    let db = Database::empty().await.unwrap();
    let folder = Folder::new();
    let backup = Backup {
        programs: with_script(&programs(&db).await, folder.beside(), "pg_dump", script),
        folder: folder.path(),
        prefix: "x".into(),
        compression: 1,
        limit: if told.contains("0.2 s") { Duration::from_millis(200) } else { Duration::from_secs(60) },
    };
    let error = backup.make(&db, None, NOW).await.unwrap_err().to_string();
    assert!(error.starts_with(told), "{error}");
    assert_eq!(names(&folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn the_password_stands_in_the_environment_and_in_no_argument() {
    let db = Database::empty().await.unwrap();
    let folder = Folder::new();
    let script =
        "echo \"$@\" > \"$HERE/arguments\"; echo \"$PGPASSWORD\" > \"$HERE/password\"; exec \"$REAL\" \"$@\"";
    let spy = with_script(&programs(&db).await, folder.beside(), "pg_dump", script);
    let (dump, _) = try_backup(&db, &folder.path(), spy).await.unwrap();
    let environment = db.url().libpq_environment();
    let (_, password) = environment.iter().find(|(name, _)| *name == "PGPASSWORD").unwrap();
    assert_eq!(written(&folder.beside().join("password")).await.trim(), password.expose_secret());
    for told in [
        written(&folder.beside().join("arguments")).await,
        std::fs::read_to_string(dump.manifest_path()).unwrap(),
    ] {
        assert!(!told.contains(password.expose_secret()), "{told}");
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_said_in_one_sentence() {
    let db = Database::empty().await.unwrap();
    let folder = Folder::new();
    std::fs::write(folder.beside().join("file"), "").unwrap();
    let below = folder.beside().join("file/backups");
    let error = try_backup(&db, &below, programs(&db).await).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot create {}", below.display())), "{error}");
}

#[tokio::test]
async fn what_a_killed_backup_left_is_removed_and_what_is_being_written_is_not() {
    let db = Database::empty().await.unwrap();
    let folder = Folder::new();
    std::fs::create_dir(folder.path()).unwrap();
    std::fs::write(folder.path().join(".runbook-partial-dead"), "half a dump").unwrap();
    let alive = std::fs::File::create(folder.path().join(".runbook-partial-alive")).unwrap();
    alive.lock().unwrap();
    backup(&db, &folder.path()).await;
    let names = names(&folder.path());
    assert!(names.contains(&".runbook-partial-alive".to_owned()) && names.len() == 3, "{names:?}");
}

#[rstest]
#[case::older(
    Some("pg_dump (PostgreSQL) 9.6.24"),
    "pg_dump 9 is older than the server (15) and cannot dump it: install"
)]
#[case::none(None, "pg_dump and pg_restore were not found: install the PostgreSQL 15 client programs")]
#[tokio::test]
async fn programs_that_do_not_fit_are_said_with_what_to_install(
    #[case] version: Option<&str>,
    #[case] told: &str,
) {
    let folder = Folder::new();
    let none = Programs { folder: folder.beside().join("nowhere"), version: String::new() };
    let mut bin = folder.beside().to_owned();
    if let Some(version) = version {
        for program in ["pg_restore", "pg_dump"] {
            bin = with_script(&none, folder.beside(), program, &format!("echo '{version}'")).folder;
        }
        std::fs::copy(bin.join("pg_dump"), bin.join("copy")).unwrap();
        std::fs::remove_file(bin.join("pg_restore")).unwrap();
        std::fs::rename(bin.join("copy"), bin.join("pg_restore")).unwrap();
    }
    let error = Programs::among(&[bin], 15).await.unwrap_err().to_string();
    assert!(error.starts_with(told), "{error}");
}

#[tokio::test]
async fn of_several_versions_the_servers_own_is_taken_then_the_next_newer() {
    let folders: Vec<Folder> = (0..3).map(|_| Folder::new()).collect();
    let none = Programs { folder: "/nowhere".into(), version: String::new() };
    let mut bins = Vec::new();
    for (folder, version) in folders.iter().zip(["18.1", "15.18 (Debian 15.18-0)", "16.9"]) {
        let bin =
            with_script(&none, folder.beside(), "pg_dump", &format!("echo 'pg_dump (PostgreSQL) {version}'"))
                .folder;
        std::fs::remove_file(bin.join("pg_restore")).unwrap();
        std::fs::write(bin.join("pg_restore"), "").unwrap();
        bins.push(bin);
    }
    assert_eq!(Programs::among(&bins, 15).await.unwrap().version, "15.18");
    bins.remove(1);
    assert_eq!(Programs::among(&bins, 15).await.unwrap().version, "16.9");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_without_the_password() {
    let url = DatabaseUrl::parse("postgres://u:hunter2@127.0.0.1:1/x").unwrap();
    let db = Database::empty().await.unwrap();
    let restore = recovery::restore::Restore {
        programs: &programs(&db).await,
        jobs: std::num::NonZeroU32::MIN,
        limit: Duration::from_secs(30),
        privileges: true,
    };
    let folder = Folder::new();
    let (dump, _) = backup(&db, &folder.path()).await;
    let error = restore.run(&dump.path, &url).await.unwrap_err().to_string();
    assert!(error.contains("Connection refused") && !error.contains("hunter2"), "{error}");
}
