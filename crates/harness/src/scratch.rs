//! Scratch databases for suites, which know no harness.

use std::sync::Arc;

use runbook::check::CheckError;
use runbook::context::{BoxFuture, Scratch, ScratchDatabase};
use runbook::ephemeral::Ephemeral;

use crate::Database;
use crate::template::Kind;

/// Scratch databases from this harness.
pub fn scratch() -> Option<Arc<dyn Scratch>> {
    Some(Arc::new(FromHarness))
}

struct FromHarness;

impl Scratch for FromHarness {
    fn empty(&self) -> BoxFuture<'_, Result<Box<dyn ScratchDatabase>, CheckError>> {
        Box::pin(give(Kind::Empty))
    }

    fn at(
        &self,
        revision: &str,
        seeded: bool,
    ) -> BoxFuture<'_, Result<Box<dyn ScratchDatabase>, CheckError>> {
        let revision = revision.to_owned();
        Box::pin(give(if seeded { Kind::Seeded(revision) } else { Kind::At(revision) }))
    }

    fn loaded(
        &self,
        revision: &str,
        rows: u64,
    ) -> BoxFuture<'_, Result<Box<dyn ScratchDatabase>, CheckError>> {
        Box::pin(give(Kind::Loaded(revision.to_owned(), rows)))
    }
}

async fn give(kind: Kind) -> Result<Box<dyn ScratchDatabase>, CheckError> {
    match Database::of(kind).await {
        Ok(database) => Ok(Box::new(database)),
        Err(error) => Err(CheckError::Other(error.to_string())),
    }
}

impl ScratchDatabase for Database {
    fn database(&self) -> &Ephemeral {
        self
    }
}
