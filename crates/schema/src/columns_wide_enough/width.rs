//! Whether one type holds every value of another.

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// Every value.
    Yes,
    /// Not every one.
    No,
    /// They are not of one family.
    Unknown,
}

/// A type, as far as its width matters. `None` is "without a limit".
#[derive(Debug, PartialEq)]
enum Width {
    /// Bits of an integer.
    Integer(u32),
    /// Digits before and after the point.
    Numeric(Option<(i64, i64)>),
    /// Bits of a mantissa.
    Float(u32),
    /// Characters.
    Text(Option<u64>),
    /// Digits of a second, and whether the time zone is kept.
    Timestamp(u64, bool),
    /// Anything else: its name.
    Other(String),
}

/// Whether a column of type `has` holds every value of type `wants`.
pub(super) fn fits(has: &str, wants: &str) -> Fit {
    let yes = |holds: bool| if holds { Fit::Yes } else { Fit::No };
    match (width(has), width(wants)) {
        (Width::Integer(has), Width::Integer(wants)) | (Width::Float(has), Width::Float(wants)) => {
            yes(has >= wants)
        }
        (Width::Numeric(None), Width::Integer(_) | Width::Numeric(_)) => Fit::Yes,
        (Width::Numeric(Some(_)), Width::Numeric(None)) => Fit::No,
        (Width::Numeric(Some(has)), Width::Numeric(Some(wants))) => yes(has.0 >= wants.0 && has.1 >= wants.1),
        (Width::Numeric(Some((before, _))), Width::Integer(bits)) => yes(before
            >= match bits {
                16 => 5,
                32 => 10,
                _ => 19,
            }),
        // A double has 53 bits for the digits.
        (Width::Float(has), Width::Integer(wants)) => yes(has >= wants),
        (Width::Integer(_), Width::Numeric(_) | Width::Float(_)) => Fit::No,
        (Width::Text(None), Width::Text(_)) => Fit::Yes,
        (Width::Text(Some(_)), Width::Text(None)) => Fit::No,
        (Width::Text(Some(has)), Width::Text(Some(wants))) => yes(has >= wants),
        (Width::Timestamp(has, zone), Width::Timestamp(wants, with)) => yes(has >= wants && (zone || !with)),
        (Width::Other(has), Width::Other(wants)) if has == wants => Fit::Yes,
        (Width::Other(has), Width::Other(wants)) if has == "json" && wants == "jsonb" => Fit::Yes,
        // A date is a timestamp without its time; json refuses nothing that jsonb takes, and not the other way.
        (Width::Timestamp(..), Width::Other(wants)) if wants == "date" => Fit::Yes,
        (Width::Other(has), Width::Timestamp(..)) if has == "date" => Fit::No,
        (Width::Other(has), Width::Other(wants)) if has == "jsonb" && wants == "json" => Fit::No,
        (Width::Text(None), _) => Fit::Yes,
        _ => Fit::Unknown,
    }
}

/// Reads a type as Postgres writes it, or as people do.
fn width(text: &str) -> Width {
    let text = text.trim().to_lowercase();
    let (name, rest) = match text.split_once('(') {
        Some((name, rest)) => (name.trim().to_owned(), rest),
        None => (text.clone(), ""),
    };
    let (inside, after) = rest.split_once(')').unwrap_or(("", ""));
    let numbers: Vec<i64> = inside.split(',').filter_map(|number| number.trim().parse().ok()).collect();
    let first = numbers.first().copied();
    let length = first.and_then(|number| u64::try_from(number).ok());
    let zone =
        name.contains("timestamptz") || name.contains("with time zone") || after.contains("with time zone");
    match name.as_str() {
        "smallint" | "int2" | "smallserial" => Width::Integer(16),
        "integer" | "int" | "int4" | "serial" => Width::Integer(32),
        "bigint" | "int8" | "bigserial" => Width::Integer(64),
        "real" | "float4" => Width::Float(24),
        "double precision" | "float8" | "float" => Width::Float(53),
        "numeric" | "decimal" => {
            let scale = numbers.get(1).copied().unwrap_or(0);
            Width::Numeric(first.map(|precision| (precision - scale, scale)))
        }
        "text" => Width::Text(None),
        "character varying" | "varchar" => Width::Text(length),
        "character" | "char" | "bpchar" => Width::Text(Some(length.unwrap_or(1))),
        name if name.starts_with("timestamp") => Width::Timestamp(length.unwrap_or(6), zone),
        _ => Width::Other(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("character varying(255)", "varchar(64)", Fit::Yes)]
    #[case("character varying(32)", "varchar(64)", Fit::No)]
    #[case("character varying(32)", "text", Fit::No)]
    #[case("text", "varchar(64)", Fit::Yes)]
    #[case("integer", "bigint", Fit::No)]
    #[case("bigint", "int4", Fit::Yes)]
    #[case("numeric(10,2)", "numeric(12,2)", Fit::No)]
    #[case("numeric(12,2)", "numeric(10,4)", Fit::No)]
    #[case("numeric", "bigint", Fit::Yes)]
    #[case("numeric(10,0)", "bigint", Fit::No)]
    #[case("real", "double precision", Fit::No)]
    #[case("double precision", "integer", Fit::Yes)]
    #[case("double precision", "bigint", Fit::No)]
    #[case("timestamp without time zone", "timestamptz", Fit::No)]
    #[case("timestamp(3) with time zone", "timestamptz", Fit::No)]
    #[case("timestamp with time zone", "timestamptz(3)", Fit::Yes)]
    #[case("date", "timestamptz", Fit::No)]
    #[case("json", "jsonb", Fit::Yes)]
    #[case("jsonb", "json", Fit::No)]
    #[case("uuid", "uuid", Fit::Yes)]
    #[case("uuid", "text", Fit::Unknown)]
    fn a_narrower_type_is_told_from_one_that_holds_all(
        #[case] has: &str,
        #[case] wants: &str,
        #[case] fit: Fit,
    ) {
        assert_eq!(fits(has, wants), fit);
    }
}
