//! Rules about a migration that stopped half way, and must be run again.

use super::{Level, Rule, Source};
use crate::hazards::class::Class;

const fn rule(
    id: &'static str,
    level: Level,
    source: Source,
    why: &'static str,
    instead: &'static str,
) -> Rule {
    Rule {
        id,
        class: Class::Retry,
        level,
        source,
        why,
        locks: "nothing for long",
        waits: "whoever runs the deployment, which cannot go on",
        instead,
        measurable: true,
    }
}

/// A copy cannot tell: it does not know what an administrator made on the target.
const fn unseen(rule: Rule) -> Rule {
    Rule { measurable: false, ..rule }
}

pub(super) const RULES: &[Rule] = &[
    rule(
        "concurrently-in-transaction",
        Level::Error,
        Source::Squawk("ban-concurrent-index-creation-in-transaction"),
        "the server refuses it inside a transaction, each time; the statements of a file that sqlx sends are one as well",
        "a file of this statement alone whose first line is `-- no-transaction`; in alembic `with op.get_context().autocommit_block()`",
    ),
    rule(
        "concurrently-not-repeatable",
        Level::Error,
        Source::Own,
        "a build that fails leaves an invalid index of this name, and the next try fails on it",
        "IF NOT EXISTS (schema.indexes.valid finds what is left), or DROP INDEX CONCURRENTLY IF EXISTS before it (with sqlx in a file of its own)",
    ),
    rule(
        "steps-not-repeatable",
        Level::Error,
        Source::Own,
        "a statement outside a transaction stays when a later one fails, and the next try fails on it",
        "IF [NOT] EXISTS, OR REPLACE or ON CONFLICT, or a migration of its own for each step",
    ),
    rule(
        "transaction-inside",
        Level::Error,
        Source::Squawk("transaction-nesting"),
        "a COMMIT ends the transaction that the tool put around the file: what follows is done or undone by itself",
        "leave BEGIN and COMMIT out, or begin the file with `-- no-transaction`",
    ),
    unseen(rule(
        "extension-bare",
        Level::Error,
        Source::Own,
        "it fails each time where an administrator made the extension beforehand, as a deployment's role often may not",
        "CREATE EXTENSION IF NOT EXISTS",
    )),
    rule(
        "rows-refuse",
        Level::Error,
        Source::Measured,
        "the rows of the copy contradict what the migration asks for, so it fails each time",
        "mend the rows in an earlier migration",
    ),
    rule(
        "invalid-index-skipped",
        Level::Advice,
        Source::Own,
        "after a failed build IF NOT EXISTS skips the invalid index that it left, and reports success",
        "DROP INDEX CONCURRENTLY IF EXISTS before it (with sqlx in a file of its own), or see to schema.indexes.valid afterwards",
    ),
    rule(
        "retry-measured",
        Level::Error,
        Source::Measured,
        "stopped half way on the copy, it could not be run again",
        "one transaction, or statements that are skipped where they are done",
    ),
];
