//! Those who look on while a run goes.

use super::{Step, StepLine};
use crate::report::Line;

/// Who looks on while a run goes; a progress bar, say.
pub trait Observer: Send + Sync {
    /// A section begins.
    fn step(&self, _step: &Step) {}
    /// A line begins.
    fn begin(&self, _step: &Step, _line: &StepLine) {}
    /// A line is done.
    fn line(&self, _step: &Step, _line: &Line) {}
}

/// Nobody looks on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}
