//! Which table a plan reads, and how large it is: schemas and partitions.

use harness::Database;
use perf::{Catalogue, Query};
use rstest::rstest;
use runbook::verdict::Outcome;

use crate::support::{errors, patient, run, with_query};

const INDEX: &str = "perf.queries.index";
const SEQSCAN: &str = "perf.queries.seqscan";

fn query(indexes: &str, rest: &str) -> String {
    format!("-- states: what it reads\n-- budget: 10 ms\n{indexes}\n-- rows: any\n-- buffers: any\n{rest}")
}

#[rstest]
#[case::in_the_other_schema("other.pay", "public.pay")]
#[case::in_the_systems_schema("public.pay", "other.pay")]
#[tokio::test]
async fn a_table_is_told_from_a_larger_one_of_the_same_name(#[case] small: &str, #[case] large: &str) {
    let db = Database::empty().await.unwrap();
    db.execute("CREATE SCHEMA other").await.unwrap();
    for (table, rows) in [(small, 200), (large, 20_000)] {
        let filled = format!(
            "CREATE TABLE {table} AS SELECT n, repeat('x', 100) AS pad FROM generate_series(1, {rows}) AS n; ANALYZE {table}"
        );
        db.execute(&filled).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let of = |table: &str| query("-- indexes: any", &format!("SELECT * FROM {table} WHERE n = 7"));
    for check in [INDEX, SEQSCAN] {
        let verdict = run(check, &with_query(patient(&db), folder.path(), &of(small))).await;
        assert_eq!(verdict.outcome(), Outcome::NotMeasured, "{check}: {:?}", errors(&verdict));
        let reason = verdict.reason().unwrap();
        assert!(reason.contains(&format!("{small} has ")), "{check}: {reason}");
    }
    let verdict = run(SEQSCAN, &with_query(patient(&db), folder.path(), &of(large))).await;
    let [problem] = errors(&verdict).try_into().unwrap();
    assert!(problem.ends_with(&format!(" blocks of {large}")), "{problem}");
}

/// Eight partitions of 2,500 rows in some 20 blocks each; 160 blocks together.
async fn partitioned() -> Database {
    let db = Database::empty().await.unwrap();
    let parts: String = (0..8)
        .map(|part| {
            let (from, to) = (part * 2500, part * 2500 + 2500);
            format!("CREATE TABLE ev_{part} PARTITION OF ev FOR VALUES FROM ({from}) TO ({to});")
        })
        .collect();
    let filled = format!(
        "CREATE TABLE ev (at int NOT NULL, pad text) PARTITION BY RANGE (at); {parts}
         INSERT INTO ev SELECT n, repeat('x', 30) FROM generate_series(0, 19999) AS n; ANALYZE"
    );
    db.execute(&filled).await.unwrap();
    db
}

const ALL: &str = "SELECT * FROM ev WHERE pad = 'y'";
const ONE: &str = "SELECT * FROM ev WHERE at = 7";

#[rstest]
#[case::not_allowed("-- indexes: any", ALL, Some(" blocks of 8 partitions of public.ev"))]
#[case::the_table_is_allowed("-- indexes: any\n-- sequential: ev", ALL, None)]
#[case::one_partition_is_allowed(
    "-- indexes: any\n-- sequential: ev_0",
    ALL,
    Some(" blocks of 7 partitions of public.ev")
)]
#[tokio::test]
async fn a_partitioned_table_is_read_from_end_to_end_as_one(
    #[case] header: &str,
    #[case] sql: &str,
    #[case] problem: Option<&str>,
) {
    let db = partitioned().await;
    let folder = tempfile::tempdir().unwrap();
    let context = with_query(patient(&db), folder.path(), &query(header, sql));
    let verdict = run(SEQSCAN, &context).await;
    match problem {
        Some(problem) => {
            assert!(errors(&verdict)[0].ends_with(problem), "{:?}", errors(&verdict));
            let remedy = &verdict.findings()[0].remedy;
            assert!(remedy.contains("`-- sequential: ev`"), "{remedy}");
        }
        None => assert_eq!(verdict.outcome(), Outcome::Pass, "{:?} {:?}", verdict.reason(), errors(&verdict)),
    }
    let thrown_away = run("perf.queries.discarded", &context).await;
    assert_eq!(errors(&thrown_away).is_empty(), problem.is_none(), "{:?}", errors(&thrown_away));
}

#[rstest]
#[case::all_partitions("-- indexes: any", ALL, "", Outcome::Fail, "a sequential scan of ev_0, ev_1")]
#[case::one_without_the_index("-- indexes: ix_ev_at", ONE, "", Outcome::Fail, "a sequential scan of ev_0")]
#[case::one_too_small_for_the_index(
    "-- indexes: ix_ev_at",
    "SELECT * FROM ev WHERE at < 2500",
    "CREATE INDEX ix_ev_at ON ev (at)",
    Outcome::NotMeasured,
    "public.ev_0 has "
)]
#[case::expected_where_the_whole_is_large(
    "-- indexes: none\n-- indexes at 15000: ix_ev_at",
    ONE,
    "",
    Outcome::Fail,
    "where ix_ev_at is expected"
)]
#[tokio::test]
async fn an_index_is_expected_where_the_partitioned_table_is_large(
    #[case] header: &str,
    #[case] sql: &str,
    #[case] index: &'static str,
    #[case] outcome: Outcome,
    #[case] words: &str,
) {
    let db = partitioned().await;
    db.execute(index).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let verdict = run(INDEX, &with_query(patient(&db), folder.path(), &query(header, sql))).await;
    assert_eq!(verdict.outcome(), outcome, "{:?} {:?}", verdict.reason(), errors(&verdict));
    let said = errors(&verdict).concat() + verdict.reason().unwrap_or_default();
    assert!(said.contains(words), "{said}");
}

#[tokio::test]
async fn a_table_that_may_be_read_and_is_not_there_is_told() {
    let db = partitioned().await;
    let folder = tempfile::tempdir().unwrap();
    let context =
        with_query(patient(&db), folder.path(), &query("-- indexes: any\n-- sequential: ev, nope", ALL));
    let verdict = run(SEQSCAN, &context).await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{:?}", errors(&verdict));
    let [finding] = verdict.findings() else { panic!("{:?}", verdict.findings()) };
    assert!(
        finding.problem.contains("nope from end to end, and there is no such table"),
        "{}",
        finding.problem
    );
    let catalogue = Catalogue::read(&mut db.reader().await.unwrap(), &["public".into()]).await.unwrap();
    let query = Query::all(&context.settings).unwrap().remove(0);
    let [unknown] = query.unknown_names(&catalogue).try_into().unwrap();
    assert!(unknown.contains("only.sql:4: there is no table nope: "), "{unknown}");
}
