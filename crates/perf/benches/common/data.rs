//! The data that a bench reads: a clone of a small set, or a large one that is kept between runs.

use std::ops::Deref;
use std::sync::Arc;

use harness::loader::Unwatched;
use harness::{Database, Kept};
use runbook::context::{Context, Database as Target};
use runbook::ephemeral::Ephemeral;

use super::Result;

/// From so many rows of the leading table on a set is kept.
const KEPT_FROM: u64 = 50_000;

pub enum Data {
    Cloned(Box<Database>),
    Kept(Box<Kept>),
}

impl Data {
    pub async fn of(scale: u64) -> Result<Self> {
        if scale < KEPT_FROM {
            return Ok(Self::Cloned(Box::new(Database::loaded(scale).await?)));
        }
        Ok(Self::Kept(Box::new(Kept::loaded(scale, Arc::new(Unwatched)).await?)))
    }

    pub fn context(&self) -> Context {
        Context::new(harness::settings(), Target::Ephemeral((**self).clone()))
    }

    /// In an orderly way, so that the next run starts at once.
    pub async fn close(self) -> Result<()> {
        if let Self::Kept(kept) = self {
            kept.close().await?;
        }
        Ok(())
    }
}

impl Deref for Data {
    type Target = Ephemeral;

    fn deref(&self) -> &Ephemeral {
        match self {
            Self::Cloned(database) => database,
            Self::Kept(kept) => kept,
        }
    }
}

/// The sizes of a variable (`RUNBOOK_SCALE=10000,1000000`), or these.
pub fn sizes(variable: &str, otherwise: &[u64]) -> Result<Vec<u64>> {
    let Ok(text) = std::env::var(variable) else { return Ok(otherwise.to_vec()) };
    text.split(',')
        .map(|part| match part.trim().replace('_', "").parse() {
            Ok(0) => Err(format!("{variable}={text}: 0 rows show nothing; ask for at least 1").into()),
            Ok(size) => Ok(size),
            Err(_) => Err(format!("{variable}={text}: `{part}` is no number of rows").into()),
        })
        .collect()
}
