//! Small tables, hostile names, partitions, and query files that are wrong: never a pass on nothing.

use harness::Database;
use rstest::rstest;
use runbook::verdict::Outcome;

use crate::support::{about, errors, patient, run, with, with_query};

const INDEX: &str = "perf.queries.index";
const SEQSCAN: &str = "perf.queries.seqscan";

#[tokio::test]
async fn tables_too_small_for_an_index_are_counted_as_not_measured() {
    let db = Database::seeded().await.unwrap();
    let verdict = run(SEQSCAN, &patient(&db)).await;
    assert_eq!(verdict.outcome(), Outcome::NotMeasured);
    let reason = verdict.reason().unwrap();
    assert!(reason.starts_with("none of ") && reason.contains("tables count from 32 on"), "{reason}");
    // The planner takes an index even here for some; the others say why they are not judged.
    let verdict = run(INDEX, &patient(&db)).await;
    assert_eq!(errors(&verdict), [""; 0]);
    let finding = about(&verdict, "queries/projects_by_status_100.sql");
    assert!(finding.problem.starts_with("not measured: public.projects has "), "{}", finding.problem);
}

#[rstest]
#[case::missing("no/such/folder", "cannot be read")]
#[case::empty("", "there are no queries to examine")]
#[tokio::test]
async fn a_folder_without_queries_is_not_a_pass(#[case] folder: &str, #[case] sentence: &str) {
    let db = Database::empty().await.unwrap();
    let empty = tempfile::tempdir().unwrap();
    let context = with(db.context(), |settings| settings.perf.queries = empty.path().join(folder));
    for check in perf::checks() {
        let verdict = check.run(&context).await;
        assert_eq!(verdict.outcome(), Outcome::NotMeasured, "{}", check.id);
        let reason = verdict.reason().unwrap();
        assert!(
            reason.contains(sentence) || reason.starts_with("there are no queries"),
            "{}: {reason}",
            check.id
        );
    }
}

#[tokio::test]
async fn a_wrong_query_file_is_not_a_pass() {
    let db = Database::empty().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let context = with_query(db.context(), folder.path(), "-- states: no budget\nSELECT 1");
    for check in perf::checks() {
        let verdict = check.run(&context).await;
        assert_eq!(verdict.outcome(), Outcome::NotMeasured, "{}", check.id);
        assert!(verdict.reason().unwrap().contains("only.sql:1: it "), "{:?}", verdict.reason());
    }
}

#[tokio::test]
async fn a_parameter_of_the_wrong_type_is_named_with_its_line() {
    let db = Database::seeded().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let context = with_query(
        db.context(),
        folder.path(),
        "-- states: a project\n-- budget: 10 ms\n-- indexes: any\n-- rows: any\n-- parameter: $1 since date = 'soon'\n\
         SELECT * FROM projects WHERE created_at > $1",
    );
    let verdict = run(INDEX, &context).await;
    assert_eq!(verdict.outcome(), Outcome::Fail, "{:?}", verdict.reason());
    let problem = &errors(&verdict)[0];
    assert!(
        problem.contains("only.sql:5: parameter $1 (since): invalid input syntax for type date"),
        "{problem}"
    );
}

const HOSTILE: &str = r#"
CREATE TABLE "Tab'le ""x"", é" AS SELECT n AS "select", repeat('x', 100) AS pad FROM generate_series(1, 20000) AS n;
CREATE INDEX "In'dex ""x"", é" ON "Tab'le ""x"", é" ("select");
ANALYZE;
"#;

const HOSTILE_QUERY: &str = r#"-- states: a row of a table with a hostile name
-- budget: 10 ms
-- indexes: "In'dex ""x"", é"
-- parameter: $1 n = 17
-- distribution: $1 "Tab'le ""x"", é"."select"
-- rows: 1
SELECT * FROM "Tab'le ""x"", é" WHERE "select" = $1
"#;

#[tokio::test]
async fn names_that_need_quotes_are_found_and_quoted() {
    let db = Database::empty().await.unwrap();
    db.execute(HOSTILE).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let context = with_query(patient(&db), folder.path(), HOSTILE_QUERY);
    for check in perf::checks() {
        let verdict = check.run(&context).await;
        assert_eq!(
            verdict.outcome(),
            Outcome::Pass,
            "{}: {:?} {:?}",
            check.id,
            verdict.reason(),
            errors(&verdict)
        );
    }
    let invalid =
        r#"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '"In''dex ""x"", é"'::regclass"#;
    db.execute(invalid).await.unwrap();
    let verdict = run(INDEX, &context).await;
    assert_eq!(verdict.findings()[0].remedy, r#"REINDEX INDEX CONCURRENTLY public."In'dex ""x"", é""#);
    let verdict = run(SEQSCAN, &context).await;
    assert!(errors(&verdict)[0].contains(r#"blocks of public."Tab'le ""x"", é""#), "{:?}", errors(&verdict));
}

const PARTITIONED: &str = "
CREATE TABLE measured (at int NOT NULL, pad text) PARTITION BY RANGE (at);
CREATE INDEX ix_measured_at ON measured (at);
CREATE TABLE measured_1 PARTITION OF measured FOR VALUES FROM (0) TO (20000);
CREATE TABLE measured_2 PARTITION OF measured FOR VALUES FROM (20000) TO (40000);
INSERT INTO measured SELECT n, repeat('x', 100) FROM generate_series(0, 39999) AS n;
ANALYZE;
";

#[tokio::test]
async fn the_index_of_a_partition_counts_as_the_index_above_it() {
    let db = Database::empty().await.unwrap();
    db.execute(PARTITIONED).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let context = with_query(
        patient(&db),
        folder.path(),
        "-- states: one measurement\n-- budget: 10 ms\n-- indexes: ix_measured_at\n-- parameter: $1 at = 7\n\
         -- rows: 1\nSELECT * FROM measured WHERE at = $1",
    );
    let verdict = run(INDEX, &context).await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{:?} {:?}", verdict.reason(), errors(&verdict));
    assert_eq!(verdict.summary(), Some("1 of 1 queries use an expected index"));
}

#[tokio::test]
async fn an_index_that_does_not_exist_is_advice_while_another_serves() {
    let db = Database::loaded(10_000).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let query = |indexes: &str| {
        format!(
            "-- states: a project\n-- budget: 10 ms\n-- indexes: {indexes}\n-- rows: 1\n\
             -- parameter: $1 id text = (SELECT max(project_id) FROM projects)\n\
             SELECT * FROM projects WHERE project_id = $1"
        )
    };
    let verdict =
        run(INDEX, &with_query(db.context(), folder.path(), &query("projects_pkey, ix_typo"))).await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{:?}", errors(&verdict));
    assert!(verdict.findings()[0].problem.contains("expects ix_typo, and there is no such index"));
    let verdict = run(INDEX, &with_query(db.context(), folder.path(), &query("ix_typo"))).await;
    assert!(
        errors(&verdict)[0].ends_with("uses projects_pkey where ix_typo is expected"),
        "{:?}",
        errors(&verdict)
    );
}
