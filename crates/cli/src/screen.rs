//! The terminal: what it can show, and how text reaches it.

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
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
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
