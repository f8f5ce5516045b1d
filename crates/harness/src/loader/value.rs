//! Values: functions of table, column and row number. Texts are written straight into the buffer that is sent.

use std::io::Write as _;

use sha2::{Digest as _, Sha256};

use super::compile::{Compiled, Make, Of, Piece};
use super::encode::Encoder;
use super::random::{mix, scatter, unit};
use super::words;
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
    Bytes(Vec<u8>),
}

/// One row of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) table: usize,
    /// From 0.
    pub(super) number: u64,
}

impl Compiled {
    /// Appends a field: its length and its bytes.
    ///
    /// # Errors
    /// When the value does not fit the column's type: file, line and column.
    pub(super) fn field(
        &self,
        row: Row,
        column: usize,
        encoder: &Encoder,
        out: &mut Vec<u8>,
    ) -> Result<(), HarnessError> {
        let written = if encoder.is_text() {
            let start = out.len();
            out.extend_from_slice(&[0; 4]);
            encoder.mark(out);
            if self.print(row, column, out) {
                encoder.close(start, out)
            } else {
                out.truncate(start);
                out.extend_from_slice(&(-1_i32).to_be_bytes());
                Ok(())
            }
        } else {
            encoder.write(&self.value(row, column), out)
        };
        written.map_err(|problem| {
            let column = &self.plan.tables[row.table].columns[column];
            self.plan.wrong(&column.name, format!("row {}: {problem}", row.number + 1))
        })
    }

    /// The value of a column.
    pub(super) fn value(&self, row: Row, column: usize) -> Value {
        let made = &self.tables[row.table].columns[column];
        if made.null_share > 0.0 && unit(mix(made.null_seed.wrapping_add(row.number))) < made.null_share {
            return Value::Null;
        }
        let random = mix(made.seed.wrapping_add(row.number));
        match &made.make {
            Make::Sequence(start) => Value::Integer(start.saturating_add_unsigned(row.number)),
            Make::Constant(value) => value.clone(),
            Make::Choice { values, sums } => values[choose(sums, random)].clone(),
            Make::InTurn { values, stride } => values[turn(row.number / stride, values.len())].clone(),
            Make::Parent(other) => self.value(self.parent(row), *other),
            Make::Pick { table, column, draw } => {
                let number = scatter(draw.rank(random), draw.len());
                self.value(Row { table: *table, number }, *column)
            }
            Make::Turn { table, column, stride, of } => {
                self.value(Row { table: *table, number: row.number / stride % of }, *column)
            }
            Make::Number { min, max, decimals } => {
                let scale = 10_f64.powi(i32::try_from(*decimals).unwrap_or(0));
                Value::Number(((min + unit(random) * (max - min)) * scale).round() / scale, *decimals)
            }
            Make::Time { .. } => self.time(row, column, random),
            Make::Flag(share) => Value::Flag(unit(random) < *share),
            Make::Uuid => Value::Bytes(uuid(random).to_vec()),
            Make::Bytes(length) => Value::Bytes(bytes(random, *length)),
            Make::Text(_) | Make::Pool { .. } | Make::ByOrdinal(_) | Make::Sha256(_) | Make::Words { .. } => {
                let mut text = Vec::with_capacity(64);
                self.print(row, column, &mut text);
                Value::Text(String::from_utf8(text).unwrap_or_default())
            }
        }
    }

    /// Appends a column's text; `false`, and nothing, for a null.
    fn print(&self, row: Row, column: usize, out: &mut Vec<u8>) -> bool {
        let made = &self.tables[row.table].columns[column];
        if made.null_share > 0.0 && unit(mix(made.null_seed.wrapping_add(row.number))) < made.null_share {
            return false;
        }
        let random = mix(made.seed.wrapping_add(row.number));
        match &made.make {
            Make::Text(text) => self.expand(row, text, out),
            Make::Pool { text, draw } => {
                self.expand(Row { number: draw.rank(random), ..row }, text, out);
            }
            Make::ByOrdinal(texts) => {
                let turn = self.ordinal(row) % texts.len() as u64;
                self.expand(row, &texts[usize::try_from(turn).unwrap_or(0)], out);
            }
            Make::Constant(Value::Text(text)) => out.extend_from_slice(text.as_bytes()),
            Make::Choice { values, sums } => plain(&values[choose(sums, random)], out),
            Make::InTurn { values, stride } => plain(&values[turn(row.number / stride, values.len())], out),
            Make::Parent(other) => return self.print(self.parent(row), *other, out),
            Make::Pick { table, column, draw } => {
                let number = scatter(draw.rank(random), draw.len());
                return self.print(Row { table: *table, number }, *column, out);
            }
            Make::Turn { table, column, stride, of } => {
                return self.print(Row { table: *table, number: row.number / stride % of }, *column, out);
            }
            Make::Sha256(text) => {
                let mut hashed = Vec::with_capacity(256);
                self.expand(row, text, &mut hashed);
                hex(&Sha256::digest(&hashed), out);
            }
            Make::Words { median, longest, bytes } => {
                let start = out.len();
                words::write(random, *median, *longest, out);
                cut(out, start.saturating_add(*bytes));
            }
            Make::Uuid => write_uuid(uuid(random), out),
            Make::Sequence(_)
            | Make::Constant(_)
            | Make::Number { .. }
            | Make::Time { .. }
            | Make::Flag(_)
            | Make::Bytes(_) => match self.value(row, column) {
                Value::Null => return false,
                other => plain(&other, out),
            },
        }
        true
    }

