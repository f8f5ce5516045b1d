//! One step: the request, the answer, the database's view.

use futures_util::future::join_all;
use runbook::check::CheckError;
use runbook::verdict::{Evidence, Finding};
use serde_json::Value;

use super::rows::{of_key, shown};
use super::{Runner, fetch};
use crate::case::{Case, Expected, Fact, Source, Step, Values};
use crate::cause::Mark;
use crate::http::{Answer, shortened};

impl Runner<'_> {
    /// Carries out a step; what it finds wrong stops the case.
    pub(super) async fn step(
        &self,
        case: &Case,
        step: &Step,
        values: &mut Values,
        evidence: &mut Evidence,
    ) -> Result<Vec<Finding>, CheckError> {
        for (name, value) in &step.row {
            values.put(name, value.clone());
        }
        let mark = Mark::set(self.context);
        let mut seen = Seen::default();
        let problems = match &step.walk {
            Some(walk) => self.walk(step, walk, values, evidence).await?,
            None => self.ask(step, values, evidence, &mut seen).await?,
        };
        if problems.is_empty() {
            return Ok(Vec::new());
        }
        if !step.method.is_safe() {
            self.doubt();
        }
        let row: Vec<_> = step.row.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let row = if row.is_empty() { String::new() } else { format!(" ({})", row.join(", ")) };
        let object = format!("{}: {} {}{row}", case.name, step.method, step.path);
        values.put("skip", "0".into());
        let mut remedy = self.remedy(&self.sent(step, values));
        if let Some(cause) = mark.cause(self.context, &seen.refusals()) {
            remedy = format!("likely cause: {cause}; {remedy}");
        }
        let view = self.view(&seen, values).await;
        let find = |problem: String| {
            let mut said = problem;
            if let Some(came) = seen.came().filter(|_| !said.contains(" with ")) {
                said = format!("{said}; came {came}");
            }
            if let Some(view) = view.as_ref().filter(|_| !said.contains("in the database:")) {
                said = format!("{said}; in the database: {view}");
            }
            Finding::error(&object, said, &remedy)
        };
        Ok(problems.into_iter().map(find).collect())
    }

    /// Sends the request of a step, once or by several at once, and compares answers and rows.
    async fn ask(
        &self,
        step: &Step,
        values: &mut Values,
        evidence: &mut Evidence,
        seen: &mut Seen,
    ) -> Result<Vec<String>, CheckError> {
        let sent = self.sent(step, values);
        let writers = step.race.map_or(1, |race| race.writers);
        let answers = join_all((0..writers).map(|_| self.http.send(&sent))).await;
        evidence.examine(u64::from(writers));
        let mut problems = Vec::new();
        let mut winners = 0;
        for answer in answers {
            match answer {
                Ok(answer) => {
                    winners += usize::from(answer.status.is_success());
                    if !step.method.is_safe() && answer.status.is_success() {
                        self.note_key(&answer);
                    }
                    self.judge(step, &answer, values, &mut problems);
                    seen.answers.push(answer);
                }
                Err(problem) => {
                    if !step.method.is_safe() {
                        self.doubt();
                    }
                    problems.push(format!("expected an answer, got {problem}"));
                }
            }
        }
        if let Some(race) = step.race.filter(|race| race.winners != winners) {
            let (writers, expected) = (race.writers, race.winners);
            problems.push(format!("of {writers} at once, expected {expected} to succeed, found {winners}"));
        }
        problems.dedup();
        if let Some(answer) = seen.answers.first().filter(|_| problems.is_empty()) {
            capture(step, answer, values, &mut problems);
        }
        if problems.is_empty() {
            for fact in &step.facts {
                evidence.examine(1);
                problems.extend(self.fact(fact, values).await?);
            }
        }
        Ok(problems)
    }

    /// The database's view of the row that the case is about: none where the contract gives no view, or no key is known.
    async fn view(&self, seen: &Seen, values: &Values) -> Option<String> {
        let query = self.contract.rows.view.as_ref()?;
        let key = seen.key(&self.contract.rows.key).or_else(|| values.get("id").map(ToOwned::to_owned))?;
        match of_key(self.context, query, &key).await {
            Ok(rows) => Some(shown(&rows)),
            Err(error) => Some(format!("not to be seen: {error}")),
        }
    }

    /// Compares one answer with what the step expects of it.
    pub(crate) fn judge(&self, step: &Step, answer: &Answer, values: &Values, problems: &mut Vec<String>) {
        let status = answer.status.as_u16();
        if !step.status.contains(&status) {
            let expected: Vec<_> = step.status.iter().map(ToString::to_string).collect();
            let server = if status >= 500 { "a server error: " } else { "" };
            problems.push(format!(
                "{server}expected status {}, found {}",
                expected.join(" or "),
                answer.shown()
            ));
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
        if step.expected_json.is_empty() && step.schema.is_none() && !step.envelope {
            return;
        }
        let mut compare = |(pointer, expected): &(String, Expected), found: Option<&Value>| {
            problems.extend(expected.differs(found, values).map(|problem| format!("{pointer}: {problem}")));
        };
        if step.schema.is_none() && !step.envelope {
            // What the case does not ask for is not built.
            let pointers: Vec<_> = step.expected_json.iter().map(|(pointer, _)| pointer.as_str()).collect();
            match answer.pick(&pointers) {
                Ok(found) => step
                    .expected_json
                    .iter()
                    .zip(&found)
                    .for_each(|(one, found)| compare(one, found.as_ref())),
                Err(problem) => problems.push(problem),
            }
            return;
        }
        let json = match answer.json() {
            Ok(json) => json,
            Err(problem) => return problems.push(problem),
        };
        step.expected_json.iter().for_each(|one| compare(one, json.pointer(&one.0)));
        if step.envelope {
            let envelope = &self.contract.envelope;
            for found in [envelope.form(&json), envelope.hashed(&json), envelope.confident(&json)] {
                problems.extend(found.into_iter().map(|(pointer, problem)| format!("{pointer}: {problem}")));
            }
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
            let (expected, found) = (fact.rows.len(), shown(&found));
            return Ok(vec![format!("in the database: expected {expected} rows, found {found}")]);
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

/// The answers to one step. What they say is read when something is wrong: a request that is answered as it should be
/// pays nothing for the sentence that nobody reads.
#[derive(Default)]
struct Seen {
    answers: Vec<Answer>,
}

impl Seen {
    /// The first of them.
    fn came(&self) -> Option<String> {
        self.answers.first().map(Answer::shown)
    }

    /// The texts of those that were refused, where an SQLSTATE may stand.
    fn refusals(&self) -> String {
        let refused = self.answers.iter().filter(|answer| answer.status.is_server_error());
        refused.map(|answer| shortened(&answer.text)).collect()
    }

    /// The key of the row that one of them names.
    fn key(&self, pointer: &str) -> Option<String> {
        self.answers.iter().find_map(|answer| {
            let json = answer.json().unwrap_or_default();
            json.pointer(pointer).and_then(Value::as_str).map(ToOwned::to_owned)
        })
    }
}

/// Takes the values that later steps need.
fn capture(step: &Step, answer: &Answer, values: &mut Values, problems: &mut Vec<String>) {
    if step.capture.is_empty() {
        return;
    }
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
