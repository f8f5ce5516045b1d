//! Plans that were executed, drawings of them, indexes that would help, and flips between sizes.

use harness::Database;
use perf::{Bound, Flip, Plan, Query, Stopped};

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

#[tokio::test]
async fn a_dropped_index_is_proposed_again_with_its_size_and_plan() {
    let db = Database::loaded(10_000).await.unwrap();
    let query = query("events_of_project");
    let bound = bound(&query, &db).await;
    match perf::advise(&query, &bound, db.pool()).await {
        Err(Stopped::Unmeasured(why)) => {
            println!("not measured: {why}");
            return;
        }
        other => assert!(other.unwrap().is_none(), "it has its index"),
    }
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
    assert!(advice.after < advice.before / 10.0 && advice.bytes > 100_000, "{advice:?}");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_extension WHERE extname = 'hypopg'")
        .fetch_one(db.pool())
        .await
        .unwrap();
    assert_eq!(left, 0, "what was tried is gone");
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
