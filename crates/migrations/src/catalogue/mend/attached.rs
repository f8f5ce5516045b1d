//! What is attached to a relation: constraints, indexes, triggers, rules and policies.

use super::super::fact::{Attribute, Fact, Part};
use super::super::{Kind, ObjectName};
use super::{Mend, create, due, mend, subject};

pub(super) fn constraint(object: &ObjectName, (wanted, found): (Option<&Fact>, Option<&Fact>)) -> Vec<Mend> {
    let subject = match object.kind {
        Kind::Type => format!("DOMAIN {}", object.name),
        _ => subject(object),
    };
    let mut mends = Vec::new();
    if let (Some(wanted), Some(found)) = (wanted, found)
        && found.base().strip_suffix(" NOT VALID") == Some(wanted.base())
    {
        mends.push(mend(due::CONSTRAINT, format!("ALTER {subject} VALIDATE CONSTRAINT {}", wanted.name)));
        return mends;
    }
    let same = wanted.map(Fact::base) == found.map(Fact::base);
    if let Some(found) = found.filter(|_| !same) {
        mends.push(mend(due::DETACH, format!("ALTER {subject} DROP CONSTRAINT {}", found.name)));
    }
    if let Some(wanted) = wanted {
        let due = if create::is_foreign_key(wanted) { due::FOREIGN_KEY } else { due::CONSTRAINT };
        if !same {
            mends
                .push(mend(due, format!("ALTER {subject} ADD CONSTRAINT {} {}", wanted.name, wanted.base())));
        }
        let on =
            if object.kind == Kind::Type { format!("DOMAIN {}", object.name) } else { object.name.clone() };
        let on = format!("CONSTRAINT {} ON {on}", wanted.name);
        mends.extend(comment(&on, Some(wanted), found.filter(|_| same)));
    }
    mends
}

/// `constraints`: whether there is a constraint of the index's name, on the side that is wanted and on the one that is found.
pub(super) fn index(
    object: &ObjectName,
    (wanted, found): (Option<&Fact>, Option<&Fact>),
    constraints: (bool, bool),
) -> Vec<Mend> {
    let mut mends = Vec::new();
    let Some(name) = wanted.or(found).map(|fact| fact.name.clone()) else { return mends };
    // An index that carries out a constraint comes and goes with it, and is a fact where more is to say of it.
    let carried = |fact: Option<&Fact>, constraint: bool| match fact {
        Some(fact) => Some(fact.clone()),
        None => constraint.then(|| {
            let base = wanted.or(found).map(Fact::base).unwrap_or_default();
            Fact::plain(Part::Index, name.clone(), base)
        }),
    };
    let (carried_want, carried_have) = (carried(wanted, constraints.0), carried(found, constraints.1));
    let carries = constraints.0 || constraints.1;
    let (wanted, found) = (carried_want.as_ref(), carried_have.as_ref());
    let same = carries || wanted.map(Fact::base) == found.map(Fact::base);
    if let Some(found) = found.filter(|_| !same) {
        let side_by_side =
            if prefix(prefix(found.base(), "unique ").1, "only ").0 { "" } else { "CONCURRENTLY " };
        mends.push(mend(due::DETACH, format!("DROP INDEX {side_by_side}{}", beside(object, &found.name))));
    }
    let Some(wanted) = wanted else { return mends };
    let name = beside(object, &wanted.name);
    let found = found.filter(|_| same);
    if !same {
        let (unique, rest) = prefix(wanted.base(), "unique ");
        let (only, rest) = prefix(rest, "only ");
        // That of a partitioned table makes those of its partitions, and cannot be made side by side.
        let (unique, side_by_side) =
            (if unique { "UNIQUE " } else { "" }, if only { "" } else { "CONCURRENTLY " });
        let sql = format!("CREATE {unique}INDEX {side_by_side}{} ON {} {rest}", wanted.name, object.name);
        mends.push(mend(due::INDEX, sql));
    }
    let has = |fact: Option<&Fact>, key| fact.and_then(|fact| fact.get(key)).map(ToOwned::to_owned);
    if has(found, Attribute::Invalid).is_some() && has(Some(wanted), Attribute::Invalid).is_none() {
        mends.push(mend(due::INDEX, format!("REINDEX INDEX CONCURRENTLY {name}")));
    }
    if has(found, Attribute::Statistics) != has(Some(wanted), Attribute::Statistics) {
        let apart = |fact: Option<&Fact>| -> Vec<(String, String)> {
            let text = has(fact, Attribute::Statistics).unwrap_or_default();
            let pairs = text.split(", ").filter_map(|pair| pair.split_once('='));
            pairs.map(|(column, target)| (column.to_owned(), target.to_owned())).collect()
        };
        let (want, have) = (apart(Some(wanted)), apart(found));
        let reset = have.iter().filter(|(column, _)| want.iter().all(|(other, _)| other != column));
        let reset = reset.map(|(column, _)| (column.clone(), "-1".to_owned()));
        let set = want.iter().filter(|pair| !have.contains(pair)).cloned();
        for (column, target) in reset.chain(set).collect::<Vec<_>>() {
            let sql = format!("ALTER INDEX {name} ALTER COLUMN {column} SET STATISTICS {target}");
            mends.push(mend(due::INDEX, sql));
        }
    }
    if has(found, Attribute::Tablespace) != has(Some(wanted), Attribute::Tablespace) {
        let space = has(Some(wanted), Attribute::Tablespace).unwrap_or_else(|| "pg_default".into());
        mends.push(mend(due::INDEX, format!("ALTER INDEX {name} SET TABLESPACE {space}")));
    }
    let table = subject(object);
    match (has(found, Attribute::Clustered), has(Some(wanted), Attribute::Clustered)) {
        (None, Some(_)) => mends.push(mend(due::INDEX, format!("ALTER {table} CLUSTER ON {}", wanted.name))),
        // Before another index takes its place.
        (Some(_), None) => mends.push(mend(due::CONSTRAINT, format!("ALTER {table} SET WITHOUT CLUSTER"))),
        _ => {}
    }
    match (has(found, Attribute::ReplicaIdentity), has(Some(wanted), Attribute::ReplicaIdentity)) {
        (None, Some(_)) => {
            let sql = format!("ALTER {table} REPLICA IDENTITY USING INDEX {}", wanted.name);
            mends.push(mend(due::INDEX, sql));
        }
        (Some(_), None) => {
            mends.push(mend(due::CONSTRAINT, format!("ALTER {table} REPLICA IDENTITY DEFAULT")));
        }
        _ => {}
    }
    mends.extend(comment(&format!("INDEX {name}"), Some(wanted), found));
    mends
}

