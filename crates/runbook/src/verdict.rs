//! What a check found: passed, failed, or not measured; and the evidence for it.
//!
//! A [`Verdict`] has no public constructor but [`Evidence::verdict`] and [`Verdict::not_measured`], so that a
//! check cannot pass on nothing: zero objects examined is [`Outcome::NotMeasured`] whatever the check hoped.

use serde::{Deserialize, Serialize};

/// One of three: a check passed, failed, or could not be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// At least one object was examined and no error was found.
    Pass,
    /// At least one error was found, or a measurement is past its threshold.
    Fail,
    /// The question could not be answered; the reason says why.
    NotMeasured,
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Fails its check.
    Error,
    /// Worth knowing; never fails a check.
    Advice,
}

/// One thing that is wrong with one object, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The object: a table, an index, a constraint, a request. Already quoted where it is an identifier.
    pub object: String,
    /// What is wrong, in one sentence without a full stop.
    pub problem: String,
    /// How to mend it: a statement, a command, or an instruction.
    pub remedy: String,
    /// Whether it fails the check.
    pub severity: Severity,
    /// The reason for which `runbook.toml` accepts this known finding; it then no longer fails its check.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accepted: Option<String>,
}

impl Finding {
    /// A finding that fails its check.
    pub fn error(object: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Severity::Error, object, problem, remedy)
    }

    /// A finding that never fails its check.
    pub fn advice(object: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Severity::Advice, object, problem, remedy)
    }

    /// What is wrong, as it goes on after the object's name: `it is pending` is said as `is pending`.
    pub fn predicate(&self) -> &str {
        self.problem.strip_prefix("it ").unwrap_or(&self.problem)
    }

    /// Whether this finding fails its check: an error that nobody has accepted.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error && self.accepted.is_none()
    }

    fn new(
        severity: Severity,
        object: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            object: object.into(),
            problem: problem.into(),
            remedy: remedy.into(),
            severity,
            accepted: None,
        }
    }
}

/// The bound that a measured value must keep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// The value must be at most this.
    AtMost(f64),
    /// The value must be at least this.
    AtLeast(f64),
    /// The value must be strictly below this (the runbook's `<50ms`).
    Below(f64),
    /// The value must be strictly above this (the runbook's `>95%`).
    Above(f64),
}

impl Threshold {
    /// Whether `value` keeps this bound. A value that is not a number keeps none.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(bound) => value <= bound,
            Self::AtLeast(bound) => value >= bound,
            Self::Below(bound) => value < bound,
            Self::Above(bound) => value > bound,
        }
    }
}

/// A measured value with its name, unit and, where there is one, the bound it must keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// What was measured, in the field's standard term.
    pub name: String,
    /// The value, in `unit`.
    pub value: f64,
    /// The unit as it is printed: `ms`, `s`, `%`, `rows`, `bytes`, `blocks`.
    pub unit: String,
    /// The bound the value must keep; past it, the check fails.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub threshold: Option<Threshold>,
    /// How what it was taken from is spread, drawn as a chart: an upper bound in `unit`, and how many lay below it and
    /// not below the one before; ascending.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub spread: Vec<(f64, u64)>,
}

impl Measurement {
    /// A value that is reported and not judged.
    pub fn new(name: impl Into<String>, value: f64, unit: impl Into<String>) -> Self {
        Self { name: name.into(), value, unit: unit.into(), threshold: None, spread: Vec::new() }
    }

    /// The same value, with how what it was taken from is spread: upper bounds, ascending, and a count each.
    #[must_use]
    pub fn spread(mut self, spread: Vec<(f64, u64)>) -> Self {
        self.spread = spread;
        self
    }

    /// The same value, judged.
    #[must_use]
    pub fn within(mut self, threshold: Threshold) -> Self {
        self.threshold = Some(threshold);
        self
    }

    /// Whether the value keeps its bound; a value without one does.
    pub fn holds(&self) -> bool {
        self.threshold.is_none_or(|threshold| threshold.holds(self.value))
    }
}

/// A picture of what was looked at: the plan of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawing {
    /// What it shows.
    pub title: String,
    /// The picture, an SVG document of its own. A page shows it as an image, so that no script in it would run.
    pub svg: String,
}

/// What a check gathers while it runs; [`Evidence::verdict`] weighs it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    examined: u64,
    noun: String,
    findings: Vec<Finding>,
    measurements: Vec<Measurement>,
    drawings: Vec<Drawing>,
    summary: Option<String>,
}

impl Evidence {
    /// Evidence about things called `noun` in the plural: `indexes`, `foreign keys`, `rows`.
    pub fn of(noun: impl Into<String>) -> Self {
        Self { noun: noun.into(), ..Self::default() }
    }

    /// Counts `n` more objects as examined.
    pub fn examine(&mut self, n: u64) -> &mut Self {
        self.examined += n;
        self
    }

    /// Adds a finding.
    pub fn find(&mut self, finding: Finding) -> &mut Self {
        self.findings.push(finding);
        self
    }

    /// Adds a measurement.
    pub fn measure(&mut self, measurement: Measurement) -> &mut Self {
        self.measurements.push(measurement);
        self
    }

    /// Adds a picture.
    pub fn draw(&mut self, title: impl Into<String>, svg: impl Into<String>) -> &mut Self {
        self.drawings.push(Drawing { title: title.into(), svg: svg.into() });
        self
    }

