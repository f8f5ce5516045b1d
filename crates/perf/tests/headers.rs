//! What a query file's header may say, and what is said about one that is wrong.

use std::path::Path;
use std::time::Duration;

use perf::{Expectation, Query, RowBound};
use rstest::rstest;

const GOOD: &str = "-- states: the newest projects of a status
-- budget: 10 ms
-- indexes: ix_a, \"Ix \"\"b\"\", c\"
-- indexes at 100_000: ix_large
-- sequential: small
-- parameter: $1 status = 'draft'
-- parameter: $2 as_of timestamptz = (SELECT max(t) FROM events)
-- rows: 1 to 100

SELECT a FROM t WHERE status = $1 AND t <= $2;
";

fn parse(text: &str) -> Result<Query, String> {
    Query::parse(Path::new("queries/good.sql"), text).map_err(|error| error.to_string())
}

#[test]
fn a_header_says_everything_about_its_query() {
    let query = parse(GOOD).unwrap();
    assert_eq!((query.name.as_str(), query.file.as_str()), ("good", "queries/good.sql"));
    assert_eq!(query.states, "the newest projects of a status");
    assert_eq!(query.budget, Duration::from_millis(10));
    assert_eq!(*query.expectation(99_999), Expectation::OneOf(vec!["ix_a".into(), "Ix \"b\", c".into()]));
    assert_eq!(*query.expectation(100_000), Expectation::OneOf(vec!["ix_large".into()]));
    assert_eq!(query.rows, RowBound { least: 1, most: Some(100) });
    assert_eq!(query.parameters.len(), 2);
    assert_eq!(query.parameters[1].of_type.as_deref(), Some("timestamptz"));
    assert_eq!((query.parameters[1].line, query.parameters[1].name.as_str()), (7, "as_of"));
    assert_eq!(query.sql(), "SELECT a FROM t WHERE status = $1 AND t <= $2");
}

#[test]
fn a_distribution_and_a_buffer_budget_are_read() {
    let more = "-- cold: 0.5 s\n-- buffers: 1_000 a row\n-- distribution: $1 \"odd.schema\".t.\"st.atus\"\n";
    let query = parse(&GOOD.replace("-- sequential: small\n", more)).unwrap();
    assert_eq!(query.buffers, Some(perf::Buffers::ARow(1000)));
    let distribution = &query.distributions[0];
    assert_eq!((distribution.number, distribution.line), (1, 7));
    assert_eq!(query.cold, Some(Duration::from_millis(500)));
    assert_eq!(
        (distribution.table.as_str(), distribution.column.as_str()),
        ("\"odd.schema\".t", "\"st.atus\"")
    );
}

#[rstest]
#[case::no_budget("-- budget: 10 ms\n", "", "queries/good.sql:1: it has no budget")]
#[case::no_sentence(
    "-- states: the newest projects of a status\n",
    "",
    "queries/good.sql:1: it does not say what the query states"
)]
#[case::budget_without_unit("10 ms", "10", "queries/good.sql:2: `10` is not a time such as `10 ms`")]
#[case::budget_of_nothing("10 ms", "0 ms", "queries/good.sql:2: `0 ms` is not a time such as `10 ms`")]
#[case::budget_twice("-- sequential: small", "-- budget: 2 ms", "queries/good.sql:5: `budget` stands twice")]
#[case::unknown_key("-- sequential:", "-- sequentail:", "queries/good.sql:5: `sequentail` is no header key")]
#[case::no_list(
    "ix_large",
    "ix large",
    "queries/good.sql:4: `ix large` is not a list of names with commas between them"
)]
#[case::open_quote("ix_large", "\"ix_large", "queries/good.sql:4: `\"ix_large` has no closing quote")]
#[case::size_in_words(
    "at 100_000",
    "at many",
    "queries/good.sql:4: `indexes at many` is not `indexes at ROWS`"
)]
#[case::rows_in_words(
    "1 to 100",
    "some",
    "queries/good.sql:8: `some` is not a number of rows such as `1`, `up to 100` or `1 to 5`"
)]
#[case::rows_backwards(
    "1 to 100",
    "9 to 1",
    "queries/good.sql:8: `9 to 1` is not a number of rows such as `1`, `up to 100` or `1 to 5`"
)]
#[case::buffers_in_words(
    "-- sequential: small",
    "-- buffers: 20",
    "queries/good.sql:5: `20` is not a number of blocks such as `20 a row`, or `any`"
)]
#[case::no_distribution(
    "-- sequential: small",
    "-- distribution: $1 status",
    "queries/good.sql:5: `$1 status` is not `$1 table.column`"
)]
#[case::distribution_of_nothing(
    "-- sequential: small",
    "-- distribution: $7 t.status",
    "queries/good.sql:1: the distribution of `$7` has no `-- parameter: $7 …` line"
)]
#[case::parameter_out_of_order(
    "$2 as_of",
    "$3 as_of",
    "queries/good.sql:7: parameters stand in order, and here `$2` is next"
)]
#[case::parameter_missing(
    "AND t <= $2",
    "AND t <= $2 AND u = $3",
    "queries/good.sql:10: `$3` has no `-- parameter: $3 …` line"
)]
#[case::parameter_unused("AND t <= $2", "", "queries/good.sql:10: `$2` has a parameter line and is not used")]
#[case::two_statements(
    "$2;",
    "$2; SELECT 2;",
    "queries/good.sql:10: it holds 2 statements where exactly one may stand"
)]
#[case::no_statement(
    "SELECT a FROM t WHERE status = $1 AND t <= $2;",
    "",
    "queries/good.sql:11: it holds no statement"
)]
fn a_wrong_header_is_named_with_its_line(#[case] part: &str, #[case] instead: &str, #[case] sentence: &str) {
    assert!(GOOD.contains(part), "the case replaces nothing");
    assert_eq!(parse(&GOOD.replace(part, instead)).unwrap_err(), sentence);
}

