//! The procedure engine, with checks and actions of our own on an empty database.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::Database;
use runbook::action::Action;
use runbook::check::{Check, CheckError};
use runbook::context::Context;
use runbook::procedure::{Journal, Procedure, Progress, Registry, Run, Silent};
use runbook::report::{Decision, Report, RunKind, Target, TargetKind};
use runbook::settings::Settings;
use runbook::verdict::{Evidence, Finding, Outcome, Verdict};
use tokio::sync::watch;

use crate::folder;

const RUNBOOK: &str = "# Release\n\n## Before\n\n- [ ] Look\n- [ ] Look again\n\n## Rollback\n\n```\nundo\n```\n\n\
                       ## Do\n\n```\n# Change\nchange it\n# Verify\n```\n\n## After\n\n- Look once more\n- Page somebody\n\n\
                       ## Success Criteria\n\n✅ Looks good  \n✅ No rollback\n";

const LINES: &str = r#"
[checks.required]
ephemeral = ["a.look.ok"]
[[line]]
words = "Look"
checks = ["a.look.ok"]
[[line]]
words = "Look again"
checks = ["a.look.ok", "a.look.other"]
[[line]]
words = "Change"
actions = ["a.change"]
checks = ["a.look.ok"]
[[line]]
words = "Verify"
checks = ["a.look.other"]
[[line]]
words = "undo"
actions = ["a.undo"]
[[line]]
words = "Look once more"
actions = ["a.resume"]
[[line]]
words = "Page somebody"
not_measured = "nobody is awake"
[[line]]
words = "Looks good"
checks = ["a.look.ok"]
[[line]]
words = "No rollback"
checks = ["procedure.rollback.not_required"]
"#;

/// What the checks and actions of a test do: in the stash, because checks are plain functions.
#[derive(Default)]
struct Script {
    looked: AtomicUsize,
    look_fails: bool,
    other_fails: bool,
    change_fails: bool,
    unmeasured: bool,
    /// The run is interrupted while `change` is under way, which then does not end.
    interrupts: Option<watch::Sender<bool>>,
}

fn evidence(fails: bool) -> Verdict {
    let mut evidence = Evidence::of("things");
    evidence.examine(1);
    if fails {
        evidence.find(Finding::error("thing", "is broken", "mend it"));
    }
    evidence.verdict()
}

fn registry() -> Registry {
    let script = |context: &Context| context.stash.get::<Script>().unwrap_or_default();
    let _ = script;
    Registry::of(
        [
            Check::live_safe("a.look.ok", "it looks well", |context| {
                Box::pin(async move {
                    let script = context.stash.get::<Script>().unwrap_or_default();
                    script.looked.fetch_add(1, Ordering::SeqCst);
                    if script.unmeasured {
                        return Err(CheckError::Missing("there is no light".into()));
                    }
                    Ok(evidence(script.look_fails))
                })
            }),
            Check::live_safe("a.look.other", "it looks well from elsewhere", |context| {
                Box::pin(async move {
                    Ok(evidence(context.stash.get::<Script>().unwrap_or_default().other_fails))
                })
            }),
        ],
        [
            Action::new("a.change", "change it", |context| {
                Box::pin(async move {
                    if let Some(stop) = &context.stash.get::<Script>().unwrap_or_default().interrupts {
                        stop.send_replace(true);
                        std::future::pending::<()>().await;
                    }
                    if context.stash.get::<Script>().unwrap_or_default().change_fails {
                        return Err(CheckError::Other("the lock was held".into()));
                    }
                    Ok(evidence(false))
                })
            }),
            Action::new("a.undo", "undo it", |_| Box::pin(async { Ok(evidence(false)) })),
            Action::new("a.resume", "go on", |_| Box::pin(async { Ok(evidence(false)) })),
        ],
    )
}

struct Ran {
    report: Report,
    script: Arc<Script>,
    journal: String,
    _folder: tempfile::TempDir,
}

impl Ran {
    /// The verdict of the line with these words.
    fn line(&self, words: &str) -> Outcome {
        self.find(words).verdict
    }

