//! The background worker: here only so that a deployment has a service to stop. It reads, and holds a connection.

use std::future::Future;
use std::time::Duration;

use sqlx::PgPool;

/// How often it looks at the database.
const PAUSE: Duration = Duration::from_millis(500);

/// Looks at the newest event twice a second until `stop` is ready; calls `ready` after the first look.
pub async fn work(pool: PgPool, ready: impl FnOnce(), stop: impl Future<Output = ()>) {
    let mut ready = Some(ready);
    let mut ticks = tokio::time::interval(PAUSE);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            _ = ticks.tick() => {}
        }
        let newest =
            sqlx::query_scalar::<_, Option<i32>>("SELECT max(event_id) FROM project_events").fetch_one(&pool);
        match newest.await {
            Ok(_) => {
                if let Some(ready) = ready.take() {
                    ready();
                }
            }
            Err(error) => tracing::warn!(%error, "the database is not available"),
        }
    }
    pool.close().await;
}
