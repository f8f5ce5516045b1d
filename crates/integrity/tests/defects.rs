use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use harness::Database;
use harness::defects::{self, Defect};

use crate::{failed, verdicts};

#[test]
fn every_check_has_a_planted_defect() {
    let planted: BTreeSet<String> = defects::of("integrity").into_iter().map(|defect| defect.check).collect();
    let checks: BTreeSet<String> = integrity::checks().iter().map(|check| check.id.to_owned()).collect();
    assert_eq!(planted, checks);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_defect_is_found_by_its_check_and_by_no_other_than_it_names() {
    let defects = defects::of("integrity");
    assert!(defects.len() >= 20, "{}", defects.len());
    let judged =
        futures_util::stream::iter(defects).map(|defect| tokio::spawn(judge(defect))).buffer_unordered(4);
    let wrong: Vec<String> = judged.filter_map(async |wrong| wrong.unwrap()).collect().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with the answer to a defect.
async fn judge(defect: Defect) -> Option<String> {
    let db = Database::seeded().await.unwrap();
    defect.plant(&db).await.unwrap();
    let failed = failed(&verdicts(&db.context()).await);
    let found: BTreeSet<&str> = failed.iter().map(|(id, _)| *id).collect();
    let also = defect.also.iter().map(String::as_str).filter(|id| id.starts_with("integrity."));
    let expected: BTreeSet<&str> = also.chain([defect.check.as_str()]).collect();
    (found != expected)
        .then(|| format!("{}: expected {expected:?}, found {failed:#?}", defect.path.display()))
}
