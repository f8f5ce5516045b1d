//! `contract.toml`: what every answer must be, and what the writing cases leave behind; and all cases beside it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jsonschema::Validator;
use runbook::check::CheckError;
use runbook::context::Context;
use runbook::settings::{Settings, SettingsError};
use serde::Deserialize;
use toml::Spanned;

use crate::case::file::{Rules, as_objects, compiled, is_pointer};
use crate::case::{Case, Query};
use crate::checks::{CASE_CHECKS, REST};

/// The contract of the settings' service.
#[derive(Debug)]
pub struct Contract {
    /// The cases, in the order of their names.
    pub cases: Vec<Case>,
    pub(crate) envelope: Envelope,
    pub(crate) internals: Vec<String>,
    pub(crate) rows: Rows,
    pub(crate) maintenance: Option<Maintenance>,
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
    pub(crate) tagged: Query,
    pub(crate) remove: String,
    pub(crate) counts: Query,
}

/// A write that every service refuses, by which maintenance mode is seen; and the cases that write and read for real.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Maintenance {
    pub(crate) probe: Probe,
    pub(crate) write: String,
    pub(crate) read: String,
}

/// A request that changes nothing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Probe {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    envelope: EnvelopeFile,
    answers: AnswersFile,
    rows: RowsFile,
    maintenance: Option<Spanned<Maintenance>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeFile {
    schema: Spanned<PathBuf>,
    result: Spanned<String>,
    hash: Spanned<String>,
    not_hashed: Vec<Spanned<String>>,
    confidence: Vec<Spanned<String>>,
    samples: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswersFile {
    internals: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RowsFile {
    tagged: Spanned<String>,
    remove: String,
    counts: Spanned<String>,
}

/// Reads the whole contract and forgets it: what is wrong with a case is known before the first request.
///
/// # Errors
/// With the file and the line that is wrong.
pub fn validate(settings: &Settings) -> Result<(), Box<SettingsError>> {
    match folder(settings) {
        Some(folder) => Contract::read(settings, &folder).map(drop),
        None => Ok(()),
    }
}

impl Contract {
    /// The contract that the settings name; read once for a context.
    ///
    /// # Errors
    /// When they name none, or with the file and the line that is wrong.
    pub fn of(context: &Context) -> Result<Arc<Self>, CheckError> {
        if let Some(contract) = context.stash.get::<Self>() {
            return Ok(contract);
        }
        let settings = &context.settings;
        let folder =
            folder(settings).ok_or_else(|| CheckError::Missing("the settings name no [api] cases".into()))?;
        let contract = Self::read(settings, &folder).map_err(|wrong| CheckError::Other(wrong.to_string()))?;
        context.stash.put(contract);
        context.stash.get::<Self>().ok_or_else(|| CheckError::Other("the contract is gone".into()))
    }

    /// The case of that name.
    pub(crate) fn case(&self, name: &str) -> Option<&Case> {
        self.cases.iter().find(|case| case.name == name)
    }

    fn read(settings: &Settings, folder: &Path) -> Result<Self, Box<SettingsError>> {
        let path = folder.join("contract.toml");
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Box::new(SettingsError::at(&path, "", 0..0, format!("cannot be read: {error}"), None))
        })?;
        let at = |span, problem: String| Box::new(SettingsError::at(&path, &text, span, problem, None));
        let file: File =
            toml::from_str(&text).map_err(|e| at(e.span().unwrap_or(0..0), e.message().to_owned()))?;
        let pointer = |text: &Spanned<String>| {
            let problem = || format!("`{}` is not a JSON pointer: it starts with `/`", text.get_ref());
            is_pointer(text.get_ref())
                .then(|| text.get_ref().clone())
                .ok_or_else(|| at(text.span(), problem()))
        };
        let pointers = |list: &[Spanned<String>]| list.iter().map(&pointer).collect::<Result<Vec<_>, _>>();
        let query = |sql: &Spanned<String>| {
            let sql = as_objects(sql.get_ref()).map_err(|problem| at(sql.span(), problem))?;
            Ok::<_, Box<SettingsError>>(Query { sql, with: Vec::new() })
        };
        let schema = folder.join(file.envelope.schema.get_ref());
        let envelope = Envelope {
            schema: compiled(&schema).map_err(|problem| {
                at(file.envelope.schema.span(), format!("{}: {problem}", schema.display()))
            })?,
            result: pointer(&file.envelope.result)?,
            hash: pointer(&file.envelope.hash)?,
            not_hashed: pointers(&file.envelope.not_hashed)?,
            confidence: pointers(&file.envelope.confidence)?,
            samples: file.envelope.samples,
        };
        let rows = Rows {
            tagged: query(&file.rows.tagged)?,
            remove: file.rows.remove,
            counts: query(&file.rows.counts)?,
        };
        let contract = Self {
            cases: cases(settings, folder)?,
            envelope,
            internals: file.answers.internals,
            rows,
            maintenance: file.maintenance.as_ref().map(|section| section.get_ref().clone()),
        };
        if let Some(section) = &file.maintenance {
            for name in [&section.get_ref().write, &section.get_ref().read] {
                if contract.case(name).is_none() {
                    return Err(at(section.span(), format!("there is no case file `{name}.toml`")));
                }
            }
        }
        Ok(contract)
    }
}

fn folder(settings: &Settings) -> Option<PathBuf> {
    settings.api.cases.as_ref().map(|folder| settings.path(folder))
}

fn cases(settings: &Settings, folder: &Path) -> Result<Vec<Case>, Box<SettingsError>> {
    let unreadable = |error: std::io::Error| {
        Box::new(SettingsError::at(folder, "", 0..0, format!("cannot be read: {error}"), None))
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|e| e == "toml")
            && path.file_name().is_some_and(|n| n != "contract.toml")
        {
            files.push(path);
        }
    }
    files.sort();
    let rules = Rules { base: settings.api.base_url.as_deref(), default_check: REST, checks: &CASE_CHECKS };
    files.iter().map(|path| Case::read(path, rules)).collect()
}
