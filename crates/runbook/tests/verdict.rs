//! Weighing evidence.

use rstest::rstest;
use runbook::verdict::{Evidence, Finding, Measurement, Outcome, Threshold, Verdict};

#[rstest]
#[case::at_most(Threshold::AtMost(5.0), [true, true, false])]
#[case::below(Threshold::Below(5.0), [true, false, false])]
#[case::at_least(Threshold::AtLeast(5.0), [false, true, true])]
#[case::above(Threshold::Above(5.0), [false, false, true])]
fn a_threshold_holds_on_its_side(#[case] threshold: Threshold, #[case] holds: [bool; 3]) {
    assert_eq!([4.9, 5.0, 5.1].map(|value| threshold.holds(value)), holds);
    assert!(!threshold.holds(f64::NAN), "what is not a number keeps no bound");
}

#[test]
fn an_error_without_anything_examined_is_still_a_failure() {
    let mut evidence = Evidence::of("tables");
    evidence.find(Finding::error("t", "is gone", "restore it"));
    assert_eq!(evidence.verdict().outcome(), Outcome::Fail);
}

#[test]
fn advice_alone_without_anything_examined_is_not_a_pass() {
    let mut evidence = Evidence::of("tables");
    evidence.find(Finding::advice("t", "is large", "look at it"));
    assert_eq!(evidence.verdict().outcome(), Outcome::NotMeasured);
}

#[test]
fn findings_are_sorted_errors_first_whatever_the_order_they_came_in() {
    let findings = [
        Finding::advice("a", "p", "r"),
        Finding::error("c", "p", "r"),
        Finding::error("b", "q", "r"),
        Finding::error("b", "p", "r"),
    ];
    let verdict = |order: [usize; 4]| {
        let mut evidence = Evidence::of("things");
        evidence.examine(1);
        for index in order {
            evidence.find(findings[index].clone());
        }
        evidence.verdict()
    };
    let sorted = verdict([0, 1, 2, 3]);
    assert_eq!(sorted, verdict([3, 2, 1, 0]));
    let objects: Vec<_> = sorted.findings().iter().map(|finding| finding.object.as_str()).collect();
    assert_eq!(objects, ["b", "b", "c", "a"]);
}

#[test]
fn accepting_an_error_does_not_mend_a_broken_threshold_nor_make_a_measurement() {
    let mut evidence = Evidence::of("scans");
    evidence.examine(10).find(Finding::error("t", "p", "r"));
    evidence.measure(Measurement::new("index hit rate", 80.0, "%").within(Threshold::Above(95.0)));
    assert_eq!(evidence.verdict().accepting(|_| Some("known".into())).outcome(), Outcome::Fail);
    let not_measured = Verdict::not_measured("there is no Grafana").accepting(|_| Some("known".into()));
    assert_eq!(not_measured.reason(), Some("there is no Grafana"));
}
