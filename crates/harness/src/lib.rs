#![doc = include_str!("../README.md")]

use std::ops::Deref;
use std::sync::Arc;

use runbook::context::{Context, Scratch};
use runbook::ephemeral::Ephemeral;
use runbook::settings::Settings;

/// Why an ephemeral database could not be had: one sentence that says what to do.
#[derive(thiserror::Error)]
pub enum HarnessError {
    /// Said in one sentence.
    #[error("{0}")]
    Other(String),
}

// A test unwraps these: what it prints is the sentence.
impl std::fmt::Debug for HarnessError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// An isolated ephemeral database, leased to this process and reclaimed when dropped.
pub struct Database {
    ephemeral: Ephemeral,
}

impl Database {
    /// With nothing in it.
    ///
    /// # Errors
    /// When no backend works.
    pub async fn empty() -> Result<Self, HarnessError> {
        Err(HarnessError::Other("not built yet".into()))
    }

    /// At the newest revision, without rows but those that migrations write.
    ///
    /// # Errors
    /// As [`Self::empty`], and when a migration fails.
    pub async fn migrated() -> Result<Self, HarnessError> {
        Self::empty().await
    }

    /// At a revision.
    ///
    /// # Errors
    /// As [`Self::migrated`].
    pub async fn at(_revision: &str) -> Result<Self, HarnessError> {
        Self::empty().await
    }

    /// At the newest revision, with the seed rows that the settings name.
    ///
    /// # Errors
    /// As [`Self::migrated`].
    pub async fn seeded() -> Result<Self, HarnessError> {
        Self::empty().await
    }

    /// A context for checks on this database: settings of the fixtures, scratch databases, nothing else.
    pub fn context(&self) -> Context {
        Context::new(settings(), runbook::context::Database::Ephemeral(self.ephemeral.clone()))
    }
}

impl Deref for Database {
    type Target = Ephemeral;

    fn deref(&self) -> &Ephemeral {
        &self.ephemeral
    }
}

/// The settings of the fixtures: `RUNBOOK_FIXTURES`, or the workspace's own folder.
pub fn settings() -> Arc<Settings> {
    #[allow(clippy::panic, reason = "a test has nothing to go on with when its settings are wrong")]
    match Settings::load(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures"))) {
        Ok(settings) => Arc::new(settings),
        Err(error) => panic!("{error}"),
    }
}

/// Scratch databases from this harness.
pub fn scratch() -> Option<Arc<dyn Scratch>> {
    None
}
