//! Reading a request's body: bounded, JSON, an object whose members each stand there once.

use std::fmt;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use futures_util::StreamExt as _;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Value};

use crate::error::{ApiError, Problem};

/// A body that is too large is read to this many bytes before the answer: closing the connection on a caller
/// that is still sending would lose the answer.
const DRAINED: usize = 32 << 20;

/// The body as a JSON object of at most `limit` bytes.
pub(crate) async fn object(request: Request, limit: usize) -> Result<Map<String, Value>, ApiError> {
    let json = is_json(&request);
    let bytes = bytes(request.into_body(), limit).await?;
    if !json {
        return Err(ApiError::body("its Content-Type must be application/json"));
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ApiError::body("it is empty"));
    }
    match serde_json::from_slice(&bytes) {
        Ok(Members { object, twice }) if twice.is_empty() => Ok(object),
        // Of two values readers take the first or the last, each as it likes: what was meant is not known.
        Ok(Members { twice, .. }) => {
            let problems = twice.into_iter().map(|name| Problem::new(name, "stands there twice"));
            Err(ApiError::Invalid(problems.collect()))
        }
        Err(error) if error.classify() == Category::Data => Err(ApiError::body("it must be a JSON object")),
        Err(error) => {
            Err(ApiError::body(format!("it is not JSON: line {}, column {}", error.line(), error.column())))
        }
    }
}

fn is_json(request: &Request) -> bool {
    let essence = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase());
    essence.is_some_and(|essence| {
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
    })
}

async fn bytes(body: Body, limit: usize) -> Result<Vec<u8>, ApiError> {
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut seen = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| ApiError::body("it ended before it was complete"))?;
        seen += chunk.len();
        if seen <= limit {
            bytes.extend_from_slice(&chunk);
        } else if seen > DRAINED {
            break;
        }
    }
    if seen > limit { Err(ApiError::TooLarge(limit)) } else { Ok(bytes) }
}

/// The members of a JSON object, and the names that stand there more than once.
#[derive(Debug, Default)]
struct Members {
    object: Map<String, Value>,
    twice: Vec<String>,
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self::default())
    }
}

impl<'de> Visitor<'de> for Members {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if self.object.insert(name.clone(), value).is_some() && !self.twice.contains(&name) {
                self.twice.push(name);
            }
        }
        Ok(self)
    }
}
