//! The program's own manners: arguments, exit statuses, one sentence for each mistake.

use std::process::{Command, Output};

use crate::folder::{self, workspace};

/// The program, with the workspace's fixtures and without what this process's environment would add.
pub(crate) fn runbook() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runbook"));
    command.current_dir(workspace()).env_remove("RUNBOOK_FIXTURES").env_remove("RUNBOOK_TARGET");
    command.env_remove("RUST_LOG").env("NO_COLOR", "1");
    command
}

fn run(arguments: &[&str]) -> Output {
    runbook().args(arguments).output().unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn every_check_is_listed_with_the_lines_it_stands_for() {
    let output = run(&["list", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    let entries: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(entries.len() > 40, "{}", entries.len());
    let valid = entries.iter().find(|entry| entry["id"] == "schema.indexes.valid").unwrap();
    assert_eq!(valid["live_safe"], true);
    assert_eq!(valid["lines"][0], "Check indexes");
    assert_eq!(valid["required"], serde_json::json!(["ephemeral", "live"]));
    let page = printed(&run(&["list"]));
    assert!(page.contains("smoke.project.create") && page.contains("Create test project"), "{page}");
}

/// What the settings may name is seen before they are right.
#[test]
fn everything_is_listed_although_the_settings_are_wrong() {
    let folder = folder::of("# Release\n\n## One\n\n- Look\n", "");
    let output = runbook().args(["list", "--quiet", "--fixtures"]).arg(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains("stands for `Look`"), "{}", errors(&output));
    assert_eq!(printed(&output), printed(&run(&["list", "--quiet"])));
}

#[test]
fn mistakes_on_the_command_line_end_with_2_and_one_sentence() {
    for (arguments, said) in [
        (&["verify"][..], "--target"),
        (&["verify", "--target", "nowhere"], "runbook.toml has no [targets.nowhere]; it names staging"),
        (
            &["verify", "--database-url", "mysql://x:hunter2@y/z"],
            "--database-url: not a usable database address",
        ),
        (
            &["verify", "--database-url", "postgres://x@y/z", "--only", "nosuch"],
            "there is no such suite or check",
        ),
        (
            &["verify", "--database-url", "postgres://x@y/z", "--only", "integrty"],
            "--only integrty: there is no such suite or check (did you mean integrity?); `runbook list` shows all",
        ),
        (&["explain", "project_by_i"], "there is no query project_by_i (did you mean project_by_id?): "),
        (&["verify", "--target", ""], "a value is required for '--target <NAME>'"),
        (&["rehearse", "--to", ""], "a value is required for '--to <REV>'"),
        (&["describe", "projects"], "Usage: runbook describe"),
        (&["rehearse", "--to", "999"], "--to 999: there is no such revision; there are 001"),
        (&["rehearse", "--from", "007", "--to", "006"], "--from 007 is not before --to 006"),
        (&["report", "/nowhere.json"], "/nowhere.json: cannot be read"),
        (&["rehearse", "--report", "/proc/report"], "the report cannot be written to /proc/report"),
        (&["list", "--fixtures", "/nowhere"], "cannot be read"),
        (&["dance"], "unrecognized subcommand"),
        (&["verify", "--database-url", ""], "it is empty"),
        (&["verify", "--database-url", "postgres://x@h1:1,h2:2/z"], "names several hosts"),
    ] {
        let output = run(arguments);
        let errors = errors(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(said), "{arguments:?}: {errors}");
        assert!(!errors.contains("hunter2") && !errors.contains("panicked"), "{errors}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn output_that_cannot_be_written_is_an_error_unless_its_reader_went_away() {
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = runbook().arg("list").stdout(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains("standard output cannot be written"), "{}", errors(&output));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = runbook().arg("list").stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
}

#[test]
fn a_flag_wins_over_the_variable_of_the_other_flag() {
    let url = "postgres://someone@127.0.0.1:1/nothing";
    let given = |arguments: &[&str]| {
        errors(&runbook().args(arguments).env("RUNBOOK_TARGET", "nowhere").output().unwrap())
    };
    assert!(given(&["verify", "--database-url", url]).contains("127.0.0.1:1"));
    assert!(given(&["verify"]).contains("[targets.nowhere]"));
    let both = given(&["verify", "--target", "staging", "--database-url", url]);
    assert!(both.contains("cannot be used with"), "{both}");
}

#[test]
fn quiet_is_little_everywhere() {
    let listed = printed(&run(&["list", "-q"]));
    assert!(listed.lines().all(|line| !line.contains(' ')) && listed.contains("schema."), "{listed}");
    let chosen = printed(&run(&["doctor", "-q"]));
    assert_eq!(chosen.lines().count(), 1, "{chosen}");
}

#[test]
fn settings_that_are_wrong_are_shown_where_they_stand() {
    let folder = folder::of("# Release\n\n- Look\n", "[[line]]\nwords = \"Look\"\ncheks = []\n");
    let output = run(&["list", "--fixtures", folder.path().to_str().unwrap()]);
    let errors = errors(&output);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(
        errors.contains("runbook.toml:11") && errors.contains("cheks") && errors.contains("here"),
        "{errors}"
    );
}

#[test]
fn a_document_that_cannot_be_read_is_told_with_what_to_do() {
    let folder = folder::of("# Release\n", "");
    let said = || errors(&run(&["list", "--fixtures", folder.path().to_str().unwrap()]));
    std::fs::write(folder.path().join("runbook.md"), b"# \xff\n").unwrap();
    assert!(said().contains("save it as UTF-8"), "{}", said());
    std::fs::remove_file(folder.path().join("runbook.md")).unwrap();
    assert!(said().contains("correct [system] runbook") && !said().contains("--fixtures"), "{}", said());
    std::fs::create_dir(folder.path().join("runbook.md")).unwrap();
    assert!(said().contains("name a file in [system] runbook"), "{}", said());
}

#[test]
fn an_unreachable_database_is_one_sentence_without_its_password() {
    let output = run(&["verify", "--database-url", "postgres://someone:hunter2@127.0.0.1:1/nothing"]);
    let errors = errors(&output);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("127.0.0.1:1") && !errors.contains("hunter2"), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
}

#[test]
fn the_program_without_rehearsals_carries_no_container_code() {
    let tree = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command.current_dir(workspace()).args([
            "tree",
            "--offline",
            "-p",
            "cli",
            "-e",
            "normal",
            "--prefix",
            "none",
        ]);
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", errors(&output));
        printed(&output)
    };
    let holds = |tree: &str, name: &str| tree.lines().any(|line| line.split(' ').next() == Some(name));
    let lean = tree(&["--no-default-features"]);
    for name in ["harness", "testcontainers", "bollard"] {
        assert!(!holds(&lean, name), "{name} is in the tree");
    }
    // The question can be answered with yes.
    let whole = tree(&[]);
    assert!(holds(&whole, "harness") && holds(&whole, "testcontainers"));
}

/// Cargo may build elsewhere (`CARGO_TARGET_DIR`), and builds once for all targets where they choose the same packages.
#[test]
fn the_makefile_lets_cargo_find_the_program() {
    let makefile = std::fs::read_to_string(workspace().join("Makefile")).unwrap();
    assert!(!makefile.contains("target/debug"), "a program is named by its place");
    let ran: Vec<&str> = makefile.lines().filter(|line| line.contains("$(CARGO) run")).collect();
    assert!(ran.len() >= 3 && ran.iter().all(|line| line.contains("run -q --bin runbook --")), "{ran:?}");
}
