//! Making whole objects.

use super::super::fact::{Attribute, Fact, Part};
use super::super::{Kind, ObjectName, secret};
use super::{Mend, by_hand, due, mend, parts, subject};

/// The statements that make an object with all that is true of it.
pub(super) fn object(object: &ObjectName, facts: &[Fact]) -> Vec<Mend> {
    let kind = object.kind;
    let mut mends = Vec::new();
    if kind == Kind::Subscription {
        return vec![subscription(object, facts)];
    }
    if let Some(sql) = statement(object, facts) {
        mends.push(mend(due::make(kind), sql));
    }
    if let Some(options) = foreign_options(kind, facts) {
        let add = secret::written(options).1.into_iter().map(|key| format!("ADD {key} '…'")).collect();
        let alter = format!("ALTER {}", subject(object));
        mends.extend(parts::options(due::make(kind), &alter, (Vec::new(), add)));
    }
    for fact in facts {
        mends.extend(match fact.part {
            Part::Constraint if kind == Kind::Type => continue,
            // Told by CREATE itself.
            Part::Column
            | Part::Label
            | Part::Definition
            | Part::Options
            | Part::Persistence
            | Part::Version => {
                continue;
            }
            Part::Inherits | Part::PartitionBound | Part::PartitionBy | Part::OfType | Part::AccessMethod => {
                continue;
            }
            Part::Table | Part::Schema | Part::Server | Part::Domain | Part::Range | Part::Labels => continue,
            _ => super::alter::part(object, (facts, &[]), (Some(fact), None)),
        });
    }
    for column in facts.iter().filter(|fact| fact.part == Part::Column) {
        mends.extend(parts::column_extras(object, column));
    }
    mends
}

fn statement(object: &ObjectName, facts: &[Fact]) -> Option<String> {
    let ObjectName { kind, name } = object;
    let text = |part: Part| facts.iter().find(|fact| fact.part == part).map(Fact::base);
    let definition = text(Part::Definition).unwrap_or_default();
    let options = text(Part::Options);
    let keyword = kind.keyword();
    Some(match kind {
        Kind::Schema => format!("CREATE SCHEMA {name}"),
        Kind::Extension => extension(name, text(Part::Schema), text(Part::Version)),
        Kind::Language => match definition.strip_prefix("TRUSTED") {
            Some(rest) => format!("CREATE TRUSTED LANGUAGE {name}{rest}"),
            None => format!("CREATE LANGUAGE {name} {definition}"),
        },
        Kind::Type => user_type(name, facts),
        Kind::Sequence if text(Part::IdentityOf).is_some() => return None,
        Kind::Sequence => {
            let unlogged = if text(Part::Persistence).is_some() { "UNLOGGED " } else { "" };
            format!("CREATE {unlogged}SEQUENCE {name} {}", parts::sequence(definition))
        }
        Kind::Function | Kind::Procedure | Kind::Statistics => definition.trim_end().to_owned(),
        Kind::Operator => {
            format!("CREATE OPERATOR {} ({definition})", name.split(" (").next().unwrap_or(name))
        }
        Kind::OperatorFamily => format!("CREATE OPERATOR FAMILY {name}"),
        Kind::OperatorClass => operator_class(name, definition),
        Kind::Conversion => match definition.strip_prefix("DEFAULT ") {
            Some(rest) => format!("CREATE DEFAULT CONVERSION {name} {rest}"),
            None => format!("CREATE CONVERSION {name} {definition}"),
        },
        Kind::Aggregate
        | Kind::Collation
        | Kind::Transform
        | Kind::SearchParser
        | Kind::SearchTemplate
        | Kind::SearchDictionary
        | Kind::SearchConfiguration => format!("CREATE {keyword} {name} ({definition})"),
        Kind::Cast | Kind::AccessMethod | Kind::EventTrigger => {
            format!("CREATE {keyword} {name} {definition}")
        }
        Kind::Wrapper | Kind::Server | Kind::UserMapping => {
            format!("CREATE {keyword} {name} {definition}{}", options_of(options))
        }
        Kind::Table | Kind::ForeignTable => table(object, facts),
        Kind::View => {
            let options = options_of_view(facts);
            format!("CREATE VIEW {name}{options} AS\n{definition}").trim_end_matches(';').to_owned()
        }
        Kind::MaterializedView => {
            let options = options_of_view(facts);
            let empty = if text(Part::Populated).is_some() { "\n WITH NO DATA" } else { "" };
            let definition = definition.trim_end_matches(';');
            format!("CREATE MATERIALIZED VIEW {name}{options} AS\n{definition}{empty}")
        }
        Kind::Publication => publication(name, facts, definition),
        // Its connection is a secret: told by hand.
        Kind::Subscription => return None,
        Kind::DefaultPrivileges | Kind::Database => return None,
    })
}

