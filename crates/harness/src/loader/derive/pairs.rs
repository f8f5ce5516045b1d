//! Columns of which one is to be more than another one of its row.

use super::checks::Asked;
use super::domain::{DAY, Grid, grid};
use super::expression::{Expr, parse};
use super::facts::{Column, Table};
use super::makes::window;
use super::toml;
use crate::HarnessError;

/// Where a check says that one column is less than another, or as much: the names of the two.
fn pairs(definition: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if let Some(expr) = parse(definition) {
        collect(&expr, &mut found);
    }
    found
}

fn collect(expr: &Expr, found: &mut Vec<(String, String)>) {
    match expr {
        Expr::And(parts) => parts.iter().for_each(|part| collect(part, found)),
        Expr::Or(parts) => {
            let parts: Vec<&Expr> = parts.iter().filter(|part| **part != Expr::Null).collect();
            if let [part] = parts.as_slice() {
                collect(part, found);
            }
        }
        Expr::Compare(sign, left, right) => {
            if let (Expr::Column(left), Expr::Column(right)) = (&**left, &**right) {
                match sign.as_str() {
                    "<" | "<=" => found.push((left.clone(), right.clone())),
                    ">" | ">=" => found.push((right.clone(), left.clone())),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// How a column comes about that is to be more than another, which `free` says is of no key.
pub(super) fn later(
    table: &Table,
    column: &Column,
    free: impl Fn(&str) -> bool,
) -> Result<Option<String>, HarnessError> {
    let asked = Asked::of(column);
    if asked.values.is_some() || asked.least.is_some() || asked.most.is_some() {
        return Ok(None);
    }
    let less = column.checks.iter().flat_map(|definition| pairs(definition));
    let other =
        less.filter(|(_, more)| *more == column.name).filter_map(|(less, _)| table.column(&less)).rfind(
            |other| free(&other.name) && other.kind == column.kind && (other.required || !column.required),
        );
    let Some(other) = other else { return Ok(None) };
    Ok(match column.kind.as_str() {
        "date" | "timestamp" | "timestamptz" => Some(format!(
            "{{ time = {{ after = {}, min_seconds = {DAY:?}, max_seconds = {:?} }} }}",
            toml(&other.name),
            10.0 * DAY
        )),
        "time" | "interval" => None,
        _ => {
            let below = Asked::of(other);
            let (Some(own), Some(others)) = (grid(table, column, &asked)?, grid(table, other, &below)?)
            else {
                return Ok(None);
            };
            above(&own, window(&others, &below, 0.0, 1000.0 * others.scale()).1 / others.scale())
        }
    })
}

/// Numbers of a grid above what another column has at most.
fn above(own: &Grid, most: f64) -> Option<String> {
    let low = (most.floor() + 1.0) * own.scale();
    let high = own.high.min(low + 1000.0 * own.scale());
    (low >= own.low && low <= high).then(|| {
        format!(
            "{{ number = {{ min = {:?}, max = {:?}, decimals = {} }} }}",
            low / own.scale(),
            high / own.scale(),
            own.decimals
        )
    })
}