    fn expand(&self, row: Row, pieces: &[Piece], out: &mut Vec<u8>) {
        for piece in pieces {
            match piece {
                Piece::Literal(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Row(width) => digits(row.number + 1, *width, out),
                Piece::Ordinal(width) => digits(self.ordinal(row) + 1, *width, out),
                Piece::Column(of) => {
                    let (row, column) = self.referred(row, *of);
                    if !self.print(row, column, out) {
                        out.extend_from_slice(b"null");
                    }
                }
            }
        }
    }

    fn time(&self, row: Row, column: usize, random: u64) -> Value {
        let table = &self.tables[row.table];
        let Make::Time { after, min, max, step, rising, week } = &table.columns[column].make else {
            return Value::Null;
        };
        let start = match after {
            None => self.plan.epoch_micros,
            Some(of) => {
                let (row, column) = self.referred(row, *of);
                match self.value(row, column) {
                    Value::Time(micros) => micros,
                    _ => return Value::Null,
                }
            }
        };
        #[allow(clippy::cast_precision_loss, reason = "row numbers")]
        let share = if *rising {
            (row.number as f64 + unit(random)) / table.rows.max(1) as f64
        } else {
            unit(random)
        };
        #[allow(clippy::cast_precision_loss, reason = "a row's number among a few")]
        let seconds = match week {
            Some(week) => week.place(self.epoch, *min, *max, share),
            None => min + share * (max - min) + step * self.ordinal(row) as f64,
        };
        #[allow(clippy::cast_possible_truncation, reason = "what is too much is refused where it is written")]
        let later = (seconds * 1e6) as i64;
        // Whole milliseconds: what JSON clients keep.
        Value::Time(start.saturating_add(later) / 1000 * 1000)
    }

    /// A row's number among its parent's rows, from 0; where the parents are drawn, its number among all.
    fn ordinal(&self, row: Row) -> u64 {
        match &self.tables[row.table].parent {
            Some(parent) if parent.drawn.is_none() => row.number % parent.rows,
            Some(_) => row.number,
            None => 0,
        }
    }

    fn parent(&self, row: Row) -> Row {
        match &self.tables[row.table].parent {
            Some(parent) => {
                let number = match &parent.drawn {
                    None => row.number / parent.rows,
                    Some((draw, seed)) => scatter(draw.rank(mix(seed.wrapping_add(row.number))), draw.len()),
                };
                Row { table: parent.table, number }
            }
            // What has no parent names none: that was seen when the names were resolved.
            None => row,
        }
    }

    fn referred(&self, row: Row, of: Of) -> (Row, usize) {
        match of {
            Of::Own(column) => (row, column),
            Of::Parent(column) => (self.parent(row), column),
        }
    }
}

fn turn(number: u64, of: usize) -> usize {
    usize::try_from(number % of.max(1) as u64).unwrap_or(0)
}

fn choose(sums: &[f64], random: u64) -> usize {
    let point = unit(random) * sums.last().copied().unwrap_or(0.0);
    sums.partition_point(|sum| *sum <= point).min(sums.len() - 1)
}

/// Appends a value as text.
pub(super) fn plain(value: &Value, out: &mut Vec<u8>) {
    // Writing into memory does not fail.
    let _ = match value {
        Value::Null => Ok(()),
        Value::Integer(value) => write!(out, "{value}"),
        Value::Number(value, 15) => write!(out, "{value}"),
        Value::Number(value, decimals) => write!(out, "{value:.*}", *decimals as usize),
        Value::Flag(value) => write!(out, "{value}"),
        Value::Text(text) => out.write_all(text.as_bytes()),
        Value::Time(micros) => write!(out, "{micros}"),
        Value::Bytes(bytes) => {
            hex(bytes, out);
            Ok(())
        }
    };
}

fn digits(number: u64, width: usize, out: &mut Vec<u8>) {
    let mut buffer = [b'0'; 20];
    let mut left = number;
    let mut start = buffer.len();
    loop {
        start -= 1;
        buffer[start] = b'0' + u8::try_from(left % 10).unwrap_or(0);
        left /= 10;
        if left == 0 {
            break;
        }
    }
    let length = buffer.len() - start;
    out.extend(std::iter::repeat_n(b'0', width.saturating_sub(length)));
    out.extend_from_slice(&buffer[start..]);
}

fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// Cuts to `length` bytes, at the end of a character.
fn cut(out: &mut Vec<u8>, length: usize) {
    if out.len() > length {
        let mut end = length;
        while end > 0 && out[end] & 0xc0 == 0x80 {
            end -= 1;
        }
        out.truncate(end);
    }
}

fn uuid(random: u64) -> [u8; 16] {
    let wide = (u128::from(random) << 64) | u128::from(mix(random));
    let mut bytes = wide.to_be_bytes();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    bytes
}

fn write_uuid(bytes: [u8; 16], out: &mut Vec<u8>) {
    for (number, part) in [0..4, 4..6, 6..8, 8..10, 10..16].into_iter().enumerate() {
        if number > 0 {
            out.push(b'-');
        }
        hex(&bytes[part], out);
    }
}

fn bytes(mut random: u64, length: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(length + 8);
    while out.len() < length {
        random = mix(random);
        out.extend_from_slice(&random.to_be_bytes());
    }
    out.truncate(length);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_filled_up_with_zeros() {
        let mut out = Vec::new();
        digits(42, 5, &mut out);
        digits(0, 0, &mut out);
        digits(1_234_567, 3, &mut out);
        assert_eq!(out, b"0004201234567");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        let mut out = "größer".as_bytes().to_vec();
        cut(&mut out, 3);
        assert_eq!(out, "gr".as_bytes());
    }

    #[test]
    fn a_uuid_is_of_version_4() {
        let mut out = Vec::new();
        write_uuid(uuid(7), &mut out);
        assert_eq!((out.len(), out[14]), (36, b'4'));
    }
}
