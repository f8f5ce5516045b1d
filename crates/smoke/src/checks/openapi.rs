//! The service's own OpenAPI document, against the contract: it tells of every request that the cases send, and the
//! sample answers are as it says.

use std::collections::BTreeSet;

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Verdict};
use serde_json::{Value, json};

use crate::case::Step;
use crate::contract::Contract;
use crate::http::{Answer, Http, Sent, shortened};

pub(super) async fn run(context: &Context) -> Result<Verdict, CheckError> {
    let contract = Contract::of(context)?;
    let path = contract.openapi.as_deref().ok_or_else(|| {
        CheckError::Missing(
            "contract.toml names no openapi document of the service ([service] openapi)".into(),
        )
    })?;
    let http = Http::of(context)?;
    let mut evidence = Evidence::of("requests and answers");
    let find = |evidence: &mut Evidence, object: String, problem: String| {
        let remedy = format!("mend the document, or the service: {}", http.curl(&Sent::get(path)));
        evidence.find(Finding::error(object, problem, remedy));
    };
    let document = match http.send(&Sent::get(path)).await {
        Ok(answer) if answer.status != 200 => Err(format!("expected status 200, found {}", answer.shown())),
        Ok(answer) => answer.json(),
        Err(problem) => Err(format!("expected an answer, got {problem}")),
    };
    let document = match document.and_then(Document::read) {
        Ok(document) => document,
        Err(problem) => {
            find(&mut evidence, format!("GET {path}"), problem);
            return Ok(evidence.verdict());
        }
    };
    let mut told = BTreeSet::new();
    for step in contract.cases.iter().flat_map(|case| &case.steps) {
        evidence.examine(1);
        for problem in document.lacks(step) {
            if told.insert(problem.clone()) {
                find(&mut evidence, format!("{} {}", step.method, step.path), problem);
            }
        }
    }
    for sample in &contract.envelope.samples {
        evidence.examine(1);
        let problems = match http.send(&Sent::get(sample.as_str())).await {
            Ok(answer) => document.differs(sample, &answer),
            Err(problem) => vec![format!("expected an answer, got {problem}")],
        };
        for problem in problems {
            find(&mut evidence, format!("GET {sample}"), problem);
        }
    }
    Ok(evidence.verdict())
}

/// An OpenAPI document.
struct Document(Value);

impl Document {
    fn read(value: Value) -> Result<Self, String> {
        match value.get("openapi").and_then(Value::as_str) {
            Some(version) if version.starts_with("3.") => {}
            Some(version) => return Err(format!("/openapi: expected version 3, found {version:?}")),
            None => return Err("/openapi: expected a version, found nothing".into()),
        }
        match value.get("paths").and_then(Value::as_object) {
            Some(paths) if !paths.is_empty() => Ok(Self(value)),
            _ => Err("/paths: expected paths, found none".into()),
        }
    }

    /// What it does not tell of a request.
    fn lacks(&self, step: &Step) -> Vec<String> {
        let mut whole = step.path.clone();
        for (name, value) in &step.row {
            whole = whole.replace(&format!("{{{name}}}"), value);
        }
        let (path, query) = whole.split_once('?').unwrap_or((&whole, ""));
        let Some(item) = self.path(path) else {
            return vec![format!("the document has no path for {path}")];
        };
        let method = step.method.as_str().to_ascii_lowercase();
        let Some(operation) = item.get(&method) else {
            return vec![format!("the document has no {} {path}", step.method)];
        };
        let mut lacks = Vec::new();
        if !step.status.iter().any(|status| self.response(operation, *status).is_some()) {
            let expected: Vec<_> = step.status.iter().map(ToString::to_string).collect();
            let expected = expected.join(" or ");
            lacks.push(format!("the document tells of no {expected} for {} {path}", step.method));
        }
        let parameters = [item.get("parameters"), operation.get("parameters")];
        let known: Vec<&str> = parameters
            .into_iter()
            .flatten()
            .filter_map(Value::as_array)
            .flatten()
            .filter_map(|parameter| self.resolved(parameter)?.get("name")?.as_str())
            .collect();
        for name in query.split('&').filter_map(|pair| pair.split('=').next()).filter(|name| !name.is_empty())
        {
            if !known.contains(&name) {
                lacks.push(format!("the document tells of no parameter `{name}` for {} {path}", step.method));
            }
        }
        lacks
    }

    /// Where an answer is otherwise than its schema.
    fn differs(&self, sample: &str, answer: &Answer) -> Vec<String> {
        let path = sample.split('?').next().unwrap_or_default();
        let status = answer.status.as_u16();
        let response = self
            .path(path)
            .and_then(|item| item.get("get"))
            .and_then(|operation| self.response(operation, status));
        let Some(response) = response else {
            return vec![format!("the document tells of no {status} for GET {path}")];
        };
        let Some(json) = response.pointer("/content/application~1json") else {
            return vec![format!("the document tells of no JSON for the {status} of GET {path}")];
        };
        let sent_as = answer.header("content-type").unwrap_or_default();
        if sent_as.split(';').next().is_none_or(|kind| !kind.trim().eq_ignore_ascii_case("application/json"))
        {
            return vec![format!(
                "Content-Type: the document tells of application/json for the {status} of GET {path}, found {sent_as:?}"
            )];
        }
        let body = match answer.json() {
            Ok(body) => body,
            Err(problem) => return vec![problem],
        };
        // JSON of any form is a promise as well.
        let Some(schema) = json.get("schema") else { return Vec::new() };
        let root = json!({ "allOf": [schema], "components": self.0.get("components") });
        match jsonschema::validator_for(&root) {
            Err(error) => vec![format!("the schema of the {status} of GET {path} is not one: {error}")],
            Ok(validator) => validator
                .iter_errors(&body)
                .map(|error| format!("{}: {}", error.instance_path(), shortened(&error.to_string())))
                .collect(),
        }
    }

    /// The item of the path that this one is an instance of; a literal segment goes before a parameter.
    fn path(&self, path: &str) -> Option<&Value> {
        let paths = self.0.get("paths")?.as_object()?;
        let fits = |template: &&String| {
            let (mut template, mut path) = (template.split('/'), path.split('/'));
            loop {
                match (template.next(), path.next()) {
                    (None, None) => return true,
                    (Some(part), Some(_)) if part.starts_with('{') && part.ends_with('}') => {}
                    (Some(part), Some(given)) if part == given => {}
                    _ => return false,
                }
            }
        };
        let template = paths.keys().filter(fits).min_by_key(|template| template.matches('{').count())?;
        self.resolved(paths.get(template)?)
    }

    fn response<'d>(&'d self, operation: &'d Value, status: u16) -> Option<&'d Value> {
        let responses = operation.get("responses")?;
        let class = format!("{}XX", status / 100);
        let found = responses.get(status.to_string()).or_else(|| responses.get(&class));
        self.resolved(found.or_else(|| responses.get("default"))?)
    }

    fn resolved<'d>(&'d self, value: &'d Value) -> Option<&'d Value> {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.0.pointer(reference.strip_prefix('#')?),
            None => Some(value),
        }
    }
}
