//! Every way in which a request is refused, as a status, a code and one sentence. No internals leave the service.

use axum::http::header::{HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use crate::envelope::Envelope;
use crate::status::Status;

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Problem {
    /// The field; `body` where it is the whole.
    pub(crate) field: String,
    /// What is wrong with it.
    pub(crate) problem: String,
}

impl Problem {
    pub(crate) fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

/// Why a request was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("there is no such project")]
    NoProject,
    #[error("there is no such route")]
    NoRoute,
    #[error("this route does not know that method")]
    Method,
    #[error("the request cannot be used: {}", .0.iter().map(|p| format!("{}: {}", p.field, p.problem)).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Problem>),
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the project has changed since that etag: read it again")]
    StaleEtag,
    #[error("a project in {from} cannot become {to}")]
    Transition { from: Status, to: Status },
    #[error("the idempotency key was used for another request")]
    KeyReused,
    #[error("an update needs the project's etag in If-Match")]
    NoIfMatch,
    #[error("a bearer token is needed")]
    NoToken,
    #[error("the service has no admin token, so nobody may use this route")]
    NoAdmin,
    #[error("the service is under maintenance: reads go on, writes come back later")]
    Maintenance,
    #[error("the database cannot be reached")]
    Database,
    #[error("the request took too long")]
    TimedOut,
    #[error("the service could not answer; its log says why")]
    Internal,
}

impl ApiError {
    /// One problem with the whole body.
    pub(crate) fn body(problem: impl Into<String>) -> Self {
        Self::Invalid(vec![Problem::new("body", problem)])
    }

    fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NoProject => (StatusCode::NOT_FOUND, "project_not_found"),
            Self::NoRoute => (StatusCode::NOT_FOUND, "route_not_found"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_request"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::StaleEtag => (StatusCode::PRECONDITION_FAILED, "stale_etag"),
            Self::Transition { .. } => (StatusCode::PRECONDITION_FAILED, "forbidden_transition"),
            Self::KeyReused => (StatusCode::CONFLICT, "idempotency_key_reused"),
            Self::NoIfMatch => (StatusCode::PRECONDITION_REQUIRED, "if_match_required"),
            Self::NoToken => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::NoAdmin => (StatusCode::FORBIDDEN, "no_admin_token"),
            Self::Maintenance => (StatusCode::SERVICE_UNAVAILABLE, "maintenance"),
            Self::Database => (StatusCode::SERVICE_UNAVAILABLE, "database_unavailable"),
            Self::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// The header that tells the caller what to do next.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::Maintenance => Some((RETRY_AFTER, HeaderValue::from_static("30"))),
            Self::Database => Some((RETRY_AFTER, HeaderValue::from_static("2"))),
            Self::NoToken => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            _ => None,
        }
    }
}

/// On a response: the database was the reason. The metrics count it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DatabaseFailed;

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code) = self.code();
        let mut error = json!({ "code": code, "message": self.to_string() });
        if let (Self::Invalid(problems), Some(error)) = (&self, error.as_object_mut()) {
            error.insert("problems".into(), json!(problems));
        }
        let mut response = Envelope::of(json!({ "error": error })).respond(status);
        if let Some((name, value)) = self.header() {
            response.headers_mut().insert(name, value);
        }
        if matches!(self, Self::Database | Self::Internal) {
            response.extensions_mut().insert(DatabaseFailed);
        }
        response
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|e| e.code()).map(|code| code.into_owned());
        let class = code.as_deref().and_then(|code| code.get(..2));
        match (&error, class) {
            // A value that the database refuses although the service took it: the caller's, all the same.
            (_, Some("22")) => Self::body("a value cannot be stored"),
            // Worth another try: connection, resources, shutdown, serialisation and deadlock; and what is so while an
            // operator is at work: a database that only reads (25), takes no connection (55), is not there (3D) or does
            // not know the role (28) for the moment, a disk that fails (58).
            (_, Some("08" | "25" | "28" | "3D" | "40" | "53" | "55" | "57" | "58")) => {
                tracing::warn!(sqlstate = code.as_deref(), %error, "the database is not available");
                Self::Database
            }
            (
                sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::WorkerCrashed,
                _,
            ) => {
                tracing::warn!(%error, "the database is not available");
                Self::Database
            }
            _ => {
                tracing::error!(sqlstate = code.as_deref(), %error, "a statement failed");
                Self::Internal
            }
        }
    }
}
