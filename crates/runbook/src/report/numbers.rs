//! Numbers as a person reads them.

/// A count with its thousands apart: `51,214`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// So many things, named in the plural: `2 foreign keys`, `1 foreign key`, `1 request and row`.
///
/// ```
/// use runbook::report::counted;
/// assert_eq!(counted(1, "queries"), "1 query");
/// assert_eq!(counted(12_000, "rows written by the service"), "12,000 rows written by the service");
/// ```
pub fn counted(number: impl TryInto<u64>, plural: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    if number != 1 {
        return format!("{} {plural}", count(number));
    }
    // What comes after tells more of them and stands as it is.
    let ends = [" of ", " on ", " by ", " in "].iter().filter_map(|word| plural.find(word));
    let (things, rest) = plural.split_at(ends.min().unwrap_or(plural.len()));
    let each: Vec<String> = things.split(" and ").map(singular).collect();
    format!("1 {}{rest}", each.join(" and "))
}

/// Of the nouns that checks count.
fn singular(plural: &str) -> String {
    if let Some(stem) = plural.strip_suffix("ies") {
        return format!("{stem}y");
    }
    let doubled = ["ss", "x", "ch", "sh"]
        .iter()
        .any(|end| plural.strip_suffix("es").is_some_and(|stem| stem.ends_with(end)));
    plural[..plural.len() - if doubled { 2 } else { usize::from(plural.ends_with('s')) }].to_owned()
}

/// A duration: `0.3 s`, `12.0 s`, `3 min 05 s`.
pub fn seconds(seconds: f64) -> String {
    if seconds < 99.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round();
    format!("{:.0} min {:02.0} s", (whole / 60.0).floor(), whole % 60.0)
}

/// A measured value with as many digits as tell something, and its unit: `3.12 ms`, `4.1 MB`, `51,214 rows`.
pub fn value(value: f64, unit: &str) -> String {
    if unit == "bytes" {
        return bytes(value);
    }
    // A word, as opposed to `ms` or `%`.
    if value.total_cmp(&1.0).is_eq() && unit.len() > 3 && unit.chars().all(|c| c.is_alphabetic() || c == ' ')
    {
        return counted(1_u64, unit);
    }
    let shown = if value.fract() == 0.0 && value.abs() < 1e15 {
        let sign = if value < 0.0 { "-" } else { "" };
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is whole and was bounded"
        )]
        let whole = value.abs() as u64;
        format!("{sign}{}", count(whole))
    } else if value.abs() >= 1e15 {
        format!("{value:e}")
    } else if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else if value.abs() >= 0.1 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    };
    if unit.is_empty() { shown } else { format!("{shown} {unit}") }
}

fn bytes(value: f64) -> String {
    let mut value = value;
    for unit in ["bytes", "kB", "MB", "GB"] {
        if value < 1000.0 {
            return if unit == "bytes" { format!("{value:.0} bytes") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_keep_what_tells() {
        assert_eq!(count(51_214), "51,214");
        assert_eq!(count(999), "999");
        for (plural, one) in [
            ("indexes", "1 index"),
            ("queries", "1 query"),
            ("databases", "1 database"),
            ("addresses", "1 address"),
            ("requests and rows", "1 request and row"),
            ("conditions of a rollback", "1 condition of a rollback"),
            ("CHECK constraints", "1 CHECK constraint"),
            ("sheep", "1 sheep"),
            ("", "1 "),
        ] {
            assert_eq!(counted(1, plural), one);
        }
        assert_eq!(counted(0, "rows"), "0 rows");
        assert_eq!(value(3.118, "ms"), "3.12 ms");
        assert_eq!(value(91.42, "%"), "91.4 %");
        assert_eq!(value(0.0312, "ms"), "0.031 ms");
        assert_eq!(value(10_000.0, "rows"), "10,000 rows");
        assert_eq!(value(1.0, "migrations"), "1 migration");
        assert_eq!(value(1.0, "ms"), "1 ms");
        assert_eq!(value(4_100_000.0, "bytes"), "4.1 MB");
        assert_eq!(value(f64::MAX, "ms"), "1.7976931348623157e308 ms");
        assert_eq!(seconds(9.84), "9.8 s");
        assert_eq!(seconds(185.0), "3 min 05 s");
    }
}
