//! The statements that would make one side of a difference like the other.
//!
//! They are meant to be read before they are run. What no statement can do (a column that moved, a label that is one too
//! many, the connection of a subscription) is said in words, with the reason.

mod alter;
mod attached;
mod create;
mod database;
mod definition;
mod parts;

use super::fact::{Fact, Part};
use super::{Kind, ObjectName};

/// A statement, and when it is due among others: what others stand on is made first and dropped last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mend {
    pub(super) due: u8,
    /// Among those that are due together.
    pub(super) order: u16,
    pub(super) sql: String,
    /// It is no statement, but what a person has to do, and why.
    pub(super) by_hand: bool,
}

/// When statements of each sort are due.
mod due {
    use super::Kind;

    pub(super) const DETACH: u8 = 0;
    pub(super) const OWNED: u8 = 110;
    pub(super) const CONSTRAINT: u8 = 120;
    pub(super) const INDEX: u8 = 121;
    pub(super) const FOREIGN_KEY: u8 = 122;
    pub(super) const TRIGGER: u8 = 123;
    pub(super) const ACCESS: u8 = 130;

    /// Dropping an object of a kind, the last kinds first. What tables stand on goes after they are altered.
    pub(super) fn drop(kind: Kind) -> u8 {
        if kind < Kind::Table { 200 - kind as u8 } else { 40 - kind as u8 }
    }

    /// Making one, or altering it.
    pub(super) fn make(kind: Kind) -> u8 {
        50 + kind as u8
    }
}

/// Makes an object that the other side lacks.
pub(super) fn make(object: &ObjectName, facts: &[Fact]) -> Vec<Mend> {
    if object.kind == Kind::Database {
        return facts.iter().flat_map(|fact| database::part((Some(fact), None))).collect();
    }
    create::object(object, facts)
}

/// Drops an object that is one too many.
pub(super) fn drop(object: &ObjectName, facts: &[Fact]) -> Vec<Mend> {
    let ObjectName { kind, name } = object;
    let sql = match kind {
        Kind::Sequence if facts.iter().any(|fact| fact.part == Part::IdentityOf) => {
            return vec![by_hand("nothing: it goes with its identity column")];
        }
        Kind::DefaultPrivileges => {
            let grants = facts.iter().filter(|fact| fact.part == Part::Grant);
            return grants.flat_map(|grant| parts::grant(object, None, Some(grant))).collect();
        }
        Kind::Database => {
            return facts.iter().flat_map(|fact| database::part((None, Some(fact)))).collect();
        }
        // It may be gone with the table that owns it.
        Kind::Sequence => format!("DROP SEQUENCE IF EXISTS {name}"),
        // It may be gone with the table that it is a partition of.
        Kind::Table if facts.iter().any(|fact| fact.part == Part::PartitionBound) => {
            format!("DROP TABLE IF EXISTS {name}")
        }
        _ => format!("DROP {} {name}", kind.keyword()),
    };
    vec![mend(due::drop(*kind), sql)]
}

/// Drops a constraint before its table is.
pub(super) fn drop_constraint(object: &ObjectName, fact: &Fact) -> Mend {
    mend(due::DETACH, format!("ALTER {} DROP CONSTRAINT {}", subject(object), fact.name))
}

/// Drops an object before anything is made: another one is to take its place.
pub(super) fn make_room(mends: &mut [Mend]) {
    for mend in mends.iter_mut().filter(|mend| !mend.by_hand) {
        mend.due = due::DETACH;
    }
}

/// Puts the statements of a whole table `depth` generations below its eldest ancestor in their place: heirs are made after
/// those from whom they inherit, and dropped before them.
pub(super) fn of_generation(mends: &mut [Mend], depth: u8, made: bool) {
    let due = if made { due::make(Kind::Table) } else { due::drop(Kind::Table) };
    for mend in mends.iter_mut().filter(|mend| mend.due == due) {
        mend.due = if made { due.saturating_add(depth) } else { due.saturating_sub(depth) };
    }
}

/// Puts the statements of a view in their place: it is made after those that it stands on, and dropped before them. How many
/// of these stand one upon the other is told for both sides.
pub(super) fn of_depth(mends: &mut [Mend], kind: Kind, wanted: u16, found: u16) {
    for mend in mends.iter_mut().filter(|mend| !mend.by_hand) {
        if mend.due == due::make(kind) {
            (mend.due, mend.order) = (due::make(Kind::View), wanted);
        } else if mend.due == due::drop(kind) || drops(std::slice::from_ref(mend)) {
            // After what is only detached.
            mend.due = if mend.due == due::DETACH { due::DETACH } else { due::drop(Kind::View) };
            mend.order = u16::MAX - found;
        }
    }
}

/// Whether an object as a whole is dropped to be made anew.
pub(super) fn drops(mends: &[Mend]) -> bool {
    mends.iter().any(|mend| {
        let whole = ["DROP VIEW ", "DROP MATERIALIZED VIEW ", "DROP FUNCTION "];
        !mend.by_hand && whole.iter().any(|start| mend.sql.starts_with(start))
    })
}

/// Whether it is done before all else.
pub(super) fn is_first(mend: &Mend) -> bool {
    mend.due == due::DETACH && !mend.by_hand
}

/// What is told of a column besides what adds it.
pub(super) fn column_extras(object: &ObjectName, column: &Fact) -> Vec<Mend> {
    parts::column_extras(object, column)
}

/// Makes what both sides have, and differs, as it is wanted. `wanted` and `found` are the facts of both sides, `fact`
/// those of the part that differs.
pub(super) fn alter(
    object: &ObjectName,
    (wanted, found): (&[Fact], &[Fact]),
    fact: (Option<&Fact>, Option<&Fact>),
) -> Vec<Mend> {
    if object.kind == Kind::Database {
        return database::part(fact);
    }
    alter::part(object, (wanted, found), fact)
}

fn mend(due: u8, sql: impl Into<String>) -> Mend {
    Mend { due, order: 0, sql: sql.into(), by_hand: false }
}

/// What no statement can do.
pub(super) fn by_hand(words: impl Into<String>) -> Mend {
    Mend { due: u8::MAX, order: 0, sql: words.into(), by_hand: true }
}

/// What `ALTER …`, `COMMENT ON …` and the like call an object.
fn subject(object: &ObjectName) -> String {
    format!("{} {}", object.kind.keyword(), object.name)
}
