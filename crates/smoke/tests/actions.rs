//! Maintenance mode as an action: on, proved, off, proved.

use harness::Database;
use runbook::check::CheckError;
use runbook::verdict::{Outcome, Verdict};

use crate::wrong::{Fault, Serving, faultless, faulty};

async fn act(serving: &Serving, id: &str) -> Result<Verdict, CheckError> {
    smoke::actions().into_iter().find(|action| action.id == id).unwrap().run(&serving.context).await
}

#[tokio::test]
async fn the_window_opens_and_closes_and_the_runbooks_smoke_test_works_within() {
    let db = Database::seeded().await.unwrap();
    let serving = faultless(&db).await;
    let on = act(&serving, "smoke.maintenance.on").await.unwrap();
    assert_eq!(on.outcome(), Outcome::Pass, "{:?}", on.findings());
    let state = std::fs::read_to_string(serving.state.path().join("state.json")).unwrap();
    assert_eq!(state, r#"{"maintenance":true}"#);
    for check in smoke::checks() {
        let verdict = check.run(&serving.context).await;
        assert_eq!(verdict.outcome(), Outcome::Pass, "{}: {:?}", check.id, verdict.findings());
    }
    let state = std::fs::read_to_string(serving.state.path().join("state.json")).unwrap();
    assert_eq!(state, r#"{"maintenance":true}"#, "a check ended the window");
    let off = act(&serving, "smoke.maintenance.off").await.unwrap();
    assert_eq!(off.outcome(), Outcome::Pass, "{:?}", off.findings());
}

#[tokio::test]
async fn a_switch_that_switches_nothing_is_found_out() {
    let db = Database::seeded().await.unwrap();
    let fault: Fault =
        toml::from_str("path = '/admin/maintenance'\nanswer = { status = 200, body = '{}' }").unwrap();
    let mut serving = faulty(&db, fault).await;
    let mut settings = (*serving.context.settings).clone();
    settings.limits.request = std::time::Duration::from_secs(1);
    serving.context.settings = settings.into();
    let on = act(&serving, "smoke.maintenance.on").await.unwrap();
    assert_eq!(on.outcome(), Outcome::Fail);
    assert!(on.findings()[0].problem.contains("expected status 503, found 422"), "{:?}", on.findings());
}
