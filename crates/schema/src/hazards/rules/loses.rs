//! Rules about rows that are gone.

use super::{Level, Rule, Source};
use crate::hazards::class::Class;

const fn rule(
    id: &'static str,
    source: Source,
    why: &'static str,
    locks: &'static str,
    instead: &'static str,
) -> Rule {
    Rule {
        id,
        class: Class::Loses,
        level: Level::Error,
        source,
        why,
        locks,
        waits: "whoever needs the rows: a revert does not bring them back",
        instead,
        measurable: true,
    }
}

pub(super) const RULES: &[Rule] = &[
    rule(
        "rows-deleted",
        Source::Own,
        "rows are deleted, and a revert does not bring them back",
        "RowExclusive on the table, and every row that it deletes",
        "keep them in a table of their own, or say why they may go: -- runbook: allow rows-deleted because …",
    ),
    rule(
        "table-truncated",
        Source::Own,
        "every row is gone, with CASCADE those of the tables that refer to it as well",
        "AccessExclusive on the table and on those that CASCADE reaches",
        "rename the table and keep it until nobody misses a row",
    ),
    rule(
        "values-cut",
        Source::Own,
        "a new type keeps only a part of each value",
        "AccessExclusive on the table",
        "add a column of the new type beside the old one, and keep the old one until nobody misses it",
    ),
    rule(
        "rows-detached",
        Source::Own,
        "the rows of a detached partition are no longer found through its parent",
        "AccessExclusive on the parent and the partition",
        "say why they may go: -- runbook: allow rows-detached because …",
    ),
    rule(
        "loses-measured",
        Source::Measured,
        "on the copy rows or values are gone afterwards",
        "what the measurement shows",
        "keep them in a table of their own, or say why they may go",
    ),
];
