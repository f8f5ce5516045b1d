//! `runbook hazards`: what it prints, and one sentence for each bad file.

use std::path::PathBuf;
use std::process::Output;

use crate::program::runbook;

fn run(arguments: &[&str]) -> Output {
    runbook().arg("hazards").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A file with these bytes; the folder goes with it.
fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("008_x.up.sql");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

#[test]
fn bad_file_ends_with_2_and_its_line() {
    for (bytes, said) in [
        (&b"SELECT 1;\nALTER TABEL t;\n"[..], "008_x.up.sql:2: does not parse"),
        (b"SELECT 1;\n\xff\xfe", "008_x.up.sql:2: is not UTF-8 from here on"),
        (
            b"-- runbook: allow no-such-rule because x\nSELECT 1;",
            "008_x.up.sql:1: there is no rule `no-such-rule`",
        ),
        (
            b"-- runbook: allow rows-deleted\nDELETE FROM a;",
            "008_x.up.sql:1: it allows `rows-deleted` without a reason",
        ),
    ] {
        let (_folder, path) = file(bytes);
        let output = run(&[&path.display().to_string()]);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        // The drawing breaks long lines.
        let flat: String = errors.split_whitespace().collect::<Vec<_>>().join(" ").replace("│ ", "");
        assert!(flat.replace(' ', "").contains(&said.replace(' ', "")), "{errors}");
    }
    let output = run(&["/nowhere/008.sql"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("cannot be read"), "{}", text(&output.stderr));
}

#[test]
fn hazard_is_said_with_its_line_who_is_hurt_and_what_to_write_instead() {
    let (_folder, path) = file(b"-- customers\nCREATE INDEX ix_projects_customer ON projects (customer);\n");
    let output = run(&[&path.display().to_string()]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let page = text(&output.stdout);
    for words in [
        "line 2 projects: index-not-concurrent (stall)",
        "locked: Share on the table",
        "instead: CREATE INDEX CONCURRENTLY IF NOT EXISTS",
        "1 of 1 migration would be a hazard",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let output = run(&["--json", &path.display().to_string()]);
    let entries: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (entries[0]["rule"].as_str(), entries[0]["line"].as_u64()),
        (Some("index-not-concurrent"), Some(2))
    );
}

#[test]
fn pending_migrations_are_those_after_the_revision_that_is_named() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("007_partition_metadata.up.sql"), "{}", text(&output.stdout));
    let output = run(&["--from", "005"]);
    assert_eq!(output.status.code(), Some(1));
    let output = run(&["--from", "099"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("--from 099: there is no such revision"),
        "{}",
        text(&output.stderr)
    );
}
