//! Values: functions of table, column and row number.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::plan::{ColumnPlan, Generator, Plan, TablePlan};
use crate::HarnessError;

/// A value before it is written as its column's type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    /// With the digits after the point that are written.
    Number(f64, u32),
    Flag(bool),
    Text(String),
    /// Microseconds since 2000-01-01.
    Time(i64),
}

/// One row of a table.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) plan: &'a Plan,
    pub(super) table: &'a TablePlan,
    /// From 0.
    pub(super) number: u64,
    /// Rows of the leading table.
    pub(super) n: u64,
    /// How many columns asked for one another on the way here.
    pub(super) depth: u8,
}

/// Columns that are made from each other more often than this are made from themselves.
const DEEPEST: u8 = 32;

impl Row<'_> {
    /// The value of a column.
    pub(super) fn value(&self, column: &ColumnPlan) -> Result<Value, HarnessError> {
        let name = column.name.get_ref();
        if column.null_share > 0.0 && unit(self.random(name, 1)) < column.null_share {
            return Ok(Value::Null);
        }
        let random = self.random(name, 0);
        Ok(match &column.make {
            Generator::Text(text) => Value::Text(self.expand(column, text)?),
            Generator::Sequence(start) => {
                Value::Integer(start + i64::try_from(self.number).unwrap_or(i64::MAX))
            }
            Generator::Constant(value) => constant(value),
            Generator::Choice { values, weights } => {
                choose(values, weights.as_deref(), unit(random)).map_or(Value::Null, constant)
            }
            Generator::Pool { text, of, skew } => {
                let row = Self { number: below(random, *of, *skew), ..*self };
                Value::Text(row.expand(column, text)?)
            }
            Generator::ByOrdinal(texts) => match texts.len() as u64 {
                0 => Value::Null,
                count => {
                    let turn = usize::try_from(self.ordinal() % count).unwrap_or(0);
                    Value::Text(self.expand(column, &texts[turn])?)
                }
            },
            Generator::Parent(other) => self.parent(column)?.named(column, other)?,
            Generator::Pick { table, column: other, skew } => {
                let Some(table) = self.plan.table(table) else {
                    return Err(self.plan.wrong(&column.name, format!("`pick` names no table: {table}")));
                };
                let number = below(random, self.plan.rows(table, self.n), *skew);
                Row { table, number, ..*self }.named(column, other)?
            }
            Generator::Number { min, max, decimals } => {
                let scale = 10_f64.powi(i32::try_from(*decimals).unwrap_or(0));
                Value::Number(((min + unit(random) * (max - min)) * scale).round() / scale, *decimals)
            }
            Generator::Time { after, min_seconds, max_seconds, step_seconds } => {
                let start = match after {
                    None => self.plan.epoch_micros,
                    Some(other) => match self.referred(column, other)? {
                        Value::Time(micros) => micros,
                        _ => {
                            return Err(self
                                .plan
                                .wrong(&column.name, format!("`after`: {other} is no time")));
                        }
                    },
                };
                #[allow(clippy::cast_precision_loss, reason = "a row's number among a few")]
                let seconds = min_seconds
                    + unit(random) * (max_seconds - min_seconds)
                    + step_seconds * self.ordinal() as f64;
                #[allow(clippy::cast_possible_truncation, reason = "seconds of some years")]
                let later = (seconds * 1e6) as i64;
                // Whole milliseconds: what JSON clients keep.
                Value::Time((start + later) / 1000 * 1000)
            }
            Generator::Flag(share) => Value::Flag(unit(random) < *share),
            Generator::Sha256(text) => {
                let mut hash = Sha256::new();
                hash.update(self.expand(column, text)?);
                Value::Text(crate::fixtures::hex(hash, 64))
            }
        })
    }

    /// This row's number among its parent's rows, from 0.
    fn ordinal(&self) -> u64 {
        self.table.each.as_ref().map_or(0, |each| self.number % each.rows.max(1))
    }

    fn parent(&self, asking: &ColumnPlan) -> Result<Self, HarnessError> {
        let parent =
            self.table.each.as_ref().and_then(|each| Some((self.plan.table(each.of.get_ref())?, each.rows)));
        match parent {
            Some((table, rows)) => Ok(Row { table, number: self.number / rows.max(1), ..*self }),
            None => Err(self.plan.wrong(&asking.name, "the table has no parent: it lacks `each`".into())),
        }
    }

    fn named(&self, asking: &ColumnPlan, name: &str) -> Result<Value, HarnessError> {
        match self.table.columns.iter().find(|column| column.name.get_ref() == name) {
            Some(_) if self.depth == DEEPEST => {
                Err(self.plan.wrong(&asking.name, "it is made from itself".into()))
            }
            Some(column) => Self { depth: self.depth + 1, ..*self }.value(column),
            None => {
                let table = self.table.name.get_ref();
                Err(self.plan.wrong(&asking.name, format!("the data set has no column {table}.{name}")))
            }
        }
    }

    fn referred(&self, asking: &ColumnPlan, name: &str) -> Result<Value, HarnessError> {
        match name.strip_prefix("parent.") {
            Some(name) => self.parent(asking)?.named(asking, name),
            None => self.named(asking, name),
        }
    }

    fn expand(&self, asking: &ColumnPlan, text: &str) -> Result<String, HarnessError> {
        let mut out = String::with_capacity(text.len() + 16);
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            out.push_str(&rest[..start]);
            let Some(length) = rest[start..].find('}') else {
                return Err(self.plan.wrong(&asking.name, "`${` without `}`".into()));
            };
            let inner = &rest[start + 2..start + length];
            rest = &rest[start + length + 1..];
            let (name, width) = inner.split_once(':').unwrap_or((inner, "0"));
            let width: usize = width.parse().unwrap_or(0);
            let _ = match name {
                "row" => write!(out, "{:0width$}", self.number + 1),
                "ordinal" => write!(out, "{:0width$}", self.ordinal() + 1),
                name => match self.referred(asking, name)? {
                    Value::Null => write!(out, "null"),
                    Value::Integer(value) => write!(out, "{value}"),
                    Value::Number(value, decimals) => write!(out, "{value:.*}", decimals as usize),
                    Value::Flag(value) => write!(out, "{value}"),
                    Value::Text(value) => write!(out, "{value}"),
                    Value::Time(micros) => write!(out, "{micros}"),
                },
            };
        }
        out.push_str(rest);
        Ok(out)
    }

    /// The same number for the same seed, table, column, row and purpose.
    fn random(&self, column: &str, purpose: u64) -> u64 {
        let mut state = 0xcbf2_9ce4_8422_2325_u64 ^ self.plan.seed;
        for byte in self.table.name.get_ref().bytes().chain([0]).chain(column.bytes()) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        mix(mix(state ^ purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(self.number))
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): every bit of the result depends on every bit of the input.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in [0, 1).
#[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
fn unit(random: u64) -> f64 {
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

/// A number below `of`; greater `skew` makes small numbers more frequent.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "row numbers"
)]
fn below(random: u64, of: u64, skew: Option<f64>) -> u64 {
    ((unit(random).powf(skew.unwrap_or(1.0)) * of as f64) as u64).min(of.saturating_sub(1))
}

fn choose<'v>(values: &'v [toml::Value], weights: Option<&[f64]>, point: f64) -> Option<&'v toml::Value> {
    let Some(weights) = weights else {
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "few"
        )]
        return values.get((point * values.len() as f64) as usize);
    };
    let mut left = point * weights.iter().sum::<f64>();
    for (value, weight) in values.iter().zip(weights) {
        if left < *weight {
            return Some(value);
        }
        left -= weight;
    }
    values.last()
}

fn constant(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::Text(text.clone()),
        toml::Value::Integer(number) => Value::Integer(*number),
        toml::Value::Float(number) => Value::Number(*number, 15),
        toml::Value::Boolean(flag) => Value::Flag(*flag),
        other => Value::Text(other.to_string()),
    }
}
