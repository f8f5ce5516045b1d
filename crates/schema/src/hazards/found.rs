//! What was found in a migration.

use super::rules::{Level, Rule};

/// A rule that applies to a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The rule.
    pub rule: &'static Rule,
    /// How much it weighs here: a small or new table makes an error an advice.
    pub level: Level,
    /// The statement's place in the script.
    pub statement: usize,
    /// The line on which the statement starts.
    pub line: usize,
    /// The table, or another object, where one is to blame.
    pub object: Option<String>,
    /// The reason for which the file or the settings allow it.
    pub allowed: Option<String>,
}

impl Found {
    /// Whether it makes the migration a hazard.
    pub fn is_error(&self) -> bool {
        self.level == Level::Error && self.allowed.is_none()
    }

    /// Whether a measurement can tell that it does not apply here. That a session fires no trigger is not seen on what it
    /// leaves behind: the triggers themselves are as they were.
    pub fn is_measurable(&self) -> bool {
        self.rule.measurable && !(self.rule.id == "trigger-disabled" && self.object.is_none())
    }
}
