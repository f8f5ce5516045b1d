//! Is the API alive, and can it serve.

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Measurement, Verdict};

use crate::http::{Http, Sent, shortened};

pub(super) async fn health(context: &Context) -> Result<Verdict, CheckError> {
    let path = context.settings.api.health.as_deref();
    probe(context, path.ok_or_else(|| CheckError::Missing("the settings name no [api] health".into()))?).await
}

pub(super) async fn ready(context: &Context) -> Result<Verdict, CheckError> {
    let path = context.settings.api.ready.as_deref();
    probe(context, path.ok_or_else(|| CheckError::Missing("the settings name no [api] ready".into()))?).await
}

async fn probe(context: &Context, path: &str) -> Result<Verdict, CheckError> {
    let http = Http::of(context)?;
    let sent = Sent::get(path);
    let (answer, took) = http.timed(&sent).await;
    let mut evidence = Evidence::of("answers");
    evidence.examine(1).measure(Measurement::new("answer", took.as_secs_f64() * 1000.0, "ms"));
    let problem = match answer {
        Err(problem) => Some(format!("expected an answer, got {problem}")),
        Ok(answer) if answer.status != 200 => Some(format!(
            "expected status 200, found {} with {}",
            answer.status.as_u16(),
            shortened(&answer.text)
        )),
        // A proxy's error page with status 200 is not the service's word.
        Ok(answer) => answer.json().err(),
    };
    if let Some(problem) = problem {
        let remedy = format!("read the service's log; repeat it: {}", sent.curl(http.base()));
        evidence.find(Finding::error(format!("GET {path}"), problem, remedy));
    }
    Ok(evidence.verdict())
}
