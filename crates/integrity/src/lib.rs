#![doc = include_str!("../README.md")]

mod claim;
mod constraints;
mod corruption;
mod prover;
pub mod rules;

use runbook::check::Check;

/// Every check of this suite, in the order of their ids.
pub fn checks() -> Vec<Check> {
    vec![
        constraints::CHECKS,
        constraints::DOMAINS,
        constraints::EXCLUSION,
        constraints::GENERATED,
        constraints::NOT_NULL,
        constraints::UNIQUE,
        corruption::BTREE,
        corruption::HEAP,
        constraints::FOREIGN_KEYS,
        constraints::MATVIEWS,
        rules::RULES,
        constraints::SEQUENCES,
    ]
}