/// ` WITH (security_barrier=true)`; nothing where there is none.
pub(super) fn options_of_view(facts: &[Fact]) -> String {
    let options = facts.iter().find(|fact| fact.part == Part::Options).map(Fact::base);
    options.map(|options| format!(" WITH ({options})")).unwrap_or_default()
}

fn foreign_options(kind: Kind, facts: &[Fact]) -> Option<&str> {
    let foreign = matches!(kind, Kind::Wrapper | Kind::Server | Kind::UserMapping | Kind::ForeignTable);
    facts.iter().find(|fact| foreign && fact.part == Part::Options).map(Fact::base)
}

/// ` OPTIONS (host 'x')` as far as they can be written; nothing where there is none.
fn options_of(options: Option<&str>) -> String {
    let (plain, _) = secret::written(options.unwrap_or_default());
    if plain.is_empty() { plain } else { format!(" OPTIONS ({plain})") }
}

/// All that is known of it; its connection string is a secret that no catalogue tells.
fn subscription(object: &ObjectName, facts: &[Fact]) -> Mend {
    let definition =
        facts.iter().find(|fact| fact.part == Part::Definition).map(Fact::base).unwrap_or_default();
    let told = parts::subscribed(definition);
    let enabled = !facts.iter().any(|fact| fact.part == Part::Enabled);
    let options: Vec<String> = told.options.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    by_hand(format!(
        "its connection string is a secret that no catalogue tells: fill it in and run CREATE SUBSCRIPTION {} CONNECTION '…' \
         PUBLICATION {} WITH (connect = false, {}){}",
        object.name,
        told.publications,
        options.join(", "),
        if enabled { format!(", then ALTER SUBSCRIPTION {} ENABLE", object.name) } else { String::new() }
    ))
}

fn extension(name: &str, schema: Option<&str>, version: Option<&str>) -> String {
    let schema = schema.map(|schema| format!(" SCHEMA {schema}")).unwrap_or_default();
    let version = version.filter(|version| !version.contains(' '));
    let version = version.map(|version| format!(" VERSION '{version}'")).unwrap_or_default();
    format!("CREATE EXTENSION {name}{schema}{version}")
}

fn user_type(name: &str, facts: &[Fact]) -> String {
    let of = |part: Part| facts.iter().filter(move |fact| fact.part == part);
    if let Some(domain) = of(Part::Domain).next() {
        let constraints: String =
            of(Part::Constraint).map(|c| format!(" CONSTRAINT {} {}", c.name, c.base())).collect();
        return format!("CREATE DOMAIN {name} AS {}{constraints}", domain.base().trim_start_matches("over "));
    }
    if let Some(range) = of(Part::Range).next() {
        return format!("CREATE TYPE {name} AS RANGE ({})", range.base());
    }
    if let Some(base) = of(Part::Definition).next() {
        return format!("CREATE TYPE {name} ({})", base.base());
    }
    let list =
        |part: Part, write: &dyn Fn(&Fact) -> String| of(part).map(write).collect::<Vec<_>>().join(", ");
    if of(Part::Column).next().is_some() {
        return format!("CREATE TYPE {name} AS ({})", list(Part::Column, &parts::column_type));
    }
    format!("CREATE TYPE {name} AS ENUM ({})", list(Part::Label, &|label| label.name.clone()))
}

