//! Reading `contract.toml` and the cases beside it.

use std::path::{Path, PathBuf};

use reqwest::Method;
use runbook::settings::{Settings, SettingsError};
use serde::Deserialize;
use toml::Spanned;

use super::{Contract, Envelope, Mark, Rows};
use crate::case::file::Rules;
use crate::case::query::{as_objects, compiled, is_pointer};
use crate::case::{Case, Query};
use crate::checks::{CASE_CHECKS, REST};
use crate::load::{Load, Short};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    service: ServiceFile,
    envelope: EnvelopeFile,
    answers: AnswersFile,
    rows: RowsFile,
    maintenance: Option<Spanned<Maintenance>>,
    load: Option<Spanned<Short>>,
}

/// What the service says it supports.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ServiceFile {
    idempotency_key: Option<String>,
    openapi: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeFile {
    schema: Spanned<PathBuf>,
    result: Spanned<String>,
    hash: Spanned<String>,
    not_hashed: Vec<Spanned<String>>,
    confidence: Vec<Spanned<String>>,
    samples: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswersFile {
    internals: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RowsFile {
    key: Spanned<String>,
    tagged: Spanned<String>,
    view: Option<Spanned<String>>,
    remove: String,
    counts: Spanned<String>,
    left: Spanned<String>,
    mark: Spanned<MarkFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MarkFile {
    method: String,
    path: String,
    json: toml::Table,
}

/// A write that every service refuses, by which maintenance mode is seen; and the cases that write and read for real.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Maintenance {
    pub(crate) probe: Probe,
    pub(crate) write: String,
    pub(crate) read: String,
    /// Where the service tells that it is under maintenance.
    pub(crate) health: Option<HealthSays>,
}

/// A request that changes nothing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Probe {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: String,
}

/// A path, and the pointer of a `true` or `false` in its answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HealthSays {
    pub(crate) path: String,
    pub(crate) pointer: String,
}

type Wrong = Box<SettingsError>;

/// A file, for sentences about its places.
struct Place<'a>(&'a Path, &'a str);

impl Place<'_> {
    fn wrong(&self, span: std::ops::Range<usize>, problem: impl Into<String>) -> Wrong {
        Box::new(SettingsError::at(self.0, self.1, span, problem.into(), None))
    }

    fn pointer(&self, text: &Spanned<String>) -> Result<String, Wrong> {
        if is_pointer(text.get_ref()) {
            return Ok(text.get_ref().clone());
        }
        let problem = format!("`{}` is not a JSON pointer: it starts with `/`", text.get_ref());
        Err(self.wrong(text.span(), problem))
    }

    fn pointers(&self, list: &[Spanned<String>]) -> Result<Vec<String>, Wrong> {
        list.iter().map(|text| self.pointer(text)).collect()
    }

    /// A path of the service.
    fn path(&self, text: &str, span: std::ops::Range<usize>) -> Result<String, Wrong> {
        if text.starts_with('/') {
            return Ok(text.to_owned());
        }
        Err(self.wrong(span, format!("`{text}` is not a path of the service: it starts with `/`")))
    }

    /// A query whose parameters are `with`.
    fn query(&self, sql: &Spanned<String>, with: &[&str]) -> Result<Query, Wrong> {
        let sql = as_objects(sql.get_ref()).map_err(|problem| self.wrong(sql.span(), problem))?;
        Ok(Query { sql, with: with.iter().map(|name| format!("{{{name}}}")).collect() })
    }
}

pub(super) fn read(settings: &Settings, folder: &Path) -> Result<Contract, Wrong> {
    let path = folder.join("contract.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Box::new(SettingsError::at(&path, "", 0..0, format!("cannot be read: {error}"), None))
    })?;
    let place = Place(&path, &text);
    let file: File = toml::from_str(&text)
        .map_err(|error| place.wrong(error.span().unwrap_or(0..0), error.message().to_owned()))?;
    let contract = Contract {
        cases: cases(settings, folder)?,
        envelope: envelope(&place, folder, file.envelope)?,
        internals: file.answers.internals,
        rows: rows(&place, &file.rows)?,
        maintenance: file.maintenance.as_ref().map(|section| section.get_ref().clone()),
        idempotency_key: file.service.idempotency_key,
        openapi: match &file.service.openapi {
            Some(path) => Some(place.path(path.get_ref(), path.span())?),
            None => None,
        },
        load: file.load.as_ref().map(|section| load(&place, section)).transpose()?,
    };
    if let Some(section) = &file.maintenance {
        let span = section.span();
        let Maintenance { probe, health, .. } = section.get_ref();
        if Method::from_bytes(probe.method.as_bytes()).is_err() {
            return Err(place.wrong(span, format!("`{}` is not a method", probe.method)));
        }
        for path in std::iter::once(&probe.path).chain(health.iter().map(|health| &health.path)) {
            place.path(path, span.clone())?;
        }
        for name in [&section.get_ref().write, &section.get_ref().read] {
            if contract.case(name).is_none() {
                return Err(place.wrong(section.span(), format!("there is no case file `{name}.toml`")));
            }
        }
    }
    Ok(contract)
}

fn envelope(place: &Place<'_>, folder: &Path, file: EnvelopeFile) -> Result<Envelope, Wrong> {
    let schema = folder.join(file.schema.get_ref());
    Ok(Envelope {
        schema: compiled(&schema)
            .map_err(|problem| place.wrong(file.schema.span(), format!("{}: {problem}", schema.display())))?,
        result: place.pointer(&file.result)?,
        hash: place.pointer(&file.hash)?,
        not_hashed: place.pointers(&file.not_hashed)?,
        confidence: place.pointers(&file.confidence)?,
        samples: file
            .samples
            .iter()
            .map(|path| place.path(path.get_ref(), path.span()))
            .collect::<Result<_, _>>()?,
    })
}

fn load(place: &Place<'_>, section: &Spanned<Short>) -> Result<Load, Wrong> {
    section.get_ref().load().ok_or_else(|| {
        place.wrong(section.span(), "a load lasts from 0.1 to 60 seconds, on 1 to 1000 connections")
    })
}

fn rows(place: &Place<'_>, file: &RowsFile) -> Result<Rows, Wrong> {
    let mark = file.mark.get_ref();
    let method = Method::from_bytes(mark.method.as_bytes())
        .map_err(|_| place.wrong(file.mark.span(), format!("`{}` is not a method", mark.method)))?;
    let body = serde_json::to_value(&mark.json)
        .map_err(|error| place.wrong(file.mark.span(), error.to_string()))?
        .to_string();
    place.path(&mark.path, file.mark.span())?;
    if !body.contains("{run}") {
        return Err(place.wrong(file.mark.span(), "`mark` must carry the tag of its run: `{run}`"));
    }
    Ok(Rows {
        key: place.pointer(&file.key)?,
        tagged: place.query(&file.tagged, &[])?,
        view: file.view.as_ref().map(|view| place.query(view, &["key"])).transpose()?,
        remove: file.remove.clone(),
        counts: place.query(&file.counts, &[])?,
        left: place.query(&file.left, &["key"])?,
        mark: Mark { method, path: mark.path.clone(), body },
    })
}

fn cases(settings: &Settings, folder: &Path) -> Result<Vec<Case>, Wrong> {
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
