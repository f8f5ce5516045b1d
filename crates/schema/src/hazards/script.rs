//! A migration's text as statements, and which of them share a transaction.

use std::ops::Range;
use std::path::{Path, PathBuf};

use runbook::settings::SettingsError;
use runbook::statement::{MOST_NESTED, too_deep};
use squawk_syntax::ast::{self, AstNode as _};

use super::{foreign, outside, tree};

/// Past this a file is not taken apart: it is data, and belongs in a COPY.
const LARGEST: usize = 8 << 20;

/// The first line of a file that its tool is to run without a transaction around it.
pub(super) const NO_TRANSACTION: &str = "-- no-transaction";

/// Who decides where transactions begin and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// The tool wraps the whole file, unless its first line says `-- no-transaction`: then each statement stands by itself.
    Wrapped,
    /// The same, but such a file is sent as one query, as sqlx does: the server runs several statements of one query in one
    /// transaction, and refuses there what cannot stand in any.
    SentWhole,
    /// As `psql -f` would: what the file says, each other statement by itself when the file has any that cannot
    /// stand in a transaction, and else all together.
    AsWritten,
}

/// A migration, taken apart.
#[derive(Debug, Clone)]
pub struct Script {
    /// The file.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// Whether the tool puts a transaction around all of it.
    pub wrapped: bool,
    /// The statements, without BEGIN and COMMIT.
    pub statements: Vec<Statement>,
    /// What is done or undone together: ranges of [`Self::statements`].
    pub units: Vec<Unit>,
}

/// One statement.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Its text, without the comments before it.
    pub sql: String,
    /// Where it starts, in bytes.
    pub start: usize,
    /// The line on which it starts, from 1.
    pub line: usize,
    /// Its place in [`Script::units`].
    pub unit: usize,
    /// Whether it cannot stand in a transaction.
    pub alone: bool,
    /// Why it is not executed on a copy, where it is not: what it does would reach out of the copy.
    pub outside: Option<&'static str>,
}

/// Statements that are done or undone together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Which statements.
    pub statements: Range<usize>,
    /// Whether a transaction is around them, be it of one statement.
    pub transaction: bool,
}

