//! How the program ends: a status, or one sentence about what was wrong with how it was called.

use std::process::ExitCode;

use miette::Diagnostic;
use runbook::report::Decision;
use runbook::settings::SettingsError;

use crate::screen::Screen;

/// The exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0
    Go,
    /// 1
    NoGo,
    /// 2: usage or configuration.
    Usage,
    /// 3: a required check was not measured.
    Incomplete,
    /// 130: Ctrl-C, or an end that was asked for.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Go => 0,
            Exit::NoGo => 1,
            Exit::Usage => 2,
            Exit::Incomplete => 3,
            Exit::Interrupted => 130,
        })
    }
}

impl From<Decision> for Exit {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Go => Self::Go,
            Decision::NoGo => Self::NoGo,
            Decision::Incomplete => Self::Incomplete,
        }
    }
}

/// What was wrong with how the program was called; nothing was changed.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum Failure {
    /// With the place in a file.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Settings(#[from] SettingsError),
    /// In one sentence.
    #[error("{0}")]
    Said(String),
}

impl From<integrity::Misfit> for Failure {
    /// With the place in the file, where it is one.
    fn from(misfit: integrity::Misfit) -> Self {
        match misfit {
            integrity::Misfit::Settings(error) => Self::Settings(*error),
            other => Self::said(other),
        }
    }
}

impl Failure {
    /// In one sentence.
    pub(crate) fn said(sentence: impl std::fmt::Display) -> Self {
        Self::Said(sentence.to_string())
    }
}

/// ` (did you mean …?)`, where a known name is much like this one.
pub(crate) fn near(name: &str, known: &[&str]) -> String {
    runbook::settings::nearest(name, known)
        .map_or_else(String::new, |near| format!(" (did you mean {near}?)"))
}

/// Lets miette draw as the terminal allows.
pub(crate) fn install(screen: &Screen) {
    let (colour, unicode) = (screen.errors_in_colour, screen.style.unicode);
    let _ = miette::set_hook(Box::new(move |_| {
        Box::new(
            miette::MietteHandlerOpts::new()
                .color(colour)
                .unicode(unicode)
                .terminal_links(false)
                .width(110)
                .build(),
        )
    }));
}
