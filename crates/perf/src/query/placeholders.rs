//! What stands in a statement outside of strings, names and comments: its placeholders (`$1`, `$2` …) and its first word.

use std::collections::BTreeSet;

/// The numbers of the placeholders in `sql`.
pub fn of(sql: &str) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '\'' | '"' => after(&rest[1..], &first.to_string()),
            'e' | 'E' if rest[1..].starts_with('\'') => after_escaped(&rest[2..]),
            '-' if rest.starts_with("--") => after_line(rest),
            '/' if rest.starts_with("/*") => after_comment(rest),
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

/// The first word of `sql`, in capitals.
pub fn first_word(sql: &str) -> String {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
        rest = if rest.starts_with("--") {
            after_line(rest)
        } else if rest.starts_with("/*") {
            after_comment(rest)
        } else {
            let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            return word.to_uppercase();
        };
    }
}

fn after<'a>(text: &'a str, end: &str) -> &'a str {
    text.find(end).map_or("", |at| &text[at + end.len()..])
}

fn after_line(text: &str) -> &str {
    text.find(['\n', '\r']).map_or("", |at| &text[at + 1..])
}

/// Past a comment that begins here; comments hold comments.
fn after_comment(text: &str) -> &str {
    let mut depth = 0_u32;
    let mut rest = text;
    while let Some(at) = rest.find(['/', '*']) {
        rest = &rest[at..];
        if rest.starts_with("/*") {
            depth += 1;
            rest = &rest[2..];
        } else if rest.starts_with("*/") {
            depth = depth.saturating_sub(1);
            rest = &rest[2..];
            if depth == 0 {
                return rest;
            }
        } else {
            rest = &rest[1..];
        }
    }
    ""
}

/// Past a string `E'…'`, from behind its first quote. It goes on on another line: `E'a'` and below it `'b'`.
fn after_escaped(text: &str) -> &str {
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '\'']) {
        let escaped = rest[at..].starts_with('\\');
        rest = &rest[at + 1..];
        if escaped {
            let mut characters = rest.chars();
            characters.next();
            rest = characters.as_str();
        } else if let Some(more) = rest.strip_prefix('\'') {
            rest = more;
        } else {
            let next = rest.trim_start();
            match next.strip_prefix('\'') {
                Some(more) if rest[..rest.len() - next.len()].contains(['\n', '\r']) => rest = more,
                _ => return rest,
            }
        }
    }
    ""
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
    use rstest::rstest;

    use super::{first_word, of};

    #[rstest]
    #[case::names_strings_comments(
        "SELECT a$4, '$5', \"$6\", $tag$ $7 $tag$ -- $8\n/* $9 */ FROM t WHERE a = $2 AND b = $1::text",
        &[1, 2]
    )]
    #[case::escaped_quote(r"SELECT E'it\'s $3', e'\\', $1, 'a\', $2", &[1, 2])]
    #[case::doubled_quote("SELECT E'it''s $3', $1", &[1])]
    #[case::string_on_two_lines("SELECT E'a'\n  '\\'$3', $1", &[1])]
    #[case::string_that_ends_before_another("SELECT E'a', '\\', $1", &[1])]
    #[case::name_that_ends_in_e("SELECT date'2020-01-01', $1, name '\\', $2", &[1, 2])]
    #[case::comment_in_a_comment("SELECT /* a /* b */ $5 */ $1 /**/, $2 /*/ $6 */", &[1, 2])]
    #[case::comment_that_a_carriage_return_ends("SELECT 1 -- $5\r, $1", &[1])]
    fn placeholders_in_strings_names_and_comments_do_not_count(#[case] sql: &str, #[case] numbers: &[usize]) {
        assert_eq!(of(sql).into_iter().collect::<Vec<_>>(), numbers);
    }

    #[test]
    fn the_first_word_stands_behind_comments() {
        assert_eq!(first_word("-- a\n /* b /* c */ */ ((show work_mem"), "SHOW");
        assert_eq!(first_word(""), "");
    }
}
