//! The service's description of itself: OpenAPI, derived beside the routes, served at `/openapi.json`.

#![allow(dead_code, reason = "these types describe what is read and sent; none of them is ever made")]

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi, ToSchema};

use crate::routes::{admin, probes, projects};

#[derive(OpenApi)]
#[openapi(
    info(title = "APEX", description = "The reference APEX service: projects, each answer an envelope."),
    paths(
        projects::list,
        projects::create,
        projects::read,
        projects::update,
        probes::health,
        probes::ready,
        probes::metrics,
        admin::maintenance,
        admin::set_maintenance,
        document
    ),
    modifiers(&Token)
)]
struct Document;

/// The admin token.
struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("admin", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "service",
    responses((status = 200, description = "OpenAPI 3", body = Object, content_type = "application/json"))
)]
pub(crate) async fn document() -> Response {
    match Document::openapi().to_json() {
        Ok(text) => ([(CONTENT_TYPE, "application/json")], text).into_response(),
        Err(_) => crate::error::ApiError::Internal.into_response(),
    }
}

/// What every answer is wrapped in.
#[derive(ToSchema)]
pub(crate) struct Envelope<T> {
    result: T,
    assumptions: Vec<String>,
    #[schema(minimum = 0, maximum = 1)]
    confidence: f64,
    trace: Trace,
    /// SHA-256 of the RFC 8785 form of `result` without `etag` and `content_sha256`.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    content_sha256: String,
    #[schema(pattern = "^1\\.0$")]
    envelope_version: String,
}

#[derive(ToSchema)]
struct Trace {
    data: TraceData,
    code_version: CodeVersion,
    #[schema(value_type = Object)]
    model_config: (),
}

#[derive(ToSchema)]
struct TraceData {
    #[schema(value_type = Object)]
    inputs: (),
    #[schema(value_type = Object)]
    intermediates: (),
    #[schema(value_type = Object)]
    outputs: (),
}

#[derive(ToSchema)]
struct CodeVersion {
    git_sha: String,
    dirty: bool,
    build_id: String,
}

/// A project. What no column holds yet is null.
#[derive(ToSchema)]
pub(crate) struct Project {
    project_id: String,
    account_id: String,
    name: String,
    #[schema(required)]
    customer: Option<String>,
    #[schema(required)]
    description: Option<String>,
    #[schema(required)]
    site_name: Option<String>,
    #[schema(required)]
    street: Option<String>,
    status: Status,
    created_by: String,
    updated_by: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    #[schema(required)]
    etag: Option<String>,
    #[schema(required)]
    constants_version: Option<String>,
    #[schema(required)]
    content_sha256: Option<String>,
    #[schema(required, minimum = 0, maximum = 1)]
    confidence: Option<f64>,
}

/// draft → estimating → submitted → accepted or rejected.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Status {
    Draft,
    Estimating,
    Submitted,
    Accepted,
    Rejected,
}

/// One page of projects, oldest first.
#[derive(ToSchema)]
pub(crate) struct Page {
    items: Vec<Project>,
    #[schema(minimum = 0)]
    total: i64,
    #[schema(minimum = 0)]
    skip: i64,
    #[schema(minimum = 1, maximum = 100)]
    limit: i64,
}

/// A new project. A text that must be there is more than blanks, and none holds a NUL character.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProject {
    #[schema(
        max_length = 255,
        pattern = "^[^\\u0000]*[^\\u0000\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000][^\\u0000]*$"
    )]
    name: String,
    #[schema(
        max_length = 255,
        pattern = "^[^\\u0000]*[^\\u0000\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000][^\\u0000]*$"
    )]
    account_id: String,
    #[schema(
        max_length = 255,
        pattern = "^[^\\u0000]*[^\\u0000\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000][^\\u0000]*$"
    )]
    created_by: String,
    #[schema(max_length = 255, pattern = "^[^\\u0000]*$")]
    customer: Option<String>,
    #[schema(pattern = "^[^\\u0000]*$")]
    description: Option<String>,
}

/// What an update changes; what is left out stays.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1)]
pub(crate) struct Change {
    #[schema(
        nullable = false,
        max_length = 255,
        pattern = "^[^\\u0000]*[^\\u0000\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000][^\\u0000]*$"
    )]
    name: Option<String>,
    #[schema(max_length = 255, pattern = "^[^\\u0000]*$")]
    customer: Option<String>,
    #[schema(pattern = "^[^\\u0000]*$")]
    description: Option<String>,
    #[schema(max_length = 255, pattern = "^[^\\u0000]*$")]
    site_name: Option<String>,
    #[schema(max_length = 255, pattern = "^[^\\u0000]*$")]
    street: Option<String>,
    #[schema(nullable = false)]
    status: Option<Status>,
    #[schema(nullable = false, minimum = 0, maximum = 1)]
    confidence: Option<f64>,
    #[schema(
        nullable = false,
        max_length = 255,
        pattern = "^[^\\u0000]*[^\\u0000\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000][^\\u0000]*$"
    )]
    updated_by: Option<String>,
}

/// Whether writes are refused.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Maintenance {
    enabled: bool,
}

/// The process is alive.
#[derive(ToSchema)]
pub(crate) struct Health {
    status: String,
    maintenance: bool,
}

/// Whether it can serve, and what it asked.
#[derive(ToSchema)]
pub(crate) struct Readiness {
    ready: bool,
    maintenance: bool,
    checks: Dependencies,
}

#[derive(ToSchema)]
pub(crate) struct Dependencies {
    database: String,
}

/// Why a request was refused.
#[derive(ToSchema)]
pub(crate) struct Refusal {
    error: Reason,
}

#[derive(ToSchema)]
struct Reason {
    code: String,
    message: String,
    problems: Option<Vec<crate::error::Problem>>,
}
