//! Carrying the procedure out, and writing down what happened.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Instant;

use tokio::sync::watch;

use super::decide::{INTERRUPTED, decide};
use super::outcome::{failure, first_row, rounded, whole, worst};
use super::{Journal, Observer, Procedure, Progress, Step, StepLine};
use crate::action::{Action, Place};
use crate::check::{Check, CheckError};
use crate::context::Context;
use crate::report::{
    CheckResult, Criterion, Line, Report, RunKind, SCHEMA_VERSION, Step as StepReport, Target,
};
use crate::verdict::{Outcome, Verdict};

/// A run of a procedure.
pub struct Run<'a> {
    /// What to carry out.
    pub procedure: &'a Procedure,
    /// On what.
    pub context: &'a Context,
    /// Everything, or only looking.
    pub kind: RunKind,
    /// What the report says about the target.
    pub target: Target,
    /// The checks that stand for no line and are asked all the same, under a heading of their own.
    pub further: Vec<Check>,
    /// Which checks are asked: all, or those that this returns `true` for.
    pub only: Option<&'a (dyn Fn(&str) -> bool + Send + Sync)>,
    /// Who looks on.
    pub observer: &'a dyn Observer,
    /// Where it is noted what was begun and done.
    pub journal: Option<Journal>,
    /// Becomes `true` when the run is to end.
    pub stop: watch::Receiver<bool>,
}

/// Whether the deployment goes on.
#[derive(Clone)]
enum Gate {
    Open,
    /// A check failed: nothing more is done.
    Closed(String),
    /// An action failed, or was withheld.
    Ended(String),
}

/// What was found since the last action.
#[derive(Default)]
struct Known {
    verdicts: Mutex<HashMap<&'static str, CheckResult>>,
}