impl Script {
    /// Reads a file.
    ///
    /// # Errors
    /// With the place, when it cannot be read, is not UTF-8, is too large or does not parse.
    pub fn read(path: &Path, runs: Runs) -> Result<Self, Box<SettingsError>> {
        let bytes = std::fs::read(path).map_err(|error| {
            wrong(path, "", 0..0, format!("cannot be read: {error}"), "name a file of SQL statements")
        })?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let good = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
            wrong(path, &good, good.len()..good.len(), "is not UTF-8 from here on".into(), "save it as UTF-8")
        })?;
        Self::parse(path, text, runs)
    }

    /// Takes a text apart that stands in `path`.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn parse(path: &Path, text: String, runs: Runs) -> Result<Self, Box<SettingsError>> {
        if text.len() > LARGEST {
            let problem = format!(
                "has {} MB, and a migration past {} MB is not taken apart",
                text.len() >> 20,
                LARGEST >> 20
            );
            return Err(wrong(path, "", 0..0, problem, "load its data by COPY, outside the migration"));
        }
        if text.contains('\0') {
            let at = text.find('\0').unwrap_or_default();
            return Err(wrong(path, &text, at..at + 1, "holds a zero byte".into(), "remove it"));
        }
        if let Some(at) = too_deep(&text) {
            let problem = format!("is nested more than {MOST_NESTED} deep");
            return Err(wrong(path, &text, at..at + 1, problem, "take the statement apart"));
        }
        let parsed = ast::SourceFile::parse(&text);
        if let Some(error) = parsed.errors().into_iter().min_by_key(|error| error.range().start()) {
            let start = usize::from(error.range().start()).min(text.len());
            let end = usize::from(error.range().end()).clamp(start, text.len());
            if let Some(at) = foreign::rows(&parsed.tree(), start) {
                return Err(wrong(path, &text, at..at, foreign::ROWS.to_owned(), foreign::INSERT));
            }
            let (problem, help) = foreign::told(&text, start)
                .unwrap_or_else(|| (format!("does not parse: {}", error.message()), "mend the statement"));
            return Err(wrong(path, &text, start..end, problem, help));
        }
        if let Some(at) = foreign::rows(&parsed.tree(), text.len()) {
            return Err(wrong(path, &text, at..at, foreign::ROWS.to_owned(), foreign::INSERT));
        }
        let wrapped = runs != Runs::AsWritten && !text.starts_with(NO_TRANSACTION);
        let mut script = Self {
            path: path.to_owned(),
            text: String::new(),
            wrapped,
            statements: Vec::new(),
            units: Vec::new(),
        };
        script.take_apart(&parsed.tree(), &text, runs);
        script.text = text;
        Ok(script)
    }

    /// The statements of a unit.
    pub fn of(&self, unit: &Unit) -> &[Statement] {
        self.statements.get(unit.statements.clone()).unwrap_or_default()
    }

    /// The file's own name.
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }

    fn take_apart(&mut self, file: &ast::SourceFile, text: &str, runs: Runs) {
        let bounded = file.stmts().any(|stmt| matches!(stmt, ast::Stmt::Begin(_)));
        let any_alone = file.stmts().any(|stmt| tree::stands_alone(&stmt));
        let marked = text.starts_with(NO_TRANSACTION);
        let together = self.wrapped || (runs == Runs::AsWritten && !marked && !bounded && !any_alone);
        let several = file.stmts().filter(|stmt| !matches!(stmt, ast::Stmt::EmptyStmt(_))).count() > 1;
        let sent_whole = runs == Runs::SentWhole && !self.wrapped && several;
        let mut inside = together || sent_whole;
        let mut fresh = true;
        let mut line = 1;
        let mut counted = 0;
        for stmt in file.stmts() {
            match stmt {
                ast::Stmt::EmptyStmt(_) => continue,
                ast::Stmt::Begin(_) => {
                    // Inside a transaction it is a warning and no more.
                    fresh |= !inside;
                    inside = true;
                    continue;
                }
                ast::Stmt::Commit(_) | ast::Stmt::Rollback(_) if tree::ends_transaction(&stmt) => {
                    inside = sent_whole;
                    fresh = true;
                    continue;
                }
                _ => {}
            }
            let start = tree::start(stmt.syntax());
            line += text.get(counted..start).map_or(0, |passed| passed.matches('\n').count());
            counted = start;
            let at = self.statements.len();
            let (alone, outside) = (tree::stands_alone(&stmt), outside::reason(&stmt));
            match self.units.last_mut() {
                Some(unit) if inside && !fresh => unit.statements.end = at + 1,
                _ => self.units.push(Unit { statements: at..at + 1, transaction: inside || !alone }),
            }
            fresh = !inside;
            let sql = text.get(start..usize::from(stmt.syntax().text_range().end())).unwrap_or_default();
            let sql = sql.trim().trim_end_matches(';').to_owned();
            self.statements.push(Statement { sql, start, line, unit: self.units.len() - 1, alone, outside });
        }
    }
}