/// Triggers, rules and policies.
pub(super) fn named(
    object: &ObjectName,
    part: Part,
    (wanted, found): (Option<&Fact>, Option<&Fact>),
) -> Vec<Mend> {
    let keyword = part.word().to_uppercase();
    let Some(name) = wanted.or(found).map(|fact| fact.name.as_str()) else { return Vec::new() };
    let of_constraint = wanted.or(found).is_some_and(|fact| fact.base() == "of the constraint");
    let table = subject(object);
    let mut mends = Vec::new();
    let same = of_constraint || wanted.map(Fact::base) == found.map(Fact::base);
    if !same && found.is_some() {
        mends.push(mend(due::DETACH, format!("DROP {keyword} {name} ON {}", object.name)));
    }
    if let Some(wanted) = wanted.filter(|_| !same) {
        let sql = match part {
            Part::Policy => format!("CREATE POLICY {name} ON {} AS {}", object.name, wanted.base()),
            _ => wanted.base().trim_end_matches(';').to_owned(),
        };
        mends.push(mend(due::TRIGGER, sql));
    }
    let enabled =
        |fact: Option<&Fact>| fact.and_then(|fact| fact.get(Attribute::Enabled)).map(ToOwned::to_owned);
    let (want, have) = (enabled(wanted), enabled(found.filter(|_| same)));
    if want != have && (wanted.is_some() || of_constraint) {
        let how = match want.as_deref() {
            Some("disabled") => "DISABLE",
            Some("enabled on replicas") => "ENABLE REPLICA",
            Some("enabled always") => "ENABLE ALWAYS",
            _ => "ENABLE",
        };
        let name = if of_constraint { "ALL" } else { name };
        mends.push(mend(due::TRIGGER, format!("ALTER {table} {how} {keyword} {name}")));
    }
    if wanted.is_some() {
        mends.extend(comment(
            &format!("{keyword} {name} ON {}", object.name),
            wanted,
            found.filter(|_| same),
        ));
    }
    mends
}

fn comment(on: &str, wanted: Option<&Fact>, found: Option<&Fact>) -> Option<Mend> {
    let text =
        |fact: Option<&Fact>| fact.and_then(|fact| fact.get(Attribute::Comment)).map(ToOwned::to_owned);
    let (want, have) = (text(wanted), text(found));
    (want != have)
        .then(|| mend(due::ACCESS, format!("COMMENT ON {on} IS {}", want.unwrap_or_else(|| "NULL".into()))))
}

/// The index in the schema of its table, as `DROP INDEX` wants it.
fn beside(object: &ObjectName, index: &str) -> String {
    match schema(&object.name) {
        Some(schema) => format!("{schema}.{index}"),
        None => index.to_owned(),
    }
}

/// The schema of a qualified name; `None` where it is bare.
fn schema(name: &str) -> Option<&str> {
    let mut quoted = false;
    let at = name.char_indices().find(|(_, character)| {
        quoted ^= *character == '"';
        *character == '.' && !quoted
    });
    at.map(|(at, _)| &name[..at])
}

fn prefix<'t>(text: &'t str, word: &str) -> (bool, &'t str) {
    match text.strip_prefix(word) {
        Some(rest) => (true, rest),
        None => (false, text),
    }
}
