//! `-- runbook: allow RULE because REASON`, in the file or as `[[hazards.allow]]` of the settings.

use std::path::Path;

use runbook::settings::{AllowedHazard, SettingsError};
use squawk_syntax::ast::{self, AstNode as _};
use squawk_syntax::{SyntaxKind, SyntaxNode, SyntaxToken};

use super::found::Found;
use super::rules::{self, Source};
use super::script::{Script, wrong};

const WORDS: &str = "runbook: allow ";

/// An allowance of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Allowance {
    /// The statement that it stands before, or in.
    pub(super) statement: usize,
    pub(super) rule: String,
    pub(super) reason: String,
}

/// Every allowance of a file.
///
/// # Errors
/// With its place, when the rule is unknown or the reason is missing.
pub(super) fn of(script: &Script) -> Result<Vec<Allowance>, Box<SettingsError>> {
    let mut allowances = Vec::new();
    for (start, comment) in comments(&script.text) {
        let Some((before, rest)) = comment.split_once(WORDS) else { continue };
        let at = start + before.len() + WORDS.len();
        let (rule, reason) = rest.split_once(" because").unwrap_or((rest, ""));
        let rule = rule.trim();
        let span = at..at + rule.len();
        if rules::named(rule).is_none() {
            let problem = format!("there is no rule `{rule}` to allow");
            return Err(wrong(&script.path, &script.text, span, problem, &known(rule)));
        }
        if reason.trim().is_empty() {
            let problem = format!("it allows `{rule}` without a reason");
            let help = format!("write `-- {WORDS}{rule} because …`: the report shows the reason");
            return Err(wrong(&script.path, &script.text, span, problem, &help));
        }
        // The statement that ends after it: the one it stands in, or the next.
        let Some(statement) = script.statements.iter().position(|s| s.start + s.sql.len() > start) else {
            let problem =
                format!("it allows `{rule}` after the last statement, where there is nothing to allow");
            let help = "put the comment before the statement that it is about";
            return Err(wrong(&script.path, &script.text, span, problem, help));
        };
        allowances.push(Allowance { statement, rule: rule.to_owned(), reason: reason.trim().to_owned() });
    }
    Ok(allowances)
}

/// The `--` comments of a text, those in its DO blocks among them, and where each starts. What looks like one in a literal
/// is none.
fn comments(text: &str) -> Vec<(usize, String)> {
    let file = ast::SourceFile::parse(text).tree();
    let mut comments = of_node(file.syntax(), |token| usize::from(token.text_range().start()));
    for stmt in file.stmts() {
        let ast::Stmt::Do(block) = stmt else { continue };
        let Some(body) = block.plpgsql() else { continue };
        let place = |token: &SyntaxToken| usize::from(body.source_range(token.text_range()).start());
        comments.extend(of_node(&body.syntax(), place));
    }
    comments
}

fn of_node(node: &SyntaxNode, place: impl Fn(&SyntaxToken) -> usize) -> Vec<(usize, String)> {
    let tokens = node.descendants_with_tokens().filter_map(|element| element.into_token());
    let comments =
        tokens.filter(|token| token.kind() == SyntaxKind::COMMENT && token.text().starts_with("--"));
    comments.map(|token| (place(&token), token.text().to_owned())).collect()
}

/// Checks `[[hazards.allow]]`.
///
/// # Errors
/// With the line of `runbook.toml`.
pub fn check_settings(root: &Path, allowed: &[AllowedHazard]) -> Result<(), Box<SettingsError>> {
    let path = root.join("runbook.toml");
    for entry in allowed {
        let rule = entry.rule.get_ref();
        let (problem, help) = if rules::named(rule).is_none() {
            (format!("there is no rule `{rule}` to allow"), known(rule))
        } else if entry.reason.trim().is_empty() {
            (
                format!("[[hazards.allow]] allows `{rule}` without a reason"),
                "say why: the report shows it".to_owned(),
            )
        } else {
            continue;
        };
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        return Err(wrong(&path, &text, entry.rule.span(), problem, &help));
    }
    Ok(())
}

/// Gives what was found the reason for which it is allowed.
pub(super) fn apply(found: &mut [Found], allowances: &[Allowance], settings: &[AllowedHazard]) {
    for found in found {
        let here = allowances.iter().find(|allowance| {
            let here = allowance.statement == found.statement || found.rule.source == Source::Measured;
            allowance.rule == found.rule.id && here
        });
        let everywhere = settings.iter().find(|entry| {
            entry.rule.get_ref() == found.rule.id
                && entry.table.as_deref().is_none_or(|table| found.object.as_deref() == Some(table))
        });
        found.allowed =
            here.map(|a| a.reason.clone()).or_else(|| everywhere.map(|entry| entry.reason.clone()));
    }
}

fn known(rule: &str) -> String {
    match rules::nearest(rule) {
        Some(near) => format!("did you mean `{near}`? docs/hazards.md lists all there are"),
        None => "docs/hazards.md lists all there are".to_owned(),
    }
}
