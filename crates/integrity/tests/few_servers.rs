//! A target that has fewer connections to give than there are sessions that could read side by side.

use std::time::Duration;

use harness::Database;
use rstest::rstest;
use runbook::verdict::Outcome;

use crate::support::{live_at, with};
use crate::verdict;

/// A target hands out five connections; who asks for more waits for as long as a statement may take, which is more
/// than a check may.
#[rstest]
#[case::one_is_missing(1)]
#[case::only_one_can_read(2)]
#[case::not_even_the_catalogue_keeps_its_own(3)]
#[tokio::test]
async fn sessions_that_are_not_to_be_had_are_not_waited_for(#[case] taken: usize) {
    // Large enough for several sessions.
    let db = Database::loaded(10_000).await.unwrap();
    let mut context = db.context();
    with(&mut context, |settings| {
        settings.limits.statement = Duration::from_secs(3600);
        settings.integrity.connections = 3;
    });
    let context = live_at(&context, db.url()).await;
    let mut held = Vec::new();
    for _ in 0..taken {
        held.push(context.reader().await.unwrap());
    }
    for id in [
        "integrity.foreign_keys.orphans",
        "integrity.constraints.check",
        "integrity.rules",
        "integrity.constraints.unique",
    ] {
        let verdict = verdict(&context, id).await;
        assert_eq!(verdict.outcome(), Outcome::Pass, "{id}: {verdict:?}");
    }
}

/// A session costs the server more than a small table.
#[tokio::test]
async fn small_database_is_read_by_one_session_beside_the_one_that_holds_the_snapshot() {
    let db = Database::seeded().await.unwrap();
    let context = db.context();
    for check in integrity::checks() {
        check.run(&context).await;
    }
    assert!(db.pool().size() <= 2, "{}", db.pool().size());
}
