//! UPDATE and DELETE: how many rows they may touch, as far as their text tells.

use squawk_syntax::ast::{self, AstNode as _};

use super::Look;
use crate::hazards::past::Past;
use crate::hazards::tree::{find, name, says, words};

impl Look<'_> {
    /// A statement that writes rows.
    pub(super) fn rows(&mut self, at: usize, stmt: &ast::Stmt) {
        let table = find::<ast::RelationNameRef>(stmt.syntax()).and_then(|table| name(table.path_ref()));
        let table = table.unwrap_or_default();
        // The tools' own tables have a row, or a row a revision.
        if self.past.fresh(&table) || matches!(table.as_str(), "alembic_version" | "_sqlx_migrations") {
            return;
        }
        if matches!(stmt, ast::Stmt::Delete(_)) {
            self.find("rows-deleted", at, Some(&table));
        } else if !self.is_quick(&table) && is_unbounded(stmt, &self.past) {
            self.find("update-unbounded", at, Some(&table));
        }
    }

    /// UPDATE and DELETE inside a WITH.
    pub(super) fn inner_rows(&mut self, at: usize, stmt: &ast::Stmt) {
        for node in stmt.syntax().descendants().skip(1) {
            let inner = ast::Update::cast(node.clone()).map(ast::Stmt::Update);
            if let Some(inner) = inner.or_else(|| ast::Delete::cast(node).map(ast::Stmt::Delete)) {
                self.rows(at, &inner);
            }
        }
    }

    /// The statements of a block that is one transaction.
    pub(super) fn block(&mut self, at: usize, block: &ast::Do) {
        if self.script.statements.get(at).is_some_and(|statement| statement.alone) {
            return;
        }
        let body = words(block.syntax()).into_iter().find(|word| word.contains('$')).unwrap_or_default();
        for piece in body.split(';') {
            let upper = piece.to_uppercase();
            let start = ["UPDATE ", "DELETE FROM "].iter().filter_map(|word| begins(&upper, word)).min();
            let Some(text) = start.and_then(|start| piece.get(start..)) else { continue };
            let parsed = ast::SourceFile::parse(text).tree();
            for stmt in parsed.stmts().take(1) {
                if matches!(stmt, ast::Stmt::Update(_) | ast::Stmt::Delete(_)) {
                    self.rows(at, &stmt);
                }
            }
        }
    }
}

/// Where a word stands at the start of a statement.
fn begins(text: &str, word: &str) -> Option<usize> {
    let at = text.find(word)?;
    let before = text.get(..at)?.trim_end();
    let starts = ["", "BEGIN", "LOOP", "THEN", "ELSE"];
    starts
        .iter()
        .any(|end| if end.is_empty() { before.is_empty() } else { before.ends_with(end) })
        .then_some(at)
}

/// Whether nothing in its text keeps the number of rows small: a key that equals something, or a LIMIT.
pub(super) fn is_unbounded(stmt: &ast::Stmt, past: &Past) -> bool {
    let all = words(stmt.syntax());
    // As many rows as are written down.
    if says(&all, &["FROM", "(", "VALUES"]) {
        return false;
    }
    let Some(at) = all
        .iter()
        .rposition(|word| word == "WHERE")
        .map(|last| all.iter().position(|word| word == "WHERE").unwrap_or(last))
    else {
        return true;
    };
    let condition = all.get(at..).unwrap_or_default();
    if condition.iter().any(|word| word == "LIMIT") {
        return false;
    }
    let table = find::<ast::RelationNameRef>(stmt.syntax()).and_then(|table| name(table.path_ref()));
    let known = table.as_deref().and_then(|table| past.tables.get(table));
    let is_key = |word: &str| {
        let column = word.trim_matches('"').to_lowercase();
        match known {
            Some(table) if !table.key.is_empty() => table.key.first() == Some(&column),
            _ => column == "id" || column.ends_with("_id"),
        }
    };
    let constant = |word: &str| word.starts_with(['\'', '$']) || word.chars().all(|c| c.is_ascii_digit());
    !condition.windows(4).any(|window| {
        let [column, operator, next, after] = window else { return false };
        is_key(column)
            && match operator.as_str() {
                "=" => constant(next),
                "IN" => next == "(" && constant(after),
                "BETWEEN" => constant(next),
                _ => false,
            }
    }) && !condition.windows(3).any(|window| {
        let [column, operator, next] = window else { return false };
        is_key(column) && operator == "=" && constant(next)
    })
}
