//! What surrounds every route: the time limit and the figures; and, around writes, maintenance mode.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;

use crate::error::{ApiError, DatabaseFailed};
use crate::routes;
use crate::service::Service;

/// Ends a request that takes too long or panics, and counts every answer.
pub(crate) async fn observe(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = match *request.method() {
        // Methods are the caller's own words: those that no route knows are one figure, not many.
        Method::GET | Method::HEAD | Method::POST | Method::PUT => request.method().as_str().to_owned(),
        _ => "other".to_owned(),
    };
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    // What is shared is behind locks that forgive it, and a connection in the midst of something is not used again.
    let answering = AssertUnwindSafe(next.run(request)).catch_unwind();
    let response = match tokio::time::timeout(service.limits.request, answering).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => ApiError::Internal.into_response(),
        Err(_) => ApiError::TimedOut.into_response(),
    };
    let database_failed = response.extensions().get::<DatabaseFailed>().is_some();
    service.metrics.request(&method, &route, response.status().as_u16(), started.elapsed(), database_failed);
    response
}

/// Refuses writes under maintenance, and keeps maintenance from beginning in the midst of one. Whoever holds the
/// admin token may write all the same: the deployment is proved before the window ends.
pub(crate) async fn admit_writes(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let admitted = service.maintenance.admit().await;
    if admitted.is_none() && routes::authorise(&service, request.headers()).is_err() {
        return ApiError::Maintenance.into_response();
    }
    // A task of its own: a caller that goes away does not end a write in its midst, so that the right to write is held
    // until nothing of it is on its way to the database.
    let limit = service.limits.request;
    let writing = tokio::spawn(async move {
        let _admitted = admitted;
        tokio::time::timeout(limit, next.run(request)).await
    });
    match writing.await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => ApiError::TimedOut.into_response(),
        // It panicked.
        Err(_) => ApiError::Internal.into_response(),
    }
}
