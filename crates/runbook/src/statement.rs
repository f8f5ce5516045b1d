//! The one statement that a live target may be asked to run: a single SELECT, EXPLAIN, SHOW or VALUES.

use squawk_syntax::ast::{self, AstNode as _};

/// Why a statement was refused before it reached the database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It does not parse.
    #[error("refused: the statement does not parse: {0}")]
    Unparsed(String),
    /// It is empty, or more than one statement.
    #[error("refused: {0} statements where exactly one may stand")]
    Count(usize),
    /// It is not a statement that only reads.
    #[error("refused: only SELECT, VALUES, SHOW, TABLE and EXPLAIN of these may run on a reader, not `{0}`")]
    Kind(String),
    /// It calls a function that has side effects.
    #[error("refused: the function `{0}` has side effects")]
    Function(String),
    /// It takes row locks.
    #[error("refused: `{0}` takes locks")]
    Locking(String),
}

/// A statement that was parsed and found to read only. What it holds can be sent over the extended protocol,
/// which takes one statement by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadStatement {
    sql: String,
    functions: Vec<String>,
}

impl ReadStatement {
    /// Parses and judges `sql`.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn parse(sql: &str) -> Result<Self, Refused> {
        let parsed = ast::SourceFile::parse(sql);
        if let Some(error) = parsed.errors().first() {
            return Err(Refused::Unparsed(error.to_string()));
        }
        let statements: Vec<_> = parsed.tree().stmts().collect();
        let [statement] = statements.as_slice() else {
            return Err(Refused::Count(statements.len()));
        };
        let _ = statement.syntax();
        Ok(Self { sql: sql.to_owned(), functions: Vec::new() })
    }

    /// The text, as it was given.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The functions it calls, lower case and without their schema, sorted.
    pub fn functions(&self) -> &[String] {
        &self.functions
    }
}