    #[track_caller]
    fn find(&self, words: &str) -> &runbook::report::Line {
        let lines = self.report.steps.iter().flat_map(|step| &step.lines);
        lines.into_iter().find(|line| line.words == words).unwrap_or_else(|| panic!("no line `{words}`"))
    }
}

async fn run(script: Script, kind: RunKind, stop: watch::Receiver<bool>) -> Ran {
    let database = Database::empty().await.unwrap();
    let folder = folder::of(RUNBOOK, LINES);
    let settings = Settings::load(folder.path()).unwrap();
    let procedure = Procedure::of(&settings, &registry()).unwrap();
    let journal = folder.path().join("journal.jsonl");
    let context =
        Context::new(Arc::new(settings), runbook::context::Database::Ephemeral((*database).clone()));
    context.stash.put(script);
    let run = Run {
        procedure: &procedure,
        context: &context,
        kind,
        target: Target {
            kind: TargetKind::Ephemeral,
            name: "test".into(),
            server: None,
            from: None,
            to: None,
        },
        further: Vec::new(),
        only: None,
        observer: &Silent,
        journal: Some(Journal::create(&journal).unwrap()),
        stop,
    };
    let report = run.carry_out().await;
    let script = context.stash.get::<Script>().unwrap();
    Ran { report, script, journal: std::fs::read_to_string(journal).unwrap(), _folder: folder }
}

async fn rehearse(script: Script) -> Ran {
    let (_keep, stop) = watch::channel(false);
    run(script, RunKind::Rehearsal, stop).await
}

#[tokio::test]
async fn sections_are_carried_out_as_written_and_the_rollback_last() {
    let ran = rehearse(Script::default()).await;
    let titles: Vec<&str> = ran.report.steps.iter().map(|step| step.title.as_str()).collect();
    assert_eq!(titles, ["Before", "Do", "After", "Rollback"]);
    assert_eq!(ran.report.verdict, Decision::Go, "{:?}", ran.report.reasons);
    assert_eq!(ran.line("Page somebody"), Outcome::NotMeasured);
    assert_eq!(ran.find("Page somebody").reason.as_deref(), Some("nobody is awake"));
    assert_eq!(ran.report.criteria.iter().map(|c| c.verdict).collect::<Vec<_>>(), [Outcome::Pass; 2]);
}

