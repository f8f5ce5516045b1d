//! The report as JUnit: a suite a step, a case a check of a line.

use quick_junit::{NonSuccessKind, Report as JunitReport, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

use super::{CheckResult, Report, value};
use crate::verdict::Outcome;

impl Report {
    /// As JUnit XML. What was not measured is skipped with its reason; what was required and not measured is an
    /// error, so that a CI that reads nothing else still turns red.
    ///
    /// # Errors
    /// Never for text: what XML cannot hold is left out.
    pub fn junit(&self) -> Result<String, quick_junit::SerializeError> {
        let mut junit = JunitReport::new(self.system.clone());
        junit.set_time(duration(self.seconds));
        for step in &self.steps {
            let mut suite = TestSuite::new(step.title.clone());
            suite.set_time(duration(step.seconds));
            for line in &step.lines {
                if line.results().next().is_none() {
                    let reason = line.reason.as_deref().unwrap_or("nothing stands for this line");
                    suite.add_test_case(empty_case(&line.words, &step.id, reason));
                }
                for result in line.results() {
                    suite.add_test_case(case(&line.words, result));
                }
            }
            junit.add_test_suite(suite);
        }
        if !self.criteria.is_empty() {
            let title = self.criteria_title.clone().unwrap_or_else(|| "Success criteria".into());
            let mut suite = TestSuite::new(title);
            for criterion in &self.criteria {
                if criterion.checks.is_empty() {
                    let reason = criterion.reason.as_deref().unwrap_or_default();
                    let mut case = TestCase::new(criterion.title.clone(), status(criterion.verdict, reason));
                    case.set_classname("criteria");
                    suite.add_test_case(case);
                }
                for result in &criterion.checks {
                    suite.add_test_case(case(&criterion.title, result));
                }
            }
            junit.add_test_suite(suite);
        }
        junit.to_string()
    }
}

fn empty_case(words: &str, class: &str, reason: &str) -> TestCase {
    let mut case = TestCase::new(words.to_owned(), status(Outcome::NotMeasured, reason));
    case.set_classname(class.to_owned());
    case
}

fn status(outcome: Outcome, message: &str) -> TestCaseStatus {
    match outcome {
        Outcome::Pass => TestCaseStatus::success(),
        Outcome::Fail => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(message.to_owned());
            status
        }
        Outcome::NotMeasured => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(message.to_owned());
            status
        }
    }
}

fn case(words: &str, result: &CheckResult) -> TestCase {
    let mut status = match result.verdict {
        Outcome::NotMeasured if result.required => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            let reason = result.reason.as_deref().unwrap_or_default();
            status.set_message(format!("required, and not measured: {reason}"));
            status
        }
        outcome => status(outcome, &result.words()),
    };
    if result.verdict == Outcome::Fail {
        status.set_description(evidence(result));
    }
    let mut case = TestCase::new(format!("{} [{words}]", result.title), status);
    case.set_classname(result.id.clone());
    case.set_time(duration(result.seconds));
    if result.verdict == Outcome::Pass && !result.words().is_empty() {
        case.set_system_out(result.words());
    }
    case
}

fn evidence(result: &CheckResult) -> String {
    let broken = result.broken().map(|m| format!("{}: {}", m.name, value(m.value, &m.unit)));
    let errors = result.findings.iter().filter(|finding| finding.is_error());
    broken
        .chain(errors.map(|f| format!("{} {}\n  mend: {}", f.object, f.predicate(), f.remedy)))
        .collect::<Vec<_>>()
        .join("\n")
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
