//! One whole rehearsal, as a person starts it.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use serde_json::Value;

use crate::folder::workspace;
use crate::program::runbook;

/// Every text of a JSON value, row by row.
fn texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, into)),
        Value::Object(fields) => fields.values().for_each(|item| texts(item, into)),
        _ => {}
    }
}

/// The words of a line of Markdown: without list marker, box, heading sign, comment sign, tick or bold.
fn words(row: &str) -> &str {
    let row = row.trim().trim_start_matches(['#', '✅']).trim();
    let row = row.strip_prefix("- [ ]").or_else(|| row.strip_prefix("- ")).unwrap_or(row).trim();
    row.trim_start_matches("**").trim_end_matches("**")
}

#[test]
fn a_rehearsal_carries_out_every_line_of_the_runbook_and_is_a_go() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let fixtures = patient_fixtures(folder.path());
    let mut program = runbook();
    let program = program.arg("rehearse").arg("--report").arg(&report).arg("--fixtures").arg(&fixtures);
    // What the caller set for other databases is not about ours.
    program.env("PGSSLMODE", "verify-full").env("PGSERVICE", "nowhere");
    program.env("PGOPTIONS", "-c search_path=pg_catalog");
    let output = program.output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{shown}\n{errors}");

    let json: Value =
        serde_json::from_str(&std::fs::read_to_string(report.join("report.json")).unwrap()).unwrap();
    let schema = std::fs::read_to_string(workspace().join("docs/report.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let problems: Vec<String> =
        validator.iter_errors(&json).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(problems.is_empty(), "{problems:#?}");
    assert_eq!(json["verdict"], "go");

    every_line_appears(&json);
    every_required_check_passed(&json);

    // The seven steps in their order, and the rollback last.
    let titles: Vec<&str> =
        json["steps"].as_array().unwrap().iter().map(|s| s["title"].as_str().unwrap()).collect();
    assert_eq!(titles.last(), Some(&"Rollback Procedure"));
    assert_eq!(json["criteria"].as_array().unwrap().len(), 6);

    what_the_service_costs_is_told(&json);

    for name in ["report.html", "report.junit.xml", "journal.jsonl"] {
        let mode = std::fs::metadata(report.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let left = names(&report);
    assert_eq!(left, ["journal.jsonl", "report.html", "report.json", "report.junit.xml"], "dumps are gone");
}

/// As few rows as nobody could judge an index by: the run says what it is that is missing.
#[test]
fn a_rehearsal_that_is_too_small_says_how_large_it_is_without_a_scale() {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = patient_fixtures(folder.path());
    let rehearse = |fixtures: &Path| {
        let report = folder.path().join("report");
        runbook()
            .args(["rehearse", "--scale", "20", "--report"])
            .arg(report)
            .arg("--fixtures")
            .arg(fixtures)
            .output()
    };
    let output = rehearse(&fixtures).unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{shown}");
    let last = "With --scale 20 the tables can be too small for what is required; without it there are 10000 rows.\n";
    assert!(shown.ends_with(last), "{shown}");

    let settings = fixtures.join("runbook.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, text.replace("generate = ", "# generate = ")).unwrap();
    let output = rehearse(&fixtures).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--scale: [data] generate names no data set"), "{said}");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_rehearsal_whose_terminal_goes_leaves_nothing_of_its_own_and_no_earlier_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    // A folder of somebody's, and what a killed run left in it.
    std::fs::create_dir_all(report.join("work")).unwrap();
    std::fs::create_dir_all(report.join(".runbook-work-1-0/backups")).unwrap();
    for file in ["work/mine", ".runbook-work-1-0/lock", "report.json", "report.html", "report.junit.xml"] {
        std::fs::write(report.join(file), "\"verdict\": \"go\"").unwrap();
    }
    std::fs::set_permissions(&report, std::fs::Permissions::from_mode(0o755)).unwrap();
    let start = || {
        let mut program = runbook();
        program.arg("rehearse").arg("--report").arg(&report);
        program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let first = start();
    let own = format!(".runbook-work-{}-0", first.id());
    runbook::wait::until("the work folder", Duration::from_secs(120), || async {
        let names = names(&report);
        if names.contains(&own) { Ok(()) } else { Err(format!("{names:?}")) }
    })
    .await
    .unwrap();
    assert!(!report.join(".runbook-work-1-0").exists(), "what a killed run left is removed");
    assert!(!report.join("report.json").exists(), "an earlier verdict is gone from the beginning");

    let second = start().wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(2), "{said}");
    assert!(said.contains("another run is writing its report there") && said.lines().count() == 1, "{said}");

    let pid = Pid::from_raw(i32::try_from(first.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, Signal::HUP).unwrap();
    let ended = first.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{}", String::from_utf8_lossy(&ended.stderr));
    let left: Vec<String> = names(&report).into_iter().filter(|name| name.starts_with('.')).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(report.join("work/mine").exists());
    assert_eq!(std::fs::metadata(&report).unwrap().permissions().mode() & 0o777, 0o755);
    let json = std::fs::read_to_string(report.join("report.json")).unwrap_or_default();
    assert!(json.is_empty() || json.contains("\"verdict\": \"incomplete\""), "{json}");
}

#[test]
fn a_rehearsal_that_cannot_begin_leaves_no_earlier_verdict() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("report.json"), "{}").unwrap();
    let mut program = runbook();
    let output = program.args(["rehearse", "--to", "999", "--report"]).arg(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(names(folder.path()), [""; 0]);
}

/// The figures of the load with which it ends: how much, how soon, and with how much memory.
fn what_the_service_costs_is_told(json: &Value) {
    let actions = json["steps"].as_array().unwrap().iter().flat_map(|step| step["lines"].as_array().unwrap());
    let actions = actions.flat_map(|line| line["actions"].as_array().into_iter().flatten());
    let off: Vec<&Value> = actions.filter(|action| action["id"] == "smoke.maintenance.off").collect();
    let measured: Vec<&Value> =
        off.iter().flat_map(|action| action["measurements"].as_array().unwrap()).collect();
    let mut names = vec!["load: answered", "load: latency, p95"];
    // The system of other machines does not tell.
    if cfg!(target_os = "linux") {
        names.push("load: memory of the service, at most");
    }
    for name in names {
        let figure = measured.iter().find(|one| one["name"] == name);
        assert!(figure.is_some_and(|one| one["value"].as_f64().unwrap() > 0.0), "{name}: {off:#?}");
    }
}

/// The workspace's fixtures with budgets that a busy machine keeps: what is proved here is not the clock's business.
fn patient_fixtures(folder: &Path) -> std::path::PathBuf {
    let copy = folder.join("fixtures");
    let copied =
        std::process::Command::new("cp").arg("-r").arg(workspace().join("fixtures")).arg(&copy).status();
    assert!(copied.unwrap().success());
    let path = copy.join("runbook.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let patient = text
        .replace("\nquery_ms = 50\n", "\nquery_ms = 60000\n")
        .replace("budget_factor = 1.0", "budget_factor = 1000.0");
    assert!(patient.contains("60000") && patient.contains("1000.0"));
    std::fs::write(&path, patient).unwrap();
    copy
}

fn every_line_appears(json: &Value) {
    let mut all = Vec::new();
    texts(json, &mut all);
    let rows: BTreeSet<&str> = all.iter().flat_map(|text| text.lines()).map(str::trim).collect();
    let markdown = std::fs::read_to_string(workspace().join("fixtures/runbook.md")).unwrap();
    let wanted = markdown.lines().map(words).filter(|row| !row.is_empty() && !row.starts_with("```"));
    let missing: Vec<&str> = wanted.filter(|row| !rows.contains(row)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

fn every_required_check_passed(json: &Value) {
    let steps = json["steps"].as_array().unwrap();
    let lines = steps.iter().flat_map(|step| step["lines"].as_array().unwrap());
    let checks: Vec<&Value> = lines.flat_map(|line| line["checks"].as_array().unwrap()).collect();
    let required: Vec<_> = checks.iter().filter(|check| check["required"] == true).collect();
    assert!(required.len() > 15, "{}", required.len());
    for check in required {
        assert_eq!(check["verdict"], "pass", "{check}");
    }
}
