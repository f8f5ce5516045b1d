//! The static look: a migration's text, in the light of the migrations before it.

use std::collections::BTreeSet;

use runbook::settings::{Hazards, SettingsError};
use squawk_syntax::ast;

use super::found::Found;
use super::own::Look;
use super::past::Past;
use super::script::Script;
use super::{allow, squawk, tree};

/// Finds what the text of a migration tells. `before` holds the texts of the migrations that are applied, oldest first.
///
/// # Errors
/// With its place, when an allow comment names no rule or gives no reason.
pub fn lint(
    script: &Script,
    before: &[String],
    settings: &Hazards,
) -> Result<Vec<Found>, Box<SettingsError>> {
    lint_after(script, before, &[], settings)
}

/// The same, where `pending` holds the texts of migrations that go before it in the same deployment: what they create is
/// as new as what it creates itself.
///
/// # Errors
/// As [`lint`].
pub fn lint_after(
    script: &Script,
    before: &[String],
    pending: &[String],
    settings: &Hazards,
) -> Result<Vec<Found>, Box<SettingsError>> {
    let allowances = allow::of(script)?;
    let mut past = Past::default();
    for text in before {
        past.read(text);
    }
    past.present = true;
    for text in pending {
        past.read(text);
    }
    let small: BTreeSet<String> = settings.small_tables.iter().cloned().collect();
    let statements: Vec<ast::Stmt> = ast::SourceFile::parse(&script.text)
        .tree()
        .stmts()
        .filter(|stmt| {
            !matches!(stmt, ast::Stmt::EmptyStmt(_) | ast::Stmt::Begin(_)) && !tree::ends_transaction(stmt)
        })
        .collect();
    let said = squawk::lint(script);
    let mut found = Look::new(script, past, &small).all(&statements, &said);
    found.sort_by_key(|found| (found.statement, found.level, found.rule.id));
    allow::apply(&mut found, &allowances, &settings.allow);
    Ok(found)
}
