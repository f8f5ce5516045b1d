//! What the numbers of a data set may be: a value outside of it would be wrong rows, or none, without a word.

use std::fmt::Display;
use std::ops::RangeInclusive;

use toml::Spanned;

use super::clock::Week;
use super::plan::{ColumnPlan, Generator, Plan, TablePlan};
use crate::HarnessError;

/// Rows for each row of a parent.
const MOST_ROWS: u64 = 1_000_000_000_000;
/// Some 3,000 years.
const SECONDS: RangeInclusive<f64> = -1e11..=1e11;
/// Far past it, the first of all takes every draw.
const ZIPF: RangeInclusive<f64> = 0.0..=10.0;
const SHARE: RangeInclusive<f64> = 0.0..=1.0;
/// A weight, and a number of a column: sums and products of them are still numbers.
const WEIGHT: RangeInclusive<f64> = 0.0..=1e15;
const NUMBER: RangeInclusive<f64> = -1e100..=1e100;
/// What a double keeps.
const MOST_DECIMALS: u32 = 15;
const MOST_WORDS: u32 = 1_000_000;
/// What a field of Postgres holds.
const MOST_BYTES: usize = (1 << 30) - 1;

impl Plan {
    /// Whether every number is within what it means.
    pub(super) fn check_ranges(&self) -> Result<(), HarnessError> {
        for table in &self.tables {
            if let Some(each) = &table.each {
                self.refuse(&each.of, || {
                    within("rows", each.rows, &(0..=MOST_ROWS))?;
                    each.zipf.map_or(Ok(()), |zipf| within("zipf", zipf, &ZIPF))
                })?;
            }
            for (place, column) in table.columns.iter().enumerate() {
                self.refuse(&column.name, || {
                    named_once(table, place)?;
                    within("null_share", column.null_share, &SHARE)?;
                    of(column)
                })?;
            }
        }
        Ok(())
    }

    fn refuse(
        &self,
        key: &Spanned<String>,
        check: impl FnOnce() -> Result<(), String>,
    ) -> Result<(), HarnessError> {
        check().map_err(|problem| self.wrong(key, problem))
    }
}

fn named_once(table: &TablePlan, place: usize) -> Result<(), String> {
    let name = table.columns[place].name.get_ref();
    if table.columns[..place].iter().any(|earlier| earlier.name.get_ref() == name) {
        return Err(format!("{} has this column already: name it once", table.name.get_ref()));
    }
    Ok(())
}

fn of(column: &ColumnPlan) -> Result<(), String> {
    match &column.make {
        Generator::Choice { values, weights: Some(weights) } => {
            if values.len() != weights.len() {
                return Err(format!("{} values and {} weights", values.len(), weights.len()));
            }
            weights.iter().try_for_each(|weight| within("weights", *weight, &WEIGHT))?;
            if !weights.is_empty() && weights.iter().all(|weight| *weight == 0.0) {
                return Err("`weights`: all are zero, so no value is ever taken".into());
            }
            Ok(())
        }
        Generator::Pool { of, share, zipf, .. } => {
            within("of", *of, &(1..=u64::MAX))?;
            if let Some(share) = share {
                above_zero("share", *share)?;
                within("share", *share, &(0.0..=1e6))?;
            }
            zipf.map_or(Ok(()), |zipf| within("zipf", zipf, &ZIPF))
        }
        Generator::Pick { zipf: Some(zipf), .. } => within("zipf", *zipf, &ZIPF),
        Generator::InTurn { values, .. } if values.is_empty() => Err("`in_turn` has no values".into()),
        Generator::InTurn { stride, .. } | Generator::Turn { stride, .. } => {
            within("stride", *stride, &(1..=u64::MAX))
        }
        Generator::Number { min, max, decimals } => {
            within("min", *min, &NUMBER)?;
            within("max", *max, &NUMBER)?;
            within("decimals", *decimals, &(0..=MOST_DECIMALS))?;
            in_order("min", *min, "max", *max)
        }
        Generator::Time { min_seconds, max_seconds, step_seconds, week, .. } => {
            within("min_seconds", *min_seconds, &SECONDS)?;
            within("max_seconds", *max_seconds, &SECONDS)?;
            within("step_seconds", *step_seconds, &SECONDS)?;
            in_order("min_seconds", *min_seconds, "max_seconds", *max_seconds)?;
            week.as_ref().map_or(Ok(()), of_week)
        }
        Generator::Flag(share) => within("flag", *share, &SHARE),
        Generator::Words { median, longest, .. } => {
            within("longest", *longest, &(1..=MOST_WORDS))?;
            above_zero("median", *median)?;
            in_order("median", *median, "longest", f64::from(*longest))
        }
        Generator::Bytes(length) => within("bytes", *length, &(0..=MOST_BYTES)),
        _ => Ok(()),
    }
}

fn of_week(week: &Week) -> Result<(), String> {
    week.hours.iter().try_for_each(|weight| within("hours", *weight, &WEIGHT))?;
    within("weekend", week.weekend, &(0.0..=100.0))
}

fn within<T: PartialOrd + Display + std::fmt::Debug>(
    key: &str,
    value: T,
    range: &RangeInclusive<T>,
) -> Result<(), String> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(format!("`{key}` is {value:?}, and may be {:?} to {:?}", range.start(), range.end()))
}

fn above_zero(key: &str, value: f64) -> Result<(), String> {
    if value > 0.0 { Ok(()) } else { Err(format!("`{key}` is {value:?}, and must be more than 0")) }
}

fn in_order(low: &str, least: f64, high: &str, most: f64) -> Result<(), String> {
    if least <= most {
        return Ok(());
    }
    Err(format!("`{low}` is {least:?}, more than `{high}`, which is {most:?}: exchange them, or name others"))
}
