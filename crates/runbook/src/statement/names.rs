//! The names in a statement, read as the server reads them.

use squawk_syntax::unescape::escape_unicode_esc_str;
use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode, SyntaxToken};

use super::{Called, Refused};

/// A name is cut to this many bytes by the server (`NAMEDATALEN` less one).
const LONGEST_NAME: usize = 63;

/// Refuses characters that no statement needs and on which two readers of it could differ.
pub(super) fn plain_text(sql: &str) -> Result<(), Refused> {
    match sql.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        Some(found) => {
            Err(Refused::Unparsed(format!("it holds the control character U+{:04X}", u32::from(found))))
        }
        None => Ok(()),
    }
}

/// Refuses an `E'…'` string that goes on in a second literal: the server reads backslashes in the continuation
/// as escapes, the parser does not, and what one takes for text the other could take for code.
pub(super) fn literals(tree: &SyntaxNode) -> Result<(), Refused> {
    let mut escaped = false;
    for token in significant(tree) {
        if escaped && token.kind() == SyntaxKind::STRING {
            return Err(Refused::Unparsed(
                "an E'' string goes on in a second literal; write it as one".into(),
            ));
        }
        escaped = token.kind() == SyntaxKind::ESC_STRING;
    }
    Ok(())
}

/// Every function that is called. Two nets: the parser's calls, and each identifier before a parenthesis that is
/// not the name of a CTE or an alias.
pub(super) fn calls(tree: &SyntaxNode) -> Result<Vec<Called>, Refused> {
    let mut calls = Vec::new();
    for call in tree.descendants().filter(|node| node.kind() == SyntaxKind::CALL_EXPR) {
        if call.children().any(|child| child.kind() == SyntaxKind::ARG_LIST) {
            let Some(callee) = call.children().find(|child| child.kind() != SyntaxKind::ARG_LIST) else {
                return Err(Refused::Unparsed("a call without a name".into()));
            };
            calls.push(called(&callee)?);
        }
    }
    let mut before: Option<SyntaxToken> = None;
    for token in significant(tree) {
        if token.kind() == SyntaxKind::L_PAREN
            && let Some(name) = before.filter(|token| token.kind() == SyntaxKind::IDENT)
            && !names_a_relation(&name)
        {
            let name = decode(name.text())?;
            if !calls.iter().any(|call| call.name == name) {
                calls.push(Called { schema: None, name });
            }
        }
        before = Some(token);
    }
    calls.sort();
    calls.dedup();
    Ok(calls)
}

/// The names after a dot.
pub(super) fn fields(tree: &SyntaxNode) -> Result<Vec<String>, Refused> {
    let mut fields = Vec::new();
    for field in tree.descendants().filter(|node| node.kind() == SyntaxKind::FIELD_EXPR) {
        if let Some(name) = field.children().last().filter(|child| child.kind() == SyntaxKind::NAME_REF)
            && let Some(token) = first_token(&name)
        {
            fields.push(decode(token.text())?);
        }
    }
    fields.sort();
    fields.dedup();
    Ok(fields)
}

/// An operator that a statement uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Operator {
    /// As it is written.
    pub(crate) name: String,
    /// Whether it stands as `OPERATOR(schema.=)`, with another schema than `pg_catalog`.
    pub(crate) has_schema: bool,
}

