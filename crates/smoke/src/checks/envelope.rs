//! The envelope of each sample answer: its form, its hash, its confidence.

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Verdict};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::contract::{Contract, Envelope};
use crate::http::{Http, Sent, shortened};

/// The form that the schema describes.
pub(super) async fn schema(context: &Context) -> Result<Verdict, CheckError> {
    judge(context, |envelope, answer, _| {
        envelope
            .schema
            .iter_errors(answer)
            .map(|error| (error.instance_path().to_string(), shortened(&error.to_string())))
            .collect()
    })
    .await
}

/// SHA-256 of the RFC 8785 form of the result, without what the contract leaves out; the same in two reads.
pub(super) async fn hash(context: &Context) -> Result<Verdict, CheckError> {
    judge(context, |envelope, answer, again| {
        let found = answer.pointer(&envelope.hash);
        let expected =
            match answer.pointer(&envelope.result).map(|result| hashed(result, &envelope.not_hashed)) {
                Some(Ok(expected)) => expected,
                Some(Err(problem)) => return vec![(envelope.result.clone(), problem)],
                None => return vec![(envelope.result.clone(), "expected a result, found nothing".into())],
            };
        if found.and_then(Value::as_str) != Some(&expected) {
            let found = found.map_or_else(|| "nothing".into(), Value::to_string);
            return vec![(envelope.hash.clone(), format!("expected {expected:?}, found {found}"))];
        }
        let second = again.pointer(&envelope.hash);
        let same_result = again.pointer(&envelope.result) == answer.pointer(&envelope.result);
        if same_result && second != found {
            return vec![(
                envelope.hash.clone(),
                "expected the same in two reads of the same, found another".into(),
            )];
        }
        Vec::new()
    })
    .await
}

/// A number from 0 to 1 wherever the contract says that a confidence stands; the first place stands in each answer.
pub(super) async fn confidence(context: &Context) -> Result<Verdict, CheckError> {
    judge(context, |envelope, answer, _| {
        let mut problems = Vec::new();
        for (number, pointer) in envelope.confidence.iter().enumerate() {
            let found = answer.pointer(pointer);
            let right = match found {
                None => number > 0,
                Some(found) => found.as_f64().is_some_and(|confidence| (0.0..=1.0).contains(&confidence)),
            };
            if !right {
                let found = found.map_or_else(|| "nothing".into(), Value::to_string);
                problems.push((pointer.clone(), format!("expected a number from 0 to 1, found {found}")));
            }
        }
        problems
    })
    .await
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
            let remedy = format!("repeat it: {}", sent.curl(http.base()));
            evidence.find(Finding::error(format!("GET {path}"), problem, remedy));
        };
        let answers =
            async { Ok::<_, String>((http.send(&sent).await?.json()?, http.send(&sent).await?.json()?)) };
        match answers.await {
            Err(problem) => find(format!("expected an envelope, got {problem}")),
            Ok((first, second)) => {
                for (pointer, problem) in problems(&contract.envelope, &first, &second) {
                    find(format!("{}: {problem}", if pointer.is_empty() { "the whole" } else { &pointer }));
                }
            }
        }
        evidence.examine(1);
    }
    Ok(evidence.verdict())
}

fn hashed(result: &Value, without: &[String]) -> Result<String, String> {
    let mut content = result.clone();
    for pointer in without {
        if let Some((parent, key)) = pointer.rsplit_once('/')
            && let Some(Value::Object(object)) = content.pointer_mut(parent)
        {
            object.remove(&key.replace("~1", "/").replace("~0", "~"));
        }
    }
    let canonical = serde_json_canonicalizer::to_vec(&content)
        .map_err(|error| format!("it has no canonical form: {error}"))?;
    Ok(Sha256::digest(canonical).iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_hash_is_that_of_other_tools() {
        // printf '{"a":"é","b":1,"n":null}' | sha256sum
        let expected = "29ebbf3dfc3bea5b5fa1705212a9afa01908abd64fc37e4b07b76db90e3305d1";
        let result = json!({"b": 1.0, "n": null, "a": "é", "etag": "x"});
        assert_eq!(hashed(&result, &["/etag".into(), "/gone".into()]).unwrap(), expected);
    }
}
