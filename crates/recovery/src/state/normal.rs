//! One spelling for what a dump and a restore spell anew.
//!
//! `status IN ('a', 'b')` on a varchar column is kept as a cast of a whole array, and printed as
//! `(ARRAY['a'::character varying, 'b'::character varying])::text[]`. Read again, the parser pushes the cast into the
//! elements, so that after a restore the same condition is printed as
//! `ARRAY[('a'::character varying)::text, ('b'::character varying)::text]`. Both are the same condition; here the
//! first spelling becomes the second.

/// The text with each cast of an array constructor pushed into its elements.
pub(super) fn normal(text: &str) -> String {
    const ARRAY: &str = "ARRAY[";
    let mut rest = text;
    let mut out = String::with_capacity(text.len());
    while let Some(at) = find_outside_quotes(rest, ARRAY) {
        let open = at + ARRAY.len();
        let in_parentheses = if rest[..at].ends_with('(') { cast_array(&rest[open..], ")::") } else { None };
        let (before, cast, form) = match (in_parentheses, cast_array(&rest[open..], "::")) {
            (Some(cast), _) => (at - 1, cast, Form::InParentheses),
            (None, Some(cast)) => (at, cast, Form::Bare),
            (None, None) => {
                out.push_str(&rest[..open]);
                rest = &rest[open..];
                continue;
            }
        };
        out.push_str(&rest[..before]);
        push_cast(&mut out, &cast.elements, cast.type_name, form);
        rest = &rest[open + cast.length..];
    }
    out.push_str(rest);
    out
}

/// How the server prints a cast: `('a')::text`, or `'a'::text` where it means to please the eye (definitions of statistics).
#[derive(Debug, Clone, Copy)]
enum Form {
    InParentheses,
    Bare,
}

/// Writes an array constructor whose elements are cast; those that are constructors themselves, the inner ones of an array of
/// several dimensions, have theirs cast.
fn push_cast(out: &mut String, elements: &[&str], type_name: &str, form: Form) {
    out.push_str("ARRAY[");
    for (number, element) in elements.iter().map(|element| normal(element.trim())).enumerate() {
        if number > 0 {
            out.push_str(", ");
        }
        let inner = element.strip_prefix("ARRAY[").and_then(|text| Some((text, elements_of(text)?)));
        match (inner, form) {
            (Some((text, (inner, end))), _) if end + 1 == text.len() => {
                push_cast(out, &inner, type_name, form);
            }
            (_, Form::InParentheses) => out.extend(["(", &element, ")::", type_name]),
            (_, Form::Bare) => out.extend([&element, "::", type_name]),
        }
    }
    out.push(']');
}

struct CastArray<'a> {
    elements: Vec<&'a str>,
    type_name: &'a str,
    /// How much of the text it takes, after `ARRAY[`.
    length: usize,
}

/// Reads `e1, e2]`, what stands between it and the type (`)::` or `::`), and `TYPE[]`.
fn cast_array<'a>(text: &'a str, between: &str) -> Option<CastArray<'a>> {
    let (elements, end) = elements_of(text)?;
    let after = end + 1;
    let tail = text[after..].strip_prefix(between)?;
    let type_end = tail.find("[]")?;
    let type_name = &tail[..type_end];
    let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '.' | '"' | '(' | ')' | ',');
    if type_name.is_empty() || !type_name.chars().all(plain) {
        return None;
    }
    Some(CastArray { elements, type_name, length: after + between.len() + type_end + "[]".len() })
}

/// Reads `e1, e2]`: the elements, and where the bracket stands.
fn elements_of(text: &str) -> Option<(Vec<&str>, usize)> {
    let mut elements = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    for (at, character) in unquoted(text) {
        match character {
            '[' | '(' => depth += 1,
            ']' if depth == 0 => {
                elements.push(&text[start..at]);
                return Some((elements, at));
            }
            ']' | ')' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => {
                elements.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    None
}

fn find_outside_quotes(text: &str, what: &str) -> Option<usize> {
    unquoted(text).map(|(at, _)| at).find(|at| text[*at..].starts_with(what))
}

/// The characters that stand outside of '…' and "…"; a doubled quote ends one and begins another, which is the same.
fn unquoted(text: &str) -> impl Iterator<Item = (usize, char)> + '_ {
    let mut inside: Option<char> = None;
    text.char_indices().filter(move |(_, character)| match inside {
        Some(quote) => {
            if *character == quote {
                inside = None;
            }
            false
        }
        None => {
            if matches!(character, '\'' | '"') {
                inside = Some(*character);
                return false;
            }
            true
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str =
        "CHECK (((status)::text = ANY ((ARRAY['a'::character varying, 'b, ]'::character varying])::text[])))";
    const RESTORED: &str = "CHECK (((status)::text = ANY (ARRAY[('a'::character varying)::text, ('b, ]'::character varying)::text])))";

    #[test]
    fn a_condition_is_spelt_the_same_before_and_after_a_restore() {
        assert_eq!(normal(WRITTEN), RESTORED);
        assert_eq!(normal(RESTORED), RESTORED);
    }

    /// As PostgreSQL 15 prints each before and after.
    #[test]
    fn a_cast_reaches_the_elements_of_an_array_of_several_dimensions() {
        for (written, restored) in [
            (
                "(e)::text = ANY ((ARRAY[ARRAY[ARRAY['a'::character varying, 'b]'::character varying]]])::text[])",
                "(e)::text = ANY (ARRAY[ARRAY[ARRAY[('a'::character varying)::text, ('b]'::character varying)::text]]])",
            ),
            (
                "f = ANY ((ARRAY[(ARRAY[1, 2])::numeric[], ARRAY[(3)::numeric, 4.5]])::double precision[])",
                "f = ANY (ARRAY[(ARRAY[(1)::numeric, (2)::numeric])::double precision[], \
                 ARRAY[((3)::numeric)::double precision, (4.5)::double precision]])",
            ),
            // Of statistics.
            (
                "(a::text = ANY (ARRAY['x'::character varying, 'y'::character varying]::text[]))",
                "(a::text = ANY (ARRAY['x'::character varying::text, 'y'::character varying::text]))",
            ),
        ] {
            assert_eq!(normal(written), normal(restored));
            assert_eq!(normal(&normal(written)), normal(written));
        }
    }

    #[test]
    fn what_stands_in_a_string_is_left_alone() {
        let text = "DEFAULT '(ARRAY[1])::text[]'::text";
        assert_eq!(normal(text), text);
        assert_eq!(normal("(ARRAY[1, 2"), "(ARRAY[1, 2");
    }
}
