//! A case: requests in a row, what each must answer, and what must then be true in the database.

mod curl;
mod expected;
pub(crate) mod file;
pub(crate) mod query;
mod step;
mod story;
mod values;

use std::path::PathBuf;

use jsonschema::Validator;
use reqwest::Method;

pub(crate) use expected::Expected;
pub(crate) use values::Values;

/// A case of the contract, read from a file of the fixtures.
#[derive(Debug)]
pub struct Case {
    /// The file's name without its ending.
    pub name: String,
    /// What it proves, in one sentence.
    pub title: String,
    /// The check that it belongs to.
    pub check: String,
    /// The file.
    pub path: PathBuf,
    /// The command of the runbook that it carries out word for word, where it is one.
    pub command: Option<String>,
    pub(crate) needs: Option<Query>,
    /// Whether it is about idempotency keys, which not every service has.
    pub(crate) supports: bool,
    pub(crate) steps: Vec<Step>,
}

/// One request of a case, or several of the same at once.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
    pub(crate) race: Option<Race>,
    /// The values of its row of `each`.
    pub(crate) row: Vec<(String, String)>,
    /// How its body is written out, where a text in it is long: there it stands once.
    pub(crate) long: Option<Long>,
    /// Whether its answer is judged as an envelope.
    pub(crate) envelope: bool,
    pub(crate) walk: Option<Walk>,
    pub(crate) status: Vec<u16>,
    pub(crate) expected_headers: Vec<(String, Expected)>,
    pub(crate) expected_json: Vec<(String, Expected)>,
    pub(crate) schema: Option<Validator>,
    pub(crate) capture: Vec<(String, Source)>,
    pub(crate) facts: Vec<Fact>,
}

/// The same request from several writers at once, of whom so many must succeed.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Race {
    pub(crate) writers: u32,
    pub(crate) winners: usize,
}

impl Step {
    /// Whether it may create a row without the tag of its run.
    pub(crate) fn is_untagged_write(&self) -> bool {
        let texts = [Some(&self.path), self.body.as_ref()];
        self.method == Method::POST && !texts.into_iter().flatten().any(|text| text.contains("{run}"))
    }
}

/// A body in which one text is so many times a piece.
#[derive(Debug, Clone)]
pub(crate) struct Long {
    pub(crate) before: String,
    pub(crate) piece: String,
    pub(crate) times: usize,
    pub(crate) after: String,
}

impl Long {
    /// The body as it is sent.
    pub(crate) fn written(&self, values: &Values) -> String {
        let [before, piece, after] =
            [&self.before, &self.piece, &self.after].map(|text| values.fill_json(text));
        before + &piece.repeat(self.times) + &after
    }
}

/// A list that is read page by page while rows are inserted.
#[derive(Debug, Clone)]
pub(crate) struct Walk {
    pub(crate) items: String,
    pub(crate) key: String,
    pub(crate) all: Query,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: String,
}

/// Where a value is taken from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Header(String),
    Pointer(String),
}

/// A query whose rows are compared as JSON objects.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    /// As it is sent: each row as one JSON object.
    pub(crate) sql: String,
    /// The values bound to `$1`, `$2` …, with their placeholders.
    pub(crate) with: Vec<String>,
}

/// What must be true in the database after a request.
#[derive(Debug, Clone)]
pub(crate) struct Fact {
    pub(crate) query: Query,
    /// Column → value, a row each.
    pub(crate) rows: Vec<Vec<(String, Expected)>>,
}

impl Case {
    /// Its first request; a case without any is refused when it is read.
    pub(crate) fn first(&self) -> &Step {
        &self.steps[0]
    }

    /// Whether a request of it may write.
    pub(crate) fn writes(&self) -> bool {
        self.steps.iter().any(|step| !step.method.is_safe() || step.walk.is_some())
    }
}