/// An error in a file, with its place.
pub(super) fn wrong(
    path: &Path,
    text: &str,
    span: Range<usize>,
    problem: String,
    help: &str,
) -> Box<SettingsError> {
    Box::new(SettingsError::at(path, text, span, problem, Some(help.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str, runs: Runs) -> Vec<(Range<usize>, bool)> {
        let script = Script::parse(Path::new("a.sql"), text.into(), runs).unwrap();
        script.units.into_iter().map(|unit| (unit.statements, unit.transaction)).collect()
    }

    #[test]
    fn a_wrapped_file_is_one_unit_and_the_first_line_undoes_it() {
        let text = "SELECT 1;\n;SELECT 2;\n";
        assert_eq!(units(text, Runs::Wrapped), [(0..2, true)]);
        let alone = format!("-- no-transaction\n{text}");
        assert_eq!(units(&alone, Runs::Wrapped), [(0..1, true), (1..2, true)]);
    }

    #[test]
    fn a_file_that_is_sent_whole_is_one_transaction_unless_it_is_one_statement() {
        let built = "-- no-transaction\nCREATE INDEX CONCURRENTLY a ON t (b);";
        assert_eq!(units(built, Runs::SentWhole), [(0..1, false)]);
        let timed = "-- no-transaction\nSET lock_timeout = '1s'; CREATE INDEX CONCURRENTLY a ON t (b);";
        assert_eq!(units(timed, Runs::SentWhole), [(0..2, true)]);
        assert_eq!(units(timed, Runs::Wrapped), [(0..1, true), (1..2, false)]);
        let ended = "-- no-transaction\nSELECT 1; COMMIT; SELECT 2; SELECT 3";
        assert_eq!(units(ended, Runs::SentWhole), [(0..1, true), (1..3, true)]);
        assert_eq!(units("SELECT 1; SELECT 2", Runs::SentWhole), [(0..2, true)]);
    }

    #[test]
    fn a_bare_file_is_run_as_psql_would_run_it() {
        assert_eq!(units("SELECT 1; SELECT 2", Runs::AsWritten), [(0..2, true)]);
        let marked = "-- no-transaction\nSELECT 1; SELECT 2";
        assert_eq!(units(marked, Runs::AsWritten), [(0..1, true), (1..2, true)]);
        let built = "SET lock_timeout = '1s'; CREATE INDEX CONCURRENTLY a ON t (b);";
        assert_eq!(units(built, Runs::AsWritten), [(0..1, true), (1..2, false)]);
        let bounded = "BEGIN; SELECT 1; SELECT 2; COMMIT; SELECT 3;";
        assert_eq!(units(bounded, Runs::AsWritten), [(0..2, true), (2..3, true)]);
    }

    #[test]
    fn a_statement_knows_its_own_line_and_not_its_comments() {
        let script = Script::parse(
            Path::new("a.sql"),
            "-- ä\n\n/* one */ SELECT\n 1;\n-- two\nSELECT 2;".into(),
            Runs::Wrapped,
        )
        .unwrap();
        let seen: Vec<(usize, &str)> = script.statements.iter().map(|s| (s.line, s.sql.as_str())).collect();
        assert_eq!(seen, [(3, "SELECT\n 1"), (6, "SELECT 2")]);
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_place() {
        for (text, words) in [
            ("SELECT 1;\nALTER TABEL t;", "a.sql:2: does not parse"),
            ("SELECT 1;\n\0", "a.sql:2: holds a zero byte"),
            ("SELECT 1;\n  \\set x 1\n", "a.sql:2: holds a command of psql, which is no SQL"),
            ("SELECT 1;\nSELECT 2 \\gset\n", "a.sql:2: holds a command of psql, which is no SQL"),
            ("SELECT :x;", "a.sql:1: holds a variable of psql, which is no SQL"),
            ("SELECT :'x';", "a.sql:1: holds a variable of psql, which is no SQL"),
            (
                "SELECT 1;\u{a0}\n",
                "a.sql:1: holds the invisible character U+00A0, which is no space to the server",
            ),
            (
                "SELECT\u{200b} 1;\n",
                "a.sql:1: holds the invisible character U+200B, which is no space to the server",
            ),
            (
                "SELECT 1;\nCOPY t FROM STDIN;\n1\tit's\n\\.\n",
                "a.sql:2: takes the rows of COPY … FROM STDIN out of the file",
            ),
            ("SELECT 1;\nCOPY t FROM STDIN;", "a.sql:2: takes the rows of COPY … FROM STDIN out of the file"),
        ] {
            let error =
                Script::parse(Path::new("a.sql"), text.into(), Runs::Wrapped).unwrap_err().to_string();
            assert!(error.starts_with(words), "{error}");
        }
        let large = "SELECT 1;\n".repeat((50 << 20) / 10);
        let error = Script::parse(Path::new("a.sql"), large, Runs::Wrapped).unwrap_err().to_string();
        assert_eq!(error, "a.sql:1: has 50 MB, and a migration past 8 MB is not taken apart");
    }
}
