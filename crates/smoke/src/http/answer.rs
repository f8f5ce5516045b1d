//! An answer, read to its end.

use std::sync::Arc;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::hidden::Hidden;
use super::pick::pick;

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// Whether the text is what was sent, and no byte of it had to be replaced.
    pub(crate) utf8: bool,
    /// What its request carried and nobody is to be told.
    hidden: Arc<Hidden>,
}

impl Answer {
    pub(super) fn new(status: StatusCode, headers: HeaderMap, bytes: Vec<u8>, hidden: Arc<Hidden>) -> Self {
        let (text, utf8) = match String::from_utf8(bytes) {
            Ok(text) => (text, true),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), false),
        };
        Self { status, headers, text, utf8, hidden }
    }

    /// The first words of the body, without the secrets of the request.
    fn words(&self) -> String {
        shortened(&self.hidden.taken_out(&self.text))
    }

    /// The body as JSON, or what it is instead.
    pub(crate) fn json(&self) -> Result<Value, String> {
        let text = self.utf8()?;
        serde_json::from_str(text).map_err(|error| self.not_json(&error))
    }

    /// What stands at these pointers of the body, or what the body is instead of JSON.
    pub(crate) fn pick(&self, pointers: &[&str]) -> Result<Vec<Option<Value>>, String> {
        pick(self.utf8()?, pointers).map_err(|error| self.not_json(&error))
    }

    fn utf8(&self) -> Result<&str, String> {
        if self.hidden.stands_in(&self.text) {
            return Err("a body that says back a secret of its request".into());
        }
        match self.utf8 {
            true => Ok(&self.text),
            false => Err(format!("a body that is not UTF-8: {}", self.words())),
        }
    }

    fn not_json(&self, error: &serde_json::Error) -> String {
        let kind = self.header("content-type").unwrap_or_else(|| "no Content-Type".into());
        match self.words() {
            empty if empty.is_empty() => "an empty body where JSON was expected".into(),
            text if error.is_eof() => format!("a body that ends too early ({kind}): {text}"),
            text => format!("a body that is not JSON ({kind}): {text}"),
        }
    }

    /// A header's value, where it is there and text.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned)
    }

    /// `201 with {"result": …}`
    pub(crate) fn shown(&self) -> String {
        let body = self.words();
        let body = if body.is_empty() { "an empty body".to_owned() } else { body };
        format!("{} with {body}", self.status.as_u16())
    }
}

/// The first words of a text, on one line.
pub(crate) fn shortened(text: &str) -> String {
    shortened_to(text, 120)
}

/// So many characters of a text, on one line.
pub(crate) fn shortened_to(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}
