//! `runbook rehearse`.
use crate::arguments::{Global, Rehearse};
use crate::failure::{Exit, Failure};
use crate::screen::Screen;
pub(crate) async fn rehearse(_: &Rehearse, _: &Global, _: &Screen) -> Result<Exit, Failure> { Err(Failure::said("not wired yet")) }
