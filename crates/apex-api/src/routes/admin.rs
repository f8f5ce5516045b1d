//! Switching maintenance mode, for whoever has the token.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::body;
use crate::envelope::{Envelope, hex};
use crate::error::{ApiError, Problem};
use crate::openapi::{Envelope as EnvelopeSchema, Maintenance as MaintenanceSchema, Refusal};
use crate::service::Service;

/// `PUT {"enabled": true|false}`
#[utoipa::path(
    put, path = "/admin/maintenance", tag = "service", request_body = MaintenanceSchema,
    security(("admin" = [])),
    responses(
        (status = 200, description = "switched", body = EnvelopeSchema<MaintenanceSchema>),
        (status = 401, description = "without the token", body = EnvelopeSchema<Refusal>),
        (status = 403, description = "the service has none", body = EnvelopeSchema<Refusal>),
        (status = 413, description = "larger than 1 MiB", body = EnvelopeSchema<Refusal>),
        (status = 422, description = "what is wrong", body = EnvelopeSchema<Refusal>),
    )
)]
pub(crate) async fn set_maintenance(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Response, ApiError> {
    authorise(&service, request.headers())?;
    let object = body::object(request, service.limits.body).await?;
    let (Some(Value::Bool(enabled)), 1) = (object.get("enabled"), object.len()) else {
        let problem = Problem::new("enabled", "must be true or false, and the only field");
        return Err(ApiError::Invalid(vec![problem]));
    };
    if let Err(error) = service.maintenance.set(*enabled).await {
        tracing::error!(%error, "maintenance mode was not switched");
        return Err(ApiError::Internal);
    }
    tracing::info!(enabled, "maintenance mode switched");
    Ok(state(*enabled))
}

/// Whether it is on.
#[utoipa::path(
    get, path = "/admin/maintenance", tag = "service", security(("admin" = [])),
    responses(
        (status = 200, description = "whether it is on", body = EnvelopeSchema<MaintenanceSchema>),
        (status = 401, description = "without the token", body = EnvelopeSchema<Refusal>),
        (status = 403, description = "the service has none", body = EnvelopeSchema<Refusal>),
    )
)]
pub(crate) async fn maintenance(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    authorise(&service, &headers)?;
    Ok(state(service.maintenance.enabled()))
}

fn state(enabled: bool) -> Response {
    Envelope::of(json!({ "enabled": enabled })).respond(StatusCode::OK)
}

/// Whether the request brings the admin token.
pub(crate) fn authorise(service: &Service, headers: &HeaderMap) -> Result<(), ApiError> {
    let token = service.token.as_ref().ok_or(ApiError::NoAdmin)?;
    let given = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, given)| given.trim())
        .ok_or(ApiError::NoToken)?;
    // Hashes are compared, so that the time taken says nothing about the token.
    if hex(given.as_bytes()) == hex(token.expose_secret().as_bytes()) {
        Ok(())
    } else {
        Err(ApiError::NoToken)
    }
}
