//! Altering what both sides have.

use super::super::fact::{Attribute, Fact, Part};
use super::super::{Kind, ObjectName};
use super::{Mend, create, due, mend, parts, subject};

/// The statements for one part: `fact` as it is wanted and as it is found.
pub(super) fn part(
    object: &ObjectName,
    (wanted, found): (&[Fact], &[Fact]),
    fact: (Option<&Fact>, Option<&Fact>),
) -> Vec<Mend> {
    let Some(part) = fact.0.or(fact.1).map(|fact| fact.part) else { return Vec::new() };
    match part {
        Part::Column => column(object, fact),
        Part::Constraint => constraint(object, fact),
        Part::Index => index(object, fact),
        Part::Trigger | Part::Rule | Part::Policy => attached(object, part, fact),
        Part::Grant => parts::grant(object, fact.0, fact.1),
        Part::Label => label(object, wanted, fact),
        Part::Definition => definition(object, wanted, found),
        Part::Inherits | Part::PartitionBound => family(object, wanted, found, part),
        Part::Operator | Part::Function => of_family(object, part, fact),
        Part::Mapping => mapping(object, fact),
        Part::Table | Part::Schema if object.kind == Kind::Publication => member(object, part, fact),
        _ => own(object, part, fact.0.map(Fact::base), fact.1.map(Fact::base)),
    }
}

fn column(object: &ObjectName, fact: (Option<&Fact>, Option<&Fact>)) -> Vec<Mend> {
    // The columns of a view are those of its query.
    if matches!(object.kind, Kind::View | Kind::MaterializedView) {
        return Vec::new();
    }
    let composite = object.kind == Kind::Type;
    let noun = if composite { "ATTRIBUTE" } else { "COLUMN" };
    // Typed tables follow their type.
    let cascade = if composite { " CASCADE" } else { "" };
    let due = due::make(object.kind);
    let subject = subject(object);
    match fact {
        (Some(wanted), None) => {
            let text = if composite { parts::column_type(wanted) } else { parts::column(wanted) };
            let mut mends = vec![mend(due, format!("ALTER {subject} ADD {noun} {text}{cascade}"))];
            mends.extend(parts::column_extras(object, wanted));
            mends
        }
        (None, Some(found)) => {
            vec![mend(due, format!("ALTER {subject} DROP {noun} {}{cascade}", found.name))]
        }
        (Some(wanted), Some(found)) => {
            let mut mends = Vec::new();
            let same =
                [Attribute::Base, Attribute::Collation].iter().all(|key| wanted.get(*key) == found.get(*key));
            if !same {
                let name = &wanted.name;
                let (kind, collation) = (wanted.base(), wanted.get(Attribute::Collation));
                let collation = collation.map(|name| format!(" COLLATE {name}")).unwrap_or_default();
                let using = if composite { String::new() } else { format!(" USING {name}::{kind}") };
                mends.push(mend(
                    due,
                    format!("ALTER {subject} ALTER {noun} {name} TYPE {kind}{collation}{using}{cascade}"),
                ));
            }
            // An identity column must take no NULL before it is made one, and may again once it is none.
            let strict = wanted.get(Attribute::NotNull).is_some();
            let (first, last) = if strict {
                (Attribute::NotNull, None)
            } else {
                (Attribute::Identity, Some(Attribute::NotNull))
            };
            for attribute in [
                first,
                Attribute::Identity,
                Attribute::Generated,
                Attribute::Default,
                Attribute::Storage,
                Attribute::Compression,
                Attribute::Statistics,
                Attribute::Options,
                Attribute::ForeignOptions,
                Attribute::Grants,
                Attribute::Comment,
            ] {
                mends.extend(parts::column_attribute(object, wanted, found, attribute));
            }
            mends.extend(
                last.into_iter().flat_map(|last| parts::column_attribute(object, wanted, found, last)),
            );
            mends.dedup();
            mends
        }
        (None, None) => Vec::new(),
    }
}

