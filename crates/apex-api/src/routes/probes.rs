//! Is it alive, can it serve, and how does it fare.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::envelope::Envelope;
use crate::metrics::Now;
use crate::openapi::{Envelope as EnvelopeSchema, Health, Readiness};
use crate::service::Service;

/// The process answers; nothing else is claimed.
#[utoipa::path(
    get, path = "/health", tag = "service",
    responses(
        (status = 200, description = "alive", body = EnvelopeSchema<Health>),
    )
)]
pub(crate) async fn health(State(service): State<Arc<Service>>) -> Response {
    let maintenance = service.maintenance.enabled();
    Envelope::of(json!({ "status": "alive", "maintenance": maintenance })).respond(StatusCode::OK)
}

/// The database answers, holds what the service asks for, and can be written to. Maintenance is told and does not
/// unready the service: reads go on.
#[utoipa::path(
    get, path = "/ready", tag = "service",
    responses(
        (status = 200, description = "it can serve", body = EnvelopeSchema<Readiness>),
        (status = 503, description = "it cannot", body = EnvelopeSchema<Readiness>),
    )
)]
pub(crate) async fn ready(State(service): State<Arc<Service>>) -> Response {
    let maintenance = service.maintenance.enabled();
    let question =
        sqlx::query_as::<_, (bool, bool)>(include_str!("../sql/ready.sql")).fetch_one(&service.pool);
    let database = match tokio::time::timeout(service.limits.ready, question).await {
        Ok(Ok((false, _))) => "not migrated",
        Ok(Ok((true, true))) => "read-only",
        Ok(Ok((true, false))) => "ok",
        Ok(Err(_)) | Err(_) => "unreachable",
    };
    let ready = database == "ok";
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let result = json!({ "ready": ready, "maintenance": maintenance, "checks": { "database": database } });
    Envelope::of(result).respond(status)
}

/// Prometheus' text format.
#[utoipa::path(
    get, path = "/metrics", tag = "service",
    responses(
        (status = 200, description = "Prometheus' text", body = String, content_type = "text/plain"),
    )
)]
pub(crate) async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let now = Now {
        connections: service.pool.size(),
        idle: service.pool.num_idle(),
        maximum: service.pool.options().get_max_connections(),
        maintenance: service.maintenance.enabled(),
    };
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], service.metrics.render(now))
        .into_response()
}
