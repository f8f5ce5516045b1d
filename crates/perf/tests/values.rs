//! The values that a query is tried with: their types, where they come from, and what is said of a header that is wrong.

use std::path::Path;

use harness::Database;
use perf::{Bound, Query};
use rstest::rstest;
use runbook::verdict::Outcome;

use crate::support::{errors, patient, run, with_query};

const PARAMETERS: &str = "perf.queries.parameters";

fn paid(of_type: &str, rare: &str, common: &str, other: &str) -> String {
    format!(
        "CREATE TABLE pay (id int, currency {of_type}, amount int);
         INSERT INTO pay SELECT n, CASE WHEN n % 1000 = 0 THEN '{rare}' WHEN n % 3 > 0 THEN '{common}' ELSE '{other}'
             END::{of_type}, n FROM generate_series(1, 60000) AS n;
         CREATE INDEX ix_pay_currency ON pay (currency, id);
         ANALYZE pay"
    )
}

fn asked(of_type: &str, rare: &str) -> String {
    format!(
        "-- states: what was paid in a currency\n-- budget: 10 ms\n-- indexes: ix_pay_currency\n-- rows: 1\n\
         -- parameter: $1 c {of_type} = '{rare}'\n-- distribution: $1 pay.currency\n\
         SELECT sum(amount) FROM pay WHERE currency = $1"
    )
}

#[rstest]
#[case::characters("char(3)", "CHF", "USD", "EUR", "'CHF'::pg_catalog.bpchar")]
#[case::bits("bit(3)", "101", "110", "111", "'101'::pg_catalog.\"bit\"")]
#[case::varying_characters("varchar(3)", "CHF", "USD", "EUR", "'CHF'::pg_catalog.\"varchar\"")]
#[tokio::test]
async fn a_value_keeps_its_length_so_that_the_commonest_one_is_seen_to_lose_the_index(
    #[case] of_type: &str,
    #[case] rare: &str,
    #[case] common: &str,
    #[case] other: &str,
    #[case] literal: &str,
) {
    let db = Database::empty().await.unwrap();
    db.execute(&paid(of_type, rare, common, other)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let context = with_query(patient(&db), folder.path(), &asked(of_type, rare));
    let verdict = run("perf.queries.index", &context).await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{:?}", errors(&verdict));
    let verdict = run(PARAMETERS, &context).await;
    assert_eq!(verdict.outcome(), Outcome::Fail, "{:?}", verdict.reason());
    let [lost] = errors(&verdict).try_into().unwrap();
    let words = format!(
        "uses ix_pay_currency with its example, and a sequential scan of pay with the commonest pay.currency ({common})"
    );
    assert!(lost.ends_with(&words), "{lost}");
    let query = Query::parse(Path::new("only.sql"), &asked(of_type, rare)).unwrap();
    let bound = Bound::of(&query, &mut db.reader().await.unwrap()).await.unwrap();
    assert_eq!(bound.values[0].literal(), literal);
    perf::generic(&query, &bound, db.pool()).await.unwrap();
}

#[tokio::test]
async fn an_example_of_several_rows_is_a_fault_of_the_file() {
    let db = Database::seeded().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = "-- states: a project\n-- budget: 10 ms\n-- indexes: any\n-- rows: any\n\
                -- parameter: $1 a text = (SELECT project_id FROM projects)\nSELECT * FROM projects WHERE project_id = $1";
    let verdict = run("perf.queries.index", &with_query(db.context(), folder.path(), text)).await;
    assert_eq!(verdict.outcome(), Outcome::Fail, "{:?}", verdict.reason());
    let [problem] = errors(&verdict).try_into().unwrap();
    assert!(
        problem.contains("only.sql:5: parameter $1 (a): more than one row returned by a subquery"),
        "{problem}"
    );
}

#[rstest]
#[case::no_column("projects.nope", Some("column \"nope\" does not exist"))]
#[case::no_table("nowhere.status", Some("relation \"nowhere\" does not exist"))]
#[case::time(
    "projects.created_at",
    Some("projects.created_at is timestamp with time zone, and the parameter is text")
)]
#[case::number("public.sizes.n", Some("public.sizes.n is integer, and the parameter is text"))]
#[case::characters("sizes.fixed", None)]
#[case::what_a_text_may_stand_for("sizes.size", None)]
#[tokio::test]
async fn a_distribution_that_cannot_be_the_parameters_is_a_fault_of_the_file(
    #[case] column: &str,
    #[case] sentence: Option<&str>,
) {
    let db = Database::seeded().await.unwrap();
    let sizes = "CREATE TYPE size AS ENUM ('s', 'm'); CREATE TABLE sizes (n int, fixed char(5), size size);
                 INSERT INTO sizes VALUES (1, 'draft', 's')";
    db.execute(sizes).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "-- states: projects\n-- budget: 10 ms\n-- indexes: none\n-- rows: any\n-- parameter: $1 a text = 'draft'\n\
         -- distribution: $1 {column}\nSELECT * FROM projects WHERE status = $1"
    );
    let context = with_query(db.context(), folder.path(), &text);
    let verdict = run(PARAMETERS, &context).await;
    let problems = errors(&verdict);
    match sentence {
        Some(sentence) => {
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(
                problems[0].contains(&format!("only.sql:6: distribution of $1: {sentence}")),
                "{problems:?}"
            );
        }
        None => assert_eq!(verdict.outcome(), Outcome::Pass, "{:?} {problems:?}", verdict.reason()),
    }
    let query = Query::all(&context.settings).unwrap().remove(0);
    let mut reader = db.reader().await.unwrap();
    let bound = Bound::of(&query, &mut reader).await.unwrap();
    let catalogue = perf::Catalogue::read(&mut reader, &["public".into()]).await.unwrap();
    let faults = query.faults(&bound, &catalogue, &mut reader).await.unwrap();
    assert_eq!(faults.len(), usize::from(sentence.is_some()), "{faults:?}");
}