fn constraint(object: &ObjectName, (wanted, found): (Option<&Fact>, Option<&Fact>)) -> Vec<Mend> {
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

fn index(object: &ObjectName, (wanted, found): (Option<&Fact>, Option<&Fact>)) -> Vec<Mend> {
    let mut mends = Vec::new();
    let same = wanted.map(Fact::base) == found.map(Fact::base);
    if let Some(found) = found.filter(|_| !same) {
        mends.push(mend(due::DETACH, format!("DROP INDEX CONCURRENTLY {}", beside(object, &found.name))));
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
    if has(found, Attribute::Tablespace) != has(Some(wanted), Attribute::Tablespace) {
        let space = has(Some(wanted), Attribute::Tablespace).unwrap_or_else(|| "pg_default".into());
        mends.push(mend(due::INDEX, format!("ALTER INDEX {name} SET TABLESPACE {space}")));
    }
    let table = subject(object);
    match (has(found, Attribute::Clustered), has(Some(wanted), Attribute::Clustered)) {
        (None, Some(_)) => mends.push(mend(due::INDEX, format!("ALTER {table} CLUSTER ON {}", wanted.name))),
        (Some(_), None) => mends.push(mend(due::INDEX, format!("ALTER {table} SET WITHOUT CLUSTER"))),
        _ => {}
    }
    match (has(found, Attribute::ReplicaIdentity), has(Some(wanted), Attribute::ReplicaIdentity)) {
        (None, Some(_)) => {
            let sql = format!("ALTER {table} REPLICA IDENTITY USING INDEX {}", wanted.name);
            mends.push(mend(due::INDEX, sql));
        }
        (Some(_), None) => mends.push(mend(due::INDEX, format!("ALTER {table} REPLICA IDENTITY DEFAULT"))),
        _ => {}
    }
    mends.extend(comment(&format!("INDEX {name}"), Some(wanted), found));
    mends
}

/// Triggers, rules and policies.
fn attached(object: &ObjectName, part: Part, (wanted, found): (Option<&Fact>, Option<&Fact>)) -> Vec<Mend> {
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

/// A label can be added where it belongs, and never taken away.
fn label(object: &ObjectName, wanted: &[Fact], fact: (Option<&Fact>, Option<&Fact>)) -> Vec<Mend> {
    let Some(label) = fact.0 else {
        let name = fact.1.map(|fact| fact.name.as_str()).unwrap_or_default();
        let sql = format!(
            "ALTER TYPE {} … -- a label cannot be dropped: make the type anew without {name}",
            object.name
        );
        return vec![mend(due::make(object.kind), sql)];
    };
    let labels: Vec<&Fact> = wanted.iter().filter(|fact| fact.part == Part::Label).collect();
    let at = labels.iter().position(|other| other.name == label.name).unwrap_or(0);
    let place = match at.checked_sub(1).and_then(|before| labels.get(before)) {
        Some(before) => format!(" AFTER {}", before.name),
        None => labels.get(1).map(|after| format!(" BEFORE {}", after.name)).unwrap_or_default(),
    };
    vec![mend(due::make(object.kind), format!("ALTER TYPE {} ADD VALUE {}{place}", object.name, label.name))]
}

fn definition(object: &ObjectName, wanted: &[Fact], found: &[Fact]) -> Vec<Mend> {
    let text = |facts: &[Fact]| {
        facts.iter().find(|fact| fact.part == Part::Definition).map(|fact| fact.base().to_owned())
    };
    let (Some(want), name) = (text(wanted), &object.name) else { return Vec::new() };
    let due = due::make(object.kind);
    match object.kind {
        Kind::Sequence => vec![mend(due, format!("ALTER SEQUENCE {name} {}", parts::sequence(&want)))],
        Kind::Function | Kind::Procedure => vec![mend(due, want.trim_end().to_owned())],
        Kind::Publication => {
            vec![mend(due, format!("ALTER PUBLICATION {name} SET ({})", create::publishing(&want)))]
        }
        Kind::View if columns(wanted).starts_with(&columns(found)) => {
            vec![mend(due, format!("CREATE OR REPLACE VIEW {name} AS\n{}", want.trim_end_matches(';')))]
        }
        Kind::Subscription => vec![mend(due, format!("ALTER SUBSCRIPTION {name} SET …"))],
        _ => {
            let mut mends = super::drop(object, found);
            for mend in &mut mends {
                mend.due = due::DETACH;
            }
            mends.extend(create::object(object, wanted));
            mends
        }
    }
}

/// An operator or a support function of a family.
fn of_family(object: &ObjectName, part: Part, (wanted, found): (Option<&Fact>, Option<&Fact>)) -> Vec<Mend> {
    let keyword = part.word().to_uppercase();
    let alter =
        |rest: String| mend(due::make(object.kind), format!("ALTER OPERATOR FAMILY {} {rest}", object.name));
    let mut mends = Vec::new();
    mends.extend(found.map(|fact| alter(format!("DROP {keyword} {}", fact.name))));
    if let Some(fact) = wanted {
        let (number, types) = fact.name.split_once(' ').unwrap_or((&fact.name, ""));
        // The operator names its types itself.
        let types = if part == Part::Function { format!("{types} ") } else { String::new() };
        mends.push(alter(format!("ADD {keyword} {number} {types}{}", fact.base())));
    }
    mends
}

/// The dictionaries of a kind of token.
fn mapping(object: &ObjectName, (wanted, found): (Option<&Fact>, Option<&Fact>)) -> Vec<Mend> {
    let Some(token) = wanted.or(found).map(|fact| fact.name.as_str()) else { return Vec::new() };
    let rest = match (wanted, found) {
        (Some(fact), None) => format!("ADD MAPPING FOR {token} WITH {}", fact.base()),
        (Some(fact), Some(_)) => format!("ALTER MAPPING FOR {token} WITH {}", fact.base()),
        _ => format!("DROP MAPPING FOR {token}"),
    };
    vec![mend(due::make(object.kind), format!("ALTER {} {rest}", subject(object)))]
}

fn columns(facts: &[Fact]) -> Vec<String> {
    facts.iter().filter(|fact| fact.part == Part::Column).map(parts::column_type).collect()
}

/// Joining and leaving a parent.
fn family(object: &ObjectName, wanted: &[Fact], found: &[Fact], differs: Part) -> Vec<Mend> {
    let text = |facts: &[Fact], part: Part| {
        facts.iter().find(|fact| fact.part == part).map(|fact| fact.base().to_owned())
    };
    let (due, name) = (due::make(object.kind), &object.name);
    let mut mends = Vec::new();
    let bound = |facts| text(facts, Part::PartitionBound);
    if bound(wanted).is_none() && bound(found).is_none() {
        let parents = |facts| -> Vec<String> {
            let text = text(facts, Part::Inherits).unwrap_or_default();
            text.split(", ").filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect()
        };
        let (want, have) = (parents(wanted), parents(found));
        let alter =
            |how: &str, parent: &String| mend(due, format!("ALTER {} {how} {parent}", subject(object)));
        mends.extend(have.iter().filter(|parent| !want.contains(parent)).map(|p| alter("NO INHERIT", p)));
        mends.extend(want.iter().filter(|parent| !have.contains(parent)).map(|p| alter("INHERIT", p)));
        return mends;
    }
    // Both facts differ when a partition leaves or joins: one of them tells.
    if differs == Part::Inherits && bound(wanted) != bound(found) {
        return mends;
    }
    if let (Some(_), Some(parent)) = (bound(found), text(found, Part::Inherits)) {
        mends.push(mend(due, format!("ALTER TABLE {parent} DETACH PARTITION {name}")));
    }
    if let (Some(bound), Some(parent)) = (bound(wanted), text(wanted, Part::Inherits)) {
        mends.push(mend(due, format!("ALTER TABLE {parent} ATTACH PARTITION {name} {bound}")));
    }
    mends
}

/// A table or a schema of a publication.
fn member(object: &ObjectName, part: Part, (wanted, found): (Option<&Fact>, Option<&Fact>)) -> Vec<Mend> {
    let noun = if part == Part::Schema { "TABLES IN SCHEMA" } else { "TABLE ONLY" };
    // Without ONLY the children of a table come along.
    let alter = |how: &str, what: String| {
        mend(due::make(object.kind), format!("ALTER PUBLICATION {} {how} {noun} {what}", object.name))
    };
    let drop = found.map(|fact| alter("DROP", fact.name.clone()));
    let add = wanted.map(|fact| alter("ADD", format!("{} {}", fact.name, fact.base()).trim_end().to_owned()));
    drop.into_iter().chain(add).collect()
}

/// What is true of the object itself.
fn own(object: &ObjectName, part: Part, want: Option<&str>, have: Option<&str>) -> Vec<Mend> {
    let (name, subject) = (&object.name, subject(object));
    let due = due::make(object.kind);
    let alter = |rest: String| vec![mend(due, format!("ALTER {subject} {rest}"))];
    match part {
        Part::Owner => {
            let owner = want.unwrap_or("CURRENT_USER");
            vec![mend(due::ACCESS, format!("ALTER {subject} OWNER TO {owner}"))]
        }
        Part::Persistence => alter(format!("SET {}", if want.is_some() { "UNLOGGED" } else { "LOGGED" })),
        Part::AccessMethod => alter(format!("SET ACCESS METHOD {}", want.unwrap_or("heap"))),
        Part::Tablespace => alter(format!("SET TABLESPACE {}", want.unwrap_or("pg_default"))),
        Part::Options
            if matches!(
                object.kind,
                Kind::ForeignTable | Kind::Server | Kind::Wrapper | Kind::UserMapping
            ) =>
        {
            alter(format!("OPTIONS ({})", parts::changed_options(want, have)))
        }
        Part::Options => {
            let kept = want.unwrap_or_default();
            let gone: Vec<&str> = have
                .unwrap_or_default()
                .split(", ")
                .filter(|option| {
                    let key = option.split('=').next().unwrap_or(option);
                    !key.is_empty() && !kept.split(", ").any(|other| other.split('=').next() == Some(key))
                })
                .collect();
            let mut mends = Vec::new();
            if !gone.is_empty() {
                mends.extend(alter(format!("RESET ({})", parts::keys(&gone.join(", ")))));
            }
            mends.extend(want.map(|want| alter(format!("SET ({want})"))).unwrap_or_default());
            mends
        }
        Part::RowSecurity => {
            let (enable, force) = match want {
                Some("forced") => ("ENABLE", "FORCE"),
                Some("enabled") => ("ENABLE", "NO FORCE"),
                Some(_) => ("DISABLE", "FORCE"),
                None => ("DISABLE", "NO FORCE"),
            };
            alter(format!("{enable} ROW LEVEL SECURITY, {force} ROW LEVEL SECURITY"))
        }
        // The index says so itself.
        Part::ReplicaIdentity if want == Some("index") => Vec::new(),
        Part::ReplicaIdentity => {
            alter(format!("REPLICA IDENTITY {}", want.unwrap_or("default").to_uppercase()))
        }
        Part::Populated => {
            let how = if want.is_some() { " WITH NO DATA" } else { "" };
            vec![mend(due::INDEX, format!("REFRESH MATERIALIZED VIEW {name}{how}"))]
        }
        Part::Version => match want.filter(|version| !version.contains(' ')) {
            Some(version) => alter(format!("UPDATE TO '{version}'")),
            None => alter("UPDATE".into()),
        },
        Part::Schema => alter(format!("SET SCHEMA {}", want.unwrap_or("…"))),
        Part::Domain => domain(object, want.unwrap_or_default(), have.unwrap_or_default()),
        Part::Enabled => alter(match want {
            Some("no") => "DISABLE".into(),
            Some("on replicas") => "ENABLE REPLICA".into(),
            Some("always") => "ENABLE ALWAYS".into(),
            _ => "ENABLE".to_owned(),
        }),
        Part::Target => alter(format!("SET STATISTICS {}", want.unwrap_or("-1"))),
        Part::OwnedBy => {
            vec![mend(due::OWNED, format!("ALTER {subject} OWNED BY {}", want.unwrap_or("NONE")))]
        }
        Part::Comment => {
            vec![mend(due::ACCESS, format!("COMMENT ON {subject} IS {}", want.unwrap_or("NULL")))]
        }
        Part::Range => alter("… -- a range type cannot be altered: make it anew".into()),
        _ => Vec::new(),
    }
}

/// `over text not null default 'x'`: what can be altered of it.
fn domain(object: &ObjectName, want: &str, have: &str) -> Vec<Mend> {
    let apart = |text: &str| {
        let (rest, default) = match text.split_once(" default ") {
            Some((rest, default)) => (rest.to_owned(), Some(default.to_owned())),
            None => (text.to_owned(), None),
        };
        match rest.strip_suffix(" not null") {
            Some(base) => (base.to_owned(), true, default),
            None => (rest, false, default),
        }
    };
    let ((want_base, want_not_null, want_default), (have_base, have_not_null, have_default)) =
        (apart(want), apart(have));
    let alter = |rest: String| mend(due::make(object.kind), format!("ALTER DOMAIN {} {rest}", object.name));
    let mut mends = Vec::new();
    if want_base != have_base {
        mends.push(alter("… -- what a domain is over cannot be altered: make it anew".into()));
    }
    if want_default != have_default {
        mends.push(alter(match want_default {
            Some(default) => format!("SET DEFAULT {default}"),
            None => "DROP DEFAULT".into(),
        }));
    }
    if want_not_null != have_not_null {
        mends.push(alter(if want_not_null { "SET NOT NULL" } else { "DROP NOT NULL" }.into()));
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
