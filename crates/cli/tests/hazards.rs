//! `runbook hazards`: what it prints, and one sentence for each bad file.

use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;

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
    let json = told(&output);
    let migration = &json["migrations"][0];
    let finding = &migration["findings"][0];
    assert_eq!((&migration["hazard"], &migration["measured"]), (&true.into(), &Value::Null));
    assert_eq!((&finding["rule"], &finding["line"]), (&"index-not-concurrent".into(), &2.into()));
}

#[test]
fn measurement_is_told_in_json_statement_by_statement() {
    let text = b"SELECT 1;\nALTER TABLE project_events ALTER COLUMN event_id TYPE bigint;\n\
        UPDATE pricing_configs SET updated_at = updated_at;\n";
    let (_folder, path) = file(text);
    let output = run(&["--json", "--measure", "--rows", "2000", &path.display().to_string()]);
    assert_eq!(output.status.code(), Some(1), "{}", text_of(&output));
    let json = told(&output);
    let measured = &json["migrations"][0]["measured"];
    assert_eq!(measured["copies"], serde_json::json!([200, 2000]));
    let [first, second, third] = measured["statements"].as_array().unwrap().as_slice() else {
        panic!("{measured:#}")
    };
    assert_eq!(first["locks"], serde_json::json!([]), "{first:#}");
    let locked: Vec<(&str, &str)> = second["locks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|lock| (of(lock, "kind"), of(lock, "relation")))
        .collect();
    assert!(locked.contains(&("table", "project_events")), "{locked:?}");
    assert!(locked.contains(&("index", "ix_project_events_event_type")), "{locked:?}");
    assert!(second["rewritten"].as_array().unwrap().contains(&"project_events".into()), "{second:#}");
    assert!(
        second["rows_read"].as_u64() >= Some(2000) && second["wal_bytes"].as_u64() > Some(0),
        "{second:#}"
    );
    // It holds what it has locked until the last statement is done.
    assert!(second["held_ms"].as_f64() > third["held_ms"].as_f64(), "{measured:#}");
    let wait = &second["waits"][0];
    assert_eq!((of(wait, "who"), of(wait, "table")), ("everybody", "project_events"));
    assert_eq!(of(wait, "mode"), "AccessExclusiveLock");
    let victims = second["victims"].as_array().unwrap();
    assert!(victims.iter().any(|victim| of(victim, "table") == "project_events"), "{victims:#?}");
    let usual = measured["usual"].as_array().unwrap();
    assert!(usual.iter().all(|victim| victim["blocked"] == 0) && usual.len() >= 2, "{usual:#?}");
    assert!(third["touched"]["pricing_configs"].as_u64() > Some(0), "{third:#}");
}

#[test]
fn what_would_leave_the_copy_is_not_measured_and_ends_with_3() {
    let (_folder, path) =
        file(b"CREATE ROLE outside_the_copy;\nCREATE TABLE notes (id integer PRIMARY KEY);\n");
    let path = path.display().to_string();
    let output = run(&["--measure", "--rows", "1000", &path]);
    assert_eq!(output.status.code(), Some(3), "{}", text_of(&output));
    let page = text(&output.stdout);
    assert!(page.contains("  not measured, line 1: it is about roles"), "{page}");
    let output = run(&["--json", "--measure", "--rows", "1000", &path]);
    let unmeasured = &told(&output)["migrations"][0]["measured"]["unmeasured"];
    assert_eq!((&unmeasured[0]["line"], unmeasured.as_array().unwrap().len()), (&1.into(), 1));
    // The text alone tells all that it can.
    assert_eq!(run(&[&path]).status.code(), Some(0));
}

#[test]
fn a_measurement_that_a_migration_cuts_off_is_none() {
    let (_folder, path) = file(b"SET statement_timeout = '1ms';\nSELECT pg_sleep(10);\n");
    let output = run(&["--measure", "--rows", "1000", &path.display().to_string()]);
    // Either of our looks or its own statement is cut off.
    assert_ne!(output.status.code(), Some(2), "{}", text_of(&output));
    let (_folder, path) = file(b"-- no-transaction\nDISCARD ALL;\n");
    let output = run(&["--measure", "--rows", "1000", &path.display().to_string()]);
    assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
}

#[test]
fn a_file_stands_on_those_that_are_named_before_it() {
    let (_one, first) = file(b"CREATE TABLE IF NOT EXISTS notes (id integer PRIMARY KEY, said text);\n");
    let (_other, second) = file(b"CREATE INDEX IF NOT EXISTS ix_notes ON notes (said);\n");
    let (first, second) = (first.display().to_string(), second.display().to_string());
    for more in [&[][..], &["--measure", "--rows", "1000"]] {
        let output = run(&[more, &[&first, &second]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
    }
    // Alone it stands on nothing that is known.
    let output = run(&[&second]);
    assert_eq!(output.status.code(), Some(1), "{}", text_of(&output));
    // Where those before it are refused, nothing is said of it.
    let (_third, wrong) = file(b"ALTER TABLE nowhere ADD COLUMN a integer;\n");
    let output = run(&["--measure", "--rows", "1000", &wrong.display().to_string(), &second]);
    assert!(
        text(&output.stdout).contains("not measured: what goes before it is refused ("),
        "{}",
        text_of(&output)
    );
}

#[test]
fn what_would_end_the_parser_is_a_sentence() {
    let deep = format!("SELECT {}1{};", "(".repeat(200_000), ")".repeat(200_000));
    let (_folder, path) = file(deep.as_bytes());
    let output = run(&[&path.display().to_string()]);
    assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
    assert!(text(&output.stderr).contains("is nested more than 400 deep"), "{}", text_of(&output));
}

/// What was printed, which must be as the schema says.
#[track_caller]
fn told(output: &Output) -> Value {
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let schema = serde_json::from_str(include_str!("../../../docs/hazards.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<String> =
        validator.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(problems.is_empty(), "{problems:#?}\n{json:#}");
    json
}

fn of<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap()
}

fn text_of(output: &Output) -> String {
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
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
