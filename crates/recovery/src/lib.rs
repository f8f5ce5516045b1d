#![doc = include_str!("../README.md")]

use runbook::check::Check;

/// Every check of this suite, in the order of their ids.
pub fn checks() -> Vec<Check> {
    Vec::new()
}
