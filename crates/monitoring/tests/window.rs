use harness::Database;
use runbook::verdict::Outcome;

use crate::{act, execute, healthy_traffic, verdict};

const INDEX: &str = "monitoring.index_hit_rate";
const CACHE: &str = "monitoring.cache_hit_rate";

#[tokio::test]
async fn window_without_traffic_is_not_measured_and_says_how_much_there_was() {
    let db = Database::loaded(1000).await.unwrap();
    let context = db.context();
    act(&context, "monitoring.window.open").await;
    act(&context, "monitoring.window.close").await;
    let verdict = verdict(&context, INDEX).await;
    assert_eq!(verdict.reason(), Some("0 scans over the window, and a rate needs 100"), "{verdict:?}");
}

#[tokio::test]
async fn small_tables_alone_give_no_index_hit_rate() {
    let db = Database::seeded().await.unwrap();
    let verdict = verdict(&db.context(), INDEX).await;
    assert_eq!(verdict.outcome(), Outcome::NotMeasured);
    assert!(verdict.reason().unwrap().contains("smaller than 32 blocks"), "{verdict:?}");
}

#[tokio::test]
async fn reset_within_the_window_is_not_measured() {
    let db = Database::loaded(1000).await.unwrap();
    let context = db.context();
    healthy_traffic(&db).await;
    act(&context, "monitoring.window.open").await;
    execute(&db, "SELECT pg_stat_reset()").await;
    healthy_traffic(&db).await;
    for id in [INDEX, CACHE] {
        let verdict = verdict(&context, id).await;
        assert_eq!(
            verdict.reason(),
            Some("the statistics of the database were reset within the window: open a new one"),
            "{id}: {verdict:?}"
        );
    }
}

#[tokio::test]
async fn what_follows_a_closed_window_is_not_counted() {
    let db = Database::loaded(1000).await.unwrap();
    let context = db.context();
    act(&context, "monitoring.window.open").await;
    healthy_traffic(&db).await;
    act(&context, "monitoring.window.close").await;
    execute(
        &db,
        "DO $$BEGIN FOR n IN 1..1000 LOOP PERFORM FROM projects WHERE description = 'x'; END LOOP; END$$; \
         SELECT pg_stat_force_next_flush()",
    )
    .await;
    let closed = verdict(&context, INDEX).await;
    assert_eq!((closed.outcome(), closed.examined()), (Outcome::Pass, 3000), "{closed:?}");
    act(&context, "monitoring.window.open").await;
    let opened = verdict(&context, INDEX).await;
    assert_eq!(opened.outcome(), Outcome::NotMeasured, "{opened:?}");
}

#[tokio::test]
async fn totals_are_used_without_a_window_and_said_to_be() {
    let db = Database::loaded(1000).await.unwrap();
    healthy_traffic(&db).await;
    let index = verdict(&db.context(), INDEX).await;
    assert_eq!(index.outcome(), Outcome::Pass, "{index:?}");
    assert!(
        index.summary().unwrap().contains("since the statistics were reset, without a window"),
        "{index:?}"
    );
    let names: Vec<&str> = index.measurements().iter().map(|measurement| measurement.name.as_str()).collect();
    assert_eq!(names, ["scans that used an index", "index blocks found in shared buffers"]);
}

#[tokio::test]
async fn cold_start_alone_never_breaks_the_cache_hit_rate() {
    let db = Database::seeded().await.unwrap();
    healthy_traffic(&db).await;
    let verdict = verdict(&db.context(), CACHE).await;
    assert_eq!(verdict.outcome(), Outcome::NotMeasured, "{verdict:?}");
    assert!(verdict.reason().unwrap().contains("and a rate needs"), "{verdict:?}");
}
