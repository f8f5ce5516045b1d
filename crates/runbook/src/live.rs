//! A live database (staging, production): it hands out read-only sessions and nothing else.

use std::sync::Arc;

use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::sync::OnceCell;

use crate::check::CheckError;
use crate::reader::{ReadLimits, Reader};
use crate::secret::DatabaseUrl;
use crate::statement::Catalogue;

/// A database that others use. It has no way to write: see invariant 3 in `ARCHITECTURE.md`.
#[derive(Clone)]
pub struct Live {
    pool: PgPool,
    limits: ReadLimits,
    catalogue: Arc<OnceCell<Arc<Catalogue>>>,
    shown: String,
}

impl Live {
    /// Connects. Each session carries the `application_name` `runbook`, and no startup parameter that a
    /// pooler in transaction mode refuses.
    ///
    /// # Errors
    /// In one sentence, without the password: unreachable, wrong password, certificate, starting up …
    pub async fn connect(url: &DatabaseUrl, limits: ReadLimits) -> Result<Self, CheckError> {
        let options = url
            .connect_options()
            .application_name("runbook")
            .extra_float_digits(None)
            .statement_cache_capacity(0);
        let pool = PgPoolOptions::new()
            .max_connections(4)
            .acquire_timeout(limits.statement)
            .connect_with(options)
            .await
            .map_err(crate::context::classify)?;
        Ok(Self { pool, limits, catalogue: Arc::default(), shown: url.to_string() })
    }

    /// Opens a read-only session.
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn reader(&self) -> Result<Reader, CheckError> {
        Reader::open(&self.pool, self.limits, &self.catalogue).await
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Live").field(&self.shown).finish()
    }
}
