use harness::Database;
use runbook::verdict::Outcome;

use crate::{execute, failed, verdict, verdicts};

/// What the clean system has nothing of, so that there is nothing to prove.
const NOT_THERE: [&str; 5] = [
    "integrity.constraints.domains",
    "integrity.constraints.exclusion",
    "integrity.constraints.generated",
    "integrity.corruption.btree",
    "integrity.corruption.heap",
];

#[tokio::test]
async fn seeded_database_is_silent_and_all_that_is_there_is_proved() {
    let db = Database::seeded().await.unwrap();
    let verdicts = verdicts(&db.context()).await;
    assert_eq!(failed(&verdicts), []);
    for (id, verdict) in &verdicts {
        let expected = if NOT_THERE.contains(id) { Outcome::NotMeasured } else { Outcome::Pass };
        assert_eq!(verdict.outcome(), expected, "{id}: {verdict:?}");
        assert!(verdict.findings().is_empty(), "{id}: {:?}", verdict.findings());
    }
    assert_eq!(verdicts["integrity.foreign_keys.orphans"].examined(), 2);
    assert_eq!(verdicts["integrity.constraints.check"].examined(), 3);
}

#[tokio::test]
async fn loaded_database_is_silent() {
    let db = Database::loaded(1000).await.unwrap();
    assert_eq!(failed(&verdicts(&db.context()).await), []);
}

#[tokio::test]
async fn migrated_database_without_rows_is_silent() {
    let db = Database::migrated().await.unwrap();
    assert_eq!(failed(&verdicts(&db.context()).await), []);
}

#[tokio::test]
async fn database_with_nothing_in_it_passes_no_check() {
    let db = Database::empty().await.unwrap();
    for (id, verdict) in verdicts(&db.context()).await {
        assert_eq!(verdict.outcome(), Outcome::NotMeasured, "{id}: {verdict:?}");
    }
}

#[tokio::test]
async fn amcheck_finds_nothing_wrong_with_a_sound_database() {
    let db = Database::seeded().await.unwrap();
    execute(&db, "CREATE EXTENSION amcheck").await;
    for id in ["integrity.corruption.btree", "integrity.corruption.heap"] {
        let verdict = verdict(&db.context(), id).await;
        assert_eq!(verdict.outcome(), Outcome::Pass, "{id}: {verdict:?}");
        assert!(verdict.examined() >= 9, "{id}: {verdict:?}");
    }
}

#[tokio::test]
async fn missing_amcheck_is_named_with_its_remedy() {
    let db = Database::seeded().await.unwrap();
    let verdict = verdict(&db.context(), "integrity.corruption.btree").await;
    assert_eq!(verdict.reason(), Some("the extension amcheck is not installed: CREATE EXTENSION amcheck"));
}
