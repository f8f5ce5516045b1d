#![doc = include_str!("../README.md")]

mod cache_hit_rate;
mod connections;
mod envelope;
mod index_hit_rate;
mod slow_queries;
mod transactions;
mod window;
mod wraparound;

use runbook::action::Action;
use runbook::check::Check;

pub use window::{History, Window};

/// Every check of this suite, in the order of their ids.
pub fn checks() -> Vec<Check> {
    vec![
        cache_hit_rate::CHECK,
        connections::CHECK,
        envelope::CHECK,
        index_hit_rate::CHECK,
        slow_queries::CHECK,
        transactions::CHECK,
        wraparound::CHECK,
    ]
}

/// The actions of this suite: they open and close the [`Window`] over which its rates are taken.
pub fn actions() -> Vec<Action> {
    vec![window::CLOSE, window::OPEN]
}
