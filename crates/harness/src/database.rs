//! An isolated ephemeral database.

use std::ops::Deref;
use std::sync::Arc;

use runbook::context::Context;
use runbook::ephemeral::Ephemeral;

use crate::fixtures::{settings, try_settings};
use crate::shared::{self, Shared};
use crate::template::{self, Kind};
use crate::{HarnessError, keeper, scratch};

/// An isolated ephemeral database, leased to this process and reclaimed when dropped.
pub struct Database {
    ephemeral: Ephemeral,
    name: String,
    shared: Arc<Shared>,
}

impl Database {
    /// With nothing in it.
    ///
    /// # Errors
    /// When no backend works.
    pub async fn empty() -> Result<Self, HarnessError> {
        Self::of(Kind::Empty).await
    }

    /// At the newest revision, without rows but those that migrations write.
    ///
    /// # Errors
    /// As [`Self::empty`], and when a migration fails.
    pub async fn migrated() -> Result<Self, HarnessError> {
        Self::of(Kind::At(template::head(&*try_settings()?)?)).await
    }

    /// At a revision.
    ///
    /// # Errors
    /// As [`Self::migrated`].
    pub async fn at(revision: &str) -> Result<Self, HarnessError> {
        Self::of(Kind::At(revision.to_owned())).await
    }

    /// At the newest revision, with the seed rows that the settings name.
    ///
    /// # Errors
    /// As [`Self::migrated`], and when a seed fails.
    pub async fn seeded() -> Result<Self, HarnessError> {
        Self::of(Kind::Seeded(template::head(&*try_settings()?)?)).await
    }

    /// At a revision, with the seed rows.
    ///
    /// # Errors
    /// As [`Self::seeded`].
    pub async fn seeded_at(revision: &str) -> Result<Self, HarnessError> {
        Self::of(Kind::Seeded(revision.to_owned())).await
    }

    /// At the newest revision, seeded, with `n` generated rows of the data set's leading table and what
    /// belongs to them, analysed.
    ///
    /// # Errors
    /// As [`Self::seeded`], and when the data set does not fit the schema.
    pub async fn loaded(n: u64) -> Result<Self, HarnessError> {
        Self::of(Kind::Loaded(template::head(&*try_settings()?)?, n)).await
    }

    /// As [`Self::loaded`], at a revision.
    ///
    /// # Errors
    /// As [`Self::loaded`].
    pub async fn loaded_at(revision: &str, n: u64) -> Result<Self, HarnessError> {
        Self::of(Kind::Loaded(revision.to_owned(), n)).await
    }

    /// A context for checks on this database: settings of the fixtures and scratch databases, nothing else.
    pub fn context(&self) -> Context {
        let mut context =
            Context::new(settings(), runbook::context::Database::Ephemeral(self.ephemeral.clone()));
        context.scratch = scratch();
        context
    }

    pub(crate) async fn of(kind: Kind) -> Result<Self, HarnessError> {
        let shared = shared::get().await?;
        let name = {
            let shared = Arc::clone(&shared);
            keeper::run(async move { template::clone(&shared, &kind).await }).await?
        };
        let url = shared.record.url()?.with_database(&name).map_err(|error| HarnessError::Other(error.to_string()))?;
        let limits = try_settings()?.limits.reading();
        let ephemeral =
            Ephemeral::adopt(url, limits).await.map_err(|error| HarnessError::Other(error.to_string()))?;
        Ok(Self { ephemeral, name, shared })
    }
}

impl Deref for Database {
    type Target = Ephemeral;

    fn deref(&self) -> &Ephemeral {
        &self.ephemeral
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (name, shared) = (std::mem::take(&mut self.name), Arc::clone(&self.shared));
        let _ = keeper::start(async move {
            if let Ok(mut admin) = shared::admin(&shared.record).await {
                let _ = template::execute(&mut admin, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
            }
        });
    }
}
