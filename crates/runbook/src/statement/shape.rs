//! The shape of a statement: which kinds of nodes may stand in one that only reads.

use squawk_syntax::ast::{self, AstNode as _};
use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::{Refused, names};

/// What EXPLAIN may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Explain {
    /// Plan the statement.
    PlanOnly,
    /// Plan it, or run it (`ANALYZE`).
    MayRun,
}

/// The statements that may stand anywhere in the tree: at the top, in a CTE, in a subquery, after EXPLAIN.
const READING: [SyntaxKind; 7] = [
    SyntaxKind::SELECT,
    SyntaxKind::COMPOUND_SELECT,
    SyntaxKind::PAREN_SELECT,
    SyntaxKind::VALUES,
    SyntaxKind::TABLE,
    SyntaxKind::SHOW,
    SyntaxKind::EXPLAIN,
];

/// Options of EXPLAIN that do not run the statement. `buffers`, `wal`, `timing` and `serialize` are refused by
/// the server itself, or mean nothing, without ANALYZE.
const PLANNING: [&str; 11] = [
    "verbose",
    "costs",
    "settings",
    "generic_plan",
    "buffers",
    "wal",
    "timing",
    "summary",
    "memory",
    "format",
    "serialize",
];

/// Refuses every statement that is not of [`READING`], wherever it stands, and row locks, and EXPLAIN that runs.
pub(super) fn judge(statement: &SyntaxNode, explain: Explain) -> Result<(), Refused> {
    if !READING.contains(&statement.kind()) {
        return Err(Refused::Kind(first_words(statement)));
    }
    for node in statement.descendants() {
        match node.kind() {
            SyntaxKind::LOCKING_CLAUSE => return Err(Refused::Locking(squeeze(&node))),
            SyntaxKind::INTO_CLAUSE | SyntaxKind::SELECT_INTO => {
                return Err(Refused::Kind("SELECT INTO".into()));
            }
            SyntaxKind::EXPLAIN_ANALYZE if explain == Explain::PlanOnly => {
                return Err(Refused::Analyze("ANALYZE".into()));
            }
            SyntaxKind::EXPLAIN_OPTION_NAME => judge_option(&node, explain)?,
            kind if READING.contains(&kind) => {}
            _ if ast::Stmt::can_cast(node.kind()) => return Err(Refused::Kind(first_words(&node))),
            _ => {}
        }
    }
    Ok(())
}

fn judge_option(name: &SyntaxNode, explain: Explain) -> Result<(), Refused> {
    let text = match names::only_token(name) {
        Some(token) => names::decode(token.text())?,
        None => return Err(Refused::Analyze(squeeze(name))),
    };
    if PLANNING.contains(&text.as_str())
        || (explain == Explain::MayRun && matches!(text.as_str(), "analyze" | "analyse"))
    {
        return Ok(());
    }
    Err(Refused::Analyze(text))
}

/// The first two words of a statement, for a message: `CREATE TABLE`, `DELETE FROM`.
fn first_words(node: &SyntaxNode) -> String {
    let text = squeeze(node);
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// The node's text on one line.
fn squeeze(node: &SyntaxNode) -> String {
    node.text().to_string().split_whitespace().collect::<Vec<_>>().join(" ").chars().take(60).collect()
}
