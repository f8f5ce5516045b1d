//! `contract.toml`: what every answer must be, and what the writing cases leave behind; and all cases beside it.

mod file;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jsonschema::Validator;
use runbook::check::CheckError;
use runbook::context::Context;
use runbook::settings::{Settings, SettingsError};

use crate::case::{Case, Query};
use crate::load::Load;

pub(crate) use file::{HealthSays, Maintenance};

/// The contract of the settings' service.
#[derive(Debug)]
pub struct Contract {
    /// The cases, in the order of their names.
    pub cases: Vec<Case>,
    pub(crate) envelope: Envelope,
    pub(crate) internals: Vec<String>,
    pub(crate) rows: Rows,
    pub(crate) maintenance: Option<Maintenance>,
    /// The header by which the service knows a repeated write, where it says that it has one.
    pub(crate) idempotency_key: Option<String>,
    /// The path of its OpenAPI document, where it has one.
    pub(crate) openapi: Option<String>,
    /// The load whose figures a rehearsal reports.
    pub(crate) load: Option<Load>,
}

/// What an envelope is.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) schema: Validator,
    pub(crate) result: String,
    pub(crate) hash: String,
    pub(crate) not_hashed: Vec<String>,
    pub(crate) confidence: Vec<String>,
    pub(crate) samples: Vec<String>,
}

/// The rows that cases write.
#[derive(Debug)]
pub(crate) struct Rows {
    /// Where an answer to a write names the key of its row.
    pub(crate) key: String,
    /// Columns `key`, `run` and `at` of every row that cases may have written.
    pub(crate) tagged: Query,
    /// What a person wants to see of the row with the key `$1`.
    pub(crate) view: Option<Query>,
    pub(crate) remove: String,
    pub(crate) counts: Query,
    /// One column: how many rows there are that belong to the key `$1`.
    pub(crate) left: Query,
    /// The body of the write that marks a run on a database that others use.
    pub(crate) mark: Mark,
}

/// A write that carries the tag of its run.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    pub(crate) method: reqwest::Method,
    pub(crate) path: String,
    pub(crate) body: String,
}

/// Reads the whole contract and forgets it: what is wrong with a case is known before the first request.
///
/// # Errors
/// With the file and the line that is wrong.
pub fn validate(settings: &Settings) -> Result<(), Box<SettingsError>> {
    Contract::load(settings).map(drop)
}

impl Contract {
    /// The contract that the settings name; none where they name none.
    ///
    /// # Errors
    /// With the file and the line that is wrong.
    pub fn load(settings: &Settings) -> Result<Option<Self>, Box<SettingsError>> {
        folder(settings).map(|folder| Self::read(settings, &folder)).transpose()
    }

    /// The contract that the settings name; read once for a context.
    ///
    /// # Errors
    /// When they name none, or with the file and the line that is wrong.
    pub fn of(context: &Context) -> Result<Arc<Self>, CheckError> {
        if let Some(contract) = context.stash.get::<Self>() {
            return Ok(contract);
        }
        let read = Self::load(&context.settings).map_err(|wrong| CheckError::Other(wrong.to_string()))?;
        let read = read.ok_or_else(|| CheckError::Missing("the settings name no [api] cases".into()))?;
        context.stash.put(read);
        context.stash.get::<Self>().ok_or_else(|| CheckError::Other("the contract is gone".into()))
    }

    /// The case of that name.
    pub fn case(&self, name: &str) -> Option<&Case> {
        self.cases.iter().find(|case| case.name == name)
    }

    fn read(settings: &Settings, folder: &Path) -> Result<Self, Box<SettingsError>> {
        file::read(settings, folder)
    }
}

fn folder(settings: &Settings) -> Option<PathBuf> {
    settings.api.cases.as_ref().map(|folder| settings.path(folder))
}
