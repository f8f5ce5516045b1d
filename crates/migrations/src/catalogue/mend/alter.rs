//! Altering what both sides have.

use super::super::fact::{Attribute, Fact, Part};
use super::super::{Kind, ObjectName};
use super::{Mend, attached, by_hand, definition, due, mend, parts, subject};

/// The statements for one part: `fact` as it is wanted and as it is found.
pub(super) fn part(
    object: &ObjectName,
    (wanted, found): (&[Fact], &[Fact]),
    fact: (Option<&Fact>, Option<&Fact>),
) -> Vec<Mend> {
    let Some(part) = fact.0.or(fact.1).map(|fact| fact.part) else { return Vec::new() };
    match part {
        Part::Column => column(object, fact),
        Part::Constraint => attached::constraint(object, fact),
        Part::Index => {
            let name = fact.0.or(fact.1).map(|fact| fact.name.clone()).unwrap_or_default();
            let constraint =
                |facts: &[Fact]| facts.iter().any(|fact| fact.part == Part::Constraint && fact.name == name);
            attached::index(object, fact, (constraint(wanted), constraint(found)))
        }
        Part::Trigger | Part::Rule | Part::Policy => attached::named(object, part, fact),
        Part::Grant => parts::grant(object, fact.0, fact.1),
        Part::Label => label(object, wanted, found, fact),
        Part::Definition => definition::altered(object, wanted, found),
        // It holds no rows of its own.
        Part::Server => definition::anew(object, wanted, found),
        // Refused as long as a column is of the type.
        Part::Range => definition::anew(object, wanted, found),
        Part::Inherits | Part::PartitionBound => family(object, wanted, found, part),
        Part::Operator | Part::Function => of_family(object, part, fact),
        Part::Mapping => mapping(object, fact),
        Part::Table | Part::Schema if object.kind == Kind::Publication => member(object, part, fact),
        _ => own(object, part, fact.0.map(Fact::base), fact.1.map(Fact::base)),
    }
}

fn column(object: &ObjectName, fact: (Option<&Fact>, Option<&Fact>)) -> Vec<Mend> {
    if matches!(object.kind, Kind::View | Kind::MaterializedView) {
        return column_of_view(object, fact);
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
                // What is computed is computed anew.
                let plain = composite || found.get(Attribute::Generated).is_some();
                let using = if plain { String::new() } else { format!(" USING {name}::{kind}") };
                // The server casts no default by USING, and another one comes after.
                let default = |fact: &Fact| fact.get(Attribute::Default).map(ToOwned::to_owned);
                if !composite && default(found).is_some() && default(found) != default(wanted) {
                    mends.push(mend(due, format!("ALTER {subject} ALTER {noun} {name} DROP DEFAULT")));
                }
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

/// The columns of a view are those of its query; what is told of them besides comes after it.
fn column_of_view(object: &ObjectName, (wanted, found): (Option<&Fact>, Option<&Fact>)) -> Vec<Mend> {
    let Some(wanted) = wanted else { return Vec::new() };
    let bare = Fact::plain(Part::Column, wanted.name.clone(), wanted.base());
    let found = found.filter(|found| found.base() == wanted.base()).unwrap_or(&bare);
    let mut mends = parts::column_extras_from(object, wanted, found);
    for mend in &mut mends {
        mend.due = mend.due.max(due::TRIGGER);
    }
    mends
}

/// A label can be added where it belongs, and never taken away.
fn label(
    object: &ObjectName,
    wanted: &[Fact],
    found: &[Fact],
    fact: (Option<&Fact>, Option<&Fact>),
) -> Vec<Mend> {
    let Some(label) = fact.0 else {
        let name = fact.1.map(|fact| fact.name.as_str()).unwrap_or_default();
        return vec![by_hand(format!(
            "no statement drops a label, since rows may hold it: once none does, make a type without {name}, alter the \
             columns of {} to it (USING column::text::type), drop the old one and rename the new one",
            object.name
        ))];
    };
    let labels: Vec<&Fact> = wanted.iter().filter(|fact| fact.part == Part::Label).collect();
    let at = labels.iter().position(|other| other.name == label.name).unwrap_or(0);
    let place = match at.checked_sub(1).and_then(|before| labels.get(before)) {
        // It is there already, or added just before this one.
        Some(before) => format!(" AFTER {}", before.name),
        None => labels
            .iter()
            .find(|after| found.iter().any(|fact| fact.part == Part::Label && fact.name == after.name))
            .map(|after| format!(" BEFORE {}", after.name))
            .unwrap_or_default(),
    };
    vec![mend(due::make(object.kind), format!("ALTER TYPE {} ADD VALUE {}{place}", object.name, label.name))]
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
    // Before the table is altered: it may stand on a column.
    let drop = found.map(|fact| Mend { due: due::DETACH, ..alter("DROP", fact.name.clone()) });
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
            parts::options(due, &format!("ALTER {subject}"), parts::changed_options(want, have))
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
        Part::ReplicaIdentity if want == Some("index") => {
            vec![by_hand("nothing: the statement of its index mends it")]
        }
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
        Part::Schema => match want {
            Some(want) => alter(format!("SET SCHEMA {want}")),
            None => vec![by_hand("no schema is told that it should be in")],
        },
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
        Part::PartitionBy => {
            vec![by_hand(format!(
                "no statement alters whether and by what a table is partitioned: make the table that is wanted under \
                 another name, move the rows of {name} into it, and rename both"
            ))]
        }
        Part::OfType => alter(want.map_or_else(|| "NOT OF".to_owned(), |of| format!("OF {of}"))),
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
        mends.push(by_hand(format!(
            "no statement alters what a domain is over: make a domain over {want_base}, alter the columns of {} to it, drop \
             the old one and rename the new one",
            object.name
        )));
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
