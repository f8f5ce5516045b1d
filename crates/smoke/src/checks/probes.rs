//! Is the API alive, and can it serve.

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Measurement, Verdict};

use crate::cause::Mark;
use crate::http::{Http, Sent};

pub(super) async fn health(context: &Context) -> Result<Verdict, CheckError> {
    let path = context.settings.api.health.as_deref();
    probe(context, "health", path).await
}

pub(super) async fn ready(context: &Context) -> Result<Verdict, CheckError> {
    let path = context.settings.api.ready.as_deref();
    probe(context, "ready", path).await
}

async fn probe(context: &Context, key: &str, path: Option<&str>) -> Result<Verdict, CheckError> {
    let path = path.ok_or_else(|| CheckError::Missing(format!("the settings name no [api] {key}")))?;
    let http = Http::of(context)?;
    let sent = Sent::get(path);
    if let Some(wrong) = sent.wrong_path() {
        return Err(CheckError::Missing(format!("[api] {key}: {wrong}")));
    }
    let mark = Mark::set(context);
    let (answer, took) = http.timed(&sent).await;
    let mut evidence = Evidence::of("answers");
    evidence.examine(1).measure(Measurement::new("answer", took.as_secs_f64() * 1000.0, "ms"));
    let problem = match answer {
        Err(problem) => Some(format!("expected an answer, got {problem}")),
        Ok(answer) if answer.status != 200 => Some(format!("expected status 200, found {}", answer.shown())),
        // A proxy's error page with status 200 is not the service's word.
        Ok(answer) => answer.json().err(),
    };
    if let Some(problem) = problem {
        let cause = mark
            .cause(context, &problem)
            .map_or_else(|| "read the service's log".to_owned(), |cause| format!("likely cause: {cause}"));
        let remedy = format!("{cause}; repeat it: {}", http.curl(&sent));
        evidence.find(Finding::error(format!("GET {path}"), problem, remedy));
    }
    Ok(evidence.verdict())
}
