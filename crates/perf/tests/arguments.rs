//! What the benches make of criterion's arguments: what criterion would panic at is one sentence.

use rstest::rstest;

#[path = "../benches/common/arguments.rs"]
mod read;

use read::{Asked, Mode};

fn asked(line: &str) -> Result<Asked, String> {
    Asked::of(line.split(' ').filter(|word| !word.is_empty()).map(ToOwned::to_owned))
}

#[rstest]
#[case::measured("--bench", Mode::Judges)]
#[case::measured_and_kept("--bench --save-baseline before events", Mode::Judges)]
#[case::compared("--bench --baseline=before --noise-threshold 0.05 -nv --color never", Mode::Judges)]
#[case::by_cargo_test("", Mode::RunsOnly)]
#[case::tried("--bench --test", Mode::RunsOnly)]
#[case::profiled("--bench --profile-time 1", Mode::RunsOnly)]
#[case::loaded("--bench --load-baseline a --baseline b", Mode::RunsOnly)]
#[case::listed("--bench --list --format terse", Mode::Lists)]
#[case::helped("--bench --help", Mode::Helps)]
#[test]
fn an_option_says_what_is_to_be_done(#[case] line: &str, #[case] mode: Mode) {
    assert_eq!(asked(line).unwrap().mode, mode);
}

#[rstest]
#[case::all("--bench", &["events", "payloads"])]
#[case::pattern("--bench ^ev", &["events"])]
#[case::several("--bench events|pay", &["events", "payloads"])]
#[case::whole_name("--bench --exact pay", &[])]
#[case::after_a_value("--bench --sample-size 20 pay", &["payloads"])]
#[case::no_option("--bench -- pay", &["payloads"])]
#[test]
fn a_filter_is_read_as_criterion_reads_it(#[case] line: &str, #[case] expected: &[&str]) {
    let filter = asked(line).unwrap().filter;
    let through: Vec<&str> =
        ["events", "payloads"].into_iter().filter(|name| filter.lets_through(name)).collect();
    assert_eq!(through, expected);
}

#[rstest]
#[case::unknown("--bogus", "there is no option --bogus; --help names those of criterion")]
#[case::value_of_a_flag("--quick=1", "--quick takes no value")]
#[case::no_value("--baseline", "--baseline takes a value")]
#[case::option_for_a_value("--save-baseline --quick", "--save-baseline takes a value")]
#[case::few_samples("--sample-size 3", "--sample-size 3: it takes a whole number from 10 on")]
#[case::no_time("--profile-time 0", "--profile-time 0: it takes seconds above 0, up to 86400")]
#[case::endless("--measurement-time=inf", "--measurement-time inf: it takes seconds above 0, up to 86400")]
#[case::no_share("--confidence-level 95", "--confidence-level 95: it takes a number between 0 and 1")]
#[case::two_filters("events payloads", "one filter is taken, and payloads is a second")]
#[case::no_pattern(
    "events(",
    "the filter events( is no regular expression: unclosed group; --exact takes a name as it is"
)]
#[test]
fn what_criterion_would_not_take_is_one_sentence(#[case] line: &str, #[case] sentence: &str) {
    assert_eq!(asked(line).unwrap_err(), sentence);
}
