//! A critical query: one `.sql` file whose header comments say what it must keep.

mod header;
mod placeholders;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use runbook::reader::Reader;
use runbook::settings::{Perf, Settings, SettingsError};
use runbook::statement::ReadStatement;

use crate::bound::{Bound, Stopped};
use crate::relations::Catalogue;

/// A query of the system under deployment, with its budget.
#[derive(Debug, Clone)]
pub struct Query {
    /// The file's name without `.sql`; benches and snapshots carry it.
    pub name: String,
    /// The file, from the settings' folder: what findings name.
    pub file: String,
    /// What it answers, as a person would say it (`-- states:`).
    pub states: String,
    /// What its 95th percentile may take (`-- budget:`).
    pub budget: Duration,
    /// What the 95th percentile of first executions on a new connection may take (`-- cold:`): benches measure it where it
    /// is named.
    pub cold: Option<Duration>,
    /// From how many rows of the largest table on which indexes are expected, ascending (`-- indexes:`).
    pub indexes: Vec<(u64, Expectation)>,
    /// Every index that these name, with its line in the file, from 1.
    pub named: Vec<(String, usize)>,
    /// Tables that it may read from end to end at any size (`-- sequential:`), each with its line in the file, from 1.
    pub sequential: Vec<(String, usize)>,
    /// Example values of `$1`, `$2` … in order (`-- parameter:`).
    pub parameters: Vec<Parameter>,
    /// How many rows it may return (`-- rows:`).
    pub rows: RowBound,
    /// How many blocks it may ask for, for each row it returns (`-- buffers:`); the settings' limit by default.
    pub buffers: Option<Buffers>,
    /// Columns whose rarest and commonest values are tried in place of a parameter's example (`-- distribution:`).
    pub distributions: Vec<Distribution>,
    /// The statement, without header and final semicolon; it was judged to read only.
    pub statement: ReadStatement,
    /// The line in the file in which it begins, from 1.
    pub line: usize,
}

/// Which indexes a query is expected to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// At least one of these.
    OneOf(Vec<String>),
    /// At least one, whichever.
    Any,
    /// No expectation, and sequential scans are allowed: right for small tables.
    Nothing,
}

/// The example value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// What it is called in messages.
    pub name: String,
    /// Its type, where the header gives one; otherwise the type of the expression.
    pub of_type: Option<String>,
    /// A literal, or a SELECT in parentheses that takes the value from the data.
    pub expression: String,
    /// Its line in the file, from 1.
    pub line: usize,
}

/// How many blocks a query may ask for, for each row it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Buffers {
    /// So many.
    ARow(u64),
    /// Any number: right for what counts all rows of a table.
    Any,
}

/// `-- distribution: $1 projects.status`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// Which parameter, from 1.
    pub number: usize,
    /// The table, as SQL writes it.
    pub table: String,
    /// The column, as SQL writes it.
    pub column: String,
    /// Its line in the file, from 1.
    pub line: usize,
}

/// How many rows a query may return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowBound {
    /// At least.
    pub least: u64,
    /// At most; `None` is any number.
    pub most: Option<u64>,
}

impl RowBound {
    /// Whether `rows` keeps this bound.
    pub fn holds(self, rows: u64) -> bool {
        rows >= self.least && self.most.is_none_or(|most| rows <= most)
    }
}

impl std::fmt::Display for RowBound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.least, self.most) {
            (0, None) => f.write_str("any number of rows"),
            (least, None) => write!(f, "at least {least} rows"),
            (0, Some(most)) => write!(f, "up to {most} rows"),
            (least, Some(most)) if least == most => {
                write!(f, "exactly {least} row{}", if least == 1 { "" } else { "s" })
            }
            (least, Some(most)) => write!(f, "{least} to {most} rows"),
        }
    }
}

impl Query {
    /// [`Self::all`], of which there must be one: for whatever would do nothing without.
    ///
    /// # Errors
    /// As [`Self::all`], and when the folder holds no query.
    pub fn some(settings: &Settings) -> Result<Vec<Self>, Box<SettingsError>> {
        let queries = Self::all(settings)?;
        if queries.is_empty() {
            let path = settings.path(&settings.perf.queries).display().to_string();
            let reason = "it holds no query, a file NAME.sql".to_owned();
            return Err(Box::new(SettingsError::Unreadable { path, reason }));
        }
        Ok(queries)
    }

