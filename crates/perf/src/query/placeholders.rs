//! Which placeholders (`$1`, `$2` …) a statement holds, outside of strings, names and comments.

use std::collections::BTreeSet;

/// The numbers of the placeholders in `sql`.
pub fn of(sql: &str) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '\'' | '"' => after(&rest[1..], &first.to_string()),
            '-' if rest.starts_with("--") => after(rest, "\n"),
            '/' if rest.starts_with("/*") => after(rest, "*/"),
            '$' => {
                let digits = rest[1..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |at| at + 1);
                match rest[1..digits].parse() {
                    Ok(number) => {
                        found.insert(number);
                        &rest[digits..]
                    }
                    Err(_) => after_dollar_quoted(rest),
                }
            }
            c if c.is_alphanumeric() || c == '_' => {
                // A dollar sign inside a name (`a$1`) is part of it.
                rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_' || c == '$')
            }
            other => &rest[other.len_utf8()..],
        };
    }
    found
}

fn after<'a>(text: &'a str, end: &str) -> &'a str {
    text.find(end).map_or("", |at| &text[at + end.len()..])
}

fn after_dollar_quoted(text: &str) -> &str {
    let Some(length) = text[1..].find('$').map(|at| at + 2) else { return &text[1..] };
    let (tag, body) = text.split_at(length);
    if tag[1..length - 1].chars().all(|c| c.is_alphanumeric() || c == '_') {
        after(body, tag)
    } else {
        &text[1..]
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn placeholders_in_strings_names_and_comments_do_not_count() {
        let sql =
            "SELECT a$4, '$5', \"$6\", $tag$ $7 $tag$ -- $8\n/* $9 */ FROM t WHERE a = $2 AND b = $1::text";
        assert_eq!(of(sql).into_iter().collect::<Vec<_>>(), [1, 2]);
    }
}
