//! The checks whose claims the catalogue words completely: each is its query.

use runbook::check::{Check, CheckFuture};
use runbook::context::Context;

use crate::prover::prove;
use crate::together::prove_part;

/// Foreign keys, by anti-join.
pub(crate) const FOREIGN_KEYS: Check = Check::live_safe(
    "integrity.foreign_keys.orphans",
    "Every row that a foreign key speaks of has its match",
    foreign_keys,
);

/// CHECK constraints.
pub(crate) const CHECKS: Check =
    Check::live_safe("integrity.constraints.check", "Every row satisfies its CHECK constraints", checks);

/// NOT NULL columns.
pub(crate) const NOT_NULL: Check =
    Check::live_safe("integrity.constraints.not_null", "No NOT NULL column holds a null", not_null);

/// Unique indexes, by the heap.
pub(crate) const UNIQUE: Check =
    Check::live_safe("integrity.constraints.unique", "No unique key stands on two rows of the heap", unique);

/// Exclusion constraints, by the heap.
pub(crate) const EXCLUSION: Check =
    Check::live_safe("integrity.constraints.exclusion", "No two rows exclude each other", exclusion);

/// Constraints of domains.
pub(crate) const DOMAINS: Check = Check::live_safe(
    "integrity.constraints.domains",
    "Every value of a domain satisfies the domain",
    domains,
);

/// Stored generated columns.
pub(crate) const GENERATED: Check = Check::live_safe(
    "integrity.constraints.generated",
    "Every generated column holds what its expression gives",
    generated,
);

/// Sequences and what they feed.
pub(crate) const SEQUENCES: Check = Check::live_safe(
    "integrity.sequences.behind",
    "Every sequence is ahead of the values it feeds",
    sequences,
);

/// Materialized views and their queries.
pub(crate) const MATVIEWS: Check = Check::live_safe(
    "integrity.matviews.fresh",
    "Every materialized view holds what its query gives now",
    matviews,
);

fn foreign_keys(context: &Context) -> CheckFuture<'_> {
    Box::pin(prove_part(context, FOREIGN_KEYS.id))
}

fn checks(context: &Context) -> CheckFuture<'_> {
    Box::pin(prove_part(context, CHECKS.id))
}

fn not_null(context: &Context) -> CheckFuture<'_> {
    Box::pin(prove_part(context, NOT_NULL.id))
}

fn unique(context: &Context) -> CheckFuture<'_> {
    Box::pin(prove_part(context, UNIQUE.id))
}

fn generated(context: &Context) -> CheckFuture<'_> {
    Box::pin(prove_part(context, GENERATED.id))
}

fn exclusion(context: &Context) -> CheckFuture<'_> {
    Box::pin(prove(context, EXCLUSION.id, "exclusion constraints", include_str!("exclusion.sql")))
}

fn domains(context: &Context) -> CheckFuture<'_> {
    Box::pin(prove(context, DOMAINS.id, "constraints of domains", include_str!("domains.sql")))
}

fn sequences(context: &Context) -> CheckFuture<'_> {
    Box::pin(prove(context, SEQUENCES.id, "sequences", include_str!("sequences_behind.sql")))
}

fn matviews(context: &Context) -> CheckFuture<'_> {
    Box::pin(prove(context, MATVIEWS.id, "materialized views", include_str!("matviews.sql")))
}
