//! A smoke test as the one artifact that all others are drawn from: report.json, and beside it HTML and JUnit.

use std::time::Instant;

use ::smoke::load::Figures;
use runbook::report::files::Folder;
use runbook::report::{
    CheckResult, Decision, Line, Report, RunKind, SCHEMA_VERSION, Step, Target, TargetKind,
};
use runbook::settings::Settings;
use runbook::verdict::Outcome;

use crate::failure::Failure;

use super::show::Answered;

/// When it began.
pub(super) struct Began {
    at: String,
    since: Instant,
}

impl Began {
    /// Now.
    pub(super) fn now() -> Self {
        Self { at: runbook::report::now(), since: Instant::now() }
    }

    /// Writes what was answered into the folder.
    pub(super) fn save(
        &self,
        folder: &Folder,
        settings: &Settings,
        target: (TargetKind, String),
        title: &str,
        answered: &[Answered],
    ) -> Result<(), Failure> {
        let lines: Vec<Line> = answered.iter().map(line).collect();
        self.write(folder, settings, target, title, lines)
    }

    /// Writes the figures of a load into the folder: never a no-go.
    pub(super) fn save_load(
        &self,
        folder: &Folder,
        settings: &Settings,
        target: (TargetKind, String),
        figures: &Figures,
        memory: Option<f64>,
    ) -> Result<(), Failure> {
        let verdict = figures.evidence(memory).verdict();
        let words = format!("{}, on {} connections", figures.requests.join(", "), figures.connections);
        let answered = Answered::new("smoke.load", &words, verdict, self.since.elapsed());
        self.write(folder, settings, target, "Load", vec![line(&answered)])
    }

    fn write(
        &self,
        folder: &Folder,
        settings: &Settings,
        (kind, name): (TargetKind, String),
        title: &str,
        lines: Vec<Line>,
    ) -> Result<(), Failure> {
        let seconds = self.since.elapsed().as_secs_f64();
        let outcome = of(&lines);
        let failed = lines.iter().filter(|line| line.verdict == Outcome::Fail);
        let missing = lines.iter().filter(|line| line.verdict == Outcome::NotMeasured);
        let report = Report {
            schema_version: SCHEMA_VERSION,
            title: title.to_owned(),
            system: settings.system.title.clone(),
            kind: RunKind::Verification,
            verdict: match outcome {
                Outcome::Pass => Decision::Go,
                Outcome::Fail => Decision::NoGo,
                Outcome::NotMeasured => Decision::Incomplete,
            },
            reasons: failed
                .map(|line| format!("{} failed", line.words))
                .chain(missing.map(|line| format!("{} was not measured", line.words)))
                .collect(),
            target: Target { kind, name, server: None, from: None, to: None },
            started_at: self.at.clone(),
            seconds,
            intro: Vec::new(),
            steps: vec![Step {
                id: title.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
                title: title.to_owned(),
                part: None,
                intro: Vec::new(),
                verdict: outcome,
                seconds,
                lines,
            }],
            criteria_title: None,
            criteria: Vec::new(),
        };
        folder.save(&report).map_err(Failure::said)
    }
}

fn line(answered: &Answered) -> Line {
    let words = if answered.title.is_empty() { &answered.id } else { &answered.title };
    let seconds = answered.took.as_secs_f64();
    // A case alone belongs to no check: it is named by its file.
    let id =
        if answered.id.contains('.') { answered.id.clone() } else { format!("smoke.case.{}", answered.id) };
    let result = CheckResult::of(&id, words, &answered.verdict, true, seconds);
    Line {
        words: words.clone(),
        group: None,
        commands: Vec::new(),
        verdict: result.verdict,
        reason: result.reason.clone(),
        seconds,
        actions: Vec::new(),
        checks: vec![result],
    }
}

/// Failed where a line failed, not measured where one was not.
fn of(lines: &[Line]) -> Outcome {
    let any = |outcome| lines.iter().any(|line| line.verdict == outcome);
    match (any(Outcome::Fail), any(Outcome::NotMeasured)) {
        (true, _) => Outcome::Fail,
        (false, true) => Outcome::NotMeasured,
        (false, false) => Outcome::Pass,
    }
}
