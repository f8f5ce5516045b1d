//! Postgres's binary COPY format: <https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format".

use super::parse;
use super::value::{Value, plain};

/// Signature, no flags, no extension.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// A field count of -1.
pub(super) const FOOTER: &[u8] = &[0xff, 0xff];

/// How values of one column type are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoder {
    Text,
    Jsonb,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Bool,
    Time,
    Date,
    TimeOfDay,
    Interval,
    Uuid,
    Bytea,
    Inet,
    /// An array without elements, of elements of this type.
    Array(u32),
}

impl Encoder {
    /// The encoder of a type of the catalogue (`pg_type.typname`, or what `columns.sql` calls it).
    pub(super) fn of(kind: &str, element: u32) -> Option<Self> {
        Some(match kind {
            "text" | "varchar" | "bpchar" | "json" | "name" | "citext" | "xml" | "enum" => Self::Text,
            "jsonb" => Self::Jsonb,
            "int2" => Self::Int2,
            "int4" => Self::Int4,
            "int8" => Self::Int8,
            "float4" => Self::Float4,
            "float8" => Self::Float8,
            "numeric" => Self::Numeric,
            "bool" => Self::Bool,
            "timestamptz" | "timestamp" => Self::Time,
            "date" => Self::Date,
            "time" => Self::TimeOfDay,
            "interval" => Self::Interval,
            "uuid" => Self::Uuid,
            "bytea" => Self::Bytea,
            "inet" | "cidr" => Self::Inet,
            "array" => Self::Array(element),
            _ => return None,
        })
    }

    /// Whether a value is sent as its text.
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Text | Self::Jsonb)
    }

    /// Appends what stands before a text.
    pub(super) fn mark(&self, out: &mut Vec<u8>) {
        if *self == Self::Jsonb {
            out.push(1);
        }
    }

    /// Writes the length of a field whose four bytes for it stand at `start`.
    pub(super) fn close(&self, start: usize, out: &mut [u8]) -> Result<(), String> {
        let length =
            i32::try_from(out.len() - start - 4).map_err(|_| "a value is longer than 2 GiB".to_owned())?;
        out[start..start + 4].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    /// Appends a field: its length, and its bytes.
    pub(super) fn write(&self, value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
        if *value == Value::Null {
            out.extend_from_slice(&(-1_i32).to_be_bytes());
            return Ok(());
        }
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        self.body(value, out)?;
        self.close(start, out)
    }

    fn body(&self, value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
        let unfit = || format!("{value:?} is no value of a column of type {self:?}");
        match self {
            Self::Text => plain(value, out),
            Self::Jsonb => {
                out.push(1);
                plain(value, out);
            }
            Self::Int2 => out.extend_from_slice(&integer::<i16>(value).ok_or_else(unfit)?.to_be_bytes()),
            Self::Int4 => out.extend_from_slice(&integer::<i32>(value).ok_or_else(unfit)?.to_be_bytes()),
            Self::Int8 => out.extend_from_slice(&integer::<i64>(value).ok_or_else(unfit)?.to_be_bytes()),
            #[allow(clippy::cast_possible_truncation, reason = "the column has no more digits")]
            Self::Float4 => out.extend_from_slice(&(number(value).ok_or_else(unfit)? as f32).to_be_bytes()),
            Self::Float8 => out.extend_from_slice(&number(value).ok_or_else(unfit)?.to_be_bytes()),
            Self::Numeric => {
                let mut text = Vec::with_capacity(24);
                plain(value, &mut text);
                let text = std::str::from_utf8(&text).map_err(|_| unfit())?;
                numeric(text, out).ok_or_else(unfit)?;
            }
            Self::Bool => match value {
                Value::Flag(flag) => out.push(u8::from(*flag)),
                Value::Text(text) if matches!(text.as_str(), "true" | "false") => {
                    out.push(u8::from(text == "true"));
                }
                _ => return Err(unfit()),
            },
            Self::Time => {
                let moment = moment(value).ok_or_else(unfit)?;
                if !MOMENTS.contains(&moment) {
                    return Err(
                        "the moment is past those that Postgres knows; ask for fewer seconds or rows".into(),
                    );
                }
                out.extend_from_slice(&moment.to_be_bytes());
            }
            Self::Date => {
                let days = match value {
                    Value::Integer(days) => *days,
                    value => micros(value).ok_or_else(unfit)?.div_euclid(DAY),
                };
                out.extend_from_slice(&i32::try_from(days).map_err(|_| unfit())?.to_be_bytes());
            }
            Self::TimeOfDay => {
                let micros = match value {
                    Value::Text(text) => parse::seconds(text).map(whole_micros),
                    value => moment(value),
                };
                out.extend_from_slice(&micros.ok_or_else(unfit)?.rem_euclid(DAY).to_be_bytes());
            }
            // Microseconds, days, months.
            Self::Interval => {
                let micros = match value {
                    Value::Text(text) if text.contains(':') => parse::seconds(text).map(whole_micros),
                    value => integer::<i64>(value).map(|seconds| seconds.saturating_mul(1_000_000)),
                };
                out.extend_from_slice(&micros.ok_or_else(unfit)?.to_be_bytes());
                out.extend_from_slice(&[0; 8]);
            }
            Self::Uuid => match value {
                Value::Bytes(bytes) if bytes.len() == 16 => out.extend_from_slice(bytes),
                Value::Text(text) => out.extend_from_slice(&parse::uuid(text).ok_or_else(unfit)?),
                _ => return Err(unfit()),
            },
            Self::Bytea => match value {
                Value::Bytes(bytes) => out.extend_from_slice(bytes),
                _ => plain(value, out),
            },
            // The family (IPv4), the bits of the mask, no cidr flag, the length: as `inet_recv` reads it.
            Self::Inet => {
                let address = match value {
                    Value::Text(text) if text.contains('.') => parse::address(text),
                    value => integer::<u32>(value),
                };
                let address = address.ok_or_else(unfit)?;
                out.extend_from_slice(&[2, 32, 0, 4]);
                out.extend_from_slice(&address.to_be_bytes());
            }
            Self::Array(element) => {
                out.extend_from_slice(&[0; 8]);
                out.extend_from_slice(&element.to_be_bytes());
            }
        }
        Ok(())
    }
}

