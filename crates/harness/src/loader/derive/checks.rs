//! What the CHECK constraints of a column and the partitions of its table ask of its values, as far as they can be read:
//! a list of values, or bounds.

use super::super::parse as texts;
use super::expression::{Expr, parse};
use super::facts::Column;

/// What is asked of a column.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Asked {
    /// One of these.
    pub(super) values: Option<Vec<String>>,
    pub(super) least: Option<Bound>,
    pub(super) most: Option<Bound>,
    /// Characters at least, and at most.
    pub(super) shortest: Option<usize>,
    pub(super) longest: Option<usize>,
    /// None of these.
    pub(super) not: Vec<String>,
    /// Definitions that say this.
    pub(super) said: Vec<String>,
    /// Definitions that say something else.
    pub(super) unread: Vec<String>,
}

/// Of numbers themselves, of moments in seconds from 2000-01-01.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bound {
    pub(super) at: f64,
    pub(super) inclusive: bool,
}

impl Asked {
    pub(super) fn of(column: &Column) -> Self {
        let mut asked = read(&column.checks, &column.name, &column.kind);
        let parts =
            column.partitions.iter().map(|part| read(std::slice::from_ref(part), &column.name, &column.kind));
        let parts: Vec<Self> = parts.filter(|part| part.unread.is_empty()).collect();
        if let Some(part) = joined(parts) {
            asked.take(&part);
            asked.said.push("the bounds of its partitions".into());
        }
        if matches!(column.kind.as_str(), "varchar" | "bpchar") {
            // The modifier of varchar(n) and char(n) is n + 4.
            let declared = usize::try_from(column.modifier - 4).ok();
            asked.longest = asked.longest.into_iter().chain(declared).min();
        }
        asked.finish(&column.kind);
        asked
    }

    /// Of two conditions the tighter.
    fn take(&mut self, other: &Self) {
        if let Some(values) = &other.values {
            match &mut self.values {
                Some(own) => own.retain(|value| values.contains(value)),
                None => self.values = Some(values.clone()),
            }
        }
        self.least = tighter(self.least, other.least, |a, b| a > b);
        self.most = tighter(self.most, other.most, |a, b| a < b);
        self.shortest = self.shortest.max(other.shortest);
        self.longest = self.longest.into_iter().chain(other.longest).min();
        self.not.extend(other.not.iter().cloned());
    }

    /// Leaves of the values those that keep everything else.
    fn finish(&mut self, kind: &str) {
        // Past all that a number may not be, above or else below.
        let not: Vec<f64> = self.not.iter().filter_map(|value| place(value, kind)).collect();
        if let Some(most) = not.iter().copied().reduce(f64::max) {
            let past = |at| Some(Bound { at, inclusive: false });
            if self.most.is_none_or(|bound| bound.at > most + 1.0) {
                self.least = tighter(self.least, past(most), |a, b| a > b);
            } else if let Some(least) = not.iter().copied().reduce(f64::min) {
                self.most = tighter(self.most, past(least), |a, b| a < b);
            }
        }
        let Some(values) = &mut self.values else { return };
        let (least, most, shortest, longest) = (self.least, self.most, self.shortest, self.longest);
        values.retain(|value| {
            let length = value.chars().count();
            !self.not.contains(value)
                && shortest.is_none_or(|shortest| length >= shortest)
                && longest.is_none_or(|longest| length <= longest)
                && place(value, kind).is_none_or(|at| {
                    least.is_none_or(|least| at > least.at || (least.inclusive && at >= least.at))
                        && most.is_none_or(|most| at < most.at || (most.inclusive && at <= most.at))
                })
        });
    }
}

fn tighter(own: Option<Bound>, other: Option<Bound>, wins: fn(f64, f64) -> bool) -> Option<Bound> {
    match (own, other) {
        (Some(own), Some(other)) if wins(other.at, own.at) => Some(other),
        (Some(own), Some(other)) if !wins(own.at, other.at) => {
            Some(Bound { inclusive: own.inclusive && other.inclusive, ..own })
        }
        (own, other) => own.or(other),
    }
}

/// Reads the definitions of the checks of a column (`pg_get_constraintdef`).
pub(super) fn read(definitions: &[String], name: &str, kind: &str) -> Asked {
    let mut asked = Asked::default();
    for definition in definitions {
        let understood = parse(definition).is_some_and(|expr| {
            let found = condition(&expr, name, kind);
            if let Some(found) = &found {
                asked.take(found);
            }
            // Of many values one could be what it may not.
            found.is_some_and(|found| {
                let past = found.not.iter().all(|value| place(value, kind).is_some());
                past || found.values.is_some() || kind == "enum"
            })
        });
        let list = if understood { &mut asked.said } else { &mut asked.unread };
        list.push(definition.clone());
    }
    asked
}

