use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is wrong with a migration's files: where, what, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, or the folder when no one file is to blame.
    pub file: PathBuf,
    /// The line, from 1, where there is one.
    pub line: Option<usize>,
    /// What is wrong: a fragment without a full stop.
    pub text: String,
    /// What to do about it.
    pub remedy: String,
}

impl Problem {
    /// A problem of a file or folder as a whole.
    pub fn of(file: &Path, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, text: text.into(), remedy: remedy.into() }
    }

    /// The same problem at a line, from 1.
    #[must_use]
    pub fn at(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    /// `FILE` or `FILE:LINE`, the file by its last name: the same text wherever the folder stands.
    pub fn place(&self) -> String {
        let name = self
            .file
            .file_name()
            .map_or_else(|| self.file.display().to_string(), |n| n.to_string_lossy().into());
        match self.line {
            Some(line) => format!("{name}:{line}"),
            None => name,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}; {}", self.text, self.remedy)
    }
}