/// The operators, but those that stand as `OPERATOR(pg_catalog.=)`: whatever else a database has, that is Postgres's own. An
/// asterisk where no operator can stand (`t.*`, `count(*)`) is none.
pub(super) fn operators(tree: &SyntaxNode) -> Vec<Operator> {
    const OWN: [&str; 4] = ["operator", "(", "pg_catalog", "."];
    let mut operators = Vec::new();
    let mut run = String::new();
    // The words before the run; a run is one as well.
    let mut before = [const { String::new() }; 4];
    // Between the brackets of `OPERATOR(…)`.
    let mut named = false;
    let mut end = |run: &mut String, before: &mut [String; 4], named: bool| {
        if run.is_empty() {
            return;
        }
        // `t.select * 2` multiplies.
        let first = before[3] == "select" && before[2] != ".";
        let is_star = run == "*" && !named && (first || [".", "(", ","].contains(&before[3].as_str()));
        if *before != OWN && !is_star {
            let has_schema = named && before[3] == ".";
            let found = operators_of(run).map(|name| Operator { name: name.to_owned(), has_schema });
            operators.extend(found);
        }
        before.rotate_left(1);
        before[3] = std::mem::take(run);
    };
    for element in tree.descendants_with_tokens() {
        let SyntaxElement::Token(token) = element else { continue };
        let text = token.text();
        // A comment may consist of nothing but characters of operators.
        let apart = matches!(token.kind(), SyntaxKind::WHITESPACE | SyntaxKind::COMMENT);
        if !apart && !text.is_empty() && text.chars().all(|c| "+-*/<>=~!@#%^&|`?".contains(c)) {
            run.push_str(text);
            continue;
        }
        end(&mut run, &mut before, named);
        if !apart {
            named = text == "(" && before[3] == "operator" || named && text != ")";
            before.rotate_left(1);
            before[3] = text.to_ascii_lowercase();
        }
    }
    end(&mut run, &mut before, named);
    operators.sort();
    operators.dedup();
    operators
}

/// The operators of a run of their characters, as the server's lexer ends each: one of several characters ends in `+` or `-`
/// only where it has a character that SQL's own operators lack (PostgreSQL 18, 4.1.3).
fn operators_of(run: &str) -> impl Iterator<Item = &str> {
    let mut rest = run;
    std::iter::from_fn(move || {
        let mut length = rest.len();
        if !rest.contains(|c| "~!@#%^&|`?".contains(c)) {
            let ends = |length: usize| rest.get(..length).is_some_and(|run| run.ends_with(['+', '-']));
            while length > 1 && ends(length) {
                length -= 1;
            }
        }
        let (operator, left) = rest.split_at_checked(length)?;
        rest = left;
        (!operator.is_empty()).then_some(operator)
    })
}

/// The one significant token of a node.
pub(super) fn only_token(node: &SyntaxNode) -> Option<SyntaxToken> {
    let mut tokens = significant(node);
    tokens.next().filter(|_| tokens.next().is_none())
}

/// An identifier or keyword as the server reads it.
pub(super) fn decode(text: &str) -> Result<String, Refused> {
    let name = if let Some(inner) = inside(text, "\"") {
        inner.replace("\"\"", "\"")
    } else if let Some(inner) = inside(text, "U&\"").or_else(|| inside(text, "u&\"")) {
        unescape(&inner.replace("\"\"", "\""))?
    } else {
        text.to_ascii_lowercase()
    };
    let mut end = name.len().min(LONGEST_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    Ok(name[..end].to_owned())
}

fn called(callee: &SyntaxNode) -> Result<Called, Refused> {
    let unreadable =
        || Refused::Unparsed(format!("`{}` cannot be read as the name of a function", callee.text()));
    let mut path: Vec<SyntaxToken> = Vec::new();
    for token in significant(callee) {
        match token.kind() {
            SyntaxKind::DOT => {}
            SyntaxKind::UESCAPE_KW => {
                return Err(Refused::Unparsed(
                    "UESCAPE in the name of a function; write the name plainly".into(),
                ));
            }
            _ => path.push(token),
        }
    }
    if !matches!(callee.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR) {
        return Err(unreadable());
    }
    let (name, before) = path.split_last().ok_or_else(unreadable)?;
    let schema = before.last().map(|token| decode(token.text())).transpose()?;
    Ok(Called { schema, name: decode(name.text())? })
}

/// Whether an identifier before a parenthesis is there to name a CTE, a table or a column list, not to call.
fn names_a_relation(name: &SyntaxToken) -> bool {
    name.parent()
        .is_some_and(|parent| matches!(parent.kind(), SyntaxKind::CTE_NAME | SyntaxKind::TABLE_ALIAS))
}

fn first_token(node: &SyntaxNode) -> Option<SyntaxToken> {
    significant(node).next()
}

/// The tokens of a node, without white space and comments.
fn significant(node: &SyntaxNode) -> impl Iterator<Item = SyntaxToken> {
    node.descendants_with_tokens()
        .filter_map(SyntaxElement::into_token)
        .filter(|token| !matches!(token.kind(), SyntaxKind::WHITESPACE | SyntaxKind::COMMENT))
}

fn inside<'a>(text: &'a str, opening: &str) -> Option<&'a str> {
    text.strip_prefix(opening).and_then(|rest| rest.strip_suffix('"'))
}

