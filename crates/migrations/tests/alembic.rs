//! The alembic side of the interface, and what can be wrong with a project or its version table.

use harness::Database;
use migrations::alembic::{Alembic, Program};
use migrations::{MigrationError, Migrator as _};
use runbook::settings::MigrationTool;

use crate::support::{Copied, as_by_alembic, current};

#[tokio::test]
async fn a_database_goes_up_and_down_by_alembic_whose_folder_has_a_relative_name() {
    let db = Database::empty().await.unwrap();
    let settings = harness::settings();
    let folder = std::path::Path::new("../../fixtures/alembic");
    let migrator = Alembic::open(&settings.root, folder, settings.limits.command).unwrap();
    assert_eq!(migrator.tool(), "alembic");
    assert_eq!(migrator.head(), Some("007"));
    assert_eq!(current(&migrator, &db).await.unwrap(), None);
    let all = ["001", "002", "003", "004", "005", "006", "007"];
    assert_eq!(migrator.upgrade(db.url(), "007").await.unwrap(), all);
    assert_eq!(current(&migrator, &db).await.unwrap().as_deref(), Some("007"));
    assert_eq!(migrator.downgrade(db.url(), Some("006")).await.unwrap(), ["007"]);
    assert_eq!(current(&migrator, &db).await.unwrap().as_deref(), Some("006"));
}

#[tokio::test]
async fn an_impossible_version_table_is_named() {
    let db = Database::empty().await.unwrap();
    sqlx::raw_sql("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        .execute(db.pool())
        .await
        .unwrap();
    let migrator = migrations::open_with(&harness::settings(), MigrationTool::Alembic).unwrap();
    assert_eq!(current(&*migrator, &db).await.unwrap(), None, "an empty table is no revision");
    for (plant, said) in [
        (
            "INSERT INTO alembic_version VALUES ('0a1b')",
            "the database is ahead: it stands at revision `0a1b`",
        ),
        (
            "DELETE FROM alembic_version; INSERT INTO alembic_version VALUES ('006'), ('007')",
            "alembic_version holds 2 revisions (006, 007) where one belongs",
        ),
    ] {
        db.execute(plant).await.unwrap();
        let error = current(&*migrator, &db).await.unwrap_err();
        assert!(error.to_string().starts_with(said), "{error}");
        assert!(error.is_state());
    }
}

#[tokio::test]
async fn a_version_table_in_another_schema_stops_an_upgrade_instead_of_starting_anew() {
    let db = Database::empty().await.unwrap();
    let moved = "CREATE SCHEMA odd; CREATE TABLE odd.alembic_version (version_num varchar(32) PRIMARY KEY);
        INSERT INTO odd.alembic_version VALUES ('007')";
    sqlx::raw_sql(moved).execute(db.pool()).await.unwrap();
    let migrator = migrations::open_with(&harness::settings(), MigrationTool::Alembic).unwrap();
    let said = "the version table stands as odd.alembic_version outside the search path";
    for error in [
        current(&*migrator, &db).await.unwrap_err(),
        migrator.upgrade(db.url(), "007").await.unwrap_err(),
        migrator.downgrade(db.url(), None).await.unwrap_err(),
    ] {
        assert!(error.to_string().starts_with(said) && error.is_state(), "{error}");
    }
    let query = "SELECT to_regclass('alembic_version') IS NULL AND to_regclass('projects') IS NULL";
    let untouched: bool = sqlx::query_scalar(query).fetch_one(db.pool()).await.unwrap();
    assert!(untouched);
}

#[tokio::test]
async fn an_env_py_that_fails_and_a_statement_that_times_out_are_told_in_alembics_words() {
    let db = as_by_alembic("007").await;
    let copied = Copied::of(MigrationTool::Alembic);
    let late = "from alembic import op\n\nrevision = '008'\ndown_revision = '007'\n\n\ndef upgrade():\n    \
        op.execute(\"SET LOCAL statement_timeout = '50ms'\")\n    op.execute('CREATE TABLE fresh (a int)')\n    \
        op.execute('SELECT pg_sleep(20)')\n\n\ndef downgrade():\n    op.execute('DROP TABLE fresh')\n";
    copied.write("versions/008_late.py", late);
    let migrator = copied.open();
    let error = migrator.upgrade(db.url(), "008").await.unwrap_err().to_string();
    assert!(error.contains("canceling statement due to statement timeout"), "{error}");
    assert_eq!(current(&*migrator, &db).await.unwrap().as_deref(), Some("007"));
    copied.write("env.py", "import no_such_package\n");
    let error = migrator.upgrade(db.url(), "008").await.unwrap_err().to_string();
    let said =
        "alembic failed at `alembic upgrade 008`: ModuleNotFoundError: No module named 'no_such_package'";
    assert!(error.starts_with(said), "{error}");
    // In its own words, without the password.
    copied.write("env.py", "import os\nraise RuntimeError('cannot reach ' + os.environ['DATABASE_URL'])\n");
    let error = migrator.upgrade(db.url(), "008").await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!("alembic failed at `alembic upgrade 008`: RuntimeError: cannot reach {}", db.url())
    );
}

