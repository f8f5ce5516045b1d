//! One report, drawn five ways.

use std::os::unix::fs::PermissionsExt as _;

use runbook::report::files::Folder;
use runbook::report::terminal::Style;
use runbook::report::*;
use runbook::verdict::{Evidence, Finding, Measurement, Outcome, Threshold, Verdict};

fn result(id: &str, title: &str, verdict: &Verdict) -> CheckResult {
    CheckResult::of(id, title, verdict, id != "monitoring.dashboards.reachable", 0.25)
}

fn passed() -> CheckResult {
    let mut evidence = Evidence::of("queries");
    evidence.examine(16).summarise("worst p95 3.1 ms (latest payloads)");
    evidence.measure(Measurement::new("p95 of latest payloads", 3.118, "ms").within(Threshold::Below(50.0)));
    evidence.measure(Measurement::new("index hit rate", 97.25, "%").within(Threshold::Above(95.0)));
    evidence.measure(Measurement::new("size of the dump", 4_100_000.0, "bytes"));
    let spread = vec![(0.8, 0), (1.6, 120), (3.2, 30), (f64::INFINITY, 1)];
    evidence.measure(Measurement::new("latency, p95", 3.1, "ms").spread(spread));
    evidence.draw(
        "the plan of <latest>",
        "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(2)</script></svg>",
    );
    evidence.find(Finding::advice("ix_a", "is a prefix of ix_b", "DROP INDEX ix_a"));
    result("perf.queries.latency", "each critical query keeps its budget", &evidence.verdict())
}

fn failed() -> CheckResult {
    let mut evidence = Evidence::of("indexes");
    evidence.examine(41);
    evidence.measure(Measurement::new("cache hit rate", 91.4, "%").within(Threshold::Above(99.0)));
    evidence.find(Finding::error(
        "ix_<b>\u{1b}[31m",
        "is invalid & must go",
        "REINDEX INDEX CONCURRENTLY \"ix_<b>\"",
    ));
    let mut known = Finding::error("ix_known", "is invalid", "REINDEX");
    known.accepted = Some("mended on Monday".into());
    evidence.find(known);
    result("schema.indexes.valid", "every index is valid", &evidence.verdict())
}

fn missing(id: &str) -> CheckResult {
    result(id, "the dashboards answer", &Verdict::not_measured("a rehearsal has no Grafana"))
}

fn line(words: &str, verdict: Outcome, checks: Vec<CheckResult>) -> Line {
    let reason = (verdict == Outcome::NotMeasured).then(|| "a rehearsal has no Grafana".to_owned());
    Line {
        words: words.into(),
        group: None,
        commands: Vec::new(),
        verdict,
        reason,
        seconds: 0.25,
        actions: Vec::new(),
        checks,
    }
}

fn sample() -> Report {
    let mut indexes = line("Check indexes", Outcome::Fail, vec![failed()]);
    indexes.commands = vec!["psql -U apex apex -c \"\\d+ <projects>\"".into()];
    let step = |id: &str, title: &str, verdict, lines| Step {
        id: id.into(),
        title: title.into(),
        part: Some("Deployment Steps".into()),
        intro: vec!["If issues <script>alert(1)</script> are detected:".into()],
        verdict,
        seconds: 1.25,
        lines,
    };
    Report {
        schema_version: SCHEMA_VERSION,
        title: "Deployment & <procedure>".into(),
        system: "Example deployment".into(),
        kind: RunKind::Rehearsal,
        verdict: Decision::NoGo,
        reasons: vec!["schema.indexes.valid: ix_b is invalid".into()],
        target: Target {
            kind: TargetKind::Ephemeral,
            name: "ephemeral".into(),
            server: Some("PostgreSQL 15.18 (local)".into()),
            from: Some("006".into()),
            to: Some("007".into()),
        },
        started_at: "2026-01-02T03:04:05Z".into(),
        seconds: 9.84,
        intro: vec!["Read this first.".into()],
        steps: vec![
            step(
                "check",
                "4. Validate Schema",
                Outcome::Fail,
                vec![
                    indexes,
                    line(
                        "Dashboards accessible",
                        Outcome::NotMeasured,
                        vec![missing("monitoring.dashboards.reachable")],
                    ),
                ],
            ),
            step(
                "perf",
                "6. Performance",
                Outcome::Pass,
                vec![line("Query performance", Outcome::Pass, vec![passed()])],
            ),
        ],
        criteria_title: Some("Success Criteria".into()),
        criteria: vec![
            Criterion {
                title: "Query performance <50ms".into(),
                verdict: Outcome::Pass,
                reason: None,
                checks: vec![passed()],
            },
            Criterion {
                title: "Monitoring operational".into(),
                verdict: Outcome::NotMeasured,
                reason: Some("a rehearsal has no Grafana".into()),
                checks: vec![missing("monitoring.alerts.quiet")],
            },
        ],
    }
}

