//! What a value must be: the same as a literal, or of a kind.

use serde_json::Value;

use super::Values;

/// What a value must be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expected {
    /// This, numbers by value and texts with placeholders filled in.
    Is(Value),
    /// There, and not null.
    Present,
    /// Not there.
    Absent,
    /// A number in this range, ends included.
    Between(f64, f64),
    /// One of these.
    OneOf(Vec<Value>),
    /// Anything but this text.
    Not(String),
    /// A text that holds this one.
    Contains(String),
    /// An array of so many, or a text of so many characters.
    Length(u64),
}

impl Expected {
    /// Reads a value of a case file: a table with one of the words below, or a literal.
    ///
    /// `{ present = true }`, `{ absent = true }`, `{ between = [0, 1] }`, `{ one_of = [..] }`, `{ not = ".." }`,
    /// `{ contains = ".." }`, `{ length = 3 }`, `{ is = { a literal table } }`.
    pub(crate) fn read(value: &toml::Value) -> Result<Self, String> {
        let toml::Value::Table(table) = value else { return json(value).map(Self::Is) };
        let mut entries = table.iter();
        let (Some((word, argument)), None) = (entries.next(), entries.next()) else {
            return Err(
                "a table holds exactly one word, such as `present`; a literal table stands in `is`".into()
            );
        };
        let wrong = || Err(format!("`{word}` does not take that value"));
        match (word.as_str(), argument) {
            ("is", literal) => json(literal).map(Self::Is),
            ("present", toml::Value::Boolean(true)) => Ok(Self::Present),
            ("absent", toml::Value::Boolean(true)) => Ok(Self::Absent),
            ("between", toml::Value::Array(ends)) => {
                match ends.iter().map(number).collect::<Vec<_>>().as_slice() {
                    [Some(least), Some(most)] => Ok(Self::Between(*least, *most)),
                    _ => wrong(),
                }
            }
            ("one_of", toml::Value::Array(values)) if !values.is_empty() => {
                values.iter().map(json).collect::<Result<_, _>>().map(Self::OneOf)
            }
            ("not", toml::Value::String(text)) => Ok(Self::Not(text.clone())),
            ("contains", toml::Value::String(text)) => Ok(Self::Contains(text.clone())),
            ("length", toml::Value::Integer(length)) => {
                u64::try_from(*length).map(Self::Length).or_else(|_| wrong())
            }
            ("present" | "absent" | "between" | "one_of" | "not" | "contains" | "length", _) => wrong(),
            _ => Err(format!(
                "`{word}` is not a word of an expectation: is, present, absent, between, one_of, not, contains, length"
            )),
        }
    }

    /// `expected …, found …` where `found` is not what it must be.
    pub(crate) fn differs(&self, found: Option<&Value>, values: &Values) -> Option<String> {
        let holds = match (self, found) {
            (Self::Absent, found) => found.is_none(),
            (_, None) => false,
            (Self::Present, Some(found)) => !found.is_null(),
            (Self::Is(expected), Some(found)) => same(expected, found, values),
            (Self::OneOf(expected), Some(found)) => expected.iter().any(|one| same(one, found, values)),
            (Self::Between(least, most), Some(found)) => {
                found.as_f64().is_some_and(|number| (*least..=*most).contains(&number))
            }
            (Self::Not(text), Some(found)) => !found.is_null() && found.as_str() != Some(&values.fill(text)),
            (Self::Contains(text), Some(found)) => {
                found.as_str().is_some_and(|t| t.contains(&values.fill(text)))
            }
            (Self::Length(length), Some(found)) => match found {
                Value::Array(items) => items.len() as u64 == *length,
                Value::String(text) => text.chars().count() as u64 == *length,
                _ => false,
            },
        };
        (!holds).then(|| {
            let found =
                found.map_or_else(|| "nothing".to_owned(), |f| crate::http::shortened(&f.to_string()));
            format!("expected {}, found {found}", self.describe(values))
        })
    }

    fn describe(&self, values: &Values) -> String {
        let shown = |value: &Value| match value {
            Value::String(text) => Value::from(values.fill(text)).to_string(),
            other => other.to_string(),
        };
        match self {
            Self::Is(value) => shown(value),
            Self::Present => "a value".into(),
            Self::Absent => "nothing".into(),
            Self::Between(least, most) => format!("a number from {least} to {most}"),
            Self::OneOf(list) => format!("one of {}", list.iter().map(shown).collect::<Vec<_>>().join(", ")),
            Self::Not(text) => format!("anything but {:?}", values.fill(text)),
            Self::Contains(text) => format!("a text that holds {:?}", values.fill(text)),
            Self::Length(length) => format!("{length} of them"),
        }
    }
}

/// Numbers by value (1 is 1.0), texts with placeholders filled in, the rest as it is.
fn same(expected: &Value, found: &Value, values: &Values) -> bool {
    match (expected, found) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::String(a), Value::String(b)) => values.fill(a) == *b,
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b, values))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b, values)))
        }
        (a, b) => a == b,
    }
}

fn json(value: &toml::Value) -> Result<Value, String> {
    serde_json::to_value(value).map_err(|error| format!("it has no JSON form: {error}"))
}

#[allow(clippy::cast_precision_loss, reason = "bounds of a range are small")]
fn number(value: &toml::Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|n| n as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Result<Expected, String> {
        let table: toml::Table = toml::from_str(&format!("x = {text}")).unwrap();
        Expected::read(&table["x"])
    }

    #[test]
    fn each_word_holds_and_fails() {
        for (text, yes, no) in [
            ("1.0", json!(1), json!(2)),
            ("\"{id}\"", json!("p1"), json!("p2")),
            ("{ present = true }", json!(0), json!(null)),
            ("{ between = [0, 1] }", json!(1.0), json!(1.2)),
            ("{ one_of = [200, 201] }", json!(201), json!(500)),
            ("{ not = \"{id}\" }", json!("p2"), json!("p1")),
            ("{ contains = \"b\" }", json!("abc"), json!("ac")),
            ("{ length = 2 }", json!([1, 2]), json!([1])),
            ("{ is = { a = 1 } }", json!({"a": 1}), json!({"a": 1, "b": 2})),
        ] {
            let mut values = Values::default();
            values.put("id", "p1".into());
            let expected = read(text).unwrap();
            assert_eq!(expected.differs(Some(&yes), &values), None, "{text}");
            assert!(expected.differs(Some(&no), &values).is_some(), "{text}");
            assert!(expected.differs(None, &values).is_some(), "{text}");
        }
        assert_eq!(read("{ absent = true }").unwrap().differs(None, &Values::default()), None);
    }

    #[test]
    fn an_unknown_word_is_refused() {
        assert!(read("{ biggest = 1 }").unwrap_err().contains("`biggest` is not a word"));
        assert!(read("{ between = [1] }").unwrap_err().contains("does not take that value"));
        assert!(read("{ a = 1, b = 2 }").unwrap_err().contains("exactly one word"));
    }
}
