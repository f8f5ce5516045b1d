//! What the paired gate compares with: a revision that is there and can be read, or one sentence.

use std::path::{Path, PathBuf};
use std::process::Command;

use perf::Base;
use rstest::rstest;
use tempfile::TempDir;

const QUERY: &str = "-- states: a row\n-- budget: 10 ms\n-- indexes: none\n-- rows: any\nSELECT a FROM t";

fn git(folder: &Path, arguments: &[&str]) {
    let named = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"];
    let output = Command::new("git").arg("-C").arg(folder).args(named).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A repository with a system in its folder `fixtures`, on the branch `main`.
fn repository() -> (TempDir, PathBuf) {
    let top = tempfile::tempdir().unwrap();
    let root = top.path().join("fixtures");
    for folder in ["migrations", "queries"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    for (file, text) in [
        ("runbook.md", "# Test\n"),
        (
            "runbook.toml",
            "[system]\nname = \"Test\"\ntitle = \"Test deployment\"\nrunbook = \"runbook.md\"\n\n[migrations]\n\
             tool = \"sqlx\"\nsqlx = \"migrations\"\n",
        ),
        ("migrations/001_t.up.sql", "CREATE TABLE t (a int);\n"),
        ("migrations/001_t.down.sql", "DROP TABLE t;\n"),
        ("queries/all.sql", QUERY),
    ] {
        std::fs::write(root.join(file), text).unwrap();
    }
    git(top.path(), &["init", "--quiet", "--initial-branch=main"]);
    commit(top.path());
    (top, root)
}

fn commit(top: &Path) {
    git(top, &["add", "--all"]);
    git(top, &["commit", "--quiet", "--message", "change"]);
}

fn refused(name: &str, root: &Path) -> String {
    let folder = tempfile::tempdir().unwrap();
    match Base::read(name, root, folder.path()) {
        Ok(_) => panic!("{name} was read"),
        Err(error) => {
            assert!(!error.to_string().contains(&*folder.path().to_string_lossy()), "{error}");
            error.to_string()
        }
    }
}

#[test]
fn a_revision_is_read_as_it_was() {
    let (top, root) = repository();
    std::fs::write(root.join("queries/all.sql"), QUERY.replace("10 ms", "20 ms")).unwrap();
    std::fs::write(root.join("migrations/002_u.up.sql"), "CREATE TABLE u (a int);\n").unwrap();
    std::fs::write(root.join("migrations/002_u.down.sql"), "DROP TABLE u;\n").unwrap();
    assert!(!Base::is_unchanged("HEAD", &root), "the working copy counts");
    commit(top.path());
    assert!(Base::is_unchanged("HEAD", &root));
    assert!(!Base::is_unchanged("--cached", &root), "an option to git is no revision");
    let folder = tempfile::tempdir().unwrap();
    let base = Base::read("HEAD~1", &root, folder.path()).unwrap();
    assert_eq!((base.head.as_str(), base.queries[0].budget.as_millis()), ("001", 10));
    assert_eq!(Base::merge_base(&root).map(|base| base.len()), Some(12));
}

#[rstest]
#[case::unknown("nosuch")]
#[case::option("--output=x")]
#[case::path("HEAD:fixtures")]
#[case::unknown_hash("0123456789abcdef0123456789abcdef01234567")]
fn a_revision_that_is_not_there_is_one_sentence(#[case] name: &str) {
    let (_top, root) = repository();
    assert_eq!(
        refused(name, &root),
        format!("{name} is no revision with a folder fixtures: name one that `git show` knows")
    );
}

#[rstest]
#[case::migration_that_does_not_parse(
    "migrations/002_u.up.sql",
    "CREATE TABEL u (a int);\n",
    "HEAD:fixtures/migrations/002_u.up.sql:1"
)]
#[case::revision_that_stands_twice("migrations/001_u.up.sql", "SELECT 1;\n", "HEAD:fixtures/migrations/001_")]
#[case::query_that_writes("queries/all.sql", "-- states: x\nDELETE FROM t", "queries/all.sql:2: refused")]
#[case::settings_that_are_wrong("runbook.toml", "[sistem]\n", "HEAD:fixtures/runbook.toml:1")]
fn a_revision_that_is_wrong_is_one_sentence_with_its_place(
    #[case] file: &str,
    #[case] text: &str,
    #[case] sentence: &str,
) {
    let (top, root) = repository();
    std::fs::write(root.join(file), text).unwrap();
    commit(top.path());
    let said = refused("HEAD", &root);
    assert!(said.starts_with("HEAD cannot be compared with: ") && said.contains(sentence), "{said}");
}
