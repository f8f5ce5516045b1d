//! Values of settings as people write them (`30s`, `256MB`, `>= 100`), compared with those that the server shows.

use std::fmt;

/// What is wanted of a setting.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    written: String,
    at_least: bool,
    value: Value,
    unit: String,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    /// In the server's base unit: milliseconds or bytes, or just a number.
    Number(f64),
    /// Switched on or off.
    Switch(bool),
    /// Words, each of which must be in the list.
    Words(Vec<String>),
}

impl Wanted {
    /// Reads what the settings say; `unit` is the server's own (`ms`, `8kB`, or none).
    ///
    /// # Errors
    /// When a minimum is no number.
    pub(super) fn read(text: &str, unit: &str) -> Result<Self, String> {
        let (at_least, plain) = match text.trim().strip_prefix(">=") {
            Some(rest) => (true, rest.trim()),
            None => (false, text.trim()),
        };
        let value = match (number(plain, unit), switch(plain)) {
            (Some(number), _) => Value::Number(number),
            (None, _) if at_least => {
                return Err(format!("`{text}` is no number, so nothing can be at least that"));
            }
            (None, Some(on)) => Value::Switch(on),
            (None, None) => Value::Words(words(plain)),
        };
        Ok(Self { written: plain.to_owned(), at_least, value, unit: unit.to_owned() })
    }

    /// Whether what the server shows is that.
    pub(super) fn holds(&self, has: &str) -> bool {
        match &self.value {
            Value::Number(wanted) => number(has, &self.unit)
                .is_some_and(|has| if self.at_least { has >= *wanted } else { (has - wanted).abs() < 1e-9 }),
            Value::Switch(wanted) => switch(has) == Some(*wanted),
            Value::Words(wanted) => {
                let has = words(has);
                wanted.iter().all(|word| has.contains(word))
            }
        }
    }

    /// The value for `ALTER SYSTEM`.
    pub(super) fn text(&self) -> &str {
        &self.written
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at_least {
            f.write_str("at least ")?;
        }
        write!(f, "`{}`", self.written)
    }
}

/// A value of the server with its unit.
pub(super) fn shown(value: &str, unit: &str) -> String {
    // What was set for a role or a database stands as it was written.
    if value.parse::<f64>().is_err() {
        return value.to_owned();
    }
    match unit {
        // `8kB` is a page: 16384 of them read better as bytes.
        "8kB" => value.parse::<u64>().map_or_else(|_| value.to_owned(), |pages| format!("{}kB", pages * 8)),
        unit => format!("{value}{unit}"),
    }
}

/// A number in the server's unit: `30s` is 30000 where that is `ms`.
fn number(text: &str, unit: &str) -> Option<f64> {
    let at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (digits, own) = text.split_at(at);
    let number: f64 = digits.trim().parse().ok()?;
    if own.is_empty() {
        return Some(number);
    }
    Some(number * scale(own)? / scale(unit)?)
}

/// Milliseconds or bytes of a unit.
fn scale(unit: &str) -> Option<f64> {
    const KIB: f64 = 1024.0;
    Some(match unit {
        "us" => 0.001,
        "ms" => 1.0,
        "s" => 1_000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        "B" => 1.0,
        "kB" => KIB,
        "8kB" => 8.0 * KIB,
        "MB" => KIB * KIB,
        "GB" => KIB * KIB * KIB,
        "TB" => KIB * KIB * KIB * KIB,
        _ => return None,
    })
}

fn switch(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "on" | "true" | "yes" => Some(true),
        "off" | "false" | "no" => Some(false),
        _ => None,
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(',')
        .map(|word| word.trim().trim_matches('"').to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::the_same_time("30s", "ms", "30000", true)]
    #[case::no_time_out("30s", "ms", "0", false)]
    #[case::pages(">= 256MB", "8kB", "32768", true)]
    #[case::too_few_pages(">= 256MB", "8kB", "16384", false)]
    #[case::a_number(">= 100", "", "100", true)]
    #[case::too_small(">= 100", "", "99", false)]
    #[case::a_word("replica", "", "replica", true)]
    #[case::another_word("replica", "", "minimal", false)]
    #[case::one_of_a_list("pg_stat_statements", "", "auto_explain, pg_stat_statements", true)]
    #[case::not_in_the_list("pg_stat_statements", "", "auto_explain", false)]
    #[case::an_empty_list("pg_stat_statements", "", "", false)]
    #[case::a_switch("on", "", "on", true)]
    #[case::off("true", "", "off", false)]
    fn a_value_is_compared_in_the_server_s_unit(
        #[case] wanted: &str,
        #[case] unit: &str,
        #[case] has: &str,
        #[case] holds: bool,
    ) {
        assert_eq!(Wanted::read(wanted, unit).unwrap().holds(has), holds);
    }

    #[test]
    fn a_minimum_that_is_no_number_is_refused() {
        assert!(Wanted::read(">= replica", "").unwrap_err().contains("no number"));
    }
}
