//! Maintenance mode as an action: on, proved, off, proved.

use harness::Database;
use runbook::check::CheckError;
use runbook::settings::{Maintenance, SwitchBy};
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
    // The probe kept writing all the while, but for the checks' own opening and closing of the window.
    let summary = off.summary().unwrap();
    assert!(
        summary.starts_with("writes get through · ") && summary.ends_with(" were refused within the window"),
        "{summary}"
    );
    // What it can take again, as figures.
    let figure = |name: &str| off.measurements().iter().find(|one| one.name == name).unwrap();
    assert!(figure("load: answered").value > 0.0, "{:?}", off.measurements());
    assert!(figure("load: errors").value == 0.0, "{:?}", off.findings());
    let spread = &figure("load: latency, max").spread;
    assert!(!spread.is_empty() && spread.is_sorted_by(|a, b| a.0 < b.0), "{spread:?}");
}

#[tokio::test]
async fn nobody_elses_service_is_put_under_a_load() {
    let db = Database::seeded().await.unwrap();
    let mut serving = faultless(&db).await;
    let limits = serving.context.settings.limits.reading();
    serving.context.database =
        runbook::context::Database::Live(runbook::live::Live::connect(db.url(), limits).await.unwrap());
    act(&serving, "smoke.maintenance.on").await.unwrap();
    let off = act(&serving, "smoke.maintenance.off").await.unwrap();
    assert_eq!(off.outcome(), Outcome::Pass, "{:?}", off.findings());
    assert!(off.measurements().iter().all(|one| !one.name.starts_with("load")), "{:?}", off.measurements());
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

#[tokio::test]
async fn the_mode_can_be_switched_by_commands_of_the_teams_own() {
    let db = Database::seeded().await.unwrap();
    let mut serving = faultless(&db).await;
    let base = serving.context.api.clone().unwrap().base_url;
    let mut settings = (*serving.context.settings).clone();
    let by = |enabled: bool| SwitchBy {
        command: Some(vec![
            "curl".into(),
            "-fsS".into(),
            "-X".into(),
            "PUT".into(),
            "-H".into(),
            "Content-Type: application/json".into(),
            "-H".into(),
            "Authorization: Bearer a token of the tests".into(),
            "-d".into(),
            format!("{{\"enabled\":{enabled}}}"),
            format!("{base}/admin/maintenance"),
        ]),
        ..SwitchBy::default()
    };
    settings.api.maintenance =
        Some(Maintenance { on: Some(by(true)), off: Some(by(false)), ..Maintenance::default() });
    serving.context.settings = settings.clone().into();
    for id in ["smoke.maintenance.on", "smoke.maintenance.off"] {
        let verdict = act(&serving, id).await.unwrap();
        assert_eq!(verdict.outcome(), Outcome::Pass, "{id}: {:?}", verdict.findings());
    }
    // And by another request; a command that fails is told with its last line.
    let request = |body: &str| SwitchBy {
        path: Some("/admin/maintenance".into()),
        body: Some(body.into()),
        ..SwitchBy::default()
    };
    let failing = SwitchBy {
        command: Some(vec!["sh".into(), "-c".into(), "echo no way; exit 3".into()]),
        ..SwitchBy::default()
    };
    settings.api.maintenance = Some(Maintenance {
        on: Some(request("{\"enabled\": true}")),
        off: Some(failing),
        ..Maintenance::default()
    });
    serving.context.settings = settings.into();
    assert_eq!(act(&serving, "smoke.maintenance.on").await.unwrap().outcome(), Outcome::Pass);
    let verdict = act(&serving, "smoke.maintenance.off").await.unwrap();
    assert!(verdict.findings()[0].problem.contains("no way"), "{:?}", verdict.findings());
}

#[tokio::test]
async fn a_write_that_gets_in_while_the_window_is_open_is_told_when_it_is_closed() {
    let db = Database::seeded().await.unwrap();
    let serving = faultless(&db).await;
    assert_eq!(act(&serving, "smoke.maintenance.on").await.unwrap().outcome(), Outcome::Pass);
    // Somebody ends it behind our back; the probe that keeps writing sees it.
    let base = serving.context.api.clone().unwrap().base_url;
    let client = crate::bad_days::client(std::time::Duration::from_secs(10));
    let ended = client.put(format!("{base}/admin/maintenance")).bearer_auth("a token of the tests");
    ended.json(&serde_json::json!({"enabled": false})).send().await.unwrap().error_for_status().unwrap();
    let counted = || async {
        let text = client.get(format!("{base}/metrics")).send().await.unwrap().text().await.unwrap();
        let refused = "http_requests_total{method=\"POST\",route=\"/projects\",status=\"422\"}";
        if text.contains(refused) { Ok(()) } else { Err("no write was tried yet") }
    };
    runbook::wait::until("the probe writes", std::time::Duration::from_secs(20), counted).await.unwrap();
    let off = act(&serving, "smoke.maintenance.off").await.unwrap();
    assert_eq!(off.outcome(), Outcome::Fail);
    let problem = &off.findings()[0].problem;
    assert!(
        problem.contains("within the window was not refused: expected status 503, found 422"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_check_that_runs_out_of_time_under_maintenance_ends_it_all_the_same() {
    let db = Database::seeded().await.unwrap();
    let fault: Fault = toml::from_str(
        "path = '/projects/proj_test_001'\nmethod = 'GET'\nunder_maintenance = true\nstalls = true",
    )
    .unwrap();
    let mut serving = faulty(&db, fault).await;
    let mut settings = (*serving.context.settings).clone();
    settings.limits.check = std::time::Duration::from_secs(6);
    settings.limits.request = std::time::Duration::from_secs(30);
    serving.context.settings = settings.into();
    let check = smoke::checks().into_iter().find(|check| check.id == "smoke.maintenance.mode").unwrap();
    let verdict = check.run(&serving.context).await;
    assert_eq!(verdict.outcome(), Outcome::Fail, "{:?}", verdict.reason());
    let said: Vec<_> = verdict.findings().iter().map(|finding| finding.problem.as_str()).collect();
    assert!(said.iter().any(|said| said.contains("was not seen to its end within 3 s")), "{said:#?}");
    let state = std::fs::read_to_string(serving.state.path().join("state.json")).unwrap();
    assert_eq!(state, r#"{"maintenance":false}"#);
}
