//! What stands in a file of SQL and is none: commands and variables of psql, rows of COPY, invisible characters.

use squawk_syntax::ast::{self, AstNode as _};

use super::tree::{self, says, words};

pub(super) const ROWS: &str = "takes the rows of COPY … FROM STDIN out of the file, which only psql does";
pub(super) const INSERT: &str =
    "write INSERT, or load the rows outside the migration: the migration tools send SQL only";

/// What is wrong at the place at which a text does not parse, and what to do; `None` where that is the statement itself.
pub(super) fn told(text: &str, at: usize) -> Option<(String, &'static str)> {
    let line = text[..at].rfind('\n').map_or(0, |at| at + 1);
    let here = text[at..].trim_start_matches(|c: char| c.is_ascii_whitespace());
    if text[line..].trim_start().starts_with('\\') || here.starts_with('\\') {
        let help = "remove it: the migration tools send SQL only";
        return Some(("holds a command of psql, which is no SQL".to_owned(), help));
    }
    let named = |c: char| c.is_alphabetic() || ['_', '\'', '"', '{'].contains(&c);
    if here.strip_prefix(':').is_some_and(|rest| rest.starts_with(named)) {
        let help = "write the value: the migration tools send SQL only";
        return Some(("holds a variable of psql, which is no SQL".to_owned(), help));
    }
    // To the server they are letters.
    let word = here.split(|c: char| c.is_ascii_whitespace()).next().unwrap_or_default();
    let unseen = word.chars().find(|c| (!c.is_ascii() && c.is_whitespace()) || is_unseen(*c))?;
    let problem =
        format!("holds the invisible character U+{:04X}, which is no space to the server", u32::from(unseen));
    Some((problem, "remove it"))
}

/// Characters without a width of their own: joiners, marks of direction and of byte order.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// Where a COPY from the client stands, of those before a place.
pub(super) fn rows(file: &ast::SourceFile, before: usize) -> Option<usize> {
    let copies = file.stmts().filter(|stmt| matches!(stmt, ast::Stmt::Copy(_)));
    copies
        .filter(|stmt| says(&words(stmt.syntax()), &["FROM", "STDIN"]))
        .map(|stmt| tree::start(stmt.syntax()))
        .find(|start| *start < before)
}
