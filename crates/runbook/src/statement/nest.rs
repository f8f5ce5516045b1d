//! How deep a text is nested. The parser goes down with it, and a text made for that would end the program.

use squawk_lexer::{LiteralKind, TokenKind, tokenize};

/// Far beyond what is written by hand or by a tool; the server stops at some thousand.
pub const MOST_NESTED: usize = 400;

/// The byte at which a text becomes too deep for the parser; `None` for one that does not.
pub fn too_deep(text: &str) -> Option<usize> {
    Depth::default().past(text)
}

#[derive(Debug, Default)]
struct Depth {
    /// What is open: parentheses, brackets, CASE, and the blocks of PL/pgSQL.
    open: usize,
    /// Operators and words one after another, each of which waits for the next.
    run: usize,
    /// The word or the semicolon before.
    before: String,
}

impl Depth {
    fn past(&mut self, text: &str) -> Option<usize> {
        let mut at = 0;
        for token in tokenize(text) {
            let start = at;
            at += token.len as usize;
            let piece = text.get(start..at).unwrap_or_default();
            if let TokenKind::Literal { kind } = token.kind
                && let Some(inner) = self.body(piece, kind)
            {
                let offset = start + piece.find(inner).unwrap_or_default();
                if let Some(deep) = self.past(inner) {
                    return Some(offset + deep);
                }
                continue;
            }
            self.take(token.kind, piece);
            if self.open + self.run > MOST_NESTED {
                return Some(start);
            }
        }
        None
    }

    /// The text of a body, which is parsed too.
    fn body<'t>(&self, piece: &'t str, kind: LiteralKind) -> Option<&'t str> {
        match kind {
            LiteralKind::DollarQuotedString { .. } => {
                let tag = piece.get(1..)?.find('$')? + 2;
                piece.get(tag..piece.len().checked_sub(tag)?)
            }
            LiteralKind::Str { .. } if self.before == "DO" || self.before == "AS" => {
                Some(piece.trim_matches('\''))
            }
            _ => None,
        }
    }

    fn take(&mut self, kind: TokenKind, piece: &str) {
        match kind {
            TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment { .. } => return,
            TokenKind::Minus | TokenKind::Plus | TokenKind::Tilde | TokenKind::At | TokenKind::Bang => {
                self.run += 1;
                return;
            }
            _ => {}
        }
        let word = match kind {
            TokenKind::Ident => piece.to_uppercase(),
            TokenKind::Semi => ";".to_owned(),
            _ => String::new(),
        };
        // A BEGIN that starts a transaction is closed by no END.
        let transaction = ["", ";", "TRANSACTION", "WORK", "ISOLATION", "READ"].contains(&word.as_str());
        if self.before == "BEGIN" && transaction {
            self.open = self.open.saturating_sub(1);
        }
        if word == "NOT" || word == "EXPLAIN" {
            self.run += 1;
        } else if kind != TokenKind::OpenParen {
            self.run = 0;
        }
        let ends = self.before == "END";
        match (kind, word.as_str()) {
            (TokenKind::OpenParen | TokenKind::OpenBracket, _) | (_, "BEGIN") => self.open += 1,
            (_, "CASE" | "LOOP") if !ends => self.open += 1,
            (_, "IF") if ["BEGIN", "THEN", "ELSE", "LOOP", ";"].contains(&self.before.as_str()) => {
                self.open += 1
            }
            (TokenKind::CloseParen | TokenKind::CloseBracket, _) | (_, "END") => {
                self.open = self.open.saturating_sub(1);
            }
            _ => {}
        }
        self.before = word;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_is_not_deep() {
        let block = "DO $$ BEGIN IF NOT EXISTS (SELECT 1) THEN FOR i IN 1..2 LOOP NULL; END LOOP; ELSIF a THEN CASE WHEN b \
                     THEN NULL; END CASE; END IF; BEGIN x := CASE WHEN 1 THEN 2 END; END; END $$;\nBEGIN; CREATE TABLE IF \
                     NOT EXISTS t (a int DEFAULT -1); COMMIT; BEGIN TRANSACTION; END;\nSELECT ':(', a[1], NOT b, NOT c;";
        assert_eq!(too_deep(&block.repeat(5_000)), None);
    }

    #[test]
    fn what_is_deep_is_told_before_it_is_parsed() {
        for (open, close) in [
            ("(", ")"),
            ("ARRAY[", "]"),
            ("CASE WHEN a THEN ", " END"),
            ("NOT ", ""),
            ("- ", ""),
            ("(SELECT ", ")"),
        ] {
            let text = |depth: usize| format!("SELECT {}1{};", open.repeat(depth), close.repeat(depth));
            assert!(too_deep(&text(100_000)).is_some_and(|at| at < 10_000), "{open}");
            assert_eq!(too_deep(&text(300)), None, "{open}");
            // On the stack of a test, which is a quarter of a program's.
            drop(squawk_syntax::ast::SourceFile::parse(&text(300)));
        }
        for (open, close) in [("BEGIN ", "END; "), ("IF a THEN ", "END IF; "), ("LOOP ", "END LOOP; ")] {
            for quote in ["$$", "'", "$x$"] {
                let text = |depth: usize| {
                    let (open, close) = (open.repeat(depth), close.repeat(depth));
                    format!("DO {quote}BEGIN {open} NULL; {close} END{quote};")
                };
                assert!(too_deep(&text(20_000)).is_some(), "{open}");
                assert_eq!(too_deep(&text(300)), None, "{open}");
                drop(squawk_syntax::ast::SourceFile::parse(&text(300)));
            }
        }
    }
}
