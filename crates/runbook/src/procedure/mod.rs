//! The procedure: the document's sections with what stands for each line, carried out in order.
//!
//! Rules, in the order in which they are met:
//!
//! 1. Sections are carried out as written; the rollback comes last, as a drill, on the deployed database.
//! 2. A line's actions run one after another, then its checks; results stand in the order of the settings.
//! 3. A check that stands for several lines is asked once, and its verdict used again until an action has run:
//!    what an action may have changed is asked anew.
//! 4. A failed check closes the gate: nothing more is *done*, but what only looks goes on, so that one run shows all
//!    that is wrong. The first line whose deed is withheld, and a failed action itself, end the deployment: each
//!    later line is not measured, with the reason "not reached: …".
//! 5. The criteria are judged on whatever state the deployment ended in, and a rehearsal proves the rollback even so.

mod decide;
mod facts;
mod journal;
mod observer;
mod outcome;
mod plan;
mod run;

use crate::action::Action;
use crate::check::Check;
use crate::document::DocumentLine;

pub use facts::{Progress, checks};
pub use journal::Journal;
pub use observer::{Observer, Silent};
pub use run::Run;

/// All checks and actions there are, from every suite.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    /// The checks, in the order of their ids.
    pub checks: Vec<Check>,
    /// The actions, in the order of their ids.
    pub actions: Vec<Action>,
}

impl Registry {
    /// What suites give, with the procedure's own: [`checks`] and `services.*`.
    pub fn of(checks: impl IntoIterator<Item = Check>, actions: impl IntoIterator<Item = Action>) -> Self {
        let mut registry = Self {
            checks: checks.into_iter().chain(self::checks()).collect(),
            actions: actions.into_iter().chain(crate::action::services::actions()).collect(),
        };
        registry.checks.sort_by_key(|check| check.id);
        registry.actions.sort_by_key(|action| action.id);
        registry
    }

    /// The check of an id.
    pub fn check(&self, id: &str) -> Option<Check> {
        self.checks.iter().find(|check| check.id == id).copied()
    }

    /// The action of an id.
    pub fn action(&self, id: &str) -> Option<Action> {
        self.actions.iter().find(|action| action.id == id).copied()
    }
}

/// The ordered steps.
#[derive(Debug, Clone)]
pub struct Procedure {
    /// The document's title.
    pub title: String,
    /// The document's prose before its first section.
    pub intro: Vec<String>,
    /// The sections in the order in which they are carried out, criteria left out.
    pub steps: Vec<Step>,
    /// The criteria by which the deployment is judged.
    pub criteria: Option<Step>,
}

/// A section with what stands for its lines.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its heading as an identifier.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// The heading above it.
    pub part: Option<String>,
    /// Its prose.
    pub intro: Vec<String>,
    /// Whether it undoes the deployment.
    pub rollback: bool,
    /// Its lines.
    pub lines: Vec<StepLine>,
}

/// A line with what stands for it.
#[derive(Debug, Clone)]
pub struct StepLine {
    /// The line of the document.
    pub line: DocumentLine,
    /// What carries it out, in order.
    pub actions: Vec<Action>,
    /// What proves it.
    pub checks: Vec<Check>,
    /// Why nothing can stand for it here.
    pub not_measured: Option<String>,
}

impl Procedure {
    /// The words of every line that a check or an action stands for, in the document's order.
    pub fn words_of(&self, id: &str) -> Vec<&str> {
        let lines = self.steps.iter().chain(&self.criteria).flat_map(|step| &step.lines);
        let stands = |line: &&StepLine| {
            line.checks.iter().any(|check| check.id == id)
                || line.actions.iter().any(|action| action.id == id)
        };
        lines.filter(stands).map(|line| line.line.words.as_str()).collect()
    }
}