/// Microseconds.
const DAY: i64 = 86_400_000_000;
/// The moments that Postgres knows, 4713 BC to 294276 AD.
const MOMENTS: std::ops::Range<i64> = -211_813_488_000_000_000..9_223_371_331_200_000_000;

#[allow(clippy::cast_possible_truncation, reason = "seconds of a day")]
fn whole_micros(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}

fn micros(value: &Value) -> Option<i64> {
    match value {
        Value::Time(micros) => Some(*micros),
        Value::Text(text) => parse::moment(text),
        _ => None,
    }
}

/// A moment, or so many seconds from 2000-01-01.
fn moment(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(seconds) => seconds.checked_mul(1_000_000),
        value => micros(value),
    }
}

fn integer<T: TryFrom<i64>>(value: &Value) -> Option<T> {
    let wide = match value {
        Value::Integer(value) => *value,
        #[allow(clippy::cast_possible_truncation, reason = "whole numbers only")]
        Value::Number(value, _) if value.fract() == 0.0 && value.abs() < 9e15 => *value as i64,
        Value::Text(text) => text.parse().ok()?,
        _ => return None,
    };
    T::try_from(wide).ok()
}

fn number(value: &Value) -> Option<f64> {
    match value {
        #[allow(clippy::cast_precision_loss, reason = "the column has no more digits")]
        Value::Integer(value) => Some(*value as f64),
        Value::Number(value, _) => Some(*value),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

/// Groups of four decimal digits around the point: `numeric_recv` in Postgres's `numeric.c`.
fn numeric(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let padded = format!(
        "{}{whole}{fraction}{}",
        "0".repeat((4 - whole.len() % 4) % 4),
        "0".repeat((4 - fraction.len() % 4) % 4)
    );
    let groups: Vec<i16> = padded
        .as_bytes()
        .chunks(4)
        .map(|group| group.iter().fold(0, |sum, d| sum * 10 + i16::from(d - b'0')))
        .collect();
    let weight = i16::try_from(whole.len().div_ceil(4)).ok()? - 1;
    out.extend_from_slice(&i16::try_from(groups.len()).ok()?.to_be_bytes());
    out.extend_from_slice(&weight.to_be_bytes());
    out.extend_from_slice(&(if negative { 0x4000_u16 } else { 0 }).to_be_bytes());
    out.extend_from_slice(&u16::try_from(fraction.len()).ok()?.to_be_bytes());
    for group in groups {
        out.extend_from_slice(&group.to_be_bytes());
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(encoder: Encoder, value: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        encoder.write(value, &mut out).unwrap();
        out
    }

    #[test]
    fn a_null_is_a_length_of_minus_one_and_a_text_its_bytes() {
        assert_eq!(field(Encoder::Int4, &Value::Null), [0xff; 4]);
        assert_eq!(field(Encoder::Text, &Value::Text("é".into())), [0, 0, 0, 2, 0xc3, 0xa9]);
        assert_eq!(field(Encoder::Jsonb, &Value::Text("{}".into())), [0, 0, 0, 3, 1, b'{', b'}']);
    }

    #[test]
    fn a_numeric_is_groups_of_four_digits() {
        let bytes = field(Encoder::Numeric, &Value::Number(-12345.67, 2));
        assert_eq!(bytes[4..], [0, 3, 0, 1, 0x40, 0, 0, 2, 0, 1, 0x09, 0x29, 0x1a, 0x2c]);
    }

    #[test]
    fn a_value_that_does_not_fit_is_refused() {
        assert!(Encoder::Int2.write(&Value::Integer(70_000), &mut Vec::new()).is_err());
        assert!(Encoder::Time.write(&Value::Text("now".into()), &mut Vec::new()).is_err());
    }
}
