//! Every planted defect is found by its check, and by no other than its header names.

use std::collections::BTreeSet;
use std::path::Path;

use futures_util::StreamExt as _;
use harness::Database;
use harness::defects::{self, Defect};

use crate::{failed, verdict, verdicts};

/// Its findings are advice, which never fails a check.
const ADVICE: &str = "schema.indexes.redundant";

#[test]
fn every_check_has_a_planted_defect() {
    let settings = harness::settings();
    for check in schema::checks() {
        let folder = settings.path(Path::new("defects").join(check.id));
        let planted = std::fs::read_dir(&folder).is_ok_and(|files| files.count() > 0);
        assert!(planted, "{} has no defect: add one under {}", check.id, folder.display());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_defect_is_found_by_its_check_and_by_no_other_than_it_names() {
    let defects = defects::of("schema");
    assert!(defects.len() >= 20, "{}", defects.len());
    let judged =
        futures_util::stream::iter(defects).map(|defect| tokio::spawn(judge(defect))).buffer_unordered(4);
    let wrong: Vec<String> = judged.filter_map(async |wrong| wrong.unwrap()).collect().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn twin_of_an_index_is_named_with_its_twin() {
    let db = Database::migrated().await.unwrap();
    let defect = defects::of("schema").into_iter().find(|defect| defect.check == ADVICE).unwrap();
    defect.plant(&db).await.unwrap();
    let verdict = verdict(&db.context(), ADVICE).await;
    let twin =
        verdict.findings().iter().find(|finding| finding.object == "public.ix_zz_account_status").unwrap();
    assert_eq!(twin.problem, "it is the same as public.ix_projects_account_status");
    assert_eq!(twin.remedy, "DROP INDEX CONCURRENTLY public.ix_zz_account_status");
}

/// What is wrong with the answer to a defect.
async fn judge(defect: Defect) -> Option<String> {
    let db = Database::seeded().await.unwrap();
    defect.plant(&db).await.unwrap();
    let failed = failed(&verdicts(&db.context()).await);
    let found: BTreeSet<&str> = failed.iter().map(|(id, _)| *id).collect();
    let own = (defect.check != ADVICE).then_some(defect.check.as_str());
    let also = defect.also.iter().map(String::as_str).filter(|id| id.starts_with("schema."));
    let expected: BTreeSet<&str> = also.chain(own).collect();
    (found != expected)
        .then(|| format!("{}: expected {expected:?}, found {failed:#?}", defect.path.display()))
}