#[test]
fn the_published_schema_describes_the_report() {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&sample().to_json().unwrap()).unwrap();
    let problems: Vec<String> =
        validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(problems.is_empty(), "{problems:#?}");
    // It is strict: a field that it does not know, and a verdict without a reason, are refused.
    value["steps"][0]["lines"][1].as_object_mut().unwrap().remove("reason");
    assert!(!validator.is_valid(&value));
    let mut other: serde_json::Value = serde_json::from_str(&sample().to_json().unwrap()).unwrap();
    other["surprise"] = true.into();
    assert!(!validator.is_valid(&other));
}

#[test]
fn a_stored_report_is_read_back_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    std::fs::write(&path, sample().to_json().unwrap()).unwrap();
    assert_eq!(Report::read(&path).unwrap(), sample());
}

#[test]
fn a_file_that_is_no_report_is_refused_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    for (text, said) in [
        ("{", "not a report"),
        ("{\"schema_version\": 1}", "missing field"),
        ("{\"schema_version\": 99}", "has schema_version 99, and this program reads 1"),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = Report::read(&path).unwrap_err().to_string();
        assert!(
            error.contains(said) && error.contains("report.json") && error.lines().count() == 1,
            "{error}"
        );
    }
    assert!(Report::read(&folder.path().join("absent")).unwrap_err().to_string().contains("cannot be read"));
}

#[test]
fn figures_that_are_no_numbers_stay_broken_in_json() {
    for (value, threshold) in [
        (f64::NAN, Threshold::AtLeast(1.0)),
        (f64::INFINITY, Threshold::Below(1.0)),
        (f64::NAN, Threshold::AtMost(1.0)),
        (f64::NEG_INFINITY, Threshold::Above(1.0)),
    ] {
        let mut evidence = Evidence::of("things");
        evidence.examine(1).measure(Measurement::new("x", value, "ms").within(threshold));
        let result = result("a.b.c", "t", &evidence.verdict());
        let json = serde_json::to_string(&result).unwrap();
        let back: CheckResult = serde_json::from_str(&json).unwrap();
        assert!(!back.measurements[0].holds(), "{json}");
    }
}

