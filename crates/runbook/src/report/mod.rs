//! The report: the one artifact of a run. It is JSON first (`docs/report.schema.json`); terminal, JUnit, HTML and
//! Markdown are drawn from it and from nothing else, so `runbook report FILE` can redraw any of them later.

pub mod files;
pub mod html;
pub mod junit;
pub mod markdown;
mod numbers;
mod redraw;
pub mod terminal;
mod totals;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::verdict::{Drawing, Finding, Measurement, Outcome, Verdict};

pub use numbers::{count, counted, seconds, value};
pub use redraw::Unreadable;
pub use totals::Totals;

/// The version of the report's shape. It changes when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;

/// The answer to "may we deploy?".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// No error, and everything required was measured.
    Go,
    /// At least one error.
    NoGo,
    /// No error, but something required was not measured.
    Incomplete,
}

impl Decision {
    /// As people write it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Go => "GO",
            Self::NoGo => "NO-GO",
            Self::Incomplete => "INCOMPLETE",
        }
    }
}

/// What kind of run a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Everything was carried out, and undone, on an ephemeral database.
    Rehearsal,
    /// Only looked.
    Verification,
}

impl RunKind {
    /// As a noun.
    pub fn words(self) -> &'static str {
        match self {
            Self::Rehearsal => "rehearsal",
            Self::Verification => "verification",
        }
    }
}

/// What was deployed to, or looked at. It never holds a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// `ephemeral` or `live`.
    pub kind: TargetKind,
    /// Its name in the settings, or its address without the password.
    pub name: String,
    /// The server: `PostgreSQL 15.18 (local)`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server: Option<String>,
    /// The revision before the deployment.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<String>,
    /// The revision that was deployed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to: Option<String>,
}

/// Whether others use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// Made for this run.
    Ephemeral,
    /// Somebody uses it.
    Live,
}

impl TargetKind {
    /// The key under `[checks.required]`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Ephemeral => "ephemeral",
            Self::Live => "live",
        }
    }
}

/// A whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The document's own title.
    pub title: String,
    /// What the settings call this deployment.
    pub system: String,
    /// Rehearsal or verification.
    pub kind: RunKind,
    /// May we deploy?
    pub verdict: Decision,
    /// Why not, a sentence each; empty on a go.
    pub reasons: Vec<String>,
    /// What was deployed to.
    pub target: Target,
    /// When it began: RFC 3339, UTC.
    pub started_at: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Prose of the document before its first section.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub intro: Vec<String>,
    /// The sections of the document, in the order in which they were carried out.
    pub steps: Vec<Step>,
    /// The heading above the criteria.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub criteria_title: Option<String>,
    /// The success criteria.
    pub criteria: Vec<Criterion>,
}

/// A section of the document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its heading as an identifier.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// The heading above it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub part: Option<String>,
    /// Its prose.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub intro: Vec<String>,
    /// Failed where a line failed, passed where one passed, otherwise not measured.
    pub verdict: Outcome,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// A line of the document, and what stands for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Its own words.
    pub words: String,
    /// The bold words above it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub group: Option<String>,
    /// The commands under it, as written.
    pub commands: Vec<String>,
    /// Failed where anything failed, not measured where anything was not, otherwise passed.
    pub verdict: Outcome,
    /// Why it was not measured.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What was done for it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub actions: Vec<CheckResult>,
    /// The checks that stand for it.
    pub checks: Vec<CheckResult>,
}

impl Line {
    /// Everything that stands for it: what was done, then what was checked.
    pub fn results(&self) -> impl Iterator<Item = &CheckResult> {
        self.actions.iter().chain(&self.checks)
    }
}

/// A success criterion, and what stands for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Criterion {
    /// Its own words.
    pub title: String,
    /// Whether it is met.
    pub verdict: Outcome,
    /// Why it was not measured, or by what it was judged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The checks that stand for it.
    pub checks: Vec<CheckResult>,
}

/// What a check found, or an action did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Its id.
    pub id: String,
    /// What it proves.
    pub title: String,
    /// Passed, failed or not measured.
    pub verdict: Outcome,
    /// Whether this target's settings require it.
    pub required: bool,
    /// Why it was not measured.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The few words beside the verdict.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub summary: Option<String>,
    /// How many objects were examined.
    pub examined: u64,
    /// What they are called.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub noun: String,
    /// What was measured.
    pub measurements: Vec<Measurement>,
    /// What is wrong, and how to mend it.
    pub findings: Vec<Finding>,
    /// Pictures of what was looked at.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub drawings: Vec<Drawing>,
    /// How long it took, in seconds; 0 where the verdict of an earlier line was used again.
    pub seconds: f64,
}

impl CheckResult {
    /// The record of a verdict.
    pub fn of(id: &str, title: &str, verdict: &Verdict, required: bool, seconds: f64) -> Self {
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            verdict: verdict.outcome(),
            required,
            reason: verdict.reason().map(ToOwned::to_owned),
            summary: verdict.summary().map(ToOwned::to_owned),
            examined: verdict.examined(),
            noun: verdict.noun().to_owned(),
            measurements: verdict.measurements().iter().map(finite).collect(),
            findings: verdict.findings().to_vec(),
            drawings: verdict.drawings().to_vec(),
            seconds,
        }
    }

    /// How many findings fail it.
    pub fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.is_error()).count()
    }

    /// The measurements past their thresholds.
    pub fn broken(&self) -> impl Iterator<Item = &Measurement> {
        self.measurements.iter().filter(|measurement| !measurement.holds())
    }

    /// The few words beside the verdict: its summary, its reason, or how much was examined.
    pub fn words(&self) -> String {
        if let Some(reason) = &self.reason {
            return format!("not measured: {reason}");
        }
        let mut words = match &self.summary {
            Some(summary) => summary.clone(),
            None if self.examined > 0 && self.noun.is_empty() => format!("{} examined", count(self.examined)),
            None if self.examined > 0 => counted(self.examined, &self.noun),
            None => String::new(),
        };
        let errors = self.errors();
        if errors > 0 {
            let found = format!("{errors} finding{}", if errors == 1 { "" } else { "s" });
            words = if words.is_empty() { found } else { format!("{words} · {found}") };
        }
        words
    }
}

/// JSON has no infinity: what is not a number becomes a value that keeps no bound either way it is read.
fn finite(measurement: &Measurement) -> Measurement {
    let mut measurement = measurement.clone();
    if !measurement.value.is_finite() {
        measurement.name = format!("{} (not a number)", measurement.name);
        measurement.value = match measurement.threshold {
            Some(crate::verdict::Threshold::AtLeast(_) | crate::verdict::Threshold::Above(_)) => f64::MIN,
            _ => f64::MAX,
        };
    }
    measurement.spread.retain(|(bound, _)| bound.is_finite());
    measurement
}

impl Step {
    /// The results of all its lines.
    pub fn results(&self) -> impl Iterator<Item = &CheckResult> {
        self.lines.iter().flat_map(Line::results)
    }
}

impl Report {
    /// Every result of the run, in order: of the steps, then of the criteria.
    pub fn results(&self) -> impl Iterator<Item = &CheckResult> {
        self.steps.iter().flat_map(Step::results).chain(self.criteria.iter().flat_map(|c| c.checks.iter()))
    }

    /// As JSON, with a newline at its end.
    ///
    /// # Errors
    /// Never for a report that a run made: all its numbers are finite.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

/// Now, as a report says when it began: RFC 3339 in UTC, whole seconds.
pub fn now() -> String {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default()
}

/// The words of an outcome.
pub fn outcome_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Fail => "fail",
        Outcome::NotMeasured => "not measured",
    }
}
