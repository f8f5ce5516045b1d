//! Rules about the application of before, which still runs while and after a migration is applied.

use super::{Level, Rule, Source};
use crate::hazards::class::Class;

const fn rule(
    id: &'static str,
    source: Source,
    why: &'static str,
    waits: &'static str,
    instead: &'static str,
    measurable: bool,
) -> Rule {
    let locks = "AccessExclusive on the table, for a moment";
    Rule { id, class: Class::Breaks, level: Level::Error, source, why, locks, waits, instead, measurable }
}

const fn advice(rule: Rule) -> Rule {
    Rule { level: Level::Advice, ..rule }
}

const READERS: &str = "the application of before, whose statements name it";

pub(super) const RULES: &[Rule] = &[
    rule(
        "column-dropped",
        Source::Squawk("ban-drop-column"),
        "the application of before still names the column, and its values are gone",
        READERS,
        "deploy an application that no longer names it, then drop it in the next deployment",
        true,
    ),
    rule(
        "column-renamed",
        Source::Squawk("renaming-column"),
        "the application of before still uses the old name",
        READERS,
        "add a column of the new name, write both, let the readers change over, then drop the old one",
        true,
    ),
    rule(
        "column-required",
        Source::Squawk("adding-required-field"),
        "rows that are there have no value for it, and the application of before inserts none",
        "the application of before, whose inserts fail",
        "add it nullable or with a constant default, and require it in the next deployment",
        true,
    ),
    rule(
        "default-dropped",
        Source::Squawk("ban-drop-default"),
        "the application of before leaves the column to the database",
        "the application of before, whose inserts fail where the column is NOT NULL",
        "drop it when no running application relies on it",
        true,
    ),
    rule(
        "type-narrowed",
        Source::Own,
        "the application of before may write values that no longer fit",
        "the application of before, whose writes fail",
        "let the application write short values first; then a CHECK as NOT VALID, validated in the next migration",
        true,
    ),
    rule(
        "check-narrowed",
        Source::Own,
        "a CHECK that replaces another leaves out values which were allowed before",
        "the application of before, whose writes fail",
        "let the application stop writing them first",
        true,
    ),
    rule(
        "table-dropped",
        Source::Squawk("ban-drop-table"),
        "the application of before still uses the table, and its rows are gone",
        READERS,
        "deploy an application that no longer uses it, then drop it in the next deployment",
        true,
    ),
    rule(
        "table-renamed",
        Source::Squawk("renaming-table"),
        "the application of before still uses the old name",
        READERS,
        "leave a view of the old name that takes reads and writes, until nobody uses it",
        true,
    ),
    rule(
        "object-dropped",
        Source::Squawk("ban-drop-view"),
        "the application of before still uses the view, function, type, sequence or schema",
        READERS,
        "drop it when no running application uses it",
        true,
    ),
    rule(
        "object-renamed",
        Source::Squawk("renaming-object"),
        "the application of before still uses the old name",
        READERS,
        "create one of the new name beside it, and drop the old one when nobody uses it",
        true,
    ),
    rule(
        "schema-changed",
        Source::Squawk("ban-set-schema"),
        "the application of before does not look in the new schema",
        READERS,
        "leave a view in the old schema, or add the new one to the search_path of the role first",
        true,
    ),
    rule(
        "row-security",
        Source::Own,
        "row security without a policy hides every row from all roles but the owner",
        "the application of before, when its role is not the owner: it sees no row",
        "CREATE POLICY first, in the same migration, that lets in whoever was let in before",
        true,
    ),
    rule(
        "right-revoked",
        Source::Squawk("ban-revoke"),
        "a role that the application of before may run as loses a right",
        "the application of before, when it runs as that role",
        "revoke it when no running application needs it",
        true,
    ),
    rule(
        "trigger-disabled",
        Source::Squawk("ban-disable-trigger"),
        "triggers no longer fire; ALL includes those that enforce foreign keys, and nothing proves the rows afterwards",
        "whoever relies on them: rows that contradict a foreign key stay, and a later restore fails on them",
        "keep them on, and write in batches that they can follow",
        true,
    ),
    rule(
        "trigger-refuses",
        Source::Own,
        "a new trigger raises an exception, so writes that worked no longer do",
        "the application of before, whose writes fail",
        "let the application stop such writes first",
        true,
    ),
    rule(
        "sequence-restarted",
        Source::Own,
        "a sequence goes back to numbers that are taken",
        "the application of before, whose inserts fail on a duplicate key",
        "restart it above the highest number: setval(…, (SELECT max(…) FROM …))",
        true,
    ),
    rule(
        "matview-emptied",
        Source::Own,
        "a materialized view WITH NO DATA cannot be read until it is refreshed",
        "the application of before, whose reads fail",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY",
        true,
    ),
    advice(rule(
        "not-null-dropped",
        Source::Squawk("ban-drop-not-null"),
        "readers of before may meet a NULL as soon as somebody writes one",
        "the application of before, if it cannot read a NULL",
        "let the readers expect it first",
        true,
    )),
    advice(rule(
        "constraint-dropped",
        Source::Squawk("ban-drop-constraint"),
        "what the constraint kept out may be written from now on",
        "readers that rely on it",
        "drop it when nobody does",
        true,
    )),
    rule(
        "breaks-measured",
        Source::Measured,
        "on the copy a statement of the application of before worked, and no longer does",
        "the application of before",
        "deploy an application first that no longer sends it",
        true,
    ),
];