fn unescape(text: &str) -> Result<String, Refused> {
    let mut name = Ok(String::new());
    escape_unicode_esc_str(text, '\\', |_, character| match (character, &mut name) {
        (Ok(character), Ok(name)) => name.push(character),
        _ => name = Err(Refused::Unparsed("a Unicode escape in a name is wrong".into())),
    });
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_characters_is_the_operators_that_the_server_takes_it_for() {
        for (run, operators) in [
            ("=", &["="] as &[&str]),
            ("<=", &["<="]),
            ("=-", &["=", "-"]),
            ("*-+", &["*", "-", "+"]),
            ("->>", &["->>"]),
            ("@-", &["@-"]),
            ("||", &["||"]),
            ("+", &["+"]),
            ("", &[]),
        ] {
            assert_eq!(operators_of(run).collect::<Vec<_>>(), operators, "{run}");
        }
    }

    #[test]
    fn neither_a_comment_nor_a_name_hides_an_operator() {
        for (sql, operators) in [
            ("SELECT a =/**/ b", &["="] as &[&str]),
            ("SELECT a ~--\n b", &["~"]),
            ("SELECT a OPERATOR(pg_catalog.=) b", &[]),
            ("SELECT a OPERATOR(pg_catalog.=) b, a = b", &["="]),
            ("SELECT a OPERATOR(other.=) b", &["other.="]),
            ("SELECT a OPERATOR(db.other.=) b", &["other.="]),
            ("SELECT a OPERATOR(\"pg_catalog\".*) b", &["other.*"]),
            ("SELECT a OPERATOR(other/**/./**/ *) b", &["other.*"]),
            ("SELECT a OPERATOR(=) b, a OPERATOR(*) b", &["*", "="]),
        ] {
            assert_eq!(shown(sql), operators, "{sql}");
        }
    }

    #[test]
    fn an_asterisk_is_an_operator_where_it_multiplies_and_nowhere_else() {
        for (sql, operators) in [
            ("SELECT *, t.*, (t).*, count(*), f(a, t.*) FROM t", &[] as &[&str]),
            ("SELECT pg_catalog.* = b FROM t AS pg_catalog", &["="]),
            ("SELECT a * b FROM t", &["*"]),
            ("SELECT (a)*(b), a[1]*2 FROM t", &["*"]),
            ("SELECT 1.*2", &["*"]),
            ("SELECT .5*2", &["*"]),
            ("SELECT $1*2", &["*"]),
            ("SELECT t.select * 2 FROM t", &["*"]),
            ("SELECT \"select\" * 2 FROM t", &["*"]),
            ("SELECT a/**/*/**/b FROM t", &["*"]),
        ] {
            assert_eq!(shown(sql), operators, "{sql}");
        }
    }

    /// The operators of a statement, those with a schema as of `other`.
    fn shown(sql: &str) -> Vec<String> {
        let statement = super::super::ReadStatement::parse(sql).unwrap();
        let shown = |used: &Operator| format!("{}{}", if used.has_schema { "other." } else { "" }, used.name);
        statement.operators.iter().map(shown).collect()
    }
}