#[rstest]
#[case::delete("DELETE FROM t WHERE a = $1 AND b = $2")]
#[case::hidden_in_a_with(
    "WITH gone AS (DELETE FROM t WHERE a = $1 AND b = $2 RETURNING *) SELECT * FROM gone"
)]
#[case::lock("SELECT * FROM t WHERE a = $1 AND b = $2 FOR UPDATE")]
#[case::side_effect("SELECT pg_stat_reset() FROM t WHERE a = $1 AND b = $2")]
fn a_statement_that_does_more_than_read_is_refused(#[case] sql: &str) {
    let refused = parse(&GOOD.replace("SELECT a FROM t WHERE status = $1 AND t <= $2;", sql)).unwrap_err();
    assert!(refused.starts_with("queries/good.sql:10: refused: "), "{refused}");
}

#[rstest]
#[case::show("SHOW work_mem", "SHOW")]
#[case::explain("/* a /* b */ */ explain SELECT 1", "EXPLAIN")]
fn a_statement_without_a_plan_of_its_own_is_refused(#[case] sql: &str, #[case] word: &str) {
    let header = GOOD.lines().filter(|line| line.starts_with("--") && !line.contains("parameter"));
    let text = header.map(|line| format!("{line}\n")).collect::<String>() + sql;
    let sentence = format!("a query is a SELECT, VALUES, TABLE or WITH, not {word}: it has to have a plan");
    assert_eq!(parse(&text).unwrap_err(), format!("queries/good.sql:7: {sentence}"));
    for sql in ["SELECT 1", "VALUES (1)", "TABLE t", "WITH a AS (SELECT 1) SELECT * FROM a", "(SELECT 1)"] {
        let text = text.lines().filter(|line| line.starts_with("-- ")).map(|line| format!("{line}\n"));
        parse(&(text.collect::<String>() + sql)).unwrap();
    }
}

#[rstest]
#[case::byte_order_mark(format!("\u{feff}{GOOD}"))]
#[case::carriage_returns(GOOD.replace('\n', "\r"))]
#[case::both_ends_of_a_line(GOOD.replace('\n', "\r\n"))]
fn a_file_is_read_however_its_editor_saved_it(#[case] text: String) {
    let query = parse(&text).unwrap();
    assert_eq!((query.line, query.parameters.len()), (10, 2));
    let wrong = parse(&text.replace("10 ms", "10")).unwrap_err();
    assert_eq!(wrong, "queries/good.sql:2: `10` is not a time such as `10 ms`");
}

#[test]
fn a_system_that_names_no_folder_of_queries_needs_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = (*harness::settings()).clone();
    settings.root = folder.path().to_owned();
    settings.perf.queries = "queries".into();
    assert_eq!(Query::all(&settings).unwrap().len(), 0);
    settings.perf.queries = "critical".into();
    let error = Query::all(&settings).unwrap_err();
    assert!(error.to_string().contains("critical: cannot be read"), "{error}");
}

#[test]
fn a_file_that_is_no_text_is_named_with_its_line_and_a_hidden_one_is_no_query() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = (*harness::settings()).clone();
    settings.perf.queries = folder.path().to_owned();
    std::fs::write(folder.path().join("good.sql"), GOOD).unwrap();
    for hidden in [".#good.sql", ".sql"] {
        std::fs::write(folder.path().join(hidden), "half").unwrap();
    }
    let names: Vec<_> = Query::all(&settings).unwrap().into_iter().map(|query| query.name).collect();
    assert_eq!(names, ["good"]);
    std::fs::write(folder.path().join("latin.sql"), b"-- states: a\n-- budget: \xfc\n").unwrap();
    let error = Query::all(&settings).unwrap_err();
    assert!(error.to_string().ends_with("latin.sql:2: it is not UTF-8"), "{error}");
    let help = help_of(&error);
    assert_eq!(help, "save the file as UTF-8");
    std::fs::remove_file(folder.path().join("latin.sql")).unwrap();
    std::fs::create_dir(folder.path().join("later.sql")).unwrap();
    let error = Query::all(&settings).unwrap_err();
    assert!(error.to_string().contains("later.sql:1: it cannot be read: "), "{error}");
    assert!(help_of(&error).contains("make it a file"));
}

fn help_of(error: &runbook::settings::SettingsError) -> String {
    match error {
        runbook::settings::SettingsError::Invalid { help, .. } => help.clone().unwrap_or_default(),
        other => panic!("{other}"),
    }
}

#[rstest]
#[case::of_the_limit(f64::INFINITY, 1.0, Duration::from_millis(10))]
#[case::of_the_factor(50.0, 1e30, Duration::MAX)]
#[case::of_both(1e300, f64::INFINITY, Duration::MAX)]
fn a_budget_past_all_time_is_the_longest_there_is(
    #[case] query_ms: f64,
    #[case] factor: f64,
    #[case] bound: Duration,
) {
    let mut settings = (*harness::settings()).clone();
    settings.thresholds.query_ms = query_ms;
    settings.perf.budget_factor = factor;
    assert_eq!(parse(GOOD).unwrap().bound(&settings), bound);
}
