#![doc = include_str!("../README.md")]

pub mod backup;
mod child;
pub mod clock;
mod error;
pub mod folder;
pub mod manifest;
pub mod programs;
pub mod properties;
pub mod restore;
pub mod rollback;
pub mod state;

pub use error::RecoveryError;

use runbook::check::Check;

/// Every check of this suite, in the order of their ids.
pub fn checks() -> Vec<Check> {
    Vec::new()
}