    /// Every query of the settings' folder, by name; none where the settings name no folder and the usual one is missing.
    ///
    /// # Errors
    /// The first file that is wrong, with its line; a folder that cannot be read.
    pub fn all(settings: &Settings) -> Result<Vec<Self>, Box<SettingsError>> {
        let folder = settings.path(&settings.perf.queries);
        let mut files = match sql_files(&folder) {
            // Nobody named it: this system has no critical queries.
            Err(error)
                if error.kind() == ErrorKind::NotFound
                    && settings.perf.queries == Perf::default().queries =>
            {
                Vec::new()
            }
            found => found.map_err(|reason| unreadable(&folder, &reason))?,
        };
        files.sort();
        files
            .iter()
            .map(|path| {
                let shown = path.strip_prefix(&settings.root).unwrap_or(path);
                Self::parse(shown, &text_of(path, shown)?)
            })
            .collect()
    }

    /// Reads one file's text. `path` is what messages and findings name.
    ///
    /// # Errors
    /// What is wrong, with the line it stands in: an unknown or missing header line, an index list that is
    /// none, a placeholder without its parameter, two statements, a statement that writes.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Box<SettingsError>> {
        header::parse(path, text)
    }

    /// The statement's text.
    pub fn sql(&self) -> &str {
        self.statement.sql()
    }

    /// Where its statement stands: `queries/project_by_id.sql:9`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// The sentence for what is wrong with it, with its place unless that is said already.
    pub fn said(&self, error: &impl std::fmt::Display) -> String {
        let text = error.to_string();
        if text.starts_with(&format!("{}:", self.file)) { text } else { format!("{}: {text}", self.place()) }
    }

    /// A sentence for each index and table that the header names and the catalogue lacks, with its file and line.
    pub fn unknown_names(&self, catalogue: &Catalogue) -> Vec<String> {
        let indexes = self.named.iter().filter(|(name, _)| catalogue.index(name).is_none());
        let indexes = indexes.map(|(name, line)| {
            format!(
                "{}:{line}: there is no index {name}: create it, or name the one that serves the query",
                self.file
            )
        });
        let tables = self.sequential.iter().filter(|(name, _)| !catalogue.has(name));
        let tables = tables.map(|(name, line)| {
            format!(
                "{}:{line}: there is no table {name}: name one that the query may read from end to end",
                self.file
            )
        });
        indexes.chain(tables).collect()
    }

    /// A sentence for whatever the header names and the database lacks, with its file and line: [`Self::unknown_names`], and
    /// distributions of columns that are not there or that the parameter cannot be compared with.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn faults(
        &self,
        bound: &Bound,
        catalogue: &Catalogue,
        reader: &mut Reader,
    ) -> Result<Vec<String>, Stopped> {
        let mut faults = self.unknown_names(catalogue);
        for distribution in &self.distributions {
            match bound.fits(self, distribution, reader).await {
                Err(Stopped::Broken(sentence)) => faults.push(sentence),
                other => other?,
            }
        }
        Ok(faults)
    }

    /// What its 95th percentile may take under these settings: its budget or the limit of all queries, whichever
    /// is less, times the budget factor.
    pub fn bound(&self, settings: &Settings) -> Duration {
        let limit = settings.thresholds.query_ms / 1e3;
        let seconds = self.budget.as_secs_f64().min(limit) * settings.perf.budget_factor;
        Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
    }

    /// Which indexes are expected where the largest table has `rows` rows.
    pub fn expectation(&self, rows: u64) -> &Expectation {
        let holding = self.indexes.iter().rev().find(|(from, _)| *from <= rows);
        holding.map_or(&Expectation::Nothing, |(_, expectation)| expectation)
    }
}

/// Hidden files (those of an editor at work) are no queries.
fn sql_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && path.extension().is_some_and(|extension| extension == "sql") {
            files.push(path);
        }
    }
    Ok(files)
}

/// A query file's text; messages name it as `shown`.
fn text_of(path: &Path, shown: &Path) -> Result<String, Box<SettingsError>> {
    let wrong = |text: &str, at: usize, problem: String, help: &str| {
        Box::new(SettingsError::at(shown, text, at..at, problem, Some(help.to_owned())))
    };
    let bytes = std::fs::read(path).map_err(|reason| {
        wrong(
            "",
            0,
            format!("it cannot be read: {reason}"),
            "each NAME.sql of the folder is a query, so make it a file that can be read",
        )
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes());
        wrong(&text, at, "it is not UTF-8".into(), "save the file as UTF-8")
    })
}

fn unreadable(path: &Path, reason: &std::io::Error) -> Box<SettingsError> {
    Box::new(SettingsError::Unreadable { path: path.display().to_string(), reason: reason.to_string() })
}
