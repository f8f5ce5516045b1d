use harness::Database;
use runbook::verdict::{Finding, Outcome};

use crate::{act, execute, healthy_traffic, verdicts};

#[tokio::test]
async fn seeded_database_is_silent_without_a_window() {
    let db = Database::seeded().await.unwrap();
    for (id, verdict) in verdicts(&db.context()).await {
        assert_ne!(verdict.outcome(), Outcome::Fail, "{id}: {verdict:?}");
        // Advice is not an error: that the server's table of statements was full, say, which all tests share.
        assert!(!verdict.findings().iter().any(Finding::is_error), "{id}: {verdict:?}");
    }
}

#[tokio::test]
async fn healthy_traffic_over_a_window_passes_every_check() {
    let db = Database::loaded(1000).await.unwrap();
    let context = db.context();
    // What is read the first time comes from the disk: that is before the window.
    healthy_traffic(&db).await;
    act(&context, "monitoring.window.open").await;
    // What opening the window read, a fresh database's catalogue from the disk, is reported by the server up to a second
    // later, so perhaps within it: some two hundred blocks, which must be few beside what is read.
    for _ in 0..6 {
        healthy_traffic(&db).await;
    }
    // The statistics of statements leave out what runs inside DO only where they track the top alone.
    execute(&db, "SELECT name FROM projects WHERE project_id = 'proj_test_001'").await;
    act(&context, "monitoring.window.close").await;
    for (id, verdict) in verdicts(&context).await {
        assert_eq!(verdict.outcome(), Outcome::Pass, "{id}: {verdict:?}");
    }
}

#[tokio::test]
async fn database_with_nothing_in_it_has_no_rates() {
    let db = Database::empty().await.unwrap();
    let verdicts = verdicts(&db.context()).await;
    for id in ["monitoring.index_hit_rate", "monitoring.slow_queries", "monitoring.envelope_populated"] {
        assert_eq!(verdicts[id].outcome(), Outcome::NotMeasured, "{id}: {:?}", verdicts[id]);
    }
}

#[tokio::test]
async fn envelope_column_that_is_not_there_is_named() {
    let db = Database::at("005").await.unwrap();
    let verdict = crate::verdict(&db.context(), "monitoring.envelope_populated").await;
    assert_eq!(verdict.outcome(), Outcome::Fail);
    let problems: Vec<&str> = verdict.findings().iter().map(|finding| finding.problem.as_str()).collect();
    assert_eq!(
        problems,
        [
            "has no column \"confidence\"",
            "has no column \"constants_version\"",
            "has no column \"content_sha256\""
        ]
    );
}
