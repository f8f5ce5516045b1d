//! What a column can hold: its type's values, less what its checks and partitions leave out.

use super::checks::{Asked, Bound};
use super::facts::{Column, Table};
use crate::HarnessError;

/// From 2000-01-01, where Postgres starts to count, to 2025-01-01, where our times start.
pub(super) const START: f64 = 789_004_800.0;
pub(super) const DAY: f64 = 86_400.0;

/// Numbers from `low` to `high`, counted in steps of 10^-`decimals`; both are whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Grid {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) decimals: u32,
}

impl Grid {
    pub(super) fn scale(&self) -> f64 {
        10_f64.powi(i32::try_from(self.decimals).unwrap_or(0))
    }

    /// The whole numbers among them.
    pub(super) fn whole(&self) -> (f64, f64) {
        ((self.low / self.scale()).ceil(), (self.high / self.scale()).floor())
    }
}

/// The numbers that a column can hold; of dates and moments, seconds from 2000-01-01.
pub(super) fn grid(table: &Table, column: &Column, asked: &Asked) -> Result<Option<Grid>, HarnessError> {
    let (low, high, mut decimals) = match column.kind.as_str() {
        "int2" => (f64::from(i16::MIN), f64::from(i16::MAX), 0),
        "int4" => (f64::from(i32::MIN), f64::from(i32::MAX), 0),
        "int8" => (-8e15, 8e15, 0),
        "float4" => (-16e6, 16e6, 3),
        "float8" => (-1e12, 1e12, 3),
        "numeric" => numeric(column.modifier),
        // What is before our times may be asked for, and no more than the year 9999.
        "date" | "timestamp" | "timestamptz" => (-6.3e10, 2.5e11, 0),
        "time" => (0.0, DAY - 1.0, 0),
        "interval" => (0.0, 1e9, 0),
        _ => return Ok(None),
    };
    if let (true, Some(least), Some(most)) = (column.kind.starts_with("float"), asked.least, asked.most)
        && most.at - least.at < 1.0
    {
        decimals = 6;
    }
    let scale = 10_f64.powi(i32::try_from(decimals).unwrap_or(0));
    let coarse = if column.kind == "date" { DAY } else { scale };
    let inner = |bound: Bound, up: f64| {
        let at = if column.kind == "date" { bound.at / DAY } else { bound.at * scale };
        let near = at.round();
        let exact = (at - near).abs() <= 1e-9 * at.abs().max(1.0);
        let place = match (exact, bound.inclusive) {
            // What a float4 keeps of a fraction may lie on its other side.
            (true, true) if column.kind == "float4" && bound.at.fract() != 0.0 => near + up,
            (true, true) => near,
            (true, false) => near + up,
            (false, _) if up > 0.0 => at.ceil(),
            (false, _) => at.floor(),
        };
        if column.kind == "date" { place * coarse } else { place }
    };
    let low = asked.least.map_or(low * scale, |bound| inner(bound, 1.0).max(low * scale));
    let high = asked.most.map_or(high * scale, |bound| inner(bound, -1.0).min(high * scale));
    if low > high {
        return Err(unfit(table, column, &format!("no value can be made that fits {}", said(column, asked))));
    }
    Ok(Some(Grid { low: low.ceil(), high: high.floor(), decimals }))
}

/// The least and the greatest of a `numeric`, and the digits after its point.
fn numeric(modifier: i32) -> (f64, f64, u32) {
    // The modifier of numeric(p, s) is p * 65536 + s + 4, and s has eleven bits with a sign.
    let Ok(modifier) = u32::try_from(modifier - 4) else { return (-1e12, 1e12, 2) };
    let (precision, scale) = (modifier >> 16, modifier & 0x7ff);
    let scale = if scale > 1023 { 0 } else { scale };
    let decimals = scale.min(9);
    let whole = |number: u32| i32::try_from(number).unwrap_or(0);
    // A double keeps fifteen digits.
    let digits = (whole(precision) - whole(scale)).min(15 - whole(decimals));
    let most = (10_f64.powi(digits) - 10_f64.powi(-whole(decimals))).max(0.0);
    (-most, most, decimals)
}

/// The characters of a text, at least and at most.
pub(super) fn length(column: &Column, asked: &Asked) -> (usize, Option<usize>) {
    let declared = (column.kind == "name").then_some(63);
    (asked.shortest.unwrap_or(0), declared.into_iter().chain(asked.longest).min())
}

/// The values of a column that can hold only a few.
pub(super) fn few(column: &Column, asked: &Asked) -> Option<Vec<String>> {
    match (&asked.values, column.kind.as_str()) {
        (Some(values), _) => Some(values.clone()),
        (None, "enum") => {
            Some(column.labels.iter().filter(|label| !asked.not.contains(label)).cloned().collect())
        }
        (None, "bool") => Some(vec!["false".into(), "true".into()]),
        _ => None,
    }
}

/// A column's type with what its checks say, for a sentence.
pub(super) fn said(column: &Column, asked: &Asked) -> String {
    let mut said = column.declared.clone();
    for (number, definition) in asked.said.iter().enumerate() {
        said.push_str(if number == 0 { " with " } else { " and " });
        said.push_str(definition);
    }
    said
}

pub(super) fn unfit(table: &Table, column: &Column, why: &str) -> HarnessError {
    HarnessError::Other(format!(
        "{}.{}: {why}; leave the table out with --table, or fill it by a data set of your own (--print, and [data] \
         generate)",
        table.quoted, column.quoted
    ))
}

/// Where there are fewer values than rows.
pub(super) fn too_few(table: &Table, column: &Column, what: &str, fits: f64, rows: u64) -> HarnessError {
    let fits = fits.max(0.0);
    let advice = if fits < 1.0 {
        "leave the table out with --table".to_owned()
    } else {
        format!("ask for at most {fits:.0} with --rows")
    };
    HarnessError::Other(format!(
        "{}.{}: {fits:.0} more different values fit {what}, fewer than the {rows} rows that are asked for; {advice}, or \
         fill it by a data set of your own ([data] generate)",
        table.quoted, column.quoted
    ))
}
