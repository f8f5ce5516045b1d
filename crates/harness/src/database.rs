//! An isolated ephemeral database.

use std::ops::Deref;
use std::sync::Arc;

use runbook::context::Context;
use runbook::ephemeral::Ephemeral;

use crate::clones::{self, Claim};
use crate::fixtures::{settings, try_settings};
use crate::shared::{self, Shared};
use crate::template::{self, Kind};
use crate::{HarnessError, scratch};

/// An isolated ephemeral database, leased to this process and reclaimed when dropped.
pub struct Database {
    ephemeral: Ephemeral,
    claim: Option<Claim>,
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

    /// With what these scripts make of an empty one, sent one after the other over one session: run once for all who
    /// ask, and cloned. What several tests begin with belongs here. What concerns the server (a role, a tablespace)
    /// does not: it would be made once, and not for each.
    ///
    /// # Errors
    /// As [`Self::empty`], and when a script fails.
    pub async fn made(scripts: &[&str]) -> Result<Self, HarnessError> {
        Self::of(Kind::Made(scripts.iter().map(|script| (*script).to_owned()).collect())).await
    }

    /// At the newest revision, without rows but those that migrations write.
    ///
    /// # Errors
    /// As [`Self::empty`], and when a migration fails.
    pub async fn migrated() -> Result<Self, HarnessError> {
        Self::of(Kind::At(template::head()?.to_owned())).await
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
        Self::of(Kind::Seeded(template::head()?.to_owned())).await
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
        Self::of(Kind::Loaded(template::head()?.to_owned(), n)).await
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
        let claim = clones::claim(&shared, &kind).await?;
        let url = shared
            .record
            .url()?
            .with_database(&claim.name)
            .map_err(|error| HarnessError::Other(error.to_string()))?;
        let limits = try_settings()?.limits.reading();
        match Ephemeral::adopt(url, limits).await {
            Ok(ephemeral) => {
                clones::claimed(&shared, &kind, &claim);
                Ok(Self { ephemeral, claim: Some(claim), shared })
            }
            Err(error) => {
                clones::release(&shared, claim, false);
                Err(HarnessError::Other(error.to_string()))
            }
        }
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
        let Some(claim) = self.claim.take() else { return };
        let name = claim.name.clone();
        if let Some(until) = clones::release(&self.shared, claim, std::thread::panicking()) {
            let minutes = until
                .duration_since(std::time::SystemTime::now())
                .map_or(0, |left| left.as_secs().div_ceil(60));
            let line = self.shared.psql(&name);
            #[allow(clippy::print_stderr, reason = "said to whoever reads why the test failed")]
            {
                eprintln!("the test's database is kept for {minutes} min: {line}");
            }
        }
    }
}
