//! Taking out of a definition what depends on the server's version or the session's search path.

/// The text without `SCHEMA.` before a name, outside of string literals and bodies of functions; a literal that is cast
/// to a `regclass` is a name as well. Only the system's first schema is left out, so that the text is the same
/// whatever that schema is called and whether the search path reaches it.
pub(super) fn unqualified(text: String, prefixes: &[String]) -> String {
    if prefixes.iter().any(|prefix| text.contains(prefix.as_str())) { strip(&text, prefixes) } else { text }
}

/// An index without the names that stand beside it already: `unique using btree (status) WHERE …`.
pub(super) fn index(text: &str, name: &str, table: &str) -> String {
    for (kind, prefix) in [("", "CREATE INDEX"), ("unique ", "CREATE UNIQUE INDEX")] {
        for only in ["", "ONLY "] {
            let start = format!("{prefix} {name} ON {only}{table} USING ");
            if let Some(rest) = text.strip_prefix(&start) {
                return format!("{kind}{}using {rest}", only.to_lowercase());
            }
        }
    }
    text.to_owned()
}

/// How a schema stands before a dot: quoted, and bare where that is how Postgres would write it. None for no schema.
pub(super) fn prefixes(schema: &str) -> Vec<String> {
    if schema.is_empty() {
        return Vec::new();
    }
    let quoted = format!("\"{}\".", schema.replace('"', "\"\""));
    let plain = schema.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && schema.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain { vec![format!("{schema}."), quoted] } else { vec![quoted] }
}

fn strip(text: &str, prefixes: &[String]) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let begins_word =
            !plain.ends_with(|c: char| c.is_alphanumeric() || ['_', '$', '.', '"'].contains(&c));
        if begins_word && let Some(prefix) = prefixes.iter().find(|prefix| rest.starts_with(prefix.as_str()))
        {
            rest = &rest[prefix.len()..];
            continue;
        }
        let piece = whole(rest).unwrap_or(&rest[..first.len_utf8()]);
        let after = &rest[piece.len()..];
        match (piece.strip_prefix('\''), after.starts_with("::regclass")) {
            (Some(inner), true) => {
                plain.push('\'');
                plain.push_str(
                    prefixes.iter().find_map(|prefix| inner.strip_prefix(prefix.as_str())).unwrap_or(inner),
                );
            }
            _ => plain.push_str(piece),
        }
        rest = after;
    }
    plain
}

/// What is quoted at the start of `text`, in whichever way; `None` where it starts with no quote.
pub(super) fn whole(text: &str) -> Option<&str> {
    match text.chars().next()? {
        quote @ ('\'' | '"') => Some(quoted(text, quote)),
        '$' => dollar_quoted(text),
        _ => None,
    }
}

/// `$tag$ … $tag$`: the body of a function, which the server keeps as it was written.
fn dollar_quoted(text: &str) -> Option<&str> {
    let end = 1 + text.strip_prefix('$')?.find('$')?;
    let tag = &text[1..end];
    let named = !tag.starts_with(|c: char| c.is_ascii_digit())
        && tag.chars().all(|c| c.is_alphanumeric() || c == '_');
    let quote = &text[..=end];
    let body = text[end + 1..].find(quote).filter(|_| named)?;
    Some(&text[..end + 1 + body + quote.len()])
}

/// The quoted piece at the start of `text`, with its quotes; a doubled quote does not end it.
pub(super) fn quoted(text: &str, quote: char) -> &str {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character != quote {
            continue;
        }
        match characters.peek() {
            Some((_, next)) if *next == quote => {
                characters.next();
            }
            _ => return &text[..at + 1],
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_goes_from_names_and_stays_in_literals() {
        let text = "nextval('public.s'::regclass) public.t 'public.x' \"public\".\"A\" republic.t a.public.b";
        let plain = "nextval('s'::regclass) t 'public.x' \"A\" republic.t a.public.b";
        assert_eq!(unqualified(text.into(), &prefixes("public")), plain);
        assert_eq!(
            unqualified("\"o\"\"dd\".t \"a.\"\"o\"\"dd\"\".b\"".into(), &prefixes("o\"dd")),
            "t \"a.\"\"o\"\"dd\"\".b\""
        );
        assert_eq!(
            unqualified("'it''s public.t' public.u".into(), &prefixes("public")),
            "'it''s public.t' u"
        );
    }

    #[test]
    fn the_body_of_a_function_stays_as_it_was_written() {
        let text =
            "FUNCTION public.f($1) AS $function$ it's public.t $x$ public.u $function$ public.v $1 public.w";
        let plain = "FUNCTION f($1) AS $function$ it's public.t $x$ public.u $function$ v $1 w";
        assert_eq!(unqualified(text.into(), &prefixes("public")), plain);
    }

    #[test]
    fn an_index_is_told_without_the_names_beside_it() {
        let text = "CREATE UNIQUE INDEX \"i x\" ON t USING btree (a) WHERE (a > 0)";
        assert_eq!(index(text, "\"i x\"", "t"), "unique using btree (a) WHERE (a > 0)");
        assert_eq!(index("CREATE INDEX i ON ONLY t USING btree (a)", "i", "t"), "only using btree (a)");
    }
}
