//! Settings and runbook must fit each other; where they do not, the line is named.

use rstest::rstest;
use runbook::action::Action;
use runbook::procedure::{Procedure, Registry};
use runbook::settings::Settings;

use crate::folder;

const RUNBOOK: &str = "# Release\n\n## One\n\n- Look\n- Talk\n\n## Two\n\n- Look\n";
const FITTING: &str = "[[line]]\nwords = \"Look\"\nsection = \"One\"\nnot_measured = \"x\"\n[[line]]\nwords = \"Look\"\n\
                       section = \"Two\"\nnot_measured = \"x\"\n[[line]]\nwords = \"Talk\"\nnot_measured = \"x\"\n";

/// The sentence for these settings.
fn refused(runbook: &str, lines: &str) -> String {
    let folder = folder::of(runbook, lines);
    let planned =
        Settings::load(folder.path()).and_then(|settings| Procedure::of(&settings, &Registry::of([], [])));
    let text = planned.expect_err("it fits").to_string();
    text.replace(&folder.path().display().to_string(), "DIR")
}

#[test]
fn a_line_of_the_runbook_that_nothing_stands_for_is_refused() {
    let missing = refused(&RUNBOOK.replace("- Talk", "- Talk\n- Sing"), FITTING);
    assert_eq!(missing, "DIR/runbook.md:7: no [[line]] of runbook.toml stands for `Sing`");
}

#[rstest]
#[case::nothing("")]
#[case::prose("# Release\n\n## One\n\nLook, then talk.\n")]
#[case::a_table("# Release\n\n## One\n\n| what | who |\n|---|---|\n| look | all |\n")]
fn a_runbook_without_lines_is_refused(#[case] runbook: &str) {
    assert_eq!(refused(runbook, ""), "DIR/runbook.md:1: it holds no line that can be carried out or judged");
}

#[test]
fn all_lines_that_are_missing_are_told_at_once() {
    let folder = folder::of(RUNBOOK, "");
    let error = Procedure::of(&Settings::load(folder.path()).unwrap(), &Registry::of([], [])).unwrap_err();
    assert!(error.to_string().ends_with("stands for `Look`, nor for 2 more lines"), "{error}");
    let help = miette::Diagnostic::help(&error).unwrap().to_string();
    for line in ["\"Look\"\nsection = \"One\"", "\"Talk\"\nsection = \"One\"", "\"Look\"\nsection = \"Two\""]
    {
        assert!(help.contains(&format!("[[line]]\nwords = {line}\nchecks = []")), "{help}");
    }
}

#[test]
fn a_rollback_outside_the_rollback_section_is_refused() {
    let restore = Action::new("suite.rollback.restore", "go back", |_| Box::pin(async { unreachable!() }));
    let lines =
        FITTING.replace("\"Talk\"\nnot_measured = \"x\"", "\"Talk\"\nactions = [\"suite.rollback.restore\"]");
    let planned = |more: &str| {
        let folder = folder::of(RUNBOOK, &format!("{lines}{more}"));
        Procedure::of(&Settings::load(folder.path()).unwrap(), &Registry::of([], [restore]))
    };
    let error = planned("").unwrap_err();
    let said = "`suite.rollback.restore` rolls back, and `One` is not the rollback section";
    assert!(error.to_string().ends_with(said), "{error}");
    let help = miette::Diagnostic::help(&error).unwrap().to_string();
    assert!(help.ends_with("[procedure]\nrollback = \"One\""), "{help}");
    planned("[procedure]\nrollback = \"One\"\n").unwrap();
}

#[test]
fn a_mapping_must_fit_exactly_one_section() {
    let nowhere = refused(RUNBOOK, &FITTING.replace("\"Talk\"", "\"Walk\""));
    assert!(
        nowhere.starts_with("DIR/runbook.toml:") && nowhere.contains("`Walk` stands nowhere in runbook.md"),
        "{nowhere}"
    );
    let several = refused(RUNBOOK, "[[line]]\nwords = \"Look\"\nnot_measured = \"x\"\n");
    assert!(several.contains("`Look` stands in several sections: One, Two"), "{several}");
    let twice = refused(RUNBOOK, &format!("{FITTING}[[line]]\nwords = \"Talk\"\nnot_measured = \"y\"\n"));
    assert!(twice.contains("is mapped twice"), "{twice}");
    let nothing =
        refused(RUNBOOK, &FITTING.replace("words = \"Talk\"\nnot_measured = \"x\"", "words = \"Talk\""));
    assert!(nothing.contains("nothing stands for `Talk`"), "{nothing}");
}

#[test]
fn unknown_ids_are_refused_where_they_stand() {
    let check = refused(
        RUNBOOK,
        &FITTING.replace("words = \"Talk\"\n", "words = \"Talk\"\nchecks = [\"no.such\"]\n"),
    );
    assert!(
        check.starts_with("DIR/runbook.toml:") && check.contains("there is no check `no.such`"),
        "{check}"
    );
    let action = refused(
        RUNBOOK,
        &FITTING.replace("words = \"Talk\"\n", "words = \"Talk\"\nactions = [\"no.such\"]\n"),
    );
    assert!(action.contains("there is no action `no.such`"), "{action}");
    let required = refused(RUNBOOK, &format!("[checks.required]\nlive = [\"no.such\"]\n{FITTING}"));
    assert!(required.contains("there is no check `no.such`"), "{required}");
    let kind = refused(RUNBOOK, &format!("[checks.required]\nmoon = []\n{FITTING}"));
    assert!(kind.contains("moon"), "{kind}");
}
