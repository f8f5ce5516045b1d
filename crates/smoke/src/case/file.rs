//! Reading a case file. What is wrong is said with its file and line, before anything is sent.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use reqwest::Method;
use runbook::settings::SettingsError;
use runbook::statement::ReadStatement;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::values::placeholders;
use super::{Case, Expected, Fact, Query, Race, Source, Step, Values, curl};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    /// What it proves, in one sentence.
    title: String,
    /// The check it belongs to; `smoke.contract.cases` where it is not given.
    check: Option<Spanned<String>>,
    /// A SELECT; where it finds no row, the case is left out and the report says so.
    needs: Option<Spanned<String>>,
    step: Vec<StepFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepFile {
    /// A command of the runbook, instead of `method`, `path`, `headers` and `body`.
    curl: Option<Spanned<String>>,
    method: Option<Spanned<String>>,
    path: Option<Spanned<String>>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// A body as it is sent.
    body: Option<String>,
    /// A body as a table, sent as JSON with its Content-Type.
    json: Option<Spanned<toml::Table>>,
    /// Puts a long text into the body.
    fill: Option<Spanned<Fill>>,
    race: Option<Race>,
    expect: Expect,
    /// Name = pointer into the answer, or `header NAME`.
    #[serde(default)]
    capture: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    database: Vec<FactFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fill {
    pointer: String,
    with: String,
    times: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    status: Spanned<Status>,
    #[serde(default)]
    headers: BTreeMap<String, Spanned<toml::Value>>,
    #[serde(default)]
    json: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
    /// A JSON schema beside the case file.
    schema: Option<Spanned<PathBuf>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Status {
    One(u16),
    OneOf(Vec<u16>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FactFile {
    query: Spanned<String>,
    #[serde(default)]
    with: Vec<Spanned<String>>,
    rows: Vec<BTreeMap<String, Spanned<toml::Value>>>,
}

/// A place in a file, for sentences about it.
struct Place<'a> {
    path: &'a Path,
    text: &'a str,
}

type Wrong = Box<SettingsError>;

/// Stands in a body until the long text of `fill` takes its place.
const MARKER: &str = "the long text stands here";

impl Place<'_> {
    fn wrong(&self, span: Range<usize>, problem: impl Into<String>) -> Wrong {
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
        let mut known = Values::default();
        known.put("run", String::new());
        let mut steps = Vec::new();
        let mut command = None;
        for step in &file.step {
            command = command.or_else(|| step.curl.as_ref().map(|curl| curl.get_ref().trim().to_owned()));
            let read = self::step(&place, step, rules.base, &mut known)?;
            if !may_write && !read.method.is_safe() {
                let span = step.curl.as_ref().or(step.method.as_ref()).map_or(0..0, Spanned::span);
                return Err(place.wrong(
                    span,
                    format!("a case of `{check}` only reads, so {} is not allowed", read.method),
                ));
            }
            steps.push(read);
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
            steps,
        })
    }
}

fn step(place: &Place<'_>, file: &StepFile, base: Option<&str>, known: &mut Values) -> Result<Step, Wrong> {
    let mut step = request(place, file, base, known)?;
    match file.expect.status.get_ref() {
        Status::One(status) => step.status = vec![*status],
        Status::OneOf(list) if list.is_empty() => {
            return Err(place.wrong(file.expect.status.span(), "`status` names no status"));
        }
        Status::OneOf(list) => step.status.clone_from(list),
    }
    for (name, value) in &file.expect.headers {
        step.expected_headers.push((name.clone(), expected(place, value)?));
    }
    for (at, value) in &file.expect.json {
        pointer(place, at)?;
        step.expected_json.push((at.get_ref().clone(), expected(place, value)?));
    }
    step.schema = file.expect.schema.as_ref().map(|schema| validator(place, schema)).transpose()?;
    for (name, source) in &file.capture {
        let from = match source.get_ref().strip_prefix("header ") {
            Some(header) => Source::Header(header.trim().to_owned()),
            None => {
                pointer(place, source)?;
                Source::Pointer(source.get_ref().clone())
            }
        };
        step.capture.push((name.clone(), from));
        known.put(name, String::new());
    }
    for fact in &file.database {
        let query = query(place, &fact.query, &fact.with, known)?;
        let rows = fact
            .rows
            .iter()
            .map(|row| {
                row.iter().map(|(column, value)| Ok((column.clone(), expected(place, value)?))).collect()
            })
            .collect::<Result<_, Wrong>>()?;
        step.facts.push(Fact { query, rows });
    }
    Ok(step)
}

fn request(place: &Place<'_>, file: &StepFile, base: Option<&str>, known: &Values) -> Result<Step, Wrong> {
    let mut step = Step {
        method: Method::GET,
        path: String::new(),
        headers: file.headers.clone().into_iter().collect(),
        body: file.body.clone(),
        race: file.race,
        status: Vec::new(),
        expected_headers: Vec::new(),
        expected_json: Vec::new(),
        schema: None,
        capture: Vec::new(),
        facts: Vec::new(),
    };
    let span = match (&file.curl, &file.method, &file.path) {
        (Some(command), None, None) => {
            let curl = curl::read(command.get_ref(), base).map_err(|e| place.wrong(command.span(), e))?;
            step.method = method(place, &curl.method, command.span())?;
            (step.path, step.body) = (curl.path, curl.body);
            step.headers.extend(curl.headers);
            step.expected_json.extend(curl.shown.map(|pointer| (pointer, Expected::Present)));
            command.span()
        }
        (None, given, Some(path)) => {
            let span = given.as_ref().map_or(path.span(), Spanned::span);
            step.method = method(place, given.as_ref().map_or("GET", |given| given.get_ref()), span)?;
            step.path.clone_from(path.get_ref());
            path.span()
        }
        (curl, method, path) => {
            let span = curl.as_ref().or(method.as_ref()).or(path.as_ref()).map_or(0..0, Spanned::span);
            return Err(place.wrong(span, "a step is either a `curl`, or a `path` with a `method`"));
        }
    };
    if !step.path.starts_with('/') {
        return Err(place.wrong(span, "a path starts with `/`"));
    }
    if let Some(json) = &file.json {
        if step.body.is_some() {
            return Err(place.wrong(json.span(), "a step has one body: `body` or `json`"));
        }
        let value =
            serde_json::to_value(json.get_ref()).map_err(|e| place.wrong(json.span(), e.to_string()))?;
        step.body = Some(value.to_string());
        step.headers.push(("Content-Type".into(), "application/json".into()));
    }
    if let Some(fill) = &file.fill {
        step.body = Some(filled(place, fill, step.body.as_deref())?);
    }
    for text in std::iter::once(&step.path).chain(step.headers.iter().map(|(_, value)| value)) {
        if let Some(name) = placeholders(text).find(|name| !known.knows(name)) {
            return Err(place.wrong(span, format!("`{{{name}}}` is not captured by an earlier step")));
        }
    }
    Ok(step)
}

fn method(place: &Place<'_>, name: &str, span: Range<usize>) -> Result<Method, Wrong> {
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    known
        .into_iter()
        .find(|method| method.as_str() == name)
        .ok_or_else(|| place.wrong(span, format!("`{name}` is not a method: GET, POST, PUT …")))
}

fn filled(place: &Place<'_>, fill: &Spanned<Fill>, body: Option<&str>) -> Result<String, Wrong> {
    let wrong = |problem: &str| place.wrong(fill.span(), problem);
    let mut json: Value = body
        .and_then(|body| serde_json::from_str(body).ok())
        .ok_or_else(|| wrong("`fill` needs a body that is JSON"))?;
    let Fill { pointer, with, times } = fill.get_ref();
    let target = json.pointer_mut(pointer).ok_or_else(|| wrong("`fill` points to nothing in the body"))?;
    // A marker first: escaping a long text a character at a time would take longer than sending it.
    *target = Value::from(MARKER);
    let (marker, piece) = (Value::from(MARKER).to_string(), Value::from(with.as_str()).to_string());
    let long = format!("\"{}\"", piece[1..piece.len() - 1].repeat(*times));
    Ok(json.to_string().replacen(&marker, &long, 1))
}

fn expected(place: &Place<'_>, value: &Spanned<toml::Value>) -> Result<Expected, Wrong> {
    Expected::read(value.get_ref()).map_err(|problem| place.wrong(value.span(), problem))
}

fn pointer(place: &Place<'_>, at: &Spanned<String>) -> Result<(), Wrong> {
    if is_pointer(at.get_ref()) {
        return Ok(());
    }
    let problem =
        format!("`{}` is not a JSON pointer: it starts with `/`, as in /result/status", at.get_ref());
    Err(place.wrong(at.span(), problem))
}

/// RFC 6901: empty, or parts that each start with `/`, in which `~` stands before `0` or `1` only.
pub(crate) fn is_pointer(text: &str) -> bool {
    (text.is_empty() || text.starts_with('/'))
        && text.split('~').skip(1).all(|rest| rest.starts_with('0') || rest.starts_with('1'))
}

fn query(
    place: &Place<'_>,
    sql: &Spanned<String>,
    with: &[Spanned<String>],
    known: &Values,
) -> Result<Query, Wrong> {
    for value in with {
        if let Some(name) = placeholders(value.get_ref()).find(|name| !known.knows(name)) {
            return Err(place.wrong(
                value.span(),
                format!("`{{{name}}}` is not captured by this step or an earlier one"),
            ));
        }
    }
    let sql = as_objects(sql.get_ref()).map_err(|problem| place.wrong(sql.span(), problem))?;
    Ok(Query { sql, with: with.iter().map(|value| value.get_ref().clone()).collect() })
}

/// A SELECT, changed to give each row as one JSON object. What is not a single SELECT is refused.
pub(crate) fn as_objects(sql: &str) -> Result<String, String> {
    ReadStatement::parse(sql).map_err(|refused| refused.to_string())?;
    let bare = sql.trim().trim_end_matches(';');
    let wrapped = format!("SELECT to_jsonb(q) AS row FROM (\n{bare}\n) AS q");
    ReadStatement::parse(&wrapped).map_err(|_| "only a SELECT can stand here".to_owned())?;
    Ok(wrapped)
}

fn validator(place: &Place<'_>, schema: &Spanned<PathBuf>) -> Result<Validator, Wrong> {
    let path = place.path.parent().unwrap_or(Path::new("")).join(schema.get_ref());
    compiled(&path).map_err(|problem| place.wrong(schema.span(), format!("{}: {problem}", path.display())))
}

/// A JSON schema, ready to judge.
pub(crate) fn compiled(path: &Path) -> Result<Validator, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    let schema: Value = serde_json::from_slice(&bytes).map_err(|error| format!("not JSON: {error}"))?;
    jsonschema::validator_for(&schema).map_err(|error| format!("not a JSON schema: {error}"))
}
