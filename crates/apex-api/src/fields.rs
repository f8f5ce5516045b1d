//! The fields of a body, checked all at once: the caller reads every problem in one answer.

use serde_json::{Map, Value};

use crate::error::{ApiError, Problem};

/// The fields not yet taken, and what is wrong with those that were.
#[derive(Debug)]
pub(crate) struct Fields {
    object: Map<String, Value>,
    problems: Vec<Problem>,
}

impl Fields {
    pub(crate) fn new(object: Map<String, Value>) -> Self {
        Self { object, problems: Vec::new() }
    }

    /// Whether no field was given.
    pub(crate) fn is_empty(&self) -> bool {
        self.object.is_empty()
    }

    /// A text that must be there, be more than blanks, and fit its column of `longest` characters.
    pub(crate) fn required(&mut self, field: &str, longest: usize) -> String {
        if !self.object.contains_key(field) {
            return self.problem(field, "is missing").unwrap_or_default();
        }
        self.filled(field, longest).unwrap_or_default()
    }

    /// A text that may be left out, but not be null or blank.
    pub(crate) fn filled(&mut self, field: &str, longest: usize) -> Option<String> {
        let text = match self.object.remove(field)? {
            Value::String(text) => self.fitting(field, text, Some(longest))?,
            _ => return self.problem(field, "must be text"),
        };
        if text.trim().is_empty() {
            return self.problem(field, "is empty");
        }
        Some(text)
    }

    /// A text that may be left out (`None`) or be null (`Some(None)`), without a limit where `longest` is none.
    pub(crate) fn optional(&mut self, field: &str, longest: Option<usize>) -> Option<Option<String>> {
        match self.object.remove(field)? {
            Value::Null => Some(None),
            Value::String(text) => self.fitting(field, text, longest).map(Some),
            _ => self.problem(field, "must be text or null"),
        }
    }

    /// A number in [0, 1] that may be left out.
    pub(crate) fn fraction(&mut self, field: &str) -> Option<f64> {
        match self.object.remove(field)?.as_f64() {
            Some(number) if (0.0..=1.0).contains(&number) => Some(number),
            _ => self.problem(field, "must be a number from 0 to 1"),
        }
    }

    /// Notes a problem.
    pub(crate) fn problem<T>(&mut self, field: &str, problem: impl Into<String>) -> Option<T> {
        self.problems.push(Problem::new(field, problem));
        None
    }

    /// All fields must have been taken, and all must be right.
    pub(crate) fn finish(mut self) -> Result<(), ApiError> {
        let unknown: Vec<String> = self.object.keys().cloned().collect();
        for field in unknown {
            self.problem::<()>(&field, "is not a field of this request");
        }
        if self.problems.is_empty() { Ok(()) } else { Err(ApiError::Invalid(self.problems)) }
    }

    fn fitting(&mut self, field: &str, text: String, longest: Option<usize>) -> Option<String> {
        if text.contains('\0') {
            return self.problem(field, "holds a NUL character");
        }
        match longest {
            Some(longest) if text.chars().count() > longest => {
                self.problem(field, format!("is longer than {longest} characters"))
            }
            _ => Some(text),
        }
    }
}
