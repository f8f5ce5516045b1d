//! Reading a request's body: bounded, JSON, an object.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use futures_util::StreamExt as _;
use serde_json::{Map, Value};

use crate::error::ApiError;

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
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(ApiError::body("it must be a JSON object")),
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
