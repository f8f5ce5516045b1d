//! Reading a case file. What is wrong is said with its file and line, before anything is sent.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use runbook::settings::SettingsError;
use serde::Deserialize;
use toml::Spanned;

use super::query::query;
use super::step::step;
use super::{Case, Race, Values};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    /// What it proves, in one sentence.
    title: String,
    /// The check it belongs to; `smoke.contract.cases` where it is not given.
    check: Option<Spanned<String>>,
    /// A SELECT; where it finds no row, the case is left out and the report says so.
    needs: Option<Spanned<String>>,
    /// What the service must say that it supports, in `[service]` of contract.toml; left out where it does not.
    supports: Option<Spanned<String>>,
    step: Vec<StepFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepFile {
    /// A command of the runbook, instead of `method`, `path`, `headers` and `body`.
    pub(super) curl: Option<Spanned<String>>,
    pub(super) method: Option<Spanned<String>>,
    pub(super) path: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) headers: BTreeMap<Spanned<String>, String>,
    /// A body as it is sent.
    pub(super) body: Option<String>,
    /// A body as a table, sent as JSON with its Content-Type.
    pub(super) json: Option<Spanned<toml::Table>>,
    /// Puts a long text into the body.
    pub(super) fill: Option<Spanned<Fill>>,
    pub(super) race: Option<Spanned<Race>>,
    /// The step is taken once for each row: its values stand for `{name}` in the path, the headers and the body.
    each: Option<Spanned<Vec<BTreeMap<String, String>>>>,
    /// Reads a list page by page while rows are inserted.
    pub(super) walk: Option<Spanned<WalkFile>>,
    /// The answer is an envelope: its schema, its hash and its confidence are judged.
    #[serde(default)]
    pub(super) envelope: bool,
    pub(super) expect: Expect,
    /// Name = pointer into the answer, or `header NAME`.
    #[serde(default)]
    pub(super) capture: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    pub(super) database: Vec<FactFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fill {
    pub(super) pointer: String,
    pub(super) with: String,
    pub(super) times: usize,
}

/// Pages of a list, one after another, with a write between them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WalkFile {
    /// Where the items stand in an answer, and the key in an item.
    pub(super) items: Spanned<String>,
    pub(super) key: Spanned<String>,
    /// Every key that must be seen exactly once, asked before the first page.
    pub(super) all: Spanned<String>,
    #[serde(default)]
    pub(super) with: Vec<Spanned<String>>,
    pub(super) insert: InsertFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InsertFile {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) json: toml::Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    pub(super) status: Spanned<Status>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Spanned<toml::Value>>,
    #[serde(default)]
    pub(super) json: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
    /// A JSON schema beside the case file.
    pub(super) schema: Option<Spanned<PathBuf>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Status {
    One(u16),
    OneOf(Vec<u16>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FactFile {
    pub(super) query: Spanned<String>,
    #[serde(default)]
    pub(super) with: Vec<Spanned<String>>,
    pub(super) rows: Vec<BTreeMap<String, Spanned<toml::Value>>>,
}

/// A place in a file, for sentences about it.
pub(super) struct Place<'a> {
    pub(super) path: &'a Path,
    text: &'a str,
}

pub(super) type Wrong = Box<SettingsError>;

/// The values of one row of `each`, by name.
pub(super) type Row = Vec<(String, String)>;

/// What a case may ask a service to support.
const IDEMPOTENCY: &str = "idempotency_key";

impl Place<'_> {
    pub(super) fn wrong(&self, span: Range<usize>, problem: impl Into<String>) -> Wrong {
        Box::new(SettingsError::at(self.path, self.text, span, problem.into(), None))
    }
}

/// What a check allows its cases.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    /// The address that the runbook's commands name.
    pub(crate) base: Option<&'a str>,
    /// The check of a case that names none.
    pub(crate) default_check: &'a str,
    /// Checks that cases may belong to, and whether their cases may write.
    pub(crate) checks: &'a [(&'a str, bool)],
}

impl Case {
    /// Reads a case file.
    pub(crate) fn read(path: &Path, rules: Rules<'_>) -> Result<Self, Wrong> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Box::new(SettingsError::at(path, "", 0..0, format!("cannot be read: {e}"), None)))?;
        let place = Place { path, text: &text };
        let file: CaseFile = toml::from_str(&text)
            .map_err(|error| place.wrong(error.span().unwrap_or(0..0), error.message().to_owned()))?;
        let (check, span) = match &file.check {
            Some(check) => (check.get_ref().as_str(), check.span()),
            None => (rules.default_check, 0..0),
        };
        let Some((check, may_write)) = rules.checks.iter().find(|(id, _)| *id == check) else {
            let known: Vec<_> = rules.checks.iter().map(|(id, _)| *id).collect();
            return Err(place.wrong(
                span,
                format!("no check has the id `{check}`; cases belong to {}", known.join(", ")),
            ));
        };
        let needs =
            file.needs.as_ref().map(|needs| query(&place, needs, &[], &Values::default())).transpose()?;
        if let Some(feature) = &file.supports
            && feature.get_ref() != IDEMPOTENCY
        {
            let problem =
                format!("`{}` is nothing a service can support here: {IDEMPOTENCY}", feature.get_ref());
            return Err(place.wrong(feature.span(), problem));
        }
        let mut known = Values::default();
        known.put("run", String::new());
        let mut steps = Vec::new();
        let mut command = None;
        for step in &file.step {
            command = command.or_else(|| step.curl.as_ref().map(|curl| curl.get_ref().trim().to_owned()));
            let rows = match &step.each {
                None => vec![Row::new()],
                Some(each) if each.get_ref().is_empty() => {
                    return Err(place.wrong(each.span(), "`each` has no row, so that nothing would be sent"));
                }
                Some(each) => each.get_ref().iter().map(|row| row.clone().into_iter().collect()).collect(),
            };
            for row in rows {
                let read = self::step(&place, step, rules.base, row, &mut known)?;
                if !may_write && (!read.method.is_safe() || read.walk.is_some()) {
                    let span = step.curl.as_ref().or(step.method.as_ref()).map_or(0..0, Spanned::span);
                    return Err(place.wrong(
                        span,
                        format!("a case of `{check}` only reads, so {} is not allowed", read.method),
                    ));
                }
                steps.push(read);
            }
        }
        if steps.is_empty() {
            return Err(place.wrong(0..0, "a case needs at least one [[step]]"));
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self {
            name,
            title: file.title,
            check: (*check).to_owned(),
            path: path.to_owned(),
            command,
            needs,
            supports: file.supports.is_some(),
            steps,
        })
    }
}
