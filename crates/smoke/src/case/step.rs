//! One step of a case file: what is sent, and what must come back.

use std::ops::Range;

use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::Value;
use toml::Spanned;

use super::file::{Fill, Place, Row, Status, StepFile, WalkFile, Wrong};
use super::query::{is_pointer, query, validator};
use super::values::placeholders;
use super::{Expected, Fact, Long, Race, Source, Step, Values, Walk, curl};

/// As many requests at once as a machine of any size can send.
const MOST_WRITERS: u32 = 1000;
/// So many bytes of a body are made of one piece at most.
const LONGEST_TEXT: usize = 256 << 20;

/// Stands in a body until the long text of `fill` takes its place.
const MARKER: &str = "the long text stands here";

pub(super) fn step(
    place: &Place<'_>,
    file: &StepFile,
    base: Option<&str>,
    row: Row,
    known: &mut Values,
) -> Result<Step, Wrong> {
    for (name, _) in &row {
        known.put(name, String::new());
    }
    let mut step = request(place, file, base, known)?;
    if file.body.is_some() && step.long.is_none() {
        // A raw body may hold anything, and so may what a row puts into it.
        for (name, value) in &row {
            step.body = step.body.map(|body| body.replace(&format!("{{{name}}}"), value));
        }
    }
    step.row = row;
    step.envelope = file.envelope;
    match file.expect.status.get_ref() {
        Status::One(status) => step.status = vec![*status],
        Status::OneOf(list) if list.is_empty() => {
            return Err(place.wrong(file.expect.status.span(), "`status` names no status"));
        }
        Status::OneOf(list) => step.status.clone_from(list),
    }
    if let Some(none) = step.status.iter().find(|status| !(100..600).contains(*status)) {
        return Err(place.wrong(file.expect.status.span(), format!("`{none}` is not a status: 100 to 599")));
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
    step.walk = file.walk.as_ref().map(|walk| self::walk(place, walk, known)).transpose()?;
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
        headers: headers(place, file)?,
        body: file.body.clone(),
        race: file.race.as_ref().map(|race| self::race(place, race)).transpose()?,
        row: Vec::new(),
        long: None,
        envelope: false,
        walk: None,
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
        let (body, long) = filled(place, fill, step.body.as_deref())?;
        (step.body, step.long) = (Some(body), Some(long));
    }
    let paging = file.walk.is_some().then_some("skip");
    for text in std::iter::once(&step.path).chain(step.headers.iter().map(|(_, value)| value)) {
        if let Some(name) = placeholders(text).find(|name| !known.knows(name) && Some(*name) != paging) {
            return Err(place.wrong(span, format!("`{{{name}}}` is not captured by an earlier step")));
        }
    }
    Ok(step)
}

/// Names and values that can be sent; what stands for a placeholder is only known then.
fn headers(place: &Place<'_>, file: &StepFile) -> Result<Vec<(String, String)>, Wrong> {
    let read = |(name, value): (&Spanned<String>, &String)| {
        let known = HeaderName::from_bytes(name.get_ref().as_bytes());
        if known.is_err() || HeaderValue::from_str(value).is_err() {
            let problem = format!("`{}` is not a header that can be sent", name.get_ref());
            return Err(place.wrong(name.span(), problem));
        }
        Ok((name.get_ref().clone(), value.clone()))
    };
    file.headers.iter().map(read).collect()
}

/// Nobody at all would win every race.
fn race(place: &Place<'_>, race: &Spanned<Race>) -> Result<Race, Wrong> {
    let Race { writers, winners } = *race.get_ref();
    if !(2..=MOST_WRITERS).contains(&writers) || winners > writers as usize {
        let problem = format!("a race has 2 to {MOST_WRITERS} writers, and no more winners than writers");
        return Err(place.wrong(race.span(), problem));
    }
    Ok(Race { writers, winners })
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

fn filled(place: &Place<'_>, fill: &Spanned<Fill>, body: Option<&str>) -> Result<(String, Long), Wrong> {
    let wrong = |problem: &str| place.wrong(fill.span(), problem);
    let mut json: Value = body
        .and_then(|body| serde_json::from_str(body).ok())
        .ok_or_else(|| wrong("`fill` needs a body that is JSON"))?;
    let Fill { pointer, with, times } = fill.get_ref();
    if with.is_empty() || with.len().saturating_mul(*times) > LONGEST_TEXT {
        return Err(wrong(&format!("`fill` puts in a text of at most {} MiB", LONGEST_TEXT >> 20)));
    }
    let target = json.pointer_mut(pointer).ok_or_else(|| wrong("`fill` points to nothing in the body"))?;
    // A marker first: escaping a long text a character at a time would take longer than sending it.
    *target = Value::from(MARKER);
    let piece = Value::from(with.as_str()).to_string();
    let piece = piece[1..piece.len() - 1].to_owned();
    let json = json.to_string();
    let (before, after) =
        json.split_once(MARKER).ok_or_else(|| wrong("`fill` points to nothing in the body"))?;
    let long = Long { before: before.to_owned(), piece, times: *times, after: after.to_owned() };
    // Written out it may be of megabytes, and most runs send it once or never.
    Ok((format!("{before}{}{after}", long.piece), long))
}

fn walk(place: &Place<'_>, walk: &Spanned<WalkFile>, known: &Values) -> Result<Walk, Wrong> {
    let WalkFile { items, key, all, with, insert } = walk.get_ref();
    pointer(place, items)?;
    pointer(place, key)?;
    let body =
        serde_json::to_value(&insert.json).map_err(|error| place.wrong(walk.span(), error.to_string()))?;
    Ok(Walk {
        items: items.get_ref().clone(),
        key: key.get_ref().clone(),
        all: query(place, all, with, known)?,
        method: method(place, &insert.method, walk.span())?,
        path: insert.path.clone(),
        body: body.to_string(),
    })
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
