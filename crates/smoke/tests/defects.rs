//! Each check fires on its defects, and only those fire that rightly do.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use harness::Database;
use rstest::rstest;
use runbook::stash::Stash;
use runbook::verdict::Outcome;
use sqlx::AssertSqlSafe;

use crate::wrong::{Defect, all, faulty};

#[rstest]
#[case::api_health("smoke.api.health")]
#[case::api_ready("smoke.api.ready")]
#[case::concurrency_etag("smoke.concurrency.etag")]
#[case::contract_cases("smoke.contract.cases")]
#[case::envelope_confidence("smoke.envelope.confidence")]
#[case::envelope_hash("smoke.envelope.hash")]
#[case::envelope_schema("smoke.envelope.schema")]
#[case::maintenance_mode("smoke.maintenance.mode")]
#[case::project_create("smoke.project.create")]
#[case::project_read("smoke.project.read")]
#[tokio::test]
async fn its_defects_are_found_by_a_check_and_no_other(#[case] check: &str) {
    let mut wrong = Vec::new();
    // The contract is read once for all of them.
    let stash = Arc::new(Stash::default());
    for (path, defect) in all().into_iter().filter(|(_, defect)| defect.check == check) {
        let db = Database::seeded().await.unwrap();
        wrong.extend(misjudged(&db, &path, defect, &stash).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn no_check_lacks_a_defect_and_no_defect_lacks_a_check() {
    let checks: BTreeSet<String> = smoke::checks().iter().map(|check| check.id.to_owned()).collect();
    let planted: BTreeSet<String> = all().into_iter().map(|(_, defect)| defect.check).collect();
    assert_eq!(checks, planted);
}

/// Plants a defect and runs every check; what was expected and what fired, where they differ.
async fn misjudged(db: &Database, path: &Path, defect: Defect, stash: &Arc<Stash>) -> Option<String> {
    if let Some(sql) = &defect.sql {
        sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(db.pool()).await.unwrap();
    }
    let mut serving = faulty(db, defect.fault.unwrap_or_default()).await;
    stash.put(serving.context.stash.get::<smoke::AdminToken>().unwrap().as_ref().clone());
    serving.context.stash = Arc::clone(stash);
    if let Some(limit) = defect.limit_seconds {
        let mut settings = (*serving.context.settings).clone();
        settings.limits.request = Duration::from_secs_f64(limit);
        serving.context.settings = Arc::new(settings);
    }
    let mut fired = BTreeSet::new();
    let mut told = Vec::new();
    for check in smoke::checks() {
        let verdict = check.run(&serving.context).await;
        if verdict.outcome() != Outcome::Pass {
            fired.insert(check.id.to_owned());
            told.push(format!("{}: {:?} {:#?}", check.id, verdict.reason(), verdict.findings()));
        }
    }
    let expected: BTreeSet<String> = defect.also.into_iter().chain([defect.check]).collect();
    (fired != expected || told.iter().any(|told| told.contains(": Some("))).then(|| {
        let (path, told) = (path.display(), told.join("\n"));
        format!("{path}: {}\nexpected {expected:?}\nfired    {fired:?}\n{told}", defect.plants)
    })
}