/// Whether a condition can be read as far as it asks something of this column.
pub(super) fn keeps(expr: &Expr, name: &str, kind: &str) -> bool {
    condition(expr, name, kind).is_some_and(|asked| asked.not.is_empty())
}

/// What a condition asks of a column; nothing of another one.
fn condition(expr: &Expr, name: &str, kind: &str) -> Option<Asked> {
    match expr {
        Expr::NotNull => Some(Asked::default()),
        Expr::And(parts) => {
            let mut all = Asked::default();
            for part in parts {
                all.take(&condition(part, name, kind)?);
            }
            Some(all)
        }
        Expr::Or(parts) => {
            let parts = parts.iter().filter(|part| **part != Expr::Null);
            let mut read = parts.map(|part| condition(part, name, kind)).collect::<Option<Vec<_>>>()?;
            if read.len() == 1 {
                return read.pop();
            }
            let lists = read.iter().map(|asked| asked.values.clone()).collect::<Option<Vec<_>>>()?;
            let plain = read.iter().all(|asked| Asked { values: None, ..asked.clone() } == Asked::default());
            plain.then(|| Asked { values: Some(lists.concat()), ..Asked::default() })
        }
        Expr::Compare(sign, left, right) => match (&**left, &**right) {
            (Expr::Literal(_), Expr::Column(_) | Expr::Length(_)) => {
                compared(turned(sign), right, left, name, kind)
            }
            // Which is the greater is for `pairs` to see to.
            (Expr::Column(_), Expr::Column(_)) if sign.starts_with(['<', '>']) && sign != "<>" => {
                Some(Asked::default())
            }
            _ => compared(sign, left, right, name, kind),
        },
        _ => None,
    }
}

fn turned(sign: &str) -> &str {
    match sign {
        "<" => ">",
        ">" => "<",
        "<=" => ">=",
        ">=" => "<=",
        sign => sign,
    }
}

fn compared(sign: &str, left: &Expr, right: &Expr, name: &str, kind: &str) -> Option<Asked> {
    let (column, length) = match left {
        Expr::Column(column) => (column, false),
        Expr::Length(inner) => match &**inner {
            Expr::Column(column) => (column, true),
            _ => return None,
        },
        _ => return None,
    };
    // A domain calls its value so.
    if column != name && column != "VALUE" {
        return Some(Asked::default());
    }
    let values = match right {
        Expr::List(values) => values.clone(),
        Expr::Literal(value) => vec![value.clone()],
        _ => return None,
    };
    if length {
        let [value] = values.as_slice() else { return None };
        let number: usize = value.parse().ok()?;
        let (shortest, longest) = match sign {
            "=" => (Some(number), Some(number)),
            "<" => (None, Some(number.checked_sub(1)?)),
            "<=" => (None, Some(number)),
            ">" => (Some(number + 1), None),
            _ => (Some(number), None),
        };
        return Some(Asked { shortest, longest, ..Asked::default() });
    }
    if sign == "<>" {
        return Some(Asked { not: values, ..Asked::default() });
    }
    if sign == "=" {
        let mut distinct: Vec<String> = Vec::new();
        values.into_iter().for_each(|value| {
            if !distinct.contains(&value) {
                distinct.push(value);
            }
        });
        return Some(Asked { values: Some(distinct), ..Asked::default() });
    }
    let [value] = values.as_slice() else { return None };
    let bound = Some(Bound { at: place(value, kind)?, inclusive: sign.ends_with('=') });
    Some(if sign.starts_with('>') {
        Asked { least: bound, ..Asked::default() }
    } else {
        Asked { most: bound, ..Asked::default() }
    })
}

/// Where a literal stands among the values of a type.
fn place(value: &str, kind: &str) -> Option<f64> {
    let at = match kind {
        "int2" | "int4" | "int8" | "numeric" | "float4" | "float8" => value.parse().ok(),
        #[allow(clippy::cast_precision_loss, reason = "seconds of some millennia")]
        "date" | "timestamp" | "timestamptz" => texts::moment(value).map(|micros| micros as f64 / 1e6),
        "time" | "interval" => texts::seconds(value),
        _ => None,
    };
    at.filter(|at: &f64| at.is_finite())
}

