//! What a smoke test found, for a person and as JSON.

use std::time::Duration;

use ::smoke::load::Figures;
use runbook::report::counted;
use runbook::report::terminal::Style;
use runbook::verdict::{Outcome, Severity, Verdict};
use serde_json::json;

use crate::failure::Failure;
use crate::screen::Screen;

/// A check that was asked.
pub(super) struct Answered {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) verdict: Verdict,
    pub(super) took: Duration,
}

impl Answered {
    pub(super) fn new(id: &str, title: &str, verdict: Verdict, took: Duration) -> Self {
        Self { id: id.to_owned(), title: title.to_owned(), verdict, took }
    }

    /// Its row, and what is wrong below it.
    pub(super) fn row(&self, style: &Style) -> String {
        let (unicode, plain) = match self.verdict.outcome() {
            Outcome::Pass => ("✔", "ok"),
            Outcome::Fail => ("✘", "FAIL"),
            Outcome::NotMeasured => ("–", "-"),
        };
        let sign = if style.unicode { unicode } else { plain };
        let said = match self.verdict.reason() {
            Some(reason) => format!("not measured: {reason}"),
            None => counted(self.verdict.examined(), self.verdict.noun()),
        };
        let what = if self.title.is_empty() { &self.id } else { &self.title };
        let mut text = format!("  {sign} {what:<58} {said} · {:.1} s\n", self.took.as_secs_f64());
        for finding in self.verdict.findings() {
            let kind = if finding.severity == Severity::Advice { "note: " } else { "" };
            text.push_str(&format!(
                "      {kind}{}: {}\n      mend: {}\n",
                finding.object, finding.problem, finding.remedy
            ));
        }
        text
    }
}

/// The last line.
pub(super) fn last(answered: &[Answered]) -> String {
    let count = |outcome| answered.iter().filter(|one| one.verdict.outcome() == outcome).count();
    let seconds: f64 = answered.iter().map(|one| one.took.as_secs_f64()).sum();
    format!(
        "{} passed, {} failed, {} not measured · {seconds:.1} s\n",
        count(Outcome::Pass),
        count(Outcome::Fail),
        count(Outcome::NotMeasured)
    )
}

/// All of it, for a program.
pub(super) fn json(answered: &[Answered]) -> Result<String, Failure> {
    let all: Vec<_> = answered
        .iter()
        .map(|one| {
            json!({
                "id": one.id,
                "title": one.title,
                "outcome": one.verdict.outcome(),
                "reason": one.verdict.reason(),
                "examined": one.verdict.examined(),
                "findings": one.verdict.findings(),
                "measurements": one.verdict.measurements(),
                "seconds": one.took.as_secs_f64(),
            })
        })
        .collect();
    serde_json::to_string_pretty(&all).map(|text| text + "\n").map_err(Failure::said)
}

/// The figures of a load.
pub(super) fn figures(screen: &Screen, figures: &Figures, memory: Option<f64>) -> Result<(), Failure> {
    if screen.json {
        let value = json!({ "load": figures, "peak_memory_mib": memory });
        screen.print(&(serde_json::to_string_pretty(&value).map_err(Failure::said)? + "\n"));
        return Ok(());
    }
    screen.row(&figures.to_string());
    if let Some(memory) = memory {
        screen.row(&format!("memory           {memory:.1} MiB at most, of the service\n"));
    }
    screen.print(&format!(
        "{:.0} of {:.0} requests/s answered, p95 {:.2} ms, {} errors\n",
        figures.answered_per_second,
        figures.due_per_second,
        figures.p95,
        figures.failed()
    ));
    Ok(())
}
