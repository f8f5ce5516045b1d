//! Errors of the settings, each with the place that is wrong.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use miette::{Diagnostic, NamedSource, SourceSpan};

/// Why the settings could not be used. One sentence, and the line it is about.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum SettingsError {
    /// A file cannot be read.
    #[error("{path}: cannot be read: {reason}")]
    #[diagnostic(help("correct its name in runbook.toml, or put it there"))]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// A file cannot be read, and it is known what to do.
    #[error("{path}: cannot be read: {reason}")]
    NoFile {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
        /// What to do.
        #[help]
        help: String,
    },
    /// A key or a value is wrong.
    #[error("{path}:{line}: {problem}")]
    Invalid {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
        /// The file's text.
        #[source_code]
        source_code: Arc<NamedSource<String>>,
        /// The place in it.
        #[label("here")]
        span: SourceSpan,
        /// What to do.
        #[help]
        help: Option<String>,
    },
}

impl SettingsError {
    /// The settings themselves.
    pub(super) fn no_settings(path: &Path, source: &std::io::Error) -> Self {
        let help = match source.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => {
                "name the folder that holds runbook.toml with --fixtures DIR or RUNBOOK_FIXTURES"
            }
            _ => "let this user read it",
        };
        Self::no_file(path, source, help)
    }

    /// A file that they name under this key.
    pub(super) fn named(path: &Path, source: &std::io::Error, key: &str) -> Self {
        let help = match source.kind() {
            ErrorKind::NotFound => format!("put it there, or correct {key} in runbook.toml"),
            ErrorKind::IsADirectory => format!("it is a folder: name a file in {key} of runbook.toml"),
            _ => "let this user read it".to_owned(),
        };
        Self::no_file(path, source, &help)
    }

    fn no_file(path: &Path, source: &std::io::Error, help: &str) -> Self {
        let help = if source.kind() == ErrorKind::InvalidData { "save it as UTF-8" } else { help };
        Self::NoFile { path: path.display().to_string(), reason: source.to_string(), help: help.to_owned() }
    }

    pub(super) fn toml(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let message = error.message().lines().collect::<Vec<_>>().join(" ");
        let help = if message.starts_with("unknown") {
            "correct its spelling, or remove it; the fixtures/runbook.toml of this workspace explains every key"
        } else if message.starts_with("missing") {
            "add it; the fixtures/runbook.toml of this workspace explains every key"
        } else if message.starts_with("invalid") {
            "give a value of that type"
        } else {
            "mend the value, or the TOML around it"
        };
        Self::at(path, text, error.span().unwrap_or(0..0), message, Some(help.to_owned()))
    }

    /// An error at a byte range of a file.
    pub fn at(
        path: &Path,
        text: &str,
        span: std::ops::Range<usize>,
        problem: String,
        help: Option<String>,
    ) -> Self {
        let line = text.get(..span.start).map_or(1, |before| before.matches('\n').count() + 1);
        Self::Invalid {
            path: path.display().to_string(),
            line,
            problem,
            source_code: Arc::new(NamedSource::new(path.display().to_string(), text.to_owned())),
            span: span.into(),
            help,
        }
    }
}
