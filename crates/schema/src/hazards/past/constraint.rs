//! A constraint, as far as its text tells.

use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AstNode as _, NameLike as _};

use crate::hazards::tree::{find, says, words};

/// A constraint of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Constraint {
    /// A CHECK: the values that it lists, the column that it keeps from being null, and whether rows were proved.
    Check { text: String, listed: Vec<String>, not_null: Option<String>, valid: bool },
    /// A foreign key: its columns and the table that it refers to.
    Foreign { columns: Vec<String>, refers: String },
    /// A unique constraint's columns.
    Unique(Vec<String>),
    /// A primary key's columns.
    Primary(Vec<String>),
}

impl Constraint {
    /// Of a constraint's node; `None` for kinds that nothing is asked about.
    pub(crate) fn of(node: &SyntaxNode) -> Option<Self> {
        let words = words(node);
        if let Some(check) = ast::CheckConstraint::cast(node.clone()) {
            let text = check.expr().map(|expr| crate::hazards::tree::words(expr.syntax()).join(" "))?;
            return Some(Self::Check {
                listed: listed(&words),
                not_null: proves_not_null(&text),
                valid: !says(&words, &["NOT", "VALID"]),
                text,
            });
        }
        if let Some(key) = ast::ForeignKeyConstraint::cast(node.clone()) {
            let refers = crate::hazards::tree::name(key.table_name_ref()?.path_ref())?;
            let list = find::<ast::ForeignKeyColumnList>(node)?;
            return Some(Self::Foreign { columns: columns(list.syntax()), refers });
        }
        if ast::UniqueConstraint::can_cast(node.kind()) {
            return Some(Self::Unique(columns(node)));
        }
        ast::PrimaryKeyConstraint::can_cast(node.kind()).then(|| Self::Primary(columns(node)))
    }
}

/// The columns that are named in a list.
fn columns(node: &SyntaxNode) -> Vec<String> {
    node.descendants().filter_map(ast::ColumnNameRef::cast).map(|name| name.text()).collect()
}

/// The texts in quotes.
pub(crate) fn listed(words: &[String]) -> Vec<String> {
    words.iter().filter(|word| word.starts_with('\'')).cloned().collect()
}

/// The column of `column IS NOT NULL`, and of nothing more.
pub(crate) fn proves_not_null(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split(' ').filter(|word| !matches!(*word, "(" | ")")).collect();
    match words.as_slice() {
        [column, "IS", "NOT", "NULL"] => Some(column.trim_matches('"').to_lowercase()),
        _ => None,
    }
}
