//! Whether a statement can be run again when a later one failed.

use squawk_syntax::ast::{self, AstNode as _};

use super::Look;
use super::alter::guarded;
use crate::hazards::rules::Level;
use crate::hazards::script;
use crate::hazards::tree::{self, says, words};

impl Look<'_> {
    pub(super) fn repeatable(&mut self, at: usize, stmt: &ast::Stmt) {
        let Some(statement) = self.script.statements.get(at).cloned() else { return };
        let Some(unit) = self.script.units.get(statement.unit).cloned() else { return };
        if statement.alone && unit.transaction {
            self.find("concurrently-in-transaction", at, None);
            return;
        }
        // One transaction is undone as a whole.
        if self.script.wrapped && self.script.units.len() == 1 {
            return;
        }
        let whole = self.script.units.len() == 1
            && unit.transaction
            && !self.script.text.starts_with(script::NO_TRANSACTION);
        if whole || is_repeatable(stmt) {
            self.skipped(at, stmt);
            return;
        }
        if let ast::Stmt::CreateIndex(index) = stmt
            && index.concurrently_token().is_some()
        {
            let named = index.index().map(|name| tree::last(name.syntax())).unwrap_or_default();
            if !self.dropped_before(at, &named) {
                self.find("concurrently-not-repeatable", at, Some(&named));
            }
            return;
        }
        if let ast::Stmt::CreateTable(create) = stmt
            && let Some(table) = create.table_name()
            && self.dropped_before(at, &tree::last(table.syntax()))
        {
            return;
        }
        self.find("steps-not-repeatable", at, None);
    }

    /// An index that IF NOT EXISTS would skip although it is invalid.
    fn skipped(&mut self, at: usize, stmt: &ast::Stmt) {
        if let ast::Stmt::CreateIndex(index) = stmt
            && index.concurrently_token().is_some()
        {
            let named = index.index().map(|name| tree::last(name.syntax())).unwrap_or_default();
            if !self.dropped_before(at, &named) {
                self.find_as("invalid-index-skipped", Level::Advice, at, Some(&named));
            }
        }
    }

    /// Whether an earlier statement drops this object if it is there.
    fn dropped_before(&self, at: usize, named: &str) -> bool {
        self.script.statements.iter().take(at).any(|statement| {
            let words = words(ast::SourceFile::parse(&statement.sql).tree().syntax());
            words.first().is_some_and(|word| word == "DROP")
                && says(&words, &["IF", "EXISTS"])
                && words.iter().any(|word| word.trim_matches('"').eq_ignore_ascii_case(named))
        })
    }
}

/// Whether running it a second time does nothing more, and fails at nothing.
fn is_repeatable(stmt: &ast::Stmt) -> bool {
    let words = words(stmt.syntax());
    match stmt {
        ast::Stmt::AlterTable(alter) => alter.actions().all(|action| match action {
            ast::AlterTableAction::AddColumn(add) => add.if_not_exists().is_some(),
            ast::AlterTableAction::DropColumn(drop) => drop.if_exists().is_some(),
            ast::AlterTableAction::DropConstraint(drop) => drop.if_exists().is_some(),
            ast::AlterTableAction::AddConstraint(_)
            | ast::AlterTableAction::RenameColumn(_)
            | ast::AlterTableAction::RenameConstraint(_)
            | ast::AlterTableAction::TableRenameTo(_)
            | ast::AlterTableAction::SetSchema(_)
            | ast::AlterTableAction::AttachPartition(_)
            | ast::AlterTableAction::DetachPartition(_) => false,
            ast::AlterTableAction::AlterColumn(alter) => {
                let words = tree::words(alter.syntax());
                !says(&words, &["ADD", "GENERATED"])
                    && (!says(&words, &["DROP", "IDENTITY"]) || guarded(&words))
            }
            _ => true,
        }),
        ast::Stmt::Insert(_) => says(&words, &["ON", "CONFLICT"]) || says(&words, &["NOT", "EXISTS"]),
        _ => {
            let makes =
                words.first().is_some_and(|word| matches!(word.as_str(), "CREATE" | "DROP" | "ALTER"));
            let renames = words.iter().any(|word| word == "RENAME");
            let settles =
                says(&words, &["SET"]) || says(&words, &["OWNER", "TO"]) || says(&words, &["RESTART"]);
            let altered = words.first().is_some_and(|word| word == "ALTER");
            !makes || guarded(&words) || (altered && settles && !renames)
        }
    }
}
