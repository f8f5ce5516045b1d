//! What the rules ask of the parser's tree.

use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AstNode};

/// Where a node's own text starts, past the comments that the parser puts into it.
pub(super) fn start(node: &SyntaxNode) -> usize {
    let first = node
        .descendants_with_tokens()
        .filter_map(|element| element.into_token())
        .find(|token| !token.kind().is_trivia());
    usize::from(first.map_or_else(|| node.text_range().start(), |token| token.text_range().start()))
}

/// The words of a node in their order: upper case, but those in quotes as they are; no comments.
pub(super) fn words(node: &SyntaxNode) -> Vec<String> {
    let tokens = node.descendants_with_tokens().filter_map(|element| element.into_token());
    tokens
        .filter(|token| !token.kind().is_trivia())
        .map(|token| {
            let text = token.text();
            let quoted = text.contains(['"', '\'', '$']);
            if quoted { text.to_owned() } else { text.to_uppercase() }
        })
        .collect()
}

/// Whether these words stand one after another somewhere in the statement.
pub(super) fn says(words: &[String], phrase: &[&str]) -> bool {
    words.windows(phrase.len()).any(|window| window == phrase)
}

/// Whether a statement cannot stand in a transaction, or ends transactions of its own.
pub(super) fn stands_alone(stmt: &ast::Stmt) -> bool {
    match stmt {
        ast::Stmt::CreateIndex(index) => index.concurrently_token().is_some(),
        ast::Stmt::DropIndex(index) => index.concurrently_token().is_some(),
        ast::Stmt::Reindex(reindex) => {
            let words = words(reindex.syntax());
            ["CONCURRENTLY", "DATABASE", "SYSTEM", "SCHEMA"]
                .iter()
                .any(|word| words.iter().any(|w| w == word))
        }
        ast::Stmt::AlterTable(alter) => alter.actions().any(|action| {
            matches!(&action, ast::AlterTableAction::DetachPartition(detach)
                if detach.detach_partition_option().is_some())
        }),
        ast::Stmt::Do(block) => block.plpgsql().is_some_and(|body| {
            body.syntax().descendants().any(|node| {
                ast::PlpgsqlCommitStmt::can_cast(node.kind())
                    || ast::PlpgsqlRollbackStmt::can_cast(node.kind())
            })
        }),
        ast::Stmt::Discard(discard) => words(discard.syntax()).iter().any(|word| word == "ALL"),
        // Of all tables.
        ast::Stmt::Cluster(cluster) => find::<ast::PathRef>(cluster.syntax()).is_none(),
        ast::Stmt::Vacuum(_)
        | ast::Stmt::AlterSystem(_)
        | ast::Stmt::Call(_)
        | ast::Stmt::CreateDatabase(_)
        | ast::Stmt::DropDatabase(_)
        | ast::Stmt::CreateTablespace(_)
        | ast::Stmt::DropTablespace(_)
        | ast::Stmt::CreateSubscription(_)
        | ast::Stmt::DropSubscription(_) => true,
        _ => false,
    }
}

/// Whether a COMMIT or ROLLBACK ends the transaction, as opposed to a savepoint or a prepared one.
pub(super) fn ends_transaction(stmt: &ast::Stmt) -> bool {
    matches!(
        stmt,
        ast::Stmt::Commit(ast::Commit::CommitTransaction(_))
            | ast::Stmt::Rollback(ast::Rollback::RollbackTransaction(_))
    )
}

/// A relation's name as rules compare it: without `public.`, as the server folds it.
pub(super) fn name(path: Option<ast::PathRef>) -> Option<String> {
    let path = path?;
    let segment = path.segment()?.text();
    let schema = path.qualifier().and_then(|qualifier| qualifier.segment()).map(|schema| schema.text());
    Some(qualified(schema, segment))
}

/// The same of a name that is being given.
pub(super) fn new_name(path: Option<ast::Path>) -> Option<String> {
    let path = path?;
    let segment = path.segment()?.text();
    let schema = path.qualifier().and_then(|qualifier| qualifier.segment()).map(|schema| schema.text());
    Some(qualified(schema, segment))
}

fn qualified(schema: Option<String>, name: String) -> String {
    match schema {
        Some(schema) if schema != "public" => format!("{schema}.{name}"),
        _ => name,
    }
}

/// The table whose rows a statement updates or deletes, and not one that it only reads.
pub(super) fn written(stmt: &ast::Stmt) -> Option<String> {
    let relation = match stmt {
        ast::Stmt::Update(update) => update.relation_name()?,
        ast::Stmt::Delete(delete) => delete.relation_name()?,
        ast::Stmt::Merge(merge) => {
            return name(merge.table_relation_name()?.table_name_ref()?.path_ref());
        }
        _ => return None,
    };
    name(relation.relation_name_ref()?.path_ref())
}

/// The first node of a kind below a node.
pub(super) fn find<N: AstNode>(node: &SyntaxNode) -> Option<N> {
    node.descendants().find_map(N::cast)
}

/// The last name in a node, as the server folds it.
pub(super) fn last(node: &SyntaxNode) -> String {
    let tokens = node.descendants_with_tokens().filter_map(|element| element.into_token());
    let named = tokens.filter(|token| {
        !token.kind().is_trivia()
            && token.text().chars().next().is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '"'))
    });
    let text = named.last().map(|token| token.text().to_owned()).unwrap_or_default();
    match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => text.to_lowercase(),
    }
}
