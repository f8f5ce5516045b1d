//! Conditions of constraints and partitions, in the one form in which the server prints them.

/// A condition, or a part of one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    Column(String),
    Literal(String),
    List(Vec<String>),
    Length(Box<Expr>),
    /// With a list on the right: `=` one of them, `<>` none.
    Compare(String, Box<Expr>, Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Null,
    NotNull,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Name(String),
    Text(String),
    Number(String),
    Sign(String),
}

impl Expr {
    /// The columns that it names.
    pub(super) fn columns(&self) -> Vec<&str> {
        match self {
            Self::Column(name) => vec![name],
            Self::Length(inner) => inner.columns(),
            Self::Compare(_, left, right) => [left.columns(), right.columns()].concat(),
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::columns).collect(),
            _ => Vec::new(),
        }
    }
}

/// Reads a definition, with `CHECK` before it or without. `None` where it says what is not known here.
pub(super) fn parse(definition: &str) -> Option<Expr> {
    let body = definition.trim().trim_start_matches("CHECK ");
    let mut parser = Parser { tokens: tokens(body)?, at: 0 };
    let expr = parser.any_of()?;
    // NOT VALID, NO INHERIT.
    parser.tokens[parser.at..].iter().all(|token| matches!(token, Token::Word(_))).then_some(expr)
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = |wanted: fn(char) -> bool| rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        let (token, taken) = match first {
            '\'' | '"' => {
                let (inner, taken) = quoted(rest, first)?;
                (if first == '"' { Token::Name(inner) } else { Token::Text(inner) }, taken)
            }
            '0'..='9' => {
                let end = length(|c| c.is_ascii_digit() || c == '.');
                (Token::Number(rest[..end].to_owned()), end)
            }
            c if c.is_alphabetic() || c == '_' => {
                let end = length(|c| c.is_alphanumeric() || c == '_' || c == '$');
                (Token::Word(rest[..end].to_owned()), end)
            }
            '(' | ')' | '[' | ']' | ',' | '.' => (Token::Sign(first.to_string()), 1),
            _ => {
                let end = length(|c| "<>=!~:+-*/%|&^@#".contains(c));
                if end == 0 {
                    return None;
                }
                (Token::Sign(rest[..end].to_owned()), end)
            }
        };
        tokens.push(token);
        rest = rest[taken..].trim_start();
    }
    Some(tokens)
}

/// What stands between two marks, a doubled one for itself, and how much of the text that is.
fn quoted(text: &str, mark: char) -> Option<(String, usize)> {
    let mut inner = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if c != mark {
            inner.push(c);
        } else if characters.peek().is_some_and(|(_, next)| *next == mark) {
            characters.next();
            inner.push(mark);
        } else {
            return Some((inner, at + 1));
        }
    }
    None
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn sign(&mut self, sign: &str) -> bool {
        self.take(&Token::Sign(sign.into()))
    }

    fn word(&mut self, word: &str) -> bool {
        self.take(&Token::Word(word.into()))
    }

    fn any_of(&mut self) -> Option<Expr> {
        let mut parts = vec![self.all_of()?];
        while self.word("OR") {
            parts.push(self.all_of()?);
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { Expr::Or(parts) })
    }

    fn all_of(&mut self) -> Option<Expr> {
        let mut parts = vec![self.comparison()?];
        while self.word("AND") {
            parts.push(self.comparison()?);
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { Expr::And(parts) })
    }

    fn comparison(&mut self) -> Option<Expr> {
        let left = self.operand()?;
        if self.word("IS") {
            let not = self.word("NOT");
            return self.word("NULL").then_some(if not { Expr::NotNull } else { Expr::Null });
        }
        let Some(Token::Sign(sign)) = self.peek() else { return Some(left) };
        if !matches!(sign.as_str(), "=" | "<>" | "<" | ">" | "<=" | ">=") {
            return Some(left);
        }
        let sign = sign.clone();
        self.at += 1;
        let listed = self.word(if sign == "<>" { "ALL" } else { "ANY" });
        let right = self.operand()?;
        (listed == matches!(right, Expr::List(_)) && (!listed || matches!(sign.as_str(), "=" | "<>")))
            .then(|| Expr::Compare(sign, Box::new(left), Box::new(right)))
    }

    fn operand(&mut self) -> Option<Expr> {
        let mut operand = self.primary()?;
        while self.sign("::") {
            let array = self.type_name()?;
            if let (true, Expr::Literal(text)) = (array, &operand) {
                operand = Expr::List(elements(text)?);
            }
        }
        Some(operand)
    }

    fn primary(&mut self) -> Option<Expr> {
        let token = self.peek()?.clone();
        self.at += 1;
        match token {
            Token::Text(text) | Token::Number(text) => Some(Expr::Literal(text)),
            Token::Name(name) => Some(Expr::Column(name)),
            Token::Sign(sign) if sign == "(" => {
                let inner = self.any_of()?;
                self.sign(")").then_some(inner)
            }
            Token::Sign(sign) if sign == "-" => match self.operand()? {
                Expr::Literal(number) => Some(Expr::Literal(format!("-{number}"))),
                _ => None,
            },
            Token::Word(word) if word == "ARRAY" => self.array(),
            Token::Word(word) if matches!(word.as_str(), "NOT" | "NULL" | "CASE") => None,
            Token::Word(word) if self.sign("(") => {
                let length =
                    matches!(word.as_str(), "length" | "char_length" | "character_length" | "octet_length");
                let inner = self.operand()?;
                (length && self.sign(")")).then(|| Expr::Length(Box::new(inner)))
            }
            Token::Word(word) if matches!(word.as_str(), "true" | "false") => Some(Expr::Literal(word)),
            Token::Word(word) => Some(Expr::Column(word)),
            Token::Sign(_) => None,
        }
    }

    fn array(&mut self) -> Option<Expr> {
        let mut values = Vec::new();
        if !self.sign("[") {
            return None;
        }
        loop {
            let Expr::Literal(value) = self.operand()? else { return None };
            values.push(value);
            if self.sign("]") {
                return Some(Expr::List(values));
            }
            if !self.sign(",") {
                return None;
            }
        }
    }

    /// Passes the name of a type; whether it is one of arrays.
    fn type_name(&mut self) -> Option<bool> {
        let named = |token: Option<&Token>| matches!(token, Some(Token::Word(_) | Token::Name(_)));
        if !named(self.peek()) {
            return None;
        }
        self.at += 1;
        if self.sign(".") {
            self.at += 1;
        }
        for _ in 0..2 {
            if self.sign("(") {
                while !self.sign(")") {
                    self.peek()?;
                    self.at += 1;
                }
            }
            for word in ["precision", "varying", "with", "without", "time", "zone"] {
                self.word(word);
            }
        }
        let array = self.sign("[");
        (!array || self.sign("]")).then_some(array)
    }
}

/// The elements of an array's text.
fn elements(text: &str) -> Option<Vec<String>> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    let (mut elements, mut element) = (Vec::new(), String::new());
    let (mut within, mut was_quoted) = (false, false);
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => element.push(characters.next()?),
            '"' => {
                within = !within;
                was_quoted = true;
            }
            ',' if !within => {
                elements.push((std::mem::take(&mut element), std::mem::take(&mut was_quoted)));
            }
            c => element.push(c),
        }
    }
    if !inner.is_empty() {
        elements.push((element, was_quoted));
    }
    // A null is no value that one could be.
    elements.retain(|(element, quoted)| *quoted || element != "NULL");
    Some(elements.into_iter().map(|(element, _)| element).collect())
}
