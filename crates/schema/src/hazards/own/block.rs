//! What a DO block does: each statement of its body is looked at as if it stood in the file itself, so that a guard
//! around it (`IF NOT EXISTS … THEN ALTER TABLE …`) hides nothing.

use squawk_syntax::ast::{self, AstNode as _};

use super::{Look, locks};
use crate::hazards::script::{Runs, Script};
use crate::hazards::squawk::{self, Said};
use crate::hazards::tree::find;

impl Look<'_> {
    pub(super) fn block(&mut self, at: usize, block: &ast::Do) {
        let Some(script) = inner(block, &self.script.path) else { return };
        // One that commits is not one transaction: it writes in batches.
        let batches = self.script.statements.get(at).is_some_and(|statement| statement.alone);
        let statements: Vec<ast::Stmt> = ast::SourceFile::parse(&script.text)
            .tree()
            .stmts()
            .filter(|stmt| !matches!(stmt, ast::Stmt::EmptyStmt(_)))
            .collect();
        let said = squawk::lint(&script);
        for (inner, stmt) in statements.iter().enumerate() {
            if batches && matches!(stmt, ast::Stmt::Update(_) | ast::Stmt::Delete(_) | ast::Stmt::Merge(_)) {
                continue;
            }
            let rest = statements.get(inner + 1..).unwrap_or_default();
            for said in said.iter().filter(|said| said.statement == inner) {
                self.squawk(&Said { statement: at, ..said.clone() }, stmt, rest);
            }
            let before = self.found.len();
            self.one(at, stmt);
            let long = self.found.iter().skip(before).any(locks::is_long) || self.works(stmt);
            self.locks(at, stmt, long);
            self.past.take(stmt);
        }
    }
}

/// The statements of a body as a script of their own; `None` where there is none, or the language is another one.
fn inner(block: &ast::Do, path: &std::path::Path) -> Option<Script> {
    let mut text = String::new();
    for (statement, whole) in executed(block) {
        let statement = statement.trim().trim_end_matches(';');
        let parsed = ast::SourceFile::parse(statement);
        if whole
            && parsed.errors().is_empty()
            && !parsed.tree().stmts().any(|stmt| matches!(stmt, ast::Stmt::Begin(_)))
        {
            // A comment at its end must not swallow the next.
            text.push_str(statement);
            text.push_str("\n;\n");
        }
    }
    Script::parse(path, text, Runs::Wrapped).ok().filter(|script| !script.statements.is_empty())
}

/// What a body executes, and whether that is the whole of it: of what is put together only then, the pieces that are written
/// down.
pub(in crate::hazards) fn executed(block: &ast::Do) -> Vec<(String, bool)> {
    let Some(body) = block.plpgsql() else { return Vec::new() };
    let mut texts = Vec::new();
    for node in body.syntax().descendants() {
        texts.extend(if let Some(run) = ast::PlpgsqlExecSqlStmt::cast(node.clone()) {
            // SELECT … INTO sets variables here, and makes no table: it is not what it says.
            run.stmt().map(|stmt| (stmt.syntax().to_string(), !matches!(stmt, ast::Stmt::SelectInto(_))))
        } else if let Some(run) = ast::PlpgsqlForQueryStmt::cast(node.clone()) {
            run.query().map(|query| (query.syntax().to_string(), true))
        } else if let Some(run) = ast::PlpgsqlDynExecuteStmt::cast(node.clone()) {
            run.query().map(|query| match literal(&query) {
                Some(text) => (text, true),
                None => (pieces(&query), false),
            })
        } else if ast::PlpgsqlPerformStmt::can_cast(node.kind()) {
            Some((node.to_string(), false))
        } else {
            None
        });
    }
    texts
}

/// The constants of an expression that puts a text together, with a name in each gap.
fn pieces(query: &ast::PlpgsqlExpr) -> String {
    let constants = query.syntax().descendants().filter_map(ast::Literal::cast);
    constants.filter_map(|constant| constant.string_value()).collect::<Vec<_>>().join(" _ ")
}

/// The text that is executed, where it is written down as one constant.
fn literal(query: &ast::PlpgsqlExpr) -> Option<String> {
    let literal = find::<ast::Literal>(query.syntax())?;
    let whole = literal.syntax().text().to_string().trim() == query.syntax().text().to_string().trim();
    literal.string_value().filter(|_| whole)
}
