//! What one check has found so far, what it could not ask, and the verdict that comes of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use runbook::context::Context;
use runbook::report;
use runbook::verdict::{Evidence, Finding, Measurement, Verdict};

use crate::claim::{Claim, counted};
use crate::proof::{Answer, Hindrance};
use crate::resume::Resume;

/// An object that could not be proved.
struct Unmeasured {
    object: String,
    reason: String,
    remedy: String,
}

/// The findings of one check.
pub(crate) struct Tally {
    check: &'static str,
    noun: String,
    resume: Option<Arc<Resume>>,
    evidence: Evidence,
    faults: i64,
    unmeasured: Vec<Unmeasured>,
    pictures: BTreeSet<u32>,
    pauses: u64,
    earlier: u64,
    along: u64,
}

impl Tally {
    /// A check begins, on a database that lacks these schemas of the settings.
    pub fn of(context: &Context, check: &'static str, noun: &str, absent: &[String]) -> Self {
        let resume = Resume::of(context);
        if let Some(resume) = &resume {
            resume.begin(check);
        }
        let mut tally = Self {
            check,
            noun: noun.to_owned(),
            resume,
            evidence: Evidence::of(noun),
            faults: 0,
            unmeasured: Vec::new(),
            pictures: BTreeSet::new(),
            pauses: 0,
            earlier: 0,
            along: 0,
        };
        for name in absent {
            let hindrance = Hindrance {
                reason: "the settings name this schema and the database lacks it".into(),
                remedy: "correct schemas under [database] in runbook.toml".into(),
            };
            tally.pass_over(name, hindrance);
        }
        tally
    }

    /// The check it is about.
    pub fn check(&self) -> &'static str {
        self.check
    }

    /// Counts `claims` as examined.
    pub fn examine(&mut self, claims: u64) {
        self.evidence.examine(claims);
    }

    /// Adds a finding for a number of faults.
    pub fn find(&mut self, faults: i64, finding: Finding) {
        self.faults += faults;
        self.evidence.find(finding);
    }

    /// Notes that an object was proved without a fault, for a run that goes on where this one ends.
    pub fn note(&self, object: &str, query: &str) {
        if let Some(resume) = &self.resume {
            resume.note(self.check, object, query);
        }
    }

    /// Whether an earlier run proved just this, so that this one need not. It then counts as examined.
    pub fn was_proved(&mut self, object: &str, query: &str, claims: u64) -> bool {
        let proved = self.resume.as_ref().is_some_and(|resume| resume.knows(self.check, object, query));
        if proved {
            self.earlier += claims;
            self.examine(claims);
        }
        proved
    }

    /// Notes that an object could not be proved, and why.
    pub fn pass_over(&mut self, object: &str, hindrance: Hindrance) {
        let Hindrance { reason, remedy } = hindrance;
        self.unmeasured.push(Unmeasured { object: object.to_owned(), reason, remedy });
    }

    /// Notes on which snapshots it was looked, and how often it was waited for the target.
    pub fn looked(&mut self, pictures: &BTreeSet<u32>, pauses: u64) {
        self.pictures.extend(pictures);
        self.pauses += pauses;
    }

    /// Notes that so many claims are proved along indexes.
    pub fn go_along(&mut self, claims: u64) {
        self.along += claims;
    }

    /// What came of a claim.
    pub fn conclude(&mut self, claim: &Claim, answer: Answer) {
        match answer {
            Answer::Hindered { hindrance, .. } => self.pass_over(&claim.object, hindrance),
            Answer::Unreadable(said) => {
                self.examine(claim.number());
                self.find(1, Finding::error(&claim.object, said, &claim.remedy));
            }
            Answer::Counted { faults: 0, .. } => {
                self.examine(claim.number());
                self.note(&claim.object, &claim.count());
            }
            Answer::Counted { faults, shown, .. } => {
                self.examine(claim.number());
                let problem = format!("{} {}: {shown}", counted(faults, &claim.noun), claim.phrase);
                let remedy = format!("{}; list them all: {}", claim.remedy, claim.list());
                self.find(faults, Finding::error(&claim.object, problem, remedy));
            }
        }
    }

    /// Weighs it all. What could not be proved keeps the check from passing, and never hides a fault.
    pub fn verdict(mut self) -> Verdict {
        let examined = i64::try_from(self.evidence.examined()).unwrap_or(i64::MAX);
        let broken = self.evidence.findings().iter().any(Finding::is_error);
        self.unmeasured.sort_by(|a, b| (&a.object, &a.reason).cmp(&(&b.object, &b.reason)));
        if let Some(resume) = self.resume.as_ref().filter(|_| self.unmeasured.is_empty()) {
            resume.finish(self.check);
        }
        if !broken && let Some(first) = self.unmeasured.first() {
            let others = match self.unmeasured.len() - 1 {
                0 => String::new(),
                others => format!(" (and {others} more)"),
            };
            return Verdict::not_measured(format!("{}: {}{others}", first.object, first.reason));
        }
        for unmeasured in &self.unmeasured {
            let problem = format!("was not measured: {}", unmeasured.reason);
            self.evidence.find(Finding::advice(&unmeasured.object, problem, &unmeasured.remedy));
        }
        if examined > 0 {
            self.evidence.summarise(self.summary(examined));
            #[allow(clippy::cast_precision_loss, reason = "counts that are shown")]
            {
                self.evidence.measure(Measurement::new("faults", self.faults as f64, "rows"));
                if self.pauses > 0 {
                    self.evidence.measure(Measurement::new("waits for the target", self.pauses as f64, ""));
                }
            }
        }
        self.evidence.verdict()
    }

    fn summary(&self, examined: i64) -> String {
        let mut summary =
            format!("{} proved from the rows", report::counted(examined.unsigned_abs(), &self.noun));
        if self.along > 0 {
            summary.push_str(&format!(", {} along indexes that amcheck vouches for", self.along));
        }
        if self.earlier > 0 {
            summary.push_str(&format!(", {} by the run before", self.earlier));
        }
        if self.pictures.len() > 1 {
            summary.push_str(&format!(", on {} snapshots", self.pictures.len()));
        }
        summary
    }
}