impl Run<'_> {
    /// Carries it out. It always ends with a report.
    pub async fn carry_out(self) -> Report {
        let began = Instant::now();
        let started_at = crate::report::now();
        let known = Known::default();
        if self.kind == RunKind::Rehearsal {
            self.context.stash.put(Progress::default());
        }
        let (steps, criteria) = self.everything(&known).await;
        let interrupted = (*self.stop.borrow()).then_some("interrupted: the run was ended before its end");
        let mut report = Report {
            schema_version: SCHEMA_VERSION,
            title: self.procedure.title.clone(),
            system: self.context.settings.system.title.clone(),
            kind: self.kind,
            verdict: crate::report::Decision::Incomplete,
            reasons: Vec::new(),
            target: self.target.clone(),
            started_at,
            seconds: 0.0,
            intro: self.procedure.intro.clone(),
            steps,
            criteria_title: self.procedure.criteria.as_ref().map(|step| step.title.clone()),
            criteria,
        };
        (report.verdict, report.reasons) =
            decide(&report, &self.required(), interrupted, |id| !self.procedure.words_of(id).is_empty());
        report.seconds = rounded(began);
        if let Some(journal) = &self.journal {
            // The report holds the same; a full disk is said when it is saved.
            let _ = journal.close(report.verdict.words());
        }
        report
    }

    async fn everything(&self, known: &Known) -> (Vec<StepReport>, Vec<Criterion>) {
        let mut gate = Gate::Open;
        let mut steps = Vec::new();
        let (rollbacks, forward): (Vec<&Step>, Vec<&Step>) =
            self.procedure.steps.iter().partition(|s| s.rollback);
        for step in forward {
            steps.push(self.step(step, &mut gate, known).await);
        }
        if let Some(step) = self.further() {
            steps.push(self.step(&step, &mut gate, known).await);
        }
        let criteria = self.criteria(known).await;
        for step in rollbacks {
            // A drill: it is proved whatever became of the deployment.
            steps.push(self.step(step, &mut Gate::Open, known).await);
        }
        (steps, criteria)
    }

    fn further(&self) -> Option<Step> {
        let lines = self.further.iter().filter(|check| self.selects(check.id)).map(|check| StepLine {
            line: crate::document::DocumentLine { words: check.title.to_owned(), ..Default::default() },
            actions: Vec::new(),
            checks: vec![*check],
            not_measured: None,
        });
        let lines: Vec<_> = lines.collect();
        (!lines.is_empty()).then(|| Step {
            id: "further-checks".into(),
            title: "Further checks".into(),
            part: None,
            intro: vec!["No line of the runbook asks these.".into()],
            rollback: false,
            lines,
        })
    }

    async fn step(&self, step: &Step, gate: &mut Gate, known: &Known) -> StepReport {
        let began = Instant::now();
        self.observer.step(step);
        let mut lines = Vec::with_capacity(step.lines.len());
        for planned in &step.lines {
            self.observer.begin(step, planned);
            let line = self.line(step, planned, gate, known).await;
            self.observer.line(step, &line);
            lines.push(line);
        }
        StepReport {
            id: step.id.clone(),
            title: step.title.clone(),
            part: step.part.clone(),
            intro: step.intro.clone(),
            verdict: whole(&lines),
            seconds: rounded(began),
            lines,
        }
    }

    async fn line(&self, step: &Step, planned: &StepLine, gate: &mut Gate, known: &Known) -> Line {
        let began = Instant::now();
        let mut line = Line {
            words: planned.line.words.clone(),
            group: planned.line.group.clone(),
            commands: planned.line.commands.clone(),
            verdict: Outcome::NotMeasured,
            reason: None,
            seconds: 0.0,
            actions: Vec::new(),
            checks: Vec::new(),
        };
        let acts = self.kind == RunKind::Rehearsal && !planned.actions.is_empty();
        if let (Gate::Closed(reason), true) = (&*gate, acts) {
            let reason = reason.clone();
            self.note_stop(step, &reason);
            *gate = Gate::Ended(reason);
        }
        let unreached = match gate {
            _ if self.stopped() => Some(INTERRUPTED.to_owned()),
            Gate::Ended(reason) => Some(reason.clone()),
            _ => None,
        };
        if let Some(reason) = unreached {
            let verdict = Verdict::not_measured(format!("not reached: {reason}"));
            line.checks = planned.checks.iter().map(|check| self.result(check, &verdict, 0.0)).collect();
            line.reason = verdict.reason().map(ToOwned::to_owned);
            return line;
        }
        if acts {
            for action in &planned.actions {
                let result = self.act(step, planned, action, known).await;
                let failed = result.verdict == Outcome::Fail;
                line.actions.push(result);
                if failed {
                    let reason = format!("`{}` failed in `{}`", first_row(&line.words), step.title);
                    *gate = Gate::Ended(reason.clone());
                    self.note_stop(step, &reason);
                }
                if failed || self.stopped() {
                    break;
                }
            }
        }
        if line.actions.iter().all(|result| result.verdict != Outcome::Fail) {
            line.checks = self.ask(&planned.checks, known).await;
        }
        self.judge(&mut line, planned);
        line.seconds = rounded(began);
        if line.verdict == Outcome::Fail && matches!(gate, Gate::Open) {
            *gate = Gate::Closed(format!("`{}` failed in `{}`", first_row(&line.words), step.title));
        }
        line
    }

    /// The verdict of a line from what was done and found for it.
    fn judge(&self, line: &mut Line, planned: &StepLine) {
        let outcomes: Vec<Outcome> = line.results().map(|result| result.verdict).collect();
        line.verdict = worst(&outcomes);
        if line.verdict != Outcome::NotMeasured {
            return;
        }
        let first = line.results().find(|result| result.verdict == Outcome::NotMeasured);
        let said = first.and_then(|result| result.reason.clone());
        let measured = outcomes.iter().any(|outcome| *outcome != Outcome::NotMeasured);
        line.reason = match (&planned.not_measured, said) {
            (Some(why), _) if !measured => Some(why.clone()),
            (_, Some(said)) => Some(said),
            (_, None) if self.only.is_some() && !planned.checks.is_empty() => {
                Some("left out by --only".into())
            }
            (_, None) => Some("it is something to do, and this run only looks".into()),
        };
    }

    async fn criteria(&self, known: &Known) -> Vec<Criterion> {
        let Some(step) = &self.procedure.criteria else { return Vec::new() };
        let mut criteria = Vec::with_capacity(step.lines.len());
        for planned in &step.lines {
            self.observer.begin(step, planned);
            let mut line = Line {
                words: planned.line.words.clone(),
                group: None,
                commands: Vec::new(),
                verdict: Outcome::NotMeasured,
                reason: None,
                seconds: 0.0,
                actions: Vec::new(),
                checks: Vec::new(),
            };
            if self.stopped() {
                let verdict = Verdict::not_measured(format!("not reached: {INTERRUPTED}"));
                let checks = planned.checks.iter().filter(|check| self.selects(check.id));
                line.checks = checks.map(|check| self.result(check, &verdict, 0.0)).collect();
                line.reason = verdict.reason().map(ToOwned::to_owned);
            } else {
                line.checks = self.ask(&planned.checks, known).await;
                self.judge(&mut line, planned);
            }
            criteria.push(Criterion {
                title: line.words,
                verdict: line.verdict,
                reason: line.reason,
                checks: line.checks,
            });
        }
        criteria
    }

    /// Asks checks one after another: some count rows or take times, and would measure each other.
    async fn ask(&self, checks: &[Check], known: &Known) -> Vec<CheckResult> {
        let mut results = Vec::with_capacity(checks.len());
        for check in checks.iter().filter(|check| self.selects(check.id)) {
            let before = known.verdicts.lock().unwrap_or_else(PoisonError::into_inner).get(check.id).cloned();
            if let Some(result) = before {
                results.push(CheckResult { seconds: 0.0, ..result });
                continue;
            }
            let began = Instant::now();
            let verdict = tokio::select! {
                biased;
                () = self.interrupted() => Verdict::not_measured(INTERRUPTED),
                verdict = check.run(self.context) => verdict,
            };
            let result = self.result(check, &verdict, rounded(began));
            known.verdicts.lock().unwrap_or_else(PoisonError::into_inner).insert(check.id, result.clone());
            results.push(result);
        }
        results
    }

    async fn act(&self, step: &Step, planned: &StepLine, action: &Action, known: &Known) -> CheckResult {
        let began = Instant::now();
        let words = first_row(&planned.line.words);
        self.context.stash.put(Place { step: step.title.clone(), words: words.to_owned() });
        let done = match self.note(|journal| journal.begin(&step.id, words, action.id)) {
            Ok(()) => {
                let limits = &self.context.settings.limits;
                let limit = limits.command.max(limits.check);
                tokio::select! {
                    biased;
                    // Nothing is wrong with what was not allowed to end.
                    () = self.interrupted() => Ok(Verdict::not_measured(INTERRUPTED)),
                    done = tokio::time::timeout(limit, action.run(self.context)) => done.unwrap_or_else(|_| {
                        Err(CheckError::Interrupted(format!("it was not done within {} s", limit.as_secs_f64())))
                    }),
                }
            }
            Err(error) => Err(error),
        };
        // What an action may have changed is asked anew.
        known.verdicts.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let verdict = done.unwrap_or_else(|error| failure(action, &error));
        let outcome = crate::report::outcome_words(verdict.outcome());
        let noted = self.note(|journal| journal.end(&step.id, words, action.id, outcome));
        let verdict = noted.map_or_else(|error| failure(action, &error), |()| verdict);
        if verdict.outcome() == Outcome::Pass && !step.rollback {
            let progress = self.context.stash.get::<Progress>().unwrap_or_default();
            self.context.stash.put(Progress { done: progress.done + 1, stopped: progress.stopped.clone() });
        }
        CheckResult::of(action.id, action.title, &verdict, self.is_required(action.id), rounded(began))
    }

    fn note(&self, write: impl FnOnce(&Journal) -> std::io::Result<()>) -> Result<(), CheckError> {
        let Some(journal) = &self.journal else { return Ok(()) };
        write(journal).map_err(|error| CheckError::Other(format!("the journal cannot be written: {error}")))
    }

    fn note_stop(&self, step: &Step, reason: &str) {
        if step.rollback {
            return;
        }
        let progress = self.context.stash.get::<Progress>().unwrap_or_default();
        self.context.stash.put(Progress { done: progress.done, stopped: Some(reason.to_owned()) });
    }

    fn result(&self, check: &Check, verdict: &Verdict, seconds: f64) -> CheckResult {
        CheckResult::of(check.id, check.title, verdict, self.is_required(check.id), seconds)
    }

    fn is_required(&self, id: &str) -> bool {
        let required = self.context.settings.checks.required.get(self.target.kind.key());
        required.is_some_and(|ids| ids.iter().any(|known| known == id))
    }

    fn required(&self) -> Vec<String> {
        let required = self.context.settings.checks.required.get(self.target.kind.key());
        required.into_iter().flatten().filter(|id| self.selects(id)).cloned().collect()
    }

    fn selects(&self, id: &str) -> bool {
        self.only.is_none_or(|only| only(id))
    }

    fn stopped(&self) -> bool {
        *self.stop.borrow()
    }

    async fn interrupted(&self) {
        let mut stop = self.stop.clone();
        if stop.wait_for(|stop| *stop).await.is_err() {
            // Nobody is left who could end the run.
            std::future::pending::<()>().await;
        }
    }
}
