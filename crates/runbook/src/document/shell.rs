//! The lines of a code block: comments, and whole commands.

use super::{DocumentLine, LineKind};

/// The lines of a code block whose first line is number `first` of the document.
///
/// A comment takes the commands below it, up to the next comment or the blank line after them. A command
/// without a comment is a line of its own. Here-documents, continued lines, open quotes and indented bodies stay
/// with their command.
pub(super) fn lines(code: &str, language: &str, first: usize, group: Option<&str>) -> Vec<DocumentLine> {
    let sign = if matches!(language, "sql" | "postgresql" | "lua") { "--" } else { "#" };
    let rows: Vec<&str> = code.lines().collect();
    let mut found: Vec<DocumentLine> = Vec::new();
    // Whether a command now belongs to the comment above it.
    let mut under_comment = false;
    let mut at = 0;
    while let Some(row) = rows.get(at) {
        let line = |words: &str, commands| DocumentLine {
            words: words.to_owned(),
            commands,
            number: first + at,
            kind: LineKind::Command,
            group: group.map(ToOwned::to_owned),
        };
        let text = row.trim();
        if text.is_empty() {
            under_comment &= found.last().is_some_and(|line| line.commands.is_empty());
            at += 1;
        } else if let Some(words) = comment(text, sign) {
            if !words.is_empty() {
                found.push(line(words, Vec::new()));
                under_comment = true;
            }
            at += 1;
        } else {
            let length = command_length(&rows[at..]);
            let command = rows[at..at + length].join("\n").trim().to_owned();
            match found.last_mut() {
                Some(above) if under_comment => above.commands.push(command),
                _ => found.push(line(&command.clone(), vec![command])),
            }
            at += length;
        }
    }
    found
}

/// The words of a comment. `#!/bin/sh` is a command's business, not a comment's.
fn comment<'a>(text: &'a str, sign: &str) -> Option<&'a str> {
    let words = text.strip_prefix(sign)?;
    (!words.starts_with('!')).then(|| words.trim_start_matches('#').trim())
}

/// How many rows the command that starts in the first row takes.
fn command_length(rows: &[&str]) -> usize {
    let mut length = 1;
    let mut state = Scan::default();
    state.row(rows[0]);
    while let Some(next) = rows.get(length) {
        if let Some((word, stripped)) = state.here.first() {
            let text = if *stripped { next.trim_start_matches('\t') } else { next };
            if text.trim_end() == word {
                state.here.remove(0);
            }
        } else if state.quote.is_some() || state.continued || belongs(next) {
            state.row(next);
        } else {
            break;
        }
        length += 1;
    }
    length
}

/// Whether a row is the body or the end of the command above it.
fn belongs(row: &str) -> bool {
    let body = row.starts_with([' ', '\t']) && !row.trim().is_empty();
    let first = row.split([' ', ';']).next().unwrap_or_default();
    body || matches!(first, "do" | "done" | "then" | "else" | "elif" | "fi" | "esac" | "}" | ")")
}

/// What is still open at the end of a row.
#[derive(Default)]
struct Scan {
    quote: Option<char>,
    continued: bool,
    /// The words that end the here-documents, and whether leading tabs are taken off first (`<<-`).
    here: Vec<(String, bool)>,
}

impl Scan {
    fn row(&mut self, row: &str) {
        self.continued = false;
        let mut rest = row.chars().peekable();
        while let Some(c) = rest.next() {
            match (self.quote, c) {
                (Some('\''), '\'') | (Some('"'), '"') => self.quote = None,
                (Some('\''), _) => {}
                (_, '\\') => self.continued = rest.next().is_none(),
                (Some(_), _) => {}
                (None, '\'' | '"') => self.quote = Some(c),
                (None, '#') => return,
                (None, '<') if rest.peek() == Some(&'<') => {
                    rest.next();
                    if rest.next_if_eq(&'<').is_some() {
                        continue; // A here-string ends with its row.
                    }
                    let stripped = rest.next_if_eq(&'-').is_some();
                    while rest.next_if(|c| matches!(c, ' ' | '\'' | '"' | '\\')).is_some() {}
                    let mut word = String::new();
                    while let Some(c) = rest.next_if(|c| c.is_alphanumeric() || matches!(c, '_' | '-')) {
                        word.push(c);
                    }
                    rest.next_if(|c| matches!(c, '\'' | '"'));
                    if !word.is_empty() {
                        self.here.push((word, stripped));
                    }
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(code: &str) -> Vec<(String, Vec<String>)> {
        lines(code, "bash", 1, None).into_iter().map(|line| (line.words, line.commands)).collect()
    }

    #[test]
    fn a_here_document_stays_whole_with_its_comment() {
        let code = "# Run\npsql <<EOF\n\\timing on\n# not a comment\n\nSELECT 1;\nEOF\nls\n";
        let psql = "psql <<EOF\n\\timing on\n# not a comment\n\nSELECT 1;\nEOF";
        assert_eq!(shown(code), [("Run".into(), vec![psql.to_owned(), "ls".into()])]);
    }

    #[test]
    fn commands_without_a_comment_are_lines_of_their_own() {
        assert_eq!(
            shown("cd a\nalembic current"),
            [
                ("cd a".to_owned(), vec!["cd a".to_owned()]),
                ("alembic current".into(), vec!["alembic current".into()]),
            ]
        );
        // A blank line after its commands ends what a comment stands for.
        assert_eq!(shown("# one\nls\n\npwd")[1].0, "pwd");
    }

    #[test]
    fn continued_lines_open_quotes_and_bodies_stay_with_their_command() {
        for command in [
            "docker run \\\n  --rm \\\n  image",
            "psql -c \"SELECT 1,\n2\"",
            "for f in *; do\n  ls $f # each\ndone",
            "cat <<-'END' | wc\n\tx\n\tEND",
            "awk '{ print $1 # \n}' <<< 'x'",
        ] {
            assert_eq!(shown(command), [(command.to_owned(), vec![command.to_owned()])], "{command}");
        }
    }

    #[test]
    fn an_unfinished_here_document_ends_with_its_block() {
        assert_eq!(shown("cat <<EOF\nx").len(), 1);
    }
}
