//! What every request shares: the database, maintenance mode, the figures, the limits.

use std::time::Duration;

use secrecy::SecretString;
use sqlx::PgPool;

use crate::maintenance::Maintenance;
use crate::metrics::Metrics;

/// How long and how large things may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long one request may take, its body included.
    pub request: Duration,
    /// How long `/ready` waits for the database.
    pub ready: Duration,
    /// Bytes of a request's body.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { request: Duration::from_secs(10), ready: Duration::from_millis(800), body: 1 << 20 }
    }
}

/// What every request shares.
#[derive(Debug)]
pub struct Service {
    pub(crate) pool: PgPool,
    pub(crate) maintenance: Maintenance,
    pub(crate) token: Option<SecretString>,
    pub(crate) metrics: Metrics,
    pub(crate) limits: Limits,
}

impl Service {
    /// A service on a database. Without a `token` the admin route refuses everybody.
    pub fn new(pool: PgPool, maintenance: Maintenance, token: Option<SecretString>) -> Self {
        Self { pool, maintenance, token, metrics: Metrics::default(), limits: Limits::default() }
    }

    /// The same service with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}
