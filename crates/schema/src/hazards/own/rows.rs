//! UPDATE and DELETE: how many rows they may touch, as far as their text tells.

use squawk_syntax::ast::{self, AstNode as _};

use super::Look;
use crate::hazards::past::Past;
use crate::hazards::tree::{says, words, written};

impl Look<'_> {
    /// A statement that writes rows.
    pub(super) fn rows(&mut self, at: usize, stmt: &ast::Stmt) {
        let table = written(stmt).unwrap_or_default();
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

    /// UPDATE and DELETE inside a WITH. Those in the body of a function or a rule are not run yet.
    pub(super) fn inner_rows(&mut self, at: usize, stmt: &ast::Stmt) {
        let words = words(stmt.syntax());
        let runs = match words.first().map(String::as_str).unwrap_or_default() {
            "WITH" | "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "(" => true,
            "EXPLAIN" => words.iter().take(5).any(|word| word == "ANALYZE"),
            _ => false,
        };
        if !runs {
            return;
        }
        for node in stmt.syntax().descendants().skip(1) {
            let inner = ast::Update::cast(node.clone()).map(ast::Stmt::Update);
            if let Some(inner) = inner.or_else(|| ast::Delete::cast(node).map(ast::Stmt::Delete)) {
                self.rows(at, &inner);
            }
        }
    }
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
    let table = written(stmt);
    let known = table.as_deref().and_then(|table| past.tables.get(table));
    let is_key = |word: &str| {
        let column = word.trim_matches('"').to_lowercase();
        match known {
            Some(table) if !table.key.is_empty() => table.key.first() == Some(&column),
            _ => column == "id" || column.ends_with("_id"),
        }
    };
    // A key that a subquery looks for is one of its own tables'.
    let condition = outermost(condition);
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

/// The words without those of subqueries.
fn outermost(words: &[String]) -> Vec<String> {
    let (mut kept, mut open, mut inside) = (Vec::new(), 0_usize, None);
    for (at, word) in words.iter().enumerate() {
        match word.as_str() {
            "(" => {
                open += 1;
                if inside.is_none()
                    && words.get(at + 1).is_some_and(|next| next == "SELECT" || next == "WITH")
                {
                    inside = Some(open);
                }
            }
            ")" => {
                if inside == Some(open) {
                    inside = None;
                }
                open = open.saturating_sub(1);
            }
            _ if inside.is_none() => kept.push(word.clone()),
            _ => {}
        }
        if inside.is_none() && matches!(word.as_str(), "(" | ")") {
            kept.push(word.clone());
        }
    }
    kept
}
