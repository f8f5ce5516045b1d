//! The four kinds of harm that make a migration a hazard.

use std::fmt;
use std::str::FromStr;

/// How a migration can hurt. Nothing else is a hazard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// At the target's size somebody waits for longer than the budget.
    Stall,
    /// The application of before, which still runs, no longer works.
    Breaks,
    /// Rows or values are gone.
    Loses,
    /// It cannot be run again after it failed, or it never can be run.
    Retry,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Stall, Self::Breaks, Self::Loses, Self::Retry];

    /// As it stands in the header of a corpus file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stall => "stall",
            Self::Breaks => "breaks old app",
            Self::Loses => "loses rows",
            Self::Retry => "not retryable",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Class {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|class| class.word() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::word).join("`, `");
            format!("there is no class `{text}`; it is one of `{known}`")
        })
    }
}
