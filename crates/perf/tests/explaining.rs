//! Plans that were executed, drawings of them, indexes that would help, and flips between sizes.

use harness::Database;
use perf::{Bound, Flip, Plan, Query, Stopped};
use rstest::rstest;

fn query(name: &str) -> Query {
    Query::all(&harness::settings()).unwrap().into_iter().find(|query| query.name == name).unwrap()
}

async fn bound(query: &Query, db: &Database) -> Bound {
    Bound::of(query, &mut db.reader().await.unwrap()).await.unwrap()
}

async fn planned(query: &Query, db: &Database) -> Plan {
    let mut reader = db.reader().await.unwrap();
    let bound = Bound::of(query, &mut reader).await.unwrap();
    perf::explain(query, &bound, &mut reader).await.unwrap()
}

#[tokio::test]
async fn an_executed_plan_says_what_each_node_did() {
    let db = Database::loaded(1000).await.unwrap();
    let query = query("projects_by_status_100");
    let plan = perf::analyze(&query, &bound(&query, &db).await, &db).await.unwrap();
    assert!(plan.execution_ms.unwrap() > 0.0 && plan.planning_ms.unwrap() > 0.0);
    assert!((plan.root.actual.all_rows() - 100.0).abs() < 0.5, "{:?}", plan.root.actual);
    assert!(plan.root.actual.blocks() > 3, "{:?}", plan.root.actual);
    let page = perf::tree(&plan, true);
    assert!(page.contains("own ms") && page.contains("executed in"), "{page}");
    let image = perf::svg(&query.states, &plan);
    assert!(image.contains("projects") && image.ends_with("</svg>\n"));
}

/// Without hypopg the sentence that says so is what is tested, and the test says that it was.
#[rstest]
#[case::made_for_the_occasion(None)]
#[case::that_of_the_system(Some("CREATE SCHEMA \"Ha'nd\"; CREATE EXTENSION hypopg SCHEMA \"Ha'nd\""))]
#[tokio::test]
async fn a_dropped_index_is_proposed_again_with_its_size_and_plan(#[case] extension: Option<&'static str>) {
    let db = Database::loaded(10_000).await.unwrap();
    let query = query("events_of_project");
    let bound = bound(&query, &db).await;
    let known = "SELECT count(*) FROM pg_available_extensions WHERE name = 'hypopg'";
    if sqlx::query_scalar::<_, i64>(known).fetch_one(db.pool()).await.unwrap() == 0 {
        let stopped = perf::advise(&query, &bound, db.pool()).await.unwrap_err();
        let Stopped::Unmeasured(why) = &stopped else { panic!("{stopped:?}") };
        assert!(
            why.starts_with(
                "hypopg is not installed on the server, so no index can be tried (Debian: postgresql-1"
            ),
            "{why}"
        );
        println!("without hypopg: {why}");
        return;
    }
    println!("with hypopg");
    if let Some(extension) = extension {
        sqlx::raw_sql(extension).execute(db.pool()).await.unwrap();
    }
    let advice = perf::advise(&query, &bound, db.pool()).await.unwrap();
    assert!(advice.is_none(), "it has its index: {advice:?}");
    sqlx::raw_sql("DROP INDEX ix_events_project_timestamp, ix_project_events_project_id")
        .execute(db.pool())
        .await
        .unwrap();
    let advice = perf::advise(&query, &bound, db.pool()).await.unwrap().unwrap();
    assert!(
        advice.statement.starts_with("CREATE INDEX ON project_events (project_id"),
        "{}",
        advice.statement
    );
    assert!(advice.after < advice.before / 10.0, "{advice:?}");
    let plan = perf::tree(&advice.plan, true);
    assert!(plan.contains("Index") && plan.contains("project_events"), "{plan}");
    // As large as one that is there: 50,000 entries.
    sqlx::raw_sql(sqlx::AssertSqlSafe(advice.statement.replace("INDEX ON", "INDEX real ON")))
        .execute(db.pool())
        .await
        .unwrap();
    let real: i64 = sqlx::query_scalar("SELECT pg_relation_size('real')").fetch_one(db.pool()).await.unwrap();
    let share = advice.bytes as f64 / real as f64;
    assert!((0.5..4.0).contains(&share), "{} bytes were foretold, and there are {real}", advice.bytes);
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_extension WHERE extname = 'hypopg'")
        .fetch_one(db.pool())
        .await
        .unwrap();
    assert_eq!(left, i64::from(extension.is_some()), "what was tried is gone");
}

#[tokio::test]
async fn a_plan_that_flips_between_two_sizes_is_named() {
    let (small, large) = (Database::loaded(200).await.unwrap(), Database::loaded(10_000).await.unwrap());
    let query = query("account_confidence_by_status");
    let flip = Flip::between(&planned(&query, &small).await, &planned(&query, &large).await).unwrap();
    let words = flip.to_string();
    assert!(words.contains(" on projects") && words.contains("ix_projects_account_status"), "{words}");
    assert_eq!(Flip::between(&planned(&query, &large).await, &planned(&query, &large).await), None);
}

#[tokio::test]
async fn a_plan_without_statistics_leaves_them_where_they_are() {
    let db = Database::loaded(1000).await.unwrap();
    let query = query("projects_by_status_100");
    let bound = bound(&query, &db).await;
    perf::without_statistics(&query, &bound, db.pool()).await.unwrap();
    let statistics: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_stats WHERE tablename = 'projects'")
        .fetch_one(db.pool())
        .await
        .unwrap();
    assert!(statistics > 10, "{statistics}");
}
