//! Serving until told to stop, and the pool that the service uses.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use tokio::net::TcpListener;

use crate::routes::router;
use crate::service::Service;

/// How long requests on their way may go on after the signal to stop.
const FAREWELL: Duration = Duration::from_secs(10);

/// A pool that connects when it is first used: the service starts, and says that it is not ready, while the
/// database is down.
pub fn pool(options: PgConnectOptions, name: &str, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(3))
        .idle_timeout(Duration::from_secs(60))
        .after_connect(|connection, _| {
            Box::pin(async move {
                // The request gives up after 10 s; its statement must not go on without it. Of several writers the second
                // is to read what the first wrote and hear that its etag is stale, whatever isolation the database
                // prefers: under a stricter one it would be told to try again.
                sqlx::raw_sql(
                    "SET statement_timeout = '10s'; SET idle_in_transaction_session_timeout = '20s'; \
                     SET default_transaction_isolation = 'read committed'",
                )
                .execute(connection)
                .await
                .map(drop)
            })
        })
        .connect_lazy_with(options.application_name(name))
}

/// Serves until `stop` is ready; then takes no new connection and gives requests on their way 10 s.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (stopped, told) = tokio::sync::oneshot::channel();
    let pool = service.pool.clone();
    let serving = axum::serve(listener, router(service))
        .with_graceful_shutdown(async move {
            stop.await;
            let _ = stopped.send(());
        })
        .into_future();
    let farewell = async {
        // An error means that serving ended by itself, and the other branch says how.
        if told.await.is_err() {
            std::future::pending::<()>().await;
        }
        let _ = tokio::time::timeout(FAREWELL, std::future::pending::<()>()).await;
    };
    let served = tokio::select! {
        served = serving => served,
        () = farewell => {
            tracing::warn!("requests were still on their way {} s after the signal to stop", FAREWELL.as_secs());
            Ok(())
        }
    };
    pool.close().await;
    served
}
