//! The nightly tests: each live-safe check on the target that `RUNBOOK_TARGET` names, as a test of its own.
//!
//! The program itself lists the checks, so that none can be forgotten here. This binary speaks what nextest asks
//! (`--list --format terse`, `--exact NAME`); it has no libtest because the names are known at run time only.
//!
//! A test fails when its check fails, and when its check is required on a live target (`[checks.required] live`) and
//! was not measured. Without a target every test fails. Plain `cargo test` has no target to ask: it says so.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "nextest reads the list here, and a person the sentence"
)]

use std::process::{Command, ExitCode};

use serde_json::Value;

const TARGET: &str = "RUNBOOK_TARGET";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let done = if has("--list") {
        // None is ignored.
        if has("--ignored") { Ok(()) } else { list() }
    } else if has("--exact") {
        arguments.iter().filter(|argument| !argument.starts_with("--")).try_for_each(|name| ask(name))
    } else if std::env::var_os(TARGET).is_none() {
        println!("staging: nothing asked; set {TARGET} and run `cargo nextest run --profile staging`");
        Ok(())
    } else {
        live_safe().and_then(|checks| checks.iter().try_for_each(|check| ask(&check.id)))
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

struct LiveSafe {
    id: String,
    required: bool,
}

fn list() -> Result<(), String> {
    for check in live_safe()? {
        println!("{}: test", check.id);
    }
    Ok(())
}

/// The checks that may run on a live target, as `runbook list` gives them.
fn live_safe() -> Result<Vec<LiveSafe>, String> {
    let (stdout, stderr, _) = runbook(&["list", "--json"])?;
    let entries: Value =
        serde_json::from_str(&stdout).map_err(|error| format!("runbook list: {error}\n{stderr}"))?;
    let entries = entries.as_array().ok_or("runbook list --json gives no array")?;
    let live: Vec<LiveSafe> = entries
        .iter()
        .filter(|entry| entry["live_safe"] == true)
        .filter_map(|entry| {
            let required =
                entry["required"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "live"));
            Some(LiveSafe { id: entry["id"].as_str()?.to_owned(), required })
        })
        .collect();
    if live.is_empty() { Err("no check may run on a live target".into()) } else { Ok(live) }
}

/// Asks one check of the target.
fn ask(id: &str) -> Result<(), String> {
    let target = std::env::var(TARGET)
        .ok()
        .filter(|target| !target.is_empty())
        .ok_or(format!("{TARGET} is not set: it names the [targets.NAME] of runbook.toml to ask"))?;
    let check = live_safe()?
        .into_iter()
        .find(|check| check.id == id)
        .ok_or(format!("there is no live-safe check `{id}`"))?;
    let (stdout, stderr, code) = runbook(&["verify", "--target", &target, "--only", id, "--json"])?;
    let report: Value =
        serde_json::from_str(&stdout).map_err(|_| format!("status {code:?}: {stderr}{stdout}"))?;
    let mut results = Vec::new();
    collect(&report, id, &mut results);
    if results.is_empty() {
        return Err(format!("the report does not hold `{id}`"));
    }
    for result in results {
        let shown = || serde_json::to_string_pretty(result).unwrap_or_default();
        match result["verdict"].as_str() {
            Some("pass") => {}
            Some("not_measured") if !check.required => println!("not measured: {}", result["reason"]),
            Some("not_measured") => {
                return Err(format!("`{id}` is required and was not measured: {}", result["reason"]));
            }
            _ => return Err(shown()),
        }
    }
    Ok(())
}

/// Every result of this check in the report: it may stand for several lines.
fn collect<'a>(value: &'a Value, id: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, id, found)),
        Value::Object(fields) => {
            if fields.get("id").is_some_and(|known| known == id) && fields.contains_key("verdict") {
                found.push(value);
            } else {
                fields.values().for_each(|field| collect(field, id, found));
            }
        }
        _ => {}
    }
}

fn runbook(arguments: &[&str]) -> Result<(String, String, Option<i32>), String> {
    let output = Command::new(env!("CARGO_BIN_EXE_runbook"))
        .args(arguments)
        .output()
        .map_err(|error| format!("the program `runbook` cannot be run: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((text(&output.stdout), text(&output.stderr), output.status.code()))
}
