//! The terminal: what it can show, and how text reaches it.

use std::borrow::Cow;
use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::sync::{Arc, OnceLock};

use runbook::report::terminal::Style;

use crate::arguments::Global;
use crate::failure::Failure;

/// What can be shown, and what is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Screen {
    /// How rows are drawn.
    pub(crate) style: Style,
    /// Whether standard error takes colours.
    pub(crate) errors_in_colour: bool,
    /// Whether a person watches standard error.
    pub(crate) watched: bool,
    /// Only the last line.
    pub(crate) quiet: bool,
    /// Only JSON.
    pub(crate) json: bool,
    /// Why something did not reach standard output.
    unwritten: Arc<OnceLock<String>>,
}

impl Screen {
    /// Looks at the arguments, the environment and the terminal.
    pub(crate) fn new(global: &Global) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let plain =
            global.no_color || set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        let forced = set("CLICOLOR_FORCE") || set("FORCE_COLOR");
        let width = if out { columns() } else { 110 };
        Self {
            style: Style {
                colour: !plain && (out || forced),
                unicode: unicode(),
                width,
                whole: !out,
                verbose: global.verbose > 0,
            },
            errors_in_colour: !plain && (err || forced),
            watched: err && !global.quiet && !global.json,
            quiet: global.quiet,
            json: global.json,
            unwritten: Arc::default(),
        }
    }

    /// Rows as a run goes: neither with `--quiet` nor with `--json`.
    pub(crate) fn row(&self, text: &str) {
        if !self.quiet && !self.json {
            self.print(text);
        }
    }

    /// Text to standard output. A reader that went away (`| head`) is not an error; any other is told at the end
    /// ([`Self::unwritten`]), since a run and its report do not depend on who reads along.
    pub(crate) fn print(&self, text: &str) {
        // Elsewhere each byte is as it was: a program may read it.
        let text = if self.style.whole { Cow::Borrowed(text) } else { obeyed_by_no_terminal(text) };
        let mut out = std::io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        if let Err(error) = written
            && error.kind() != ErrorKind::BrokenPipe
        {
            let _ = self.unwritten.set(error.to_string());
        }
    }

    /// What kept the output from being written.
    pub(crate) fn unwritten(&self) -> Option<Failure> {
        let reason = self.unwritten.get()?;
        Some(Failure::said(format!(
            "standard output cannot be written: {reason}; make room there, or send it elsewhere"
        )))
    }

    /// The one sentence, and the place in the file where there is one.
    pub(crate) fn failure(&self, failure: Failure) {
        let text = match failure {
            Failure::Said(sentence) => format!("runbook: {sentence}\n"),
            failure @ Failure::Settings(_) => format!("{:?}", miette::Report::new(failure)),
        };
        let text = if std::io::stderr().is_terminal() {
            obeyed_by_no_terminal(&text)
        } else {
            Cow::Borrowed(&*text)
        };
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}

/// Text without what a terminal would obey, but for line ends, tabs and colours (ECMA-48's SGR): the names and values of
/// a database, and what a server says, are not ours.
fn obeyed_by_no_terminal(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let (taken, is_shown) = match colour(rest) {
            Some(length) => (length, true),
            None => (next.len_utf8(), is_plain(next)),
        };
        shown.push_str(if is_shown { &rest[..taken] } else { " " });
        rest = &rest[taken..];
    }
    Cow::Owned(shown)
}

/// The length of the SGR sequence that a text begins with.
fn colour(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    parameters[end..].starts_with('m').then_some("\u{1b}[m".len() + end)
}

/// What the locale says: the first of the three variables that is set decides. None set is a bare container, where
/// terminals know Unicode; `C` and `POSIX` were chosen by somebody.
fn unicode() -> bool {
    let variables = ["LC_ALL", "LC_CTYPE", "LANG"];
    let chosen = variables.iter().filter_map(|name| std::env::var(name).ok()).find(|value| !value.is_empty());
    chosen.is_none_or(|locale| !matches!(locale.as_str(), "C" | "POSIX"))
}

/// The terminal's columns, between 30 and 140.
fn columns() -> usize {
    let (_, columns) = console::Term::stdout().size();
    usize::from(columns).clamp(30, 140)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_told_nothing_but_words_and_colours() {
        for same in ["", "a\n\tb é ☃", "\u{1b}[32m✔\u{1b}[0m", "\u{1b}[1;31mno\u{1b}[m"] {
            assert_eq!(obeyed_by_no_terminal(same), same);
        }
        for (hostile, shown) in [
            ("a\u{1b}]0;title\u{7}b", "a ]0;title b"),
            ("\u{1b}[2Jgone", " [2Jgone"),
            ("\u{9b}2J\r\u{8}", " 2J  "),
            ("\u{1b}[31", " [31"),
            ("é\u{1b}", "é "),
        ] {
            assert_eq!(obeyed_by_no_terminal(hostile), shown, "{hostile:?}");
        }
    }
}
