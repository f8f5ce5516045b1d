//! The alembic side of the interface, and what can be wrong with a project or its version table.

use harness::Database;
use migrations::MigrationError;
use migrations::alembic::Program;
use rstest::rstest;
use runbook::settings::MigrationTool;

use crate::support::{Copied, current};

#[tokio::test]
async fn a_database_goes_up_and_down_by_alembic() {
    let db = Database::empty().await.unwrap();
    let migrator = migrations::open_with(&harness::settings(), MigrationTool::Alembic).unwrap();
    assert_eq!(migrator.tool(), "alembic");
    assert_eq!(migrator.head(), Some("007"));
    assert_eq!(current(&*migrator, &db).await.unwrap(), None);
    let all = ["001", "002", "003", "004", "005", "006", "007"];
    assert_eq!(migrator.upgrade(db.url(), "007").await.unwrap(), all);
    assert_eq!(current(&*migrator, &db).await.unwrap().as_deref(), Some("007"));
    assert_eq!(migrator.downgrade(db.url(), Some("006")).await.unwrap(), ["007"]);
    assert_eq!(current(&*migrator, &db).await.unwrap().as_deref(), Some("006"));
}

#[rstest]
#[case::ahead(
    "INSERT INTO alembic_version VALUES ('0a1b')",
    "the database is ahead: it stands at revision `0a1b`"
)]
#[case::several(
    "INSERT INTO alembic_version VALUES ('006'), ('007')",
    "alembic_version holds 2 revisions (006, 007) where one belongs"
)]
#[tokio::test]
async fn an_impossible_version_table_is_named(#[case] plant: &'static str, #[case] said: &str) {
    let db = Database::empty().await.unwrap();
    sqlx::raw_sql("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        .execute(db.pool())
        .await
        .unwrap();
    let migrator = migrations::open_with(&harness::settings(), MigrationTool::Alembic).unwrap();
    assert_eq!(current(&*migrator, &db).await.unwrap(), None, "an empty table is no revision");
    sqlx::raw_sql(plant).execute(db.pool()).await.unwrap();
    let error = current(&*migrator, &db).await.unwrap_err();
    assert!(error.to_string().starts_with(said), "{error}");
    assert!(error.is_state());
}

#[rstest]
#[case::two_heads(
    "008_x.py",
    "revision = '008'\ndown_revision = '006'\n",
    "copy: there are 2 heads: 007, 008"
)]
#[case::two_roots(
    "008_x.py",
    "revision = '008'\ndown_revision = None\n",
    "copy: there are 2 roots: 001, 008"
)]
#[case::a_missing_parent(
    "008_x.py",
    "revision = '008'\ndown_revision = 'gone'\n",
    "008_x.py: its down_revision `gone` does not exist"
)]
#[case::a_doubled_revision(
    "008_x.py",
    "revision = '007'\ndown_revision = '006'\n",
    "008_x.py: revision `007` is defined in 007_partition_metadata.py as well"
)]
#[case::a_circle(
    "001_projects.py",
    "revision = '001'\ndown_revision = '007'\n",
    "copy: the revisions 001, 002, 003, 004, 005, 006, 007 follow each other in a circle"
)]
#[case::no_python(
    "008_x.py",
    "revision = '008'\n\ndef upgrade(:\n",
    "008_x.py:3: it cannot be loaded: invalid syntax"
)]
#[case::a_package_that_is_missing(
    "008_x.py",
    "revision = '008'\nimport no_such_package\n",
    "008_x.py:2: it cannot be loaded: ModuleNotFoundError: No module named 'no_such_package'"
)]
#[case::no_revision("008_x.py", "x = 1\n", "008_x.py: it cannot be loaded: it names no revision")]
fn a_broken_project_is_a_finding_with_its_file(#[case] file: &str, #[case] text: &str, #[case] said: &str) {
    let copied = Copied::of(MigrationTool::Alembic);
    copied.write(&format!("versions/{file}"), text);
    let problems = copied.problems();
    assert!(problems.iter().any(|problem| problem.starts_with(said)), "{problems:?}");
    assert!(!copied.refusal().to_string().contains('\n'));
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

#[tokio::test]
async fn an_env_py_that_fails_is_told_in_its_own_words_without_the_password() {
    let db = Database::empty().await.unwrap();
    let copied = Copied::of(MigrationTool::Alembic);
    copied.write("env.py", "import os\nraise RuntimeError('cannot reach ' + os.environ['DATABASE_URL'])\n");
    let error = copied.open().upgrade(db.url(), "007").await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!("alembic failed at `alembic upgrade 007`: RuntimeError: cannot reach {}", db.url())
    );
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