#[test]
fn each_file_that_cannot_be_loaded_is_named_with_its_line() {
    let copied = Copied::of(MigrationTool::Alembic);
    copied.write("versions/008_a.py", "revision = '008'\n\ndef upgrade(:\n");
    copied.write("versions/008_b.py", "revision = '008'\nimport no_such_package\n");
    copied.write("versions/008_c.py", "x = 1\n");
    copied.write("versions/008_d.py", b"# \xff\n");
    assert_eq!(
        copied.problems(),
        [
            "008_a.py:3: it cannot be loaded: invalid syntax",
            "008_b.py:2: it cannot be loaded: ModuleNotFoundError: No module named 'no_such_package'",
            "008_c.py: it cannot be loaded: it names no revision",
            "008_d.py: it cannot be loaded: it is not UTF-8",
        ]
    );
}

#[test]
fn what_keeps_a_project_from_being_one_line_is_told_of_its_own_files() {
    let copied = Copied::of(MigrationTool::Alembic);
    copied.write("versions/008_x.py", "revision = '008'\ndown_revision = None\n");
    copied.write("versions/009_x.py", "revision = '009'\ndown_revision = 'gone'\n");
    copied.write("versions/010_x.py", "revision = '007'\ndown_revision = '006'\n");
    let problems = copied.problems();
    for said in [
        "copy: there are 2 roots: 001, 008",
        "009_x.py: its down_revision `gone` does not exist",
        "010_x.py: revision `007` is defined in ",
    ] {
        assert!(problems.iter().any(|problem| problem.starts_with(said)), "{said}: {problems:?}");
    }
    let copied = Copied::of(MigrationTool::Alembic);
    for entry in std::fs::read_dir(copied.folder.join("versions")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("001") {
            std::fs::remove_file(path).unwrap();
        }
    }
    copied.write("versions/001_a.py", "revision = '001'\ndown_revision = '007'\n");
    let said = "copy: the revisions 001, 002, 003, 004, 005, 006, 007 follow each other in a circle";
    assert_eq!(copied.problems(), [said]);
}

#[test]
fn a_project_with_two_heads_is_refused_in_one_sentence() {
    let copied = Copied::of(MigrationTool::Alembic);
    copied.write("versions/008_x.py", "revision = '008'\ndown_revision = '006'\n");
    let error = copied.refusal().to_string();
    assert!(error.ends_with("there are 2 heads: 007, 008; join them with `alembic merge heads`"), "{error}");
}

#[test]
fn a_revision_without_a_way_back_is_known_as_such() {
    let copied = Copied::of(MigrationTool::Alembic);
    copied.write(
        "versions/008_x.py",
        "revision = '008'\ndown_revision = '007'\n\n\ndef upgrade():\n    print()\n\n\ndef downgrade():\n    raise RuntimeError\n",
    );
    let migrator = copied.open();
    let reversible: Vec<bool> = migrator.history().iter().map(|revision| revision.reversible).collect();
    assert_eq!(reversible, [true, true, true, true, true, true, true, false]);
}

#[test]
fn a_missing_alembic_is_one_sentence_that_says_how_to_get_it() {
    let nowhere = tempfile::tempdir().unwrap();
    let error = Program::find_among(None, nowhere.path(), &[]).unwrap_err();
    assert!(matches!(error, MigrationError::NoAlembic { .. }));
    assert!(error.to_string().contains("make setup"), "{error}");
    let named = nowhere.path().join("alembic");
    let error = Program::find_among(Some(&named), nowhere.path(), &[]).unwrap_err().to_string();
    assert!(error.contains(&format!("RUNBOOK_ALEMBIC is {}", named.display())), "{error}");
}
