//! The one statement that a live target may be asked to run: a single SELECT, EXPLAIN, SHOW or VALUES.
//!
//! The transaction of a [`Reader`](crate::reader::Reader) is READ ONLY, which stops writes to tables; it does
//! not stop advisory locks, `pg_stat_reset()`, `pg_terminate_backend()`, `FOR UPDATE` or `EXPLAIN ANALYZE` of a
//! function. That is what this guard is for: it parses the text and refuses everything that does more than read.
//!
//! What it cannot see: a function that is called by a view, an operator, a cast, a row policy or another
//! function. Where a user made an operator or a function of a single row dangerous, the
//! [`Catalogue`] of the session knows its name; behind a view, the READ ONLY transaction and the rights of the
//! role are what is left.

mod catalogue;
mod functions;
mod names;
mod nest;
mod shape;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use squawk_syntax::ast::{self, AstNode as _};

pub use catalogue::Catalogue;
pub use nest::{MOST_NESTED, too_deep};

/// Why a statement was refused before it reached the database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It does not parse.
    #[error("refused: the statement does not parse: {0}")]
    Unparsed(String),
    /// The parser would go down with it until the stack ends.
    #[error("refused: the statement is nested more than {MOST_NESTED} deep")]
    Nested,
    /// It is empty, or more than one statement.
    #[error("refused: {0} statements where exactly one may stand")]
    Count(usize),
    /// It is not a statement that only reads.
    #[error("refused: only SELECT, VALUES, SHOW, TABLE and EXPLAIN of these may run on a reader, not `{0}`")]
    Kind(String),
    /// It calls a function that has side effects.
    #[error("refused: the function `{0}` has side effects, or may have them")]
    Function(String),
    /// It uses an operator whose function has side effects.
    #[error("refused: the operator `{0}` calls a function that may have side effects")]
    Operator(String),
    /// It takes row locks.
    #[error("refused: `{0}` takes locks")]
    Locking(String),
    /// It would run the statement it explains.
    #[error("refused: EXPLAIN with `{0}` runs the statement; leave the option out")]
    Analyze(String),
}

/// A function that a statement calls, as it is named there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Called {
    /// The schema, where one is written.
    pub(crate) schema: Option<String>,
    /// The name: folded to lower case unless quoted, cut to 63 bytes, as the server does.
    pub(crate) name: String,
}

/// A statement that was parsed and found to read only. What it holds can be sent over the extended protocol,
/// which takes one statement by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadStatement {
    sql: String,
    functions: Vec<String>,
    calls: Vec<Called>,
    /// Names after a dot: `(row).name` may be a call of `name(row)`.
    fields: Vec<String>,
    /// Those that are not said to be Postgres's own by their schema.
    operators: Vec<names::Operator>,
}

impl ReadStatement {
    /// Parses and judges `sql`.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn parse(sql: &str) -> Result<Self, Refused> {
        Self::judge(sql, shape::Explain::PlanOnly)
    }

    /// As [`Self::parse`], and `EXPLAIN ANALYZE` of a reading statement is allowed: it runs the statement, so it
    /// is for ephemeral databases ([`Ephemeral::analyze`](crate::ephemeral::Ephemeral::analyze)).
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn parse_analyze(sql: &str) -> Result<Self, Refused> {
        Self::judge(sql, shape::Explain::MayRun)
    }

    /// As [`Self::parse`], remembering the answer: checks send the same texts again and again.
    pub(crate) fn parse_cached(sql: &str) -> Result<Arc<Self>, Refused> {
        static CACHE: LazyLock<Mutex<HashMap<String, Arc<ReadStatement>>>> = LazyLock::new(Mutex::default);
        // Past this many texts (generated SQL, a key in each) remembering no longer pays.
        const MOST: usize = 2048;
        if let Some(known) = CACHE.lock().unwrap_or_else(PoisonError::into_inner).get(sql) {
            return Ok(Arc::clone(known));
        }
        let parsed = Arc::new(Self::parse(sql)?);
        let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() < MOST {
            cache.insert(sql.to_owned(), Arc::clone(&parsed));
        }
        Ok(parsed)
    }

    /// The text, as it was given.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The functions it calls, as the server reads their names and without their schema, sorted.
    pub fn functions(&self) -> &[String] {
        &self.functions
    }

    fn judge(sql: &str, explain: shape::Explain) -> Result<Self, Refused> {
        names::plain_text(sql)?;
        if too_deep(sql).is_some() {
            return Err(Refused::Nested);
        }
        let parsed = ast::SourceFile::parse(sql);
        if let Some(error) = parsed.errors().first() {
            return Err(Refused::Unparsed(error.to_string()));
        }
        let file = parsed.tree();
        let statements: Vec<_> = file.stmts().collect();
        let [statement] = statements.as_slice() else {
            return Err(Refused::Count(statements.len()));
        };
        names::literals(file.syntax())?;
        shape::judge(statement.syntax(), explain)?;
        let calls = names::calls(file.syntax())?;
        if let Some(call) = calls.iter().find(|call| functions::has_side_effects(&call.name)) {
            return Err(Refused::Function(call.name.clone()));
        }
        let mut functions: Vec<String> = calls.iter().map(|call| call.name.clone()).collect();
        functions.sort();
        functions.dedup();
        Ok(Self {
            sql: sql.to_owned(),
            functions,
            calls,
            fields: names::fields(file.syntax())?,
            operators: names::operators(file.syntax()),
        })
    }
}
