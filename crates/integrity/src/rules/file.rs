//! A rule's file: a header of comments, then one query.

use std::path::{Path, PathBuf};

use runbook::statement::{ReadStatement, Refused};
use runbook::verdict::Severity;

/// A rule that was read and found to read only.
#[derive(Debug, Clone)]
pub struct Rule {
    /// `-- id:`, its name in reports.
    pub id: String,
    /// `-- states:`, the sentence that its query looks for contradictions of.
    pub states: String,
    /// `-- severity:`, `error` or `advice`.
    pub severity: Severity,
    /// Its file.
    pub path: PathBuf,
    text: String,
}

/// A rule that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: {problem}", .path.display())]
pub struct RuleError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, in one sentence.
    pub problem: String,
}

/// What a rule's query goes between. The line break ends a comment on its last line.
const BEFORE: &str =
    "SELECT rule.object::text AS object, rule.problem::text AS problem, count(*) OVER () AS breaches FROM (";
const AFTER: &str = "\n) AS rule ORDER BY 1, 2 LIMIT ";

/// SQLSTATEs for which the rule's own text is to blame: undefined column, ambiguous column, syntax error, wrong type,
/// undefined function.
const BLAMED: [&str; 5] = ["42703", "42702", "42601", "42804", "42883"];

pub(super) fn load_folder(folder: &Path) -> Result<Vec<Rule>, RuleError> {
    let unreadable = |error: std::io::Error| RuleError {
        path: folder.to_owned(),
        line: 1,
        problem: format!("the folder of rules cannot be read: {error}"),
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            paths.push(path);
        }
    }
    paths.sort();
    let rules = paths.iter().map(|path| Rule::load(path)).collect::<Result<Vec<_>, _>>()?;
    for (earlier, rule) in rules.iter().zip(rules.iter().skip(1)) {
        if earlier.id == rule.id {
            let problem = format!("the id {:?} is also that of {}", rule.id, earlier.path.display());
            return Err(RuleError { path: rule.path.clone(), line: 1, problem });
        }
    }
    Ok(rules)
}

impl Rule {
    fn load(path: &Path) -> Result<Self, RuleError> {
        let at = |line: usize, problem: String| RuleError { path: path.to_owned(), line, problem };
        let text =
            std::fs::read_to_string(path).map_err(|error| at(1, format!("it cannot be read: {error}")))?;
        Self::parse(path, &text)
    }

    /// Reads a rule from the text of its file.
    ///
    /// # Errors
    /// The line and what is wrong there.
    pub fn parse(path: &Path, text: &str) -> Result<Self, RuleError> {
        let at = |line: usize, problem: String| RuleError { path: path.to_owned(), line, problem };
        let (mut id, mut states, mut severity) = (None, None, None);
        let mut first_line = 1;
        for (number, line) in text.lines().enumerate() {
            first_line = number + 1;
            let Some(comment) = line.trim().strip_prefix("--") else { break };
            let Some((key, value)) = comment.split_once(':') else { continue };
            let value = value.trim().to_owned();
            match (key.trim(), value.as_str()) {
                (_, "") => return Err(at(number + 1, format!("{:?} in the header is empty", key.trim()))),
                ("id", _) => id = Some(value),
                ("states", _) => states = Some(value),
                ("severity", "error") => severity = Some(Severity::Error),
                ("severity", "advice") => severity = Some(Severity::Advice),
                ("severity", other) => {
                    return Err(at(number + 1, format!("severity is error or advice, not {other:?}")));
                }
                // Another comment that happens to hold a colon.
                _ => {}
            }
        }
        let missing = |key: &str| at(1, format!("the header lacks `-- {key}:`"));
        let rule = Self {
            id: id.ok_or_else(|| missing("id"))?,
            states: states.ok_or_else(|| missing("states"))?,
            severity: severity.ok_or_else(|| missing("severity"))?,
            path: path.to_owned(),
            text: text.trim_end().trim_end_matches(';').to_owned(),
        };
        ReadStatement::parse(&rule.text).map_err(|refused| at(first_line, refused.to_string()))?;
        // The text goes into parentheses: what is read there must be one query as well.
        ReadStatement::parse(&rule.query(1)).map_err(|refused| at(first_line, refused.to_string()))?;
        Ok(rule)
    }

    /// The first contradictions, each with the number of all.
    pub(super) fn query(&self, limit: u32) -> String {
        format!("{BEFORE}{}{AFTER}{limit}", self.text)
    }

    /// Whether an error of planning it is the fault of its text (and not of a right, a lock, a lost connection).
    pub(super) fn is_to_blame(&self, error: &sqlx::Error) -> bool {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        code.is_some_and(|code| BLAMED.contains(&code.as_ref()))
    }

    /// That error with the line of the file.
    pub(super) fn blame(&self, error: &sqlx::Error) -> RuleError {
        let text = error
            .as_database_error()
            .map_or_else(|| error.to_string(), |database| database.message().to_owned());
        let problem =
            format!("the query must return the columns object and problem, and cannot be planned: {text}");
        RuleError { path: self.path.clone(), line: self.line_of(error), problem }
    }

    /// A function that this database says may write, which the text alone could not tell.
    pub(super) fn refuse(&self, refused: &Refused) -> RuleError {
        RuleError { path: self.path.clone(), line: 1, problem: refused.to_string() }
    }

    fn line_of(&self, error: &sqlx::Error) -> usize {
        use sqlx::postgres::{PgDatabaseError, PgErrorPosition};
        let database =
            error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
        let Some(PgErrorPosition::Original(position)) = database.and_then(PgDatabaseError::position) else {
            return 1;
        };
        // Positions are characters from 1 of `EXPLAIN` and the query.
        let before = "EXPLAIN ".chars().count() + BEFORE.chars().count() + 1;
        let length = self.text.chars().count();
        let Some(offset) = position.checked_sub(before).filter(|offset| *offset < length) else { return 1 };
        1 + self.text.chars().take(offset).filter(|character| *character == '\n').count()
    }
}
