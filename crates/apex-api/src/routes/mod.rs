//! The routes.

pub(crate) mod admin;
pub(crate) mod probes;
pub(crate) mod projects;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, put};

pub(crate) use self::admin::authorise;
use crate::error::ApiError;
use crate::layers;
use crate::openapi;
use crate::service::Service;

/// All routes of a service, ready to be served.
pub fn router(service: Arc<Service>) -> Router {
    let writable = Router::new()
        .route("/projects", get(projects::list).post(projects::create))
        .route("/projects/{id}", get(projects::read).put(projects::update))
        .route_layer(from_fn_with_state(Arc::clone(&service), layers::admit_writes));
    Router::new()
        .merge(writable)
        .route("/health", get(probes::health))
        .route("/ready", get(probes::ready))
        .route("/metrics", get(probes::metrics))
        .route("/openapi.json", get(openapi::document))
        .route("/admin/maintenance", put(admin::set_maintenance).get(admin::maintenance))
        .fallback(|| async { ApiError::NoRoute })
        .method_not_allowed_fallback(|| async { ApiError::Method })
        .layer(from_fn_with_state(Arc::clone(&service), layers::observe))
        .with_state(service)
}