#[tokio::test]
async fn a_check_is_asked_again_only_after_an_action() {
    let ran = rehearse(Script::default()).await;
    // Before: once for two lines. After `change`: once more. After `resume`: once, for the criterion.
    assert_eq!(ran.script.looked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_failed_action_ends_the_deployment_and_the_rollback_is_proved_even_so() {
    let ran = rehearse(Script { change_fails: true, ..Script::default() }).await;
    assert_eq!(ran.report.verdict, Decision::NoGo);
    assert_eq!(ran.line("Change"), Outcome::Fail);
    assert!(ran.report.reasons[0].contains("the lock was held"), "{:?}", ran.report.reasons);
    let reason = ran.find("Look once more").reason.as_deref();
    assert_eq!(reason, Some("not reached: `Change` failed in `Do`"));
    assert_eq!(ran.find("Verify").checks[0].verdict, Outcome::NotMeasured);
    assert_eq!(ran.line("undo"), Outcome::Pass);
    assert_eq!(ran.report.criteria[1].verdict, Outcome::Fail, "a rollback is required");
}

#[tokio::test]
async fn a_failed_check_closes_the_gate_but_what_only_looks_goes_on() {
    let ran = rehearse(Script { look_fails: true, ..Script::default() }).await;
    assert_eq!(ran.report.verdict, Decision::NoGo);
    assert_eq!(ran.find("Look again").checks[1].verdict, Outcome::Pass);
    assert_eq!(ran.find("Change").reason.as_deref(), Some("not reached: `Look` failed in `Before`"));
    assert!(!ran.journal.contains("a.change"), "{}", ran.journal);
    let late = rehearse(Script { other_fails: true, ..Script::default() }).await;
    assert_eq!(late.line("Look again"), Outcome::Fail);
    assert_eq!(late.line("undo"), Outcome::Pass);
}

#[tokio::test]
async fn a_required_check_that_was_not_measured_makes_the_run_incomplete() {
    let ran = rehearse(Script { unmeasured: true, ..Script::default() }).await;
    assert_eq!(ran.report.verdict, Decision::Incomplete);
    assert_eq!(ran.report.reasons, ["a.look.ok: required, and not measured: there is no light"]);
}

#[tokio::test]
async fn a_verification_does_nothing_and_says_so() {
    let (_keep, stop) = watch::channel(false);
    let ran = run(Script { change_fails: true, ..Script::default() }, RunKind::Verification, stop).await;
    assert!(!ran.journal.contains("begin"), "{}", ran.journal);
    assert_eq!(ran.line("Change"), Outcome::Pass, "its check stands for it");
    assert_eq!(ran.find("undo").reason.as_deref(), Some("it is something to do, and this run only looks"));
    assert_eq!(ran.report.criteria[1].verdict, Outcome::NotMeasured);
    assert_eq!(ran.report.verdict, Decision::Go);
}

#[tokio::test]
async fn an_interrupted_run_reports_every_line_and_is_incomplete() {
    let (stopping, stop) = watch::channel(false);
    stopping.send(true).unwrap();
    let ran = run(Script::default(), RunKind::Rehearsal, stop).await;
    assert_eq!(ran.report.verdict, Decision::Incomplete);
    assert!(ran.report.reasons[0].contains("interrupted"));
    assert_eq!(ran.find("undo").reason.as_deref(), Some("not reached: the run was interrupted"));
    assert_eq!(ran.report.steps.iter().map(|step| step.lines.len()).sum::<usize>(), 7);
}

#[tokio::test]
async fn what_an_interruption_cut_off_is_not_measured_and_no_failure() {
    let (stopping, stop) = watch::channel(false);
    let script = Script { interrupts: Some(stopping), ..Script::default() };
    let ran = run(script, RunKind::Rehearsal, stop).await;
    assert_eq!(ran.report.reasons, ["interrupted: the run was ended before its end"]);
    assert_eq!(ran.report.verdict, Decision::Incomplete);
    assert_eq!(ran.find("Change").actions[0].verdict, Outcome::NotMeasured);
    assert_eq!(ran.find("Look").checks[0].verdict, Outcome::Pass, "what was found before it stays");
    assert!(ran.report.results().all(|result| result.verdict != Outcome::Fail));
    assert_eq!(ran.report.criteria[0].checks[0].id, "a.look.ok", "a criterion tells what was not reached");
    assert!(ran.journal.contains("\"outcome\":\"INCOMPLETE\""), "{}", ran.journal);
}

#[tokio::test]
async fn the_journal_notes_what_was_begun_and_how_it_ended() {
    let ran = rehearse(Script { change_fails: true, ..Script::default() }).await;
    let entries: Vec<serde_json::Value> =
        ran.journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown: Vec<String> = entries
        .iter()
        .map(|entry| format!("{} {} {}", entry["event"].as_str().unwrap(), entry["id"], entry["outcome"]))
        .collect();
    assert_eq!(
        shown,
        [
            "begin \"a.change\" null",
            "end \"a.change\" \"fail\"",
            "begin \"a.undo\" null",
            "end \"a.undo\" \"pass\"",
            "run null \"NO-GO\"",
        ]
    );
}

#[tokio::test]
async fn no_rollback_was_required_unless_the_deployment_stopped() {
    let database = Database::empty().await.unwrap();
    let check = runbook::procedure::checks().remove(0);
    let context = database.context();
    assert_eq!(check.run(&context).await.outcome(), Outcome::NotMeasured);
    context.stash.put(Progress { done: 4, stopped: None });
    assert_eq!(check.run(&context).await.outcome(), Outcome::Pass);
    for defect in folder::defects(check.id) {
        let stopped = defect["progress"]["stopped"].as_str().map(ToOwned::to_owned);
        let done = u64::try_from(defect["progress"]["done"].as_integer().unwrap()).unwrap();
        context.stash.put(Progress { done, stopped });
        assert_eq!(check.run(&context).await.outcome(), Outcome::Fail, "{defect}");
    }
}
