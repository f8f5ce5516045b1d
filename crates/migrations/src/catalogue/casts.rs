//! Casts of arrays as they are written after a restore.
//!
//! `varchar_column IN ('a', 'b')` is stored as a cast of the whole array, and written so: `(ARRAY['a'::character varying,
//! …])::text[]`. Read again, as a restore does, the same text is a cast of each element, and is written
//! `ARRAY[('a'::character varying)::text, …]` from then on. Both mean the same: the second is told.

use super::plain::whole;

/// What an array begins with.
const START: &str = "ARRAY[";

/// How a cast is written: `('a')::text`, or `'a'::text` where the server means to please the eye (of statistics objects).
#[derive(Debug, Clone, Copy)]
enum Form {
    InParentheses,
    Bare,
}

/// The text with every cast of an array given to its elements.
pub(super) fn of_elements(text: String) -> String {
    if text.contains(START) { given(&text) } else { text }
}

fn given(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some((array, length)) = cast(rest) {
            plain.push_str(&array);
            rest = &rest[length..];
            continue;
        }
        let (piece, after) = rest.split_at(whole(rest).map_or(first.len_utf8(), str::len));
        plain.push_str(piece);
        rest = after;
    }
    plain
}

/// `(ARRAY[…])::TYPE[]` or `ARRAY[…]::TYPE[]` at the start of a text: the array of casts, and how long the cast of the array
/// is.
fn cast(text: &str) -> Option<(String, usize)> {
    let (form, inner, between) = match text.strip_prefix('(') {
        Some(inner) => (Form::InParentheses, inner, ")::"),
        None => (Form::Bare, text, "::"),
    };
    let (elements, after) = inside(inner.strip_prefix(START)?)?;
    let named = after.strip_prefix(between)?;
    let end = named.find("[]")?;
    let type_name = &named[..end];
    let known = |c: char| c.is_alphanumeric() || "_ .(),\"".contains(c);
    if type_name.is_empty() || !type_name.chars().all(known) {
        return None;
    }
    let after = &named[end + "[]".len()..];
    Some((array_of(&elements, type_name, form), text.len() - after.len()))
}

/// An array whose elements are cast, and those of the arrays within it. (That one of them was cast itself shows only once its
/// own elements have been.)
fn array_of(elements: &[&str], type_name: &str, form: Form) -> String {
    let casts = elements.iter().map(|element| {
        let element = given(element);
        match (element.strip_prefix(START).and_then(inside), form) {
            (Some((inner, "")), _) => array_of(&inner, type_name, form),
            (_, Form::InParentheses) => format!("({element})::{type_name}"),
            (_, Form::Bare) => format!("{element}::{type_name}"),
        }
    });
    format!("ARRAY[{}]", casts.collect::<Vec<_>>().join(", "))
}

/// The elements up to the bracket that closes, and what follows it.
fn inside(text: &str) -> Option<(Vec<&str>, &str)> {
    let (mut elements, mut start, mut depth, mut at) = (Vec::new(), 0, 0_usize, 0);
    while let Some(first) = text[at..].chars().next() {
        let length = whole(&text[at..]).map_or(first.len_utf8(), str::len);
        match first {
            '(' | '[' => depth += 1,
            ')' | ']' if depth > 0 => depth -= 1,
            ']' => {
                elements.push(&text[start..at]);
                return Some((elements, &text[at + 1..]));
            }
            ',' if depth == 0 => {
                elements.push(&text[start..at]);
                start = at + text[at..].find(|c: char| c != ',' && c != ' ')?;
            }
            _ => {}
        }
        at += length;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::of_two(
        "CHECK (((a)::text = ANY ((ARRAY['x, ]'::character varying, 'y'::character varying])::text[])))",
        "CHECK (((a)::text = ANY (ARRAY[('x, ]'::character varying)::text, ('y'::character varying)::text])))"
    )]
    #[case::with_a_size(
        "= ANY ((ARRAY[f(a, b), c[1]])::numeric(4,1)[])",
        "= ANY (ARRAY[(f(a, b))::numeric(4,1), (c[1])::numeric(4,1)])"
    )]
    #[case::one_in_another(
        "(ARRAY[(x = ANY ((ARRAY['a'::v])::text[])), true])::\"O t\"[]",
        "ARRAY[((x = ANY (ARRAY[('a'::v)::text])))::\"O t\", (true)::\"O t\"]"
    )]
    #[case::of_arrays(
        "(ARRAY[ARRAY[1, 2], ARRAY[3, 4]])::bigint[]",
        "ARRAY[ARRAY[(1)::bigint, (2)::bigint], ARRAY[(3)::bigint, (4)::bigint]]"
    )]
    #[case::of_arrays_that_are_cast(
        "(ARRAY[(ARRAY[1, 2])::numeric[], ARRAY[(3)::numeric, 4.5]])::double precision[]",
        "ARRAY[ARRAY[((1)::numeric)::double precision, ((2)::numeric)::double precision], \
         ARRAY[((3)::numeric)::double precision, (4.5)::double precision]]"
    )]
    #[case::of_statistics(
        "(a::text = ANY (ARRAY['x'::character varying, 'y'::character varying]::text[]))",
        "(a::text = ANY (ARRAY['x'::character varying::text, 'y'::character varying::text]))"
    )]
    #[case::half_of_one("(ARRAY[1, 2", "(ARRAY[1, 2")]
    #[case::in_a_literal("'(ARRAY[1])::text[]'", "'(ARRAY[1])::text[]'")]
    #[case::in_a_body("$function$ (ARRAY[1])::text[] $function$", "$function$ (ARRAY[1])::text[] $function$")]
    #[case::no_cast("x = ANY (ARRAY[1, 2])", "x = ANY (ARRAY[1, 2])")]
    #[case::no_cast_of_an_array("(ARRAY[1, 2])[1]", "(ARRAY[1, 2])[1]")]
    fn a_cast_of_an_array_is_given_to_its_elements(#[case] text: &str, #[case] said: &str) {
        assert_eq!(of_elements(text.into()), said);
        assert_eq!(of_elements(said.into()), said, "and again");
    }
}
