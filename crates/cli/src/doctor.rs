//! `runbook doctor`: which Postgres a rehearsal would use, why, and what is missing.

use crate::arguments::Global;
use crate::failure::{Exit, Failure};
use crate::screen::Screen;

/// Prints what was found.
pub(crate) async fn doctor(_global: &Global, _screen: &Screen) -> Result<Exit, Failure> {
    Err(Failure::said("not wired yet"))
}