fn operator_class(name: &str, definition: &str) -> String {
    let (class, method) = name.split_once(" USING ").unwrap_or((name, "btree"));
    let (of, family) = definition.split_once(" FAMILY ").unwrap_or((definition, ""));
    let (family, storage) = family.split_once(" STORAGE ").unwrap_or((family, ""));
    let storage =
        if storage.is_empty() { of.rsplit_once("FOR TYPE ").map_or("", |(_, kind)| kind) } else { storage };
    format!("CREATE OPERATOR CLASS {class} {of} USING {method} FAMILY {family} AS STORAGE {storage}")
}

fn table(object: &ObjectName, facts: &[Fact]) -> String {
    let name = &object.name;
    let text = |part: Part| facts.iter().find(|fact| fact.part == part).map(Fact::base);
    let unlogged = if text(Part::Persistence).is_some() { "UNLOGGED " } else { "" };
    let columns: Vec<String> = facts
        .iter()
        .filter(|fact| fact.part == Part::Column)
        .map(|c| format!("\n    {}", parts::column(c)))
        .collect();
    let keyword = object.kind.keyword();
    let mut sql = match (text(Part::PartitionBound), text(Part::Inherits), text(Part::OfType)) {
        (Some(bound), Some(parent), _) => {
            format!("CREATE {unlogged}{keyword} {name} PARTITION OF {parent} {bound}")
        }
        (_, _, Some(of)) => format!("CREATE {unlogged}{keyword} {name} OF {of}"),
        (_, parent, _) => {
            let inherits = parent.map(|parent| format!(" INHERITS ({parent})")).unwrap_or_default();
            let end = if columns.is_empty() { "" } else { "\n" };
            format!("CREATE {unlogged}{keyword} {name} ({}{end}){inherits}", columns.join(","))
        }
    };
    if let Some(server) = text(Part::Server) {
        sql.push_str(&format!(" SERVER {server}"));
        sql.push_str(&options_of(text(Part::Options)));
        return sql;
    }
    for (words, part) in [(" PARTITION BY ", Part::PartitionBy), (" USING ", Part::AccessMethod)] {
        if let Some(text) = text(part) {
            sql.push_str(words);
            sql.push_str(text);
        }
    }
    if let Some(options) = text(Part::Options) {
        sql.push_str(&format!(" WITH ({options})"));
    }
    sql
}

fn publication(name: &str, facts: &[Fact], definition: &str) -> String {
    let of = |part: Part| facts.iter().filter(move |fact| fact.part == part);
    let mut members: Vec<String> = of(Part::Table)
        .map(|table| format!("TABLE ONLY {} {}", table.name, table.base()).trim_end().to_owned())
        .collect();
    members.extend(of(Part::Schema).map(|schema| format!("TABLES IN SCHEMA {}", schema.name)));
    let members = match members.is_empty() {
        true if definition.starts_with("for all tables") => " FOR ALL TABLES".to_owned(),
        true => String::new(),
        false => format!(" FOR {}", members.join(", ")),
    };
    format!("CREATE PUBLICATION {name}{members} WITH ({})", publishing(definition))
}

/// `for all tables of insert, update via the root` as options.
pub(super) fn publishing(definition: &str) -> String {
    let (what, root) = match definition.strip_suffix(" via the root") {
        Some(rest) => (rest, "true"),
        None => (definition, "false"),
    };
    let what = what.trim_start_matches("for all tables ").trim_start_matches("of").trim();
    format!("publish = '{what}', publish_via_partition_root = {root}")
}

/// Whether a constraint is a foreign key: those come after the keys that they refer to.
pub(super) fn is_foreign_key(fact: &Fact) -> bool {
    fact.get(Attribute::Base).is_some_and(|text| text.starts_with("FOREIGN KEY"))
}
