//! The envelope of each sample answer: its form, its hash, its confidence.

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Verdict};
use serde_json::Value;

use crate::contract::{Contract, Envelope};
use crate::http::{Http, Sent};

/// The form that the schema describes.
pub(super) async fn schema(context: &Context) -> Result<Verdict, CheckError> {
    judge(context, |envelope, answer, _| envelope.form(answer)).await
}

/// The hash of the result, and the same in two reads.
pub(super) async fn hash(context: &Context) -> Result<Verdict, CheckError> {
    judge(context, |envelope, answer, again| match envelope.hashed(answer) {
        right if right.is_empty() => envelope.stable(answer, again),
        wrong => wrong,
    })
    .await
}

/// A number from 0 to 1.
pub(super) async fn confidence(context: &Context) -> Result<Verdict, CheckError> {
    judge(context, |envelope, answer, _| envelope.confident(answer)).await
}

/// Reads each sample twice and collects what `problems` finds: pointer and sentence.
async fn judge(
    context: &Context,
    problems: impl Fn(&Envelope, &Value, &Value) -> Vec<(String, String)>,
) -> Result<Verdict, CheckError> {
    let contract = Contract::of(context)?;
    let http = Http::of(context)?;
    let mut evidence = Evidence::of("answers");
    for path in &contract.envelope.samples {
        let sent = Sent::get(path.as_str());
        let mut find = |problem: String| {
            let remedy = format!("repeat it: {}", http.curl(&sent));
            evidence.find(Finding::error(format!("GET {path}"), problem, remedy));
        };
        let answers =
            async { Ok::<_, String>((http.send(&sent).await?.json()?, http.send(&sent).await?.json()?)) };
        match answers.await {
            Err(problem) => find(format!("expected an envelope, got {problem}")),
            Ok((first, second)) => {
                for (pointer, problem) in problems(&contract.envelope, &first, &second) {
                    find(format!("{pointer}: {problem}"));
                }
            }
        }
        evidence.examine(1);
    }
    Ok(evidence.verdict())
}
