//! The envelope: what every answer is wrapped in, and the hash of what it carries.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The version of the envelope's shape.
const VERSION: &str = "1.0";

/// The keys of a result that its hash leaves out: the etag, and hashes themselves.
const NOT_HASHED: [&str; 2] = ["etag", "content_sha256"];

/// An answer before it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    result: Value,
    assumptions: Vec<String>,
    confidence: f64,
    inputs: Value,
    intermediates: Value,
}

impl Envelope {
    /// An answer of which the service is sure.
    pub(crate) fn of(result: Value) -> Self {
        Self { result, assumptions: Vec::new(), confidence: 1.0, inputs: json!({}), intermediates: json!({}) }
    }

    /// How sure the service is, in [0, 1].
    pub(crate) fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence.clamp(0.0, 1.0);
        self
    }

    /// Something that was taken for granted.
    pub(crate) fn assume(mut self, assumption: impl Into<String>) -> Self {
        self.assumptions.push(assumption.into());
        self
    }

    /// What was asked, for the trace.
    pub(crate) fn inputs(mut self, inputs: Value) -> Self {
        self.inputs = inputs;
        self
    }

    /// What was found on the way, for the trace.
    pub(crate) fn intermediates(mut self, intermediates: Value) -> Self {
        self.intermediates = intermediates;
        self
    }

    /// The answer as it is sent.
    pub(crate) fn respond(self, status: StatusCode) -> Response {
        let outputs = match &self.result {
            Value::Object(result) => json!(result.keys().collect::<Vec<_>>()),
            _ => json!([]),
        };
        let hash = content_sha256(&self.result);
        let body = json!({
            "result": self.result,
            "assumptions": self.assumptions,
            "confidence": self.confidence,
            "trace": {
                "data": {
                    "inputs": self.inputs,
                    "intermediates": self.intermediates,
                    "outputs": { "fields": outputs },
                },
                "code_version": {
                    "git_sha": option_env!("APEX_GIT_SHA").unwrap_or("unknown"),
                    "dirty": option_env!("APEX_GIT_DIRTY").is_none_or(|dirty| dirty != "false"),
                    "build_id": env!("CARGO_PKG_VERSION"),
                },
                "model_config": { "model": "none", "deterministic": true },
            },
            "content_sha256": hash,
            "envelope_version": VERSION,
        });
        (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    }
}

/// SHA-256, in hexadecimal, of the RFC 8785 form of a result without its etag and hashes.
pub fn content_sha256(result: &Value) -> String {
    let mut content = result.clone();
    if let Value::Object(content) = &mut content {
        for key in NOT_HASHED {
            content.remove(key);
        }
    }
    // A `Value` holds neither NaN nor keys that are not text, the two things that have no canonical form.
    hex(&serde_json_canonicalizer::to_vec(&content).unwrap_or_default())
}

/// SHA-256 of `bytes` as 64 lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_of_the_canonical_form_without_etag_and_hashes() {
        // printf '{"a":"é","b":1,"n":null}' | sha256sum
        let expected = "29ebbf3dfc3bea5b5fa1705212a9afa01908abd64fc37e4b07b76db90e3305d1";
        let result = json!({"b": 1.0, "n": null, "a": "é", "etag": "x", "content_sha256": "y"});
        assert_eq!(content_sha256(&result), expected);
    }
}
