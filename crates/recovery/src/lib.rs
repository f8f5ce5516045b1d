#![doc = include_str!("../README.md")]

mod actions;
pub mod backup;
mod checks;
mod child;
pub mod clock;
mod error;
pub mod folder;
pub mod manifest;
mod partial;
pub mod programs;
pub mod properties;
pub mod rehearsal;
pub mod restore;
pub mod retention;
pub mod rollback;
pub mod state;
mod subscriptions;
pub mod undumped;

pub use actions::{BackedUp, RolledBack, actions};
pub use error::RecoveryError;

use runbook::check::Check;

/// Every check of this suite, in the order of their ids.
pub fn checks() -> Vec<Check> {
    use checks::{complete, equal, intact, plan, present, private, recent, restorable};
    vec![
        Check::live_safe(
            "recovery.backup.complete",
            "the dump holds every table that its manifest counted",
            complete::run,
        ),
        Check::live_safe(
            "recovery.backup.intact",
            "the dump is what was written, and can be read",
            intact::run,
        ),
        Check::live_safe("recovery.backup.present", "there is a dump", present::run),
        Check::live_safe("recovery.backup.private", "nobody but its owner can read a dump", private::run),
        Check::live_safe("recovery.backup.recent", "the newest dump is recent", recent::run),
        // Safe on a live target: it reads the dump, and writes to a scratch database of the harness.
        Check::live_safe(
            "recovery.backup.restorable",
            "the dump, restored, equals its manifest",
            restorable::run,
        ),
        Check::live_safe("recovery.rollback.equal", "after the rollback, all is as it was", equal::run),
        Check::live_safe("recovery.rollback.plan", "a rollback would work: it was rehearsed", plan::run),
    ]
}
