//! What is told from the text alone.

use std::collections::BTreeSet;

use rstest::rstest;
use schema::hazards::corpus::Case;
use schema::hazards::rules::{self, Source};
use schema::hazards::score::Score;
use schema::hazards::{check_settings, lint};

use super::{errors, example, history, script, told};

#[test]
fn every_rule_has_a_bad_and_a_good_example_and_no_folder_is_left_over() {
    let settings = harness::settings();
    let known: BTreeSet<&str> = rules::all().map(|rule| rule.id).collect();
    for entry in std::fs::read_dir(settings.path("hazards")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "corpus" {
            assert!(known.contains(name.as_str()), "fixtures/hazards/{name} belongs to no rule");
        }
    }
    for rule in known {
        for name in ["bad.sql", "good.sql"] {
            assert!(settings.path("hazards").join(rule).join(name).is_file(), "{rule} has no {name}");
        }
    }
}

#[test]
fn every_bad_example_fires_its_rule_and_every_good_one_is_free_of_errors() {
    let settings = harness::settings();
    let mut wrong = Vec::new();
    for rule in rules::all().filter(|rule| rule.source != Source::Measured) {
        let bad = told(&settings, &example(&settings, rule.id, "bad.sql"));
        if !bad.iter().any(|found| found.rule == rule) {
            wrong.push(format!("{}: bad.sql does not fire it, but {:?}", rule.id, errors(&bad)));
        }
        let good = told(&settings, &example(&settings, rule.id, "good.sql"));
        if !errors(&good).is_empty() {
            wrong.push(format!("{}: good.sql fires {:?}", rule.id, errors(&good)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A floor below what was reached when the rules first saw the corpus (0.955 and 0.972).
#[test]
fn the_rules_alone_are_right_as_often_as_is_written_down() {
    let settings = harness::settings();
    let before = history();
    let mut score = Score::default();
    for case in Case::all(&settings.path("hazards/corpus")).unwrap() {
        let mut before = before.clone();
        before.push(case.setup.clone());
        let found = lint(&case.script, &before, &settings.hazards).unwrap();
        score.count(&case.script.name(), case.is_hazard(), !errors(&found).is_empty());
    }
    assert!(score.all() >= 120, "{}", score.all());
    assert!(score.recall() >= 0.95 && score.precision() >= 0.95, "{score:#?}");
}

#[rstest]
#[case::unknown(
    "-- runbook: allow index-not-concurent because x\nSELECT 1;",
    "008_test.up.sql:1: there is no rule `index-not-concurent` to allow"
)]
#[case::no_reason(
    "SELECT 1;\n-- runbook: allow rows-deleted\nDELETE FROM projects;",
    "008_test.up.sql:2: it allows `rows-deleted` without a reason"
)]
#[case::empty_reason(
    "-- runbook: allow rows-deleted because \nDELETE FROM projects;",
    "008_test.up.sql:1: it allows `rows-deleted` without a reason"
)]
fn bad_allowance_is_said_with_its_line(#[case] text: &str, #[case] words: &str) {
    let settings = harness::settings();
    let error = lint(&script(text), &[], &settings.hazards).unwrap_err();
    assert_eq!(error.to_string(), words);
}

#[test]
fn allowance_of_the_settings_needs_a_known_rule_and_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    for (entry, words) in [
        ("rule = \"rows-deletd\"\nreason = \"x\"", "there is no rule `rows-deletd` to allow"),
        (
            "rule = \"rows-deleted\"\nreason = \" \"",
            "[[hazards.allow]] allows `rows-deleted` without a reason",
        ),
    ] {
        let text = format!("[[allow]]\n{entry}\n");
        std::fs::write(folder.path().join("runbook.toml"), &text).unwrap();
        let hazards: runbook::settings::Hazards = toml::from_str(&text).unwrap();
        let error = check_settings(folder.path(), &hazards.allow).unwrap_err().to_string();
        assert!(error.ends_with(&format!("runbook.toml:2: {words}")), "{error}");
    }
}

#[test]
fn allowed_hazard_keeps_its_reason_and_the_next_statement_is_not_allowed() {
    let settings = harness::settings();
    let text = "-- runbook: allow rows-deleted because they were never used\nDELETE FROM code_references;\n\
        DELETE FROM pricing_configs;";
    let found = told(&settings, &script(text));
    let deleted: Vec<Option<&str>> =
        found.iter().filter(|f| f.rule.id == "rows-deleted").map(|f| f.allowed.as_deref()).collect();
    assert_eq!(deleted, [Some("they were never used"), None]);
    let mut hazards = settings.hazards.clone();
    let entry =
        "[[allow]]\nrule = \"rows-deleted\"\ntable = \"pricing_configs\"\nreason = \"a new list comes\"\n";
    hazards.allow = toml::from_str::<runbook::settings::Hazards>(entry).unwrap().allow;
    let found = lint(&script(text), &history(), &hazards).unwrap();
    assert_eq!(errors(&found), [] as [&str; 0], "{found:#?}");
}

#[test]
fn squawks_own_ignore_comment_silences_nothing() {
    let settings = harness::settings();
    let text = "-- squawk-ignore-file\n-- squawk-ignore require-concurrent-index-creation\nCREATE INDEX a ON projects (name);";
    assert_eq!(errors(&told(&settings, &script(text))), ["index-not-concurrent"]);
}

#[test]
fn identifiers_in_quotes_and_other_schemas_are_told_apart() {
    let settings = harness::settings();
    let long = "x".repeat(63);
    for (text, expected) in [
        ("CREATE TABLE \"Projects\" (a int); CREATE INDEX i ON \"Projects\" (a);".to_owned(), vec![]),
        (
            "CREATE TABLE \"Projects\" (a int); CREATE INDEX i ON projects (name);".to_owned(),
            vec!["index-not-concurrent"],
        ),
        (
            "CREATE TABLE other.projects (a int); CREATE INDEX i ON projects (name);".to_owned(),
            vec!["index-not-concurrent"],
        ),
        (
            "CREATE TABLE public.\"pröjekt; DROP\" (a int); CREATE INDEX i ON \"pröjekt; DROP\" (a);"
                .to_owned(),
            vec![],
        ),
        (format!("CREATE INDEX i ON {long} (a);"), vec!["index-not-concurrent"]),
        (String::new(), vec![]),
    ] {
        assert_eq!(errors(&told(&settings, &script(&text))), expected, "{text}");
    }
}

#[test]
fn page_of_the_rules_is_current() {
    let settings = harness::settings();
    let record = schema::hazards::page::read(&settings.path("hazards/measured.json")).unwrap();
    let page = schema::hazards::page::draw(&record, settings.hazards.target_rows.unwrap());
    let path = settings.path("../docs/hazards.md");
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "write it anew: cargo run -p cli -- hazards --docs > docs/hazards.md");
    for rule in rules::all() {
        assert!(page.contains(&format!("### {}\n", rule.id)), "{}", rule.id);
    }
}
