//! Views as every version of Postgres writes them.
//!
//! Up to 15 the columns of a view of one relation are written with that relation's name, from 16 on without. Inside of a
//! subquery they are written with it everywhere, so only those of the outermost query differ.

use super::plain::quoted;

/// The text of a view without the name of its only relation before that relation's columns.
pub(super) fn normal(text: &str) -> String {
    let tokens = tokens(text);
    let Some(relation) = only_relation(&tokens) else { return text.to_owned() };
    let mut plain = String::with_capacity(text.len());
    let mut inside = Depth::default();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        inside.take(&tokens, at);
        let qualifies = *token == relation
            && tokens.get(at + 1) == Some(&".")
            // The whole row is written so on every version.
            && tokens.get(at + 2) != Some(&"*")
            && !inside.query()
            && at.checked_sub(1).and_then(|before| tokens.get(before)) != Some(&".");
        if qualifies {
            at += 2;
            continue;
        }
        plain.push_str(token);
        at += 1;
    }
    plain
}

/// Which parentheses are open: those of a query of its own, and others.
#[derive(Default)]
struct Depth {
    open: Vec<bool>,
}

impl Depth {
    fn take(&mut self, tokens: &[&str], at: usize) {
        match tokens.get(at) {
            Some(&"(") => {
                let first = tokens[at + 1..].iter().find(|token| !is_space(token));
                self.open.push(first.is_some_and(|token| ["SELECT", "WITH", "VALUES"].contains(token)));
            }
            Some(&")") => {
                self.open.pop();
            }
            _ => {}
        }
    }

    fn query(&self) -> bool {
        self.open.contains(&true)
    }

    fn outermost(&self) -> bool {
        self.open.is_empty()
    }
}

/// The name by which the columns of the only item of the outermost FROM are qualified; `None` where there are several,
/// or none, or it is a compound query.
fn only_relation<'t>(tokens: &[&'t str]) -> Option<&'t str> {
    let mut inside = Depth::default();
    let mut from = None;
    let mut end = tokens.len();
    for at in 0..tokens.len() {
        inside.take(tokens, at);
        if !inside.outermost() {
            continue;
        }
        match tokens[at] {
            "UNION" | "INTERSECT" | "EXCEPT" => return None,
            "FROM" if from.is_none() => from = Some(at + 1),
            "WHERE" | "GROUP" | "HAVING" | "WINDOW" | "ORDER" | "LIMIT" | "OFFSET" | "FETCH" | "FOR"
            | ";"
                if from.is_some() =>
            {
                end = at;
                break;
            }
            "," | "JOIN" if from.is_some() => return None,
            _ => {}
        }
    }
    let item: Vec<&&str> = tokens[from?..end].iter().filter(|token| !is_space(token)).collect();
    alias(&item)
}

/// `schema.t`, `t a`, `ONLY t`, `f(x) a(b)`, `( SELECT …) a`: the last name that is not in parentheses.
fn alias<'t>(item: &[&&'t str]) -> Option<&'t str> {
    if **item.first()? == "(" && !["SELECT", "WITH", "VALUES"].contains(*item.get(1)?) {
        // A join in its parentheses.
        return None;
    }
    let mut depth = 0_usize;
    let mut last = None;
    for token in item {
        match **token {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "TABLESAMPLE" if depth == 0 => break,
            "WITH" | "ORDINALITY" => {}
            name if depth == 0 && is_name(name) => last = Some(name),
            _ => {}
        }
    }
    last
}

fn is_space(token: &str) -> bool {
    token.chars().all(char::is_whitespace)
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '"')
}

/// Names, quoted pieces and single characters; put together they are the text.
pub(super) fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' => quoted(rest, first).len(),
            c if c.is_alphanumeric() || c == '_' => {
                rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len())
            }
            c if c.is_whitespace() => rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length.max(first.len_utf8()));
        tokens.push(token);
        rest = after;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::one_table(
        " SELECT projects.status,\n    'projects.x'::text\n   FROM projects\n  GROUP BY projects.status;",
        " SELECT status,\n    'projects.x'::text\n   FROM projects\n  GROUP BY status;"
    )]
    #[case::an_alias(
        " SELECT \"P x\".a\n   FROM other.projects \"P x\";",
        " SELECT a\n   FROM other.projects \"P x\";"
    )]
    #[case::a_function(
        " SELECT g.g AS n\n   FROM generate_series(1, 3) g(g);",
        " SELECT g AS n\n   FROM generate_series(1, 3) g(g);"
    )]
    #[case::a_subquery_keeps_its_own(
        " SELECT s.a\n   FROM ( SELECT s.a\n           FROM t s) s\n  WHERE (s.a > 1);",
        " SELECT a\n   FROM ( SELECT s.a\n           FROM t s) s\n  WHERE (a > 1);"
    )]
    #[case::a_sublink_keeps_its_own(
        " SELECT t.a\n   FROM t\n  WHERE (EXISTS ( SELECT 1\n           FROM u\n          WHERE (u.a = t.a)));",
        " SELECT a\n   FROM t\n  WHERE (EXISTS ( SELECT 1\n           FROM u\n          WHERE (u.a = t.a)));"
    )]
    #[case::a_join_keeps_all(
        " SELECT a.x\n   FROM (a\n     JOIN b ON ((a.x = b.x)));",
        " SELECT a.x\n   FROM (a\n     JOIN b ON ((a.x = b.x)));"
    )]
    #[case::two_tables_keep_all(" SELECT a.x\n   FROM a,\n    b;", " SELECT a.x\n   FROM a,\n    b;")]
    #[case::extract_from_is_no_from(
        " SELECT EXTRACT(epoch FROM t.a) AS e\n   FROM t;",
        " SELECT EXTRACT(epoch FROM a) AS e\n   FROM t;"
    )]
    #[case::a_whole_row_keeps_its_own(
        " SELECT to_jsonb(t.*) AS j,\n    t.a\n   FROM t;",
        " SELECT to_jsonb(t.*) AS j,\n    a\n   FROM t;"
    )]
    #[case::a_union_keeps_all(
        " SELECT a.x\n   FROM a\nUNION\n SELECT b.x\n   FROM b;",
        " SELECT a.x\n   FROM a\nUNION\n SELECT b.x\n   FROM b;"
    )]
    fn a_view_reads_the_same_on_every_version(#[case] old: &str, #[case] new: &str) {
        assert_eq!(normal(old), new);
        assert_eq!(normal(new), new, "and again");
    }
}
