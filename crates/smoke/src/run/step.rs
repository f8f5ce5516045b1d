//! One step: the request, the answer, the database's view.

use futures_util::future::join_all;
use runbook::check::CheckError;
use runbook::verdict::{Evidence, Finding};
use serde_json::Value;

use super::{Runner, fetch};
use crate::case::{Case, Fact, Source, Step, Values};
use crate::http::{Answer, Sent, shortened};

impl Runner<'_> {
    /// Carries out a step; what it finds wrong stops the case.
    pub(super) async fn step(
        &self,
        case: &Case,
        step: &Step,
        values: &mut Values,
        evidence: &mut Evidence,
    ) -> Result<Vec<Finding>, CheckError> {
        let sent = self.sent(step, values);
        let says = Says {
            object: format!("{}: {} {}", case.name, step.method, step.path),
            remedy: self.remedy(&sent),
        };
        let writers = step.race.map_or(1, |race| race.writers);
        let answers = join_all((0..writers).map(|_| self.http.send(&sent))).await;
        evidence.examine(u64::from(writers));
        let mut problems = Vec::new();
        let mut winners = 0;
        let mut first = None;
        for answer in answers {
            match answer {
                Ok(answer) => {
                    winners += usize::from(answer.status.is_success());
                    self.judge(step, &answer, values, &mut problems);
                    first.get_or_insert(answer);
                }
                Err(problem) => problems.push(format!("expected an answer, got {problem}")),
            }
        }
        if let Some(race) = step.race.filter(|race| race.winners != winners) {
            let (writers, expected) = (race.writers, race.winners);
            problems.push(format!("of {writers} at once, expected {expected} to succeed, found {winners}"));
        }
        problems.dedup();
        if let Some(answer) = first.filter(|_| problems.is_empty()) {
            capture(step, &answer, values, &mut problems);
        }
        if problems.is_empty() {
            for fact in &step.facts {
                evidence.examine(1);
                problems.extend(self.fact(fact, values).await?);
            }
        }
        Ok(problems.into_iter().map(|problem| says.finding(problem)).collect())
    }

    /// The request of a step, with the case's values in place.
    pub(crate) fn sent(&self, step: &Step, values: &Values) -> Sent {
        Sent {
            method: step.method.clone(),
            path: values.fill_path(&step.path),
            headers: step.headers.iter().map(|(name, value)| (name.clone(), values.fill(value))).collect(),
            body: step.body.as_ref().map(|body| values.fill_json(body)),
            token: self.token.clone().filter(|_| !step.method.is_safe()),
        }
    }

    pub(crate) fn remedy(&self, sent: &Sent) -> String {
        format!("repeat it: {}", sent.curl(self.http.base()))
    }

    /// Compares one answer with what the step expects of it.
    pub(crate) fn judge(&self, step: &Step, answer: &Answer, values: &Values, problems: &mut Vec<String>) {
        let status = answer.status.as_u16();
        if !step.status.contains(&status) {
            let expected: Vec<_> = step.status.iter().map(ToString::to_string).collect();
            let body = shortened(&answer.text);
            let body = if body.is_empty() { "an empty body".to_owned() } else { body };
            problems.push(format!("expected status {}, found {status} with {body}", expected.join(" or ")));
            return;
        }
        if status >= 400 {
            let internal = self.contract.internals.iter().find(|internal| answer.text.contains(*internal));
            if let Some(internal) = internal {
                problems.push(format!("the body of the error tells internals: {internal:?} stands in it"));
            }
        }
        for (name, expected) in &step.expected_headers {
            let found = answer.header(name).map(Value::from);
            problems.extend(expected.differs(found.as_ref(), values).map(|p| format!("header {name}: {p}")));
        }
        if step.race.is_some() && !answer.status.is_success() {
            return;
        }
        if step.expected_json.is_empty() && step.schema.is_none() {
            return;
        }
        let json = match answer.json() {
            Ok(json) => json,
            Err(problem) => return problems.push(problem),
        };
        for (pointer, expected) in &step.expected_json {
            problems
                .extend(expected.differs(json.pointer(pointer), values).map(|p| format!("{pointer}: {p}")));
        }
        if let Some(schema) = &step.schema {
            problems.extend(
                schema
                    .iter_errors(&json)
                    .map(|e| format!("{}: {}", e.instance_path(), shortened(&e.to_string()))),
            );
        }
    }

    /// What a fact finds otherwise in the database.
    async fn fact(&self, fact: &Fact, values: &Values) -> Result<Vec<String>, CheckError> {
        let found = fetch(self.context, &fact.query, values).await?;
        if found.len() != fact.rows.len() {
            let rows: Vec<_> = found.iter().map(ToString::to_string).collect();
            let found = if rows.is_empty() { "none".to_owned() } else { shortened(&rows.join(", ")) };
            return Ok(vec![format!("in the database: expected {} rows, found {found}", fact.rows.len())]);
        }
        let mut problems = Vec::new();
        for (expected, found) in fact.rows.iter().zip(&found) {
            for (column, expected) in expected {
                let differs = expected.differs(found.get(column), values);
                problems.extend(differs.map(|problem| format!("in the database: {column}: {problem}")));
            }
        }
        Ok(problems)
    }
}

/// How findings about one request are said.
struct Says {
    object: String,
    remedy: String,
}

impl Says {
    fn finding(&self, problem: String) -> Finding {
        Finding::error(&self.object, problem, &self.remedy)
    }
}

/// Takes the values that later steps need.
fn capture(step: &Step, answer: &Answer, values: &mut Values, problems: &mut Vec<String>) {
    let json = answer.json().ok();
    for (name, source) in &step.capture {
        let (place, value) = match source {
            Source::Header(header) => (format!("header {header}"), answer.header(header)),
            Source::Pointer(pointer) => {
                let value =
                    json.as_ref().and_then(|json| json.pointer(pointer)).filter(|value| !value.is_null());
                let text =
                    value.map(|value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned));
                (pointer.clone(), text)
            }
        };
        match value {
            Some(value) => values.put(name, value),
            None => problems.push(format!("{place}: expected a value, found nothing")),
        }
    }
}
