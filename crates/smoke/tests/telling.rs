//! What a failing case tells: what was sent, what came, where, the database's view, the likely cause; and the same case
//! as commands for a shell.

use std::sync::Arc;

use harness::Database;
use harness::service::Service;
use runbook::context::{Api, Context};
use runbook::verdict::Verdict;
use secrecy::SecretString;
use smoke::{AdminToken, ServiceLog};

use crate::wrong::{Fault, faultless, faulty};

async fn ask(context: &Context, id: &str) -> Verdict {
    smoke::checks().into_iter().find(|check| check.id == id).unwrap().run(context).await
}

#[tokio::test]
async fn a_finding_says_what_was_sent_what_came_and_what_the_database_holds() {
    let db = Database::seeded().await.unwrap();
    let fault: Fault = toml::from_str(
        "path = '/projects'\nmethod = 'POST'\nbody_holds = 'Deploy Test'\nset = { '/result/status' = 'active' }",
    )
    .unwrap();
    let serving = faulty(&db, fault).await;
    let verdict = ask(&serving.context, "smoke.project.create").await;
    let finding = verdict.findings().iter().find(|f| f.problem.starts_with("/result/status: ")).unwrap();
    assert_eq!(finding.object, "create_test_project: POST /projects");
    let problem = &finding.problem;
    assert!(
        problem.starts_with("/result/status: expected \"draft\", found \"active\"; came 201 with {"),
        "{problem}"
    );
    assert!(
        problem.contains("; in the database: {\"confidence\":1") && problem.contains("project.created"),
        "{problem}"
    );
    let remedy = &finding.remedy;
    assert!(remedy.starts_with("repeat it: curl -X POST http://127.0.0.1:"), "{remedy}");
    assert!(remedy.contains("\"name\":\"Deploy Test\"") && remedy.contains("Bearer $TOKEN"), "{remedy}");
}

#[tokio::test]
async fn the_services_log_and_its_sqlstate_give_the_likely_cause() {
    let db = Database::seeded().await.unwrap();
    let service = Arc::new(Service::start(&harness::settings().api.start, db.url()).await.unwrap());
    let mut context = db.context();
    context.api = Some(Api { base_url: service.base_url() });
    context.stash.put(AdminToken(SecretString::from(service.token())));
    let (said, heard) = (Arc::clone(&service), Arc::clone(&service));
    context.stash.put(ServiceLog::of(move || said.said(), move |mark| heard.output_since(mark)));
    sqlx::raw_sql("ALTER TABLE calibration_constants RENAME COLUMN effective_to TO ended")
        .execute(db.pool())
        .await
        .unwrap();
    let verdict = ask(&context, "smoke.project.create").await;
    let finding = &verdict.findings()[0];
    assert!(
        finding.problem.starts_with("a server error: expected status 200 or 201, found 500 with"),
        "{}",
        finding.problem
    );
    let cause = "likely cause: SQLSTATE 42703: the service asks for a column that is not there: are the migrations behind \
                 it?; the service's log says: ";
    assert!(finding.remedy.starts_with(cause), "{}", finding.remedy);
    assert!(
        finding.remedy.contains("a statement failed") && finding.remedy.contains("; repeat it: curl"),
        "{}",
        finding.remedy
    );
    assert!(
        !finding.problem.contains("effective_to"),
        "the answer itself tells internals: {}",
        finding.problem
    );
}

/// Every case, run by a shell with curl and jq: the same requests, so the service answers the same.
#[tokio::test]
async fn each_case_can_be_run_by_a_shell() {
    let db = Database::seeded().await.unwrap();
    let mut serving = faultless(&db).await;
    let base = serving.context.api.clone().unwrap().base_url;
    // The runbook's own commands stay word for word, with the address that the runbook names.
    let mut settings = (*serving.context.settings).clone();
    let named = settings.api.base_url.clone().unwrap();
    settings.api.cases = Some(settings.path("api"));
    serving.context.settings = settings.into();
    let contract = smoke::Contract::of(&serving.context).unwrap();
    let mut guarded = serving.context.settings.api.clone();
    guarded.authentication.bearer_variable = Some("APEX_TOKEN".into());
    guarded.authentication.header = Some("X-Api-Key".into());
    guarded.authentication.header_variable = Some("APEX_KEY".into());
    let script = contract.case("unknown_project").unwrap().as_curl(&base, &guarded);
    assert!(
        script.contains(r#" -H "Authorization: Bearer $APEX_TOKEN" -H "X-Api-Key: $APEX_KEY""#),
        "{script}"
    );
    for case in &contract.cases {
        let script = case.as_curl(&base, &serving.context.settings.api);
        if let Some(command) = &case.command {
            assert!(script.contains(command.as_str()), "{script}");
        }
        let script = script.replace(&named, &base);
        let folder = tempfile::tempdir().unwrap();
        let output = tokio::process::Command::new("sh")
            .args(["-eu", "-c", &script])
            .current_dir(folder.path())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}\n{script}", case.name);
    }
    // What the shell did is what the cases do: the project of the last transition was accepted, another rejected.
    let ends: Vec<(String, i64)> = sqlx::query_as(
        "SELECT status, count(*) FROM projects WHERE description LIKE 'by-hand-%' AND status IN ('accepted', 'rejected')
         GROUP BY status ORDER BY status",
    )
    .fetch_all(db.pool())
    .await
    .unwrap();
    assert_eq!(ends, [("accepted".to_owned(), 1), ("rejected".to_owned(), 1)]);
}

#[tokio::test]
async fn a_secret_that_the_service_says_back_is_told_to_nobody() {
    let db = Database::seeded().await.unwrap();
    let token = "a token of the tests";
    // It stands where a long answer is cut, and within a page, a text and a value.
    let before = "x".repeat(110);
    for body in [
        format!("{before} Bearer {token}"),
        format!("<html>you sent {token}</html>"),
        format!(
            "{{\"result\": {{\"error\": \"{token}\", \"status\": \"{token}\"}}, \"confidence\": \"{token}\"}}"
        ),
        format!("{{\"{token}\": "),
    ] {
        for status in [200, 500] {
            let fault = format!("answer = {{ status = {status}, body = '{body}' }}");
            let mut serving = faulty(&db, toml::from_str::<Fault>(&fault).unwrap()).await;
            let mut settings = (*serving.context.settings).clone();
            // Maintenance mode is never seen, and waited for so long.
            settings.limits.request = std::time::Duration::from_secs(1);
            serving.context.settings = settings.into();
            serving.context.stash.put(ServiceLog::of(|| 0, {
                let before = before.clone();
                move |_| format!("ERROR {before} {token}")
            }));
            for check in smoke::checks().iter().filter(|check| check.id != "smoke.contract.cases") {
                let verdict = check.run(&serving.context).await;
                assert_ne!(verdict.outcome(), runbook::verdict::Outcome::Pass, "{}", check.id);
                let told = format!("{:?} {:?}", verdict.reason(), verdict.findings());
                assert!(!told.contains("a tok"), "{} {status}: {told}", check.id);
            }
        }
    }
}
