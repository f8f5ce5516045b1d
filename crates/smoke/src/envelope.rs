//! What an envelope must be, judged on one answer: its form, its hash, its confidence. Each problem has its pointer.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::contract::Envelope;
use crate::http::shortened;

impl Envelope {
    /// The form that the schema describes.
    pub(crate) fn form(&self, answer: &Value) -> Vec<(String, String)> {
        self.schema
            .iter_errors(answer)
            .map(|error| (error.instance_path().to_string(), shortened(&error.to_string())))
            .map(|(at, problem)| (if at.is_empty() { "the whole".into() } else { at }, problem))
            .collect()
    }

    /// SHA-256 of the RFC 8785 form of the result, without what the contract leaves out.
    pub(crate) fn hashed(&self, answer: &Value) -> Vec<(String, String)> {
        let found = answer.pointer(&self.hash);
        let expected = match answer.pointer(&self.result).map(|result| hashed(result, &self.not_hashed)) {
            Some(Ok(expected)) => expected,
            Some(Err(problem)) => return vec![(self.result.clone(), problem)],
            None => return vec![(self.result.clone(), "expected a result, found nothing".into())],
        };
        if found.and_then(Value::as_str) == Some(&expected) {
            return Vec::new();
        }
        let found = found.map_or_else(|| "nothing".into(), Value::to_string);
        vec![(self.hash.clone(), format!("expected {expected:?}, found {found}"))]
    }

    /// The same in two reads of the same.
    pub(crate) fn stable(&self, first: &Value, second: &Value) -> Vec<(String, String)> {
        let same_result = second.pointer(&self.result) == first.pointer(&self.result);
        if same_result && second.pointer(&self.hash) != first.pointer(&self.hash) {
            return vec![(
                self.hash.clone(),
                "expected the same in two reads of the same, found another".into(),
            )];
        }
        Vec::new()
    }

    /// A number from 0 to 1 wherever the contract says that a confidence stands; the first place stands in each answer.
    pub(crate) fn confident(&self, answer: &Value) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        for (number, pointer) in self.confidence.iter().enumerate() {
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
    }
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
