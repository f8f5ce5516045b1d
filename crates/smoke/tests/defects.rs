//! Each check fires on its defects, and only those fire that rightly do.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use harness::Database;
use rstest::rstest;
use runbook::stash::Stash;
use runbook::verdict::Outcome;

use crate::wrong::{Defect, all, faulty};

#[rstest]
#[case::api_health("smoke.api.health")]
#[case::api_openapi("smoke.api.openapi")]
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
    for (number, (path, defect)) in all().into_iter().filter(|(_, defect)| defect.check == check).enumerate()
    {
        let db = Database::seeded().await.unwrap();
        // The first is shown to every check but the longest, the others to their own; all to all in the soak.
        let asked = if number == 0 { Asked::Quick } else { Asked::Own };
        wrong.extend(misjudged(&db, &path, defect, &stash, asked).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Left out unless asked for: `make soak`.
mod soak {
    use super::*;

    #[tokio::test]
    #[ignore = "takes minutes: `make soak`"]
    async fn each_defect_is_found_by_its_check_and_by_no_other() {
        let mut wrong = Vec::new();
        let stash = Arc::new(Stash::default());
        for (path, defect) in all() {
            let db = Database::seeded().await.unwrap();
            wrong.extend(misjudged(&db, &path, defect, &stash, Asked::All).await);
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    }
}

#[test]
fn no_check_lacks_a_defect_and_no_defect_lacks_a_check() {
    let checks: BTreeSet<String> = smoke::checks().iter().map(|check| check.id.to_owned()).collect();
    let planted: BTreeSet<String> = all().into_iter().map(|(_, defect)| defect.check).collect();
    assert_eq!(checks, planted);
    assert!(all().len() >= 60, "{} faults", all().len());
}

/// Which checks a defect is shown to.
#[derive(Clone, Copy, PartialEq)]
enum Asked {
    /// The one that must find it; of the cases, the one that must.
    Own,
    /// Every one but that of all cases, unless it is expected to find something.
    Quick,
    /// Every one.
    All,
}

/// Plants a defect and runs the checks; what was expected and what fired, where they differ.
async fn misjudged(
    db: &Database,
    path: &Path,
    defect: Defect,
    stash: &Arc<Stash>,
    asked: Asked,
) -> Option<String> {
    if let Some(sql) = &defect.sql {
        db.execute(sql).await.unwrap();
    }
    let mut serving = faulty(db, defect.fault.unwrap_or_default()).await;
    stash.put(serving.context.stash.get::<smoke::AdminToken>().unwrap().as_ref().clone());
    serving.context.stash = Arc::clone(stash);
    if let Some(limit) = defect.limit_seconds {
        let mut settings = (*serving.context.settings).clone();
        settings.limits.request = Duration::from_secs_f64(limit);
        serving.context.settings = Arc::new(settings);
    }
    let mut expected: BTreeSet<String> = defect.also.iter().cloned().chain([defect.check.clone()]).collect();
    if asked == Asked::Own {
        expected = [defect.check.clone()].into();
    }
    let mut fired = BTreeSet::new();
    let mut told = Vec::new();
    let mut named = false;
    for check in smoke::checks() {
        let expects = expected.contains(check.id);
        let verdict = match (asked, &defect.case) {
            (Asked::Own, _) if !expects => continue,
            (Asked::Quick, _) if !expects && check.id == "smoke.contract.cases" => continue,
            (Asked::Own | Asked::Quick, Some(case)) if check.id == defect.check => {
                smoke::run_case(&serving.context, case).await.unwrap()
            }
            _ => check.run(&serving.context).await,
        };
        if verdict.outcome() != Outcome::Pass {
            fired.insert(check.id.to_owned());
            if check.id == defect.check {
                named = verdict.findings().iter().any(|finding| finding.problem.contains(&defect.says));
            }
            told.push(format!("{}: {:?} {:#?}", check.id, verdict.reason(), verdict.findings()));
        }
    }
    (!named || fired != expected || told.iter().any(|told| told.contains(": Some("))).then(|| {
        let (path, told) = (path.display(), told.join("\n"));
        format!(
            "{path}: {}\nexpected {expected:?}\nfired    {fired:?}\nsays {:?}\n{told}",
            defect.plants, defect.says
        )
    })
}