#[test]
fn the_terminal_shows_each_line_its_words_and_what_is_wrong() {
    let page = sample().terminal(&Style::default());
    insta::assert_snapshot!(page, @r#"
    Example deployment · rehearsal on PostgreSQL 15.18 (local) · 006 → 007

    4. Validate Schema  · Deployment Steps
      If issues <script>alert(1)</script> are detected:
      ✘ Check indexes                      41 indexes · 1 finding                                  0.2 s
          cache hit rate: 91.4 % (> 99 %)
          ix_<b> [31m is invalid & must go
          mend: REINDEX INDEX CONCURRENTLY "ix_<b>"
      – Dashboards accessible              not measured: a rehearsal has no Grafana                0.2 s

    6. Performance  · Deployment Steps
      If issues <script>alert(1)</script> are detected:
      ✔ Query performance                  worst p95 3.1 ms (latest payloads)                      0.2 s

    Success Criteria
      ✔ Query performance <50ms            worst p95 3.1 ms (latest payloads)
      – Monitoring operational             not measured: a rehearsal has no Grafana

      schema.indexes.valid: ix_b is invalid

    NO-GO   9.8 s
    "#);
}

#[test]
fn without_unicode_only_ascii_is_printed() {
    let style = Style { unicode: false, verbose: true, width: 40, ..Style::default() };
    let mut report = sample();
    report.reasons.push("worst – of all …".into());
    let page = report.terminal(&style);
    assert!(page.is_ascii(), "{page}");
    assert!(page.contains("accepted (mended on Monday)") && page.contains("advice:"), "{page}");
}

#[test]
fn no_escape_sequence_of_a_finding_reaches_the_terminal() {
    let page = sample().terminal(&Style::default());
    assert!(!page.contains('\u{1b}'), "{page:?}");
    let coloured = sample().terminal(&Style { colour: true, ..Style::default() });
    assert!(!coloured.contains("\u{1b}[31mix") && !coloured.contains("<b>\u{1b}[31m"), "{coloured:?}");
}

#[test]
fn the_page_escapes_what_it_shows_and_needs_no_network() {
    let page = sample().html();
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
    assert!(page.contains("ix_&lt;b&gt;"));
    assert!(page.contains("body { margin: 0; overflow-wrap: anywhere;"), "long names do not widen the page");
    for outside in ["http://", "https://", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    // A drawing is an image within the page, in which no script runs.
    assert_eq!(page.matches("src=").count(), page.matches("src=\"data:image/svg+xml,%3Csvg").count());
    assert!(page.contains("alt=\"the plan of &lt;latest&gt;\"") && !page.contains("alert(2)<"), "{page}");
    for part in ["NO-GO", "Check indexes", "mend:", "<svg", "prefers-color-scheme", "viewport"] {
        assert!(page.contains(part), "{part}");
    }
    // A bar for each bound, the tallest as high as the chart.
    assert_eq!(page.matches("</title><rect").count(), 3, "{page}");
    assert!(page.contains("<title>120 up to 1.60 ms</title>"), "{page}");
}

#[test]
fn junit_skips_what_was_not_measured_and_errs_where_it_was_required() {
    let xml = sample().junit().unwrap();
    let (skipped, rest): (Vec<&str>, Vec<&str>) =
        xml.split("<testcase").skip(1).partition(|case| case.contains("<skipped"));
    assert_eq!(skipped.len(), 1, "{xml}");
    assert!(
        skipped[0].contains("monitoring.dashboards.reachable")
            && skipped[0].contains("a rehearsal has no Grafana")
    );
    let error = rest.iter().find(|case| case.contains("<error")).unwrap();
    assert!(
        error.contains("monitoring.alerts.quiet") && error.contains("required, and not measured"),
        "{error}"
    );
    let failure = rest.iter().find(|case| case.contains("<failure")).unwrap();
    assert!(failure.contains("REINDEX INDEX") && failure.contains("cache hit rate: 91.4 %"), "{failure}");
    assert!(!xml.contains('\u{1b}'));
}

#[test]
fn markdown_says_what_failed_and_lets_no_markup_through() {
    let page = sample().markdown();
    assert!(page.starts_with("## ❌ NO-GO · Example deployment"), "{page}");
    assert!(page.contains("mend: REINDEX INDEX CONCURRENTLY"), "{page}");
    assert!(page.contains("ix\\_&lt;b&gt;") && !page.contains("<b>"), "{page}");
    assert!(!page.contains("monitoring.dashboards.reachable"), "what is not required is in the table only");
}

#[test]
fn files_are_for_their_owner_alone_and_leave_nothing_half_written() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a/runbook");
    let folder = Folder::open(&path).unwrap();
    folder.save(&sample()).unwrap();
    folder.save(&sample()).unwrap();
    drop(folder);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    let mut names: Vec<String> = std::fs::read_dir(&path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["report.html", "report.json", "report.junit.xml"]);
    for name in names {
        assert_eq!(mode(&path.join(name)), 0o600);
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_anything_runs() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    std::fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below"), "/proc/runbook".into()] {
        let error = Folder::open(&path).unwrap_err().to_string();
        assert!(error.contains("--report DIR") && error.contains(path.to_str().unwrap()), "{error}");
    }
}

#[test]
fn a_folder_that_was_there_keeps_its_rights_and_its_files_but_no_earlier_verdict() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("shared");
    std::fs::create_dir_all(path.join("work")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(path.join("work/mine"), "mine").unwrap();
    Folder::open(&path).unwrap().save(&sample()).unwrap();
    assert!(path.join("report.json").exists());
    let folder = Folder::open(&path).unwrap();
    assert!(!path.join("report.json").exists() && !path.join("report.html").exists());
    let second = Folder::open(&path).unwrap_err().to_string();
    assert!(second.contains("another run is writing its report there"), "{second}");
    drop(folder);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
    let names: Vec<_> = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["work"]);
    assert!(path.join("work/mine").exists());
    drop(Folder::open(&root.path().join("new")).unwrap());
    assert!(!root.path().join("new").exists(), "what came to nothing leaves no empty folder");
}

#[test]
fn rows_are_as_wide_as_the_terminal_and_uncut_where_there_is_none() {
    let mut report = sample();
    let long =
        "a reason that says at length what is missing and where it is to be found, to the last word of all";
    let line = &mut report.steps[0].lines[0];
    line.words = "The database answers within its budgets while the backup of last night is made".into();
    (line.verdict, line.reason, line.seconds) = (Outcome::NotMeasured, Some(long.into()), 12.0);
    report.criteria[0].reason = Some(long.into());
    for width in [40, 60, 80, 110] {
        let style = Style { width, ..Style::default() };
        let rows = report.terminal(&style);
        let rows = rows.lines().filter(|row| ["  ✔ ", "  – "].iter().any(|mark| row.starts_with(mark)));
        let wide: Vec<&str> = rows.filter(|row| row.chars().count() > width).collect();
        assert!(wide.is_empty(), "{width}: {wide:#?}");
    }
    let page = report.terminal(&Style { whole: true, ..Style::default() });
    assert_eq!(page.matches(long).count(), 2, "{page}");
}

#[test]
fn every_form_counts_alike() {
    let mut report = sample();
    report.steps[0].lines[0].checks.clear();
    report.criteria[0].checks.clear();
    let totals = report.totals();
    let cases = report.junit().unwrap().matches("<testcase").count();
    assert_eq!(totals.passed + totals.failed + totals.not_measured, cases);
    for page in [report.html(), report.markdown()] {
        assert!(page.contains(&totals.to_string()), "{page}");
    }
}

#[test]
fn what_is_wrong_goes_on_after_the_name_of_its_object() {
    let is = |problem: &str| Finding::error("007 partitions", problem, "apply it").predicate().to_owned();
    assert_eq!(is("it is pending"), "is pending");
    assert_eq!(is("item 3 is gone"), "item 3 is gone");
}

#[test]
fn why_lines_were_not_reached_is_not_told_at_each_of_them() {
    let mut unreached = line("Look", Outcome::NotMeasured, Vec::new());
    unreached.reason = Some("not reached: `Migrate` failed in `Apply`".into());
    assert_eq!(terminal::line_words(&unreached), "not reached");
}
