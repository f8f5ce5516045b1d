//! Queries, pointers and schemas of a case: judged when they are read.

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use runbook::statement::ReadStatement;
use serde_json::Value;
use toml::Spanned;

use super::file::{Place, Wrong};
use super::values::placeholders;
use super::{Query, Values};

/// RFC 6901: empty, or parts that each start with `/`, in which `~` stands before `0` or `1` only.
pub(crate) fn is_pointer(text: &str) -> bool {
    (text.is_empty() || text.starts_with('/'))
        && text.split('~').skip(1).all(|rest| rest.starts_with('0') || rest.starts_with('1'))
}

pub(super) fn query(
    place: &Place<'_>,
    sql: &Spanned<String>,
    with: &[Spanned<String>],
    known: &Values,
) -> Result<Query, Wrong> {
    for value in with {
        if let Some(name) = placeholders(value.get_ref()).find(|name| !known.knows(name)) {
            return Err(place.wrong(
                value.span(),
                format!("`{{{name}}}` is not captured by this step or an earlier one"),
            ));
        }
    }
    let sql = as_objects(sql.get_ref()).map_err(|problem| place.wrong(sql.span(), problem))?;
    Ok(Query { sql, with: with.iter().map(|value| value.get_ref().clone()).collect() })
}

/// A SELECT, changed to give each row as one JSON object. What is not a single SELECT is refused.
pub(crate) fn as_objects(sql: &str) -> Result<String, String> {
    ReadStatement::parse(sql).map_err(|refused| refused.to_string())?;
    let bare = sql.trim().trim_end_matches(';');
    let wrapped = format!("SELECT to_jsonb(q) AS row FROM (\n{bare}\n) AS q");
    ReadStatement::parse(&wrapped).map_err(|_| "only a SELECT can stand here".to_owned())?;
    Ok(wrapped)
}

pub(super) fn validator(place: &Place<'_>, schema: &Spanned<PathBuf>) -> Result<Validator, Wrong> {
    let path = place.path.parent().unwrap_or(Path::new("")).join(schema.get_ref());
    compiled(&path).map_err(|problem| place.wrong(schema.span(), format!("{}: {problem}", path.display())))
}

/// A JSON schema, ready to judge.
pub(crate) fn compiled(path: &Path) -> Result<Validator, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    let schema: Value = serde_json::from_slice(&bytes).map_err(|error| format!("not JSON: {error}"))?;
    jsonschema::validator_for(&schema).map_err(|error| format!("not a JSON schema: {error}"))
}
