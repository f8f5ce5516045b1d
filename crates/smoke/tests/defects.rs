//! Each check fires on its defects, and only those fire that rightly do.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use harness::Database;
use rstest::rstest;
use runbook::verdict::Outcome;
use sqlx::AssertSqlSafe;

use crate::wrong::{all, faulty, read};

#[rstest]
#[tokio::test]
async fn a_defect_is_found_by_its_check_and_no_other(
    #[files("../../fixtures/defects/smoke.*/*.toml")] path: PathBuf,
) {
    let db = Database::seeded().await.unwrap();
    let defect = read(&path);
    if let Some(sql) = &defect.sql {
        sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(db.pool()).await.unwrap();
    }
    let mut serving = faulty(&db, defect.fault.unwrap_or_default()).await;
    if let Some(limit) = defect.limit_seconds {
        let mut settings = (*serving.context.settings).clone();
        settings.limits.request = Duration::from_secs_f64(limit);
        serving.context.settings = Arc::new(settings);
    }
    let mut fired = BTreeSet::new();
    let mut told = Vec::new();
    for check in smoke::checks() {
        let verdict = check.run(&serving.context).await;
        assert_ne!(verdict.outcome(), Outcome::NotMeasured, "{}: {:?}", check.id, verdict.reason());
        if verdict.outcome() == Outcome::Fail {
            fired.insert(check.id.to_owned());
            told.push(format!("{}: {:#?}", check.id, verdict.findings()));
        }
    }
    let expected: BTreeSet<String> = defect.also.into_iter().chain([defect.check]).collect();
    assert_eq!(fired, expected, "{}\n{}", defect.plants, told.join("\n"));
}

#[test]
fn no_check_lacks_a_defect_and_no_defect_lacks_a_check() {
    let checks: BTreeSet<String> = smoke::checks().iter().map(|check| check.id.to_owned()).collect();
    let planted: BTreeSet<String> = all().into_iter().map(|(_, defect)| defect.check).collect();
    assert_eq!(checks, planted);
}