/// One of several: all their values, or the widest range without a gap.
fn joined(parts: Vec<Asked>) -> Option<Asked> {
    if parts.iter().any(|part| part.values.is_some()) {
        let values: Vec<String> = parts.into_iter().filter_map(|part| part.values).flatten().collect();
        return Some(Asked { values: Some(values), ..Asked::default() });
    }
    let from = |part: &Asked| part.least.map_or(f64::NEG_INFINITY, |bound| bound.at);
    let to = |part: &Asked| part.most.map_or(f64::INFINITY, |bound| bound.at);
    let mut ranges: Vec<Asked> = Vec::new();
    let mut sorted = parts;
    sorted.sort_by(|a, b| from(a).total_cmp(&from(b)));
    for part in sorted {
        match ranges.last_mut() {
            Some(last) if to(last).total_cmp(&from(&part)).is_ge() => last.most = part.most,
            _ => ranges.push(part),
        }
    }
    let widest = ranges.into_iter().max_by(|a, b| (to(a) - from(a)).total_cmp(&(to(b) - from(b))));
    widest.map(|part| Asked { least: part.least, most: part.most, ..Asked::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(definition: &str, kind: &str) -> Asked {
        let mut words = definition.split(|c: char| !c.is_alphanumeric());
        let column = words.find(|word| ["status", "n", "code", "at"].contains(word));
        let mut asked = read(&[definition.to_owned()], column.unwrap_or("n"), kind);
        asked.finish(kind);
        asked
    }

    #[rstest::rstest]
    #[case("CHECK (((status)::text = ANY ((ARRAY['draft'::character varying, 'o''clock'::character varying])::text[])))", "text", &["draft", "o'clock"])]
    #[case("CHECK (((status = 'draft'::text) OR (status = 'o''clock'::text)))", "text", &["draft", "o'clock"])]
    #[case("CHECK ((n = ANY (ARRAY['-1'::integer, 0, 1])))", "int4", &["-1", "0", "1"])]
    #[case("CHECK ((n = ANY ('{a,\"b c\",NULL}'::text[])))", "text", &["a", "b c"])]
    #[case("CHECK (((n = ANY (ARRAY['aaa'::text, 'bbbbb'::text])) AND (length(n) < 5)))", "text", &["aaa"])]
    #[case("CHECK ((n = 7))", "int4", &["7"])]
    #[case("CHECK (((n = ANY (ARRAY[1, 2, 3])) AND (n > 1)))", "int4", &["2", "3"])]
    fn a_list_is_read_in_each_form_that_the_server_prints(
        #[case] definition: &str,
        #[case] kind: &str,
        #[case] values: &[&str],
    ) {
        assert_eq!(of(definition, kind).values.unwrap(), values);
    }

    #[rstest::rstest]
    #[case("CHECK (((n IS NULL) OR ((n >= (0)::double precision) AND (n <= (1)::double precision))))", "float8", Some((0.0, true)), Some((1.0, true)))]
    #[case("CHECK (((5 < n) AND (10 >= n)))", "int4", Some((5.0, false)), Some((10.0, true)))]
    #[case("CHECK (((n >= 0) AND (n >= 10) AND (n > 10)))", "int4", Some((10.0, false)), None)]
    #[case("CHECK (((m >= 0.25) AND (n < 0.75)))", "numeric", None, Some((0.75, false)))]
    #[case("CHECK ((n > '-5'::integer))", "int4", Some((-5.0, false)), None)]
    #[case("((at IS NOT NULL) AND (at >= '2000-01-02 00:00:00+00'::timestamp with time zone) AND (at < '2000-01-03 01:00:00+01'::timestamp with time zone))", "timestamptz", Some((86400.0, true)), Some((172_800.0, false)))]
    fn the_tightest_bounds_are_read_from_either_side(
        #[case] definition: &str,
        #[case] kind: &str,
        #[case] least: Option<(f64, bool)>,
        #[case] most: Option<(f64, bool)>,
    ) {
        let asked = of(definition, kind);
        let pair = |bound: Option<Bound>| bound.map(|bound| (bound.at, bound.inclusive));
        assert_eq!((pair(asked.least), pair(asked.most)), (least, most), "{asked:?}");
    }

    #[test]
    fn lengths_are_read() {
        let asked = of("CHECK (((char_length((code)::text) <= 8) AND (length(code) > 2)))", "varchar");
        assert_eq!((asked.shortest, asked.longest), (Some(3), Some(8)));
    }

    #[rstest::rstest]
    #[case("CHECK ((code ~ '^[A-Z]+$'::text))")]
    #[case("CHECK ((n <> ALL (ARRAY['x'::text, 'y'::text])))")]
    #[case("CHECK (valid(n))")]
    #[case("CHECK (((n % 2) = 0))")]
    #[case("CHECK (((n < 3) OR (n > 5)))")]
    #[case("CHECK ((NOT (n = 3)))")]
    fn what_cannot_be_read_is_said_to_be_so(#[case] definition: &str) {
        assert_eq!(of(definition, "int4").unread, [definition.to_owned()]);
    }
}