    /// The few words a person reads beside the verdict: `7 of 7 up, down and up again`.
    /// Without them it is "N NOUN examined".
    pub fn summarise(&mut self, summary: impl Into<String>) -> &mut Self {
        self.summary = Some(summary.into());
        self
    }

    /// How many objects were examined so far.
    pub fn examined(&self) -> u64 {
        self.examined
    }

    /// The findings so far.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Weighs the evidence. Nothing examined is `NotMeasured`, unless an error was found all the same.
    pub fn verdict(mut self) -> Verdict {
        self.findings.sort_by(|a, b| {
            (a.severity, &a.object, &a.problem, &a.remedy)
                .cmp(&(b.severity, &b.object, &b.problem, &b.remedy))
        });
        let broken =
            self.findings.iter().any(Finding::is_error) || self.measurements.iter().any(|m| !m.holds());
        let (outcome, reason) = if broken {
            (Outcome::Fail, None)
        } else if self.examined == 0 {
            let noun = if self.noun.is_empty() { "objects" } else { &self.noun };
            (Outcome::NotMeasured, Some(format!("there are no {noun} to examine")))
        } else {
            (Outcome::Pass, None)
        };
        Verdict {
            outcome,
            reason,
            examined: self.examined,
            noun: self.noun,
            summary: self.summary,
            measurements: self.measurements,
            findings: self.findings,
            drawings: self.drawings,
        }
    }
}

/// The weighed answer to a check. See the [module](self) for why it cannot be made by hand:
///
/// ```compile_fail,E0451
/// use runbook::verdict::{Outcome, Verdict};
/// let verdict = Verdict { outcome: Outcome::Pass, ..Verdict::not_measured("nothing was looked at") };
/// ```
///
/// It is weighed from evidence, and nothing examined is not a pass:
///
/// ```
/// use runbook::verdict::{Evidence, Outcome};
/// assert_eq!(Evidence::of("indexes").verdict().outcome(), Outcome::NotMeasured);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    outcome: Outcome,
    reason: Option<String>,
    examined: u64,
    noun: String,
    summary: Option<String>,
    measurements: Vec<Measurement>,
    findings: Vec<Finding>,
    drawings: Vec<Drawing>,
}

impl Verdict {
    /// The question could not be answered, and why (a fragment: `a rehearsal has no Grafana`).
    pub fn not_measured(reason: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::NotMeasured,
            reason: Some(reason.into()),
            examined: 0,
            noun: String::new(),
            summary: None,
            measurements: Vec::new(),
            findings: Vec::new(),
            drawings: Vec::new(),
        }
    }

    /// Passed, failed or not measured.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Why it was not measured.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// How many objects were examined.
    pub fn examined(&self) -> u64 {
        self.examined
    }

    /// What the examined objects are called, in the plural.
    pub fn noun(&self) -> &str {
        &self.noun
    }

    /// The few words beside the verdict, where the check gave some.
    pub fn summary(&self) -> Option<&str> {
        self.summary.as_deref()
    }

    /// The measurements, in the order in which they were taken.
    pub fn measurements(&self) -> &[Measurement] {
        &self.measurements
    }

    /// The findings: errors first, then by object.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The pictures, in the order in which they were drawn.
    pub fn drawings(&self) -> &[Drawing] {
        &self.drawings
    }

    /// The same verdict with known findings accepted: `accept` gives the reason for those it knows.
    #[must_use]
    pub fn accepting(self, accept: impl Fn(&Finding) -> Option<String>) -> Self {
        let findings = self
            .findings
            .into_iter()
            .map(|mut finding| {
                if finding.accepted.is_none() {
                    finding.accepted = accept(&finding);
                }
                finding
            })
            .collect();
        if self.reason.is_some() {
            return Self { findings, ..self };
        }
        Evidence {
            examined: self.examined,
            noun: self.noun,
            findings,
            measurements: self.measurements,
            drawings: self.drawings,
            summary: self.summary,
        }
        .verdict()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_examined_is_not_measured() {
        let verdict = Evidence::of("indexes").verdict();
        assert_eq!(verdict.outcome(), Outcome::NotMeasured);
        assert_eq!(verdict.reason(), Some("there are no indexes to examine"));
    }

    #[test]
    fn an_error_fails_and_advice_does_not() {
        let mut advised = Evidence::of("indexes");
        advised.examine(1).find(Finding::advice("a", "is redundant", "drop it"));
        assert_eq!(advised.clone().verdict().outcome(), Outcome::Pass);
        advised.find(Finding::error("b", "is invalid", "REINDEX"));
        assert_eq!(advised.verdict().outcome(), Outcome::Fail);
    }

    #[test]
    fn an_accepted_error_no_longer_fails() {
        let mut evidence = Evidence::of("indexes");
        evidence.examine(1).find(Finding::error("b", "is invalid", "REINDEX"));
        let verdict = evidence.verdict().accepting(|_| Some("known, mended on Monday".into()));
        assert_eq!(verdict.outcome(), Outcome::Pass);
    }

    #[test]
    fn a_broken_threshold_fails_and_nan_keeps_none() {
        for (value, outcome) in
            [(94.0, Outcome::Fail), (95.0, Outcome::Fail), (95.1, Outcome::Pass), (f64::NAN, Outcome::Fail)]
        {
            let mut evidence = Evidence::of("scans");
            evidence
                .examine(10)
                .measure(Measurement::new("index hit rate", value, "%").within(Threshold::Above(95.0)));
            assert_eq!(evidence.verdict().outcome(), outcome, "{value}");
        }
    }
}
