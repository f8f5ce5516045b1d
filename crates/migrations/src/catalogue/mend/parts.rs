//! Columns, sequences and grants as DDL takes them.

use super::super::fact::{Attribute, Fact, Part};
use super::super::secret::{self, apart};
use super::super::{Kind, ObjectName};
use super::{Mend, by_hand, due, mend, subject};

/// A column of `CREATE TABLE` or `ADD COLUMN`.
pub(super) fn column(fact: &Fact) -> String {
    let mut sql = column_type(fact);
    for (attribute, words) in [
        (Attribute::Compression, " COMPRESSION "),
        (Attribute::ForeignOptions, " OPTIONS ("),
        (Attribute::Default, " DEFAULT "),
        (Attribute::Identity, " GENERATED "),
        (Attribute::Generated, " GENERATED ALWAYS AS "),
        (Attribute::NotNull, " NOT NULL"),
    ] {
        let Some(text) = fact.get(attribute) else { continue };
        if attribute == Attribute::ForeignOptions {
            let (plain, _) = secret::written(text);
            if !plain.is_empty() {
                sql.push_str(&format!("{words}{plain})"));
            }
            continue;
        }
        sql.push_str(words);
        sql.push_str(text);
    }
    sql
}

/// Its name, type and collation.
pub(super) fn column_type(fact: &Fact) -> String {
    let collation = fact.get(Attribute::Collation).map(|name| format!(" COLLATE {name}")).unwrap_or_default();
    format!("{} {}{collation}", fact.name, fact.base())
}

/// What `CREATE TABLE` does not take of a column.
pub(super) fn column_extras(object: &ObjectName, fact: &Fact) -> Vec<Mend> {
    let bare = Fact::plain(Part::Column, fact.name.clone(), fact.base());
    column_extras_from(object, fact, &bare)
}

/// The same where the column is there already. A view takes its defaults in this way too, and a materialized view how its
/// columns are compressed.
pub(super) fn column_extras_from(object: &ObjectName, fact: &Fact, found: &Fact) -> Vec<Mend> {
    let of_kind = match object.kind {
        Kind::View => Some(Attribute::Default),
        Kind::MaterializedView => Some(Attribute::Compression),
        _ => None,
    };
    let later = [
        Attribute::Storage,
        Attribute::Statistics,
        Attribute::Options,
        Attribute::Grants,
        Attribute::Comment,
    ];
    let all = of_kind.into_iter().chain(later);
    all.flat_map(|attribute| column_attribute(object, fact, found, attribute)).collect()
}

/// One attribute of a column that both sides have, as it is wanted.
pub(super) fn column_attribute(
    object: &ObjectName,
    wanted: &Fact,
    found: &Fact,
    attribute: Attribute,
) -> Vec<Mend> {
    let (want, have) = (wanted.get(attribute), found.get(attribute));
    if want == have {
        return Vec::new();
    }
    let column = &wanted.name;
    let alter = |rest: String| {
        let due = due::make(object.kind);
        vec![mend(due, format!("ALTER {} ALTER COLUMN {column} {rest}", subject(object)))]
    };
    let set_or_drop = |what: &str, value: Option<&str>| match value {
        Some(value) => alter(format!("SET {what} {value}").trim_end().to_owned()),
        None => alter(format!("DROP {what}")),
    };
    match attribute {
        Attribute::NotNull => set_or_drop("NOT NULL", want),
        Attribute::Default => set_or_drop("DEFAULT", want),
        Attribute::Identity => match (want, have) {
            (Some(want), None) => alter(format!("ADD GENERATED {want}")),
            (Some(want), Some(_)) => {
                alter(format!("SET GENERATED {}", want.trim_end_matches(" as identity")))
            }
            (None, _) => alter("DROP IDENTITY".into()),
        },
        Attribute::Generated => match want {
            None => alter("DROP EXPRESSION".into()),
            // From 17 on SET EXPRESSION does it in place; before, the column is made anew.
            Some(_) => vec![mend(
                due::make(object.kind),
                format!(
                    "ALTER {0} DROP COLUMN {column}, ADD COLUMN {1}",
                    subject(object),
                    self::column(wanted)
                ),
            )],
        },
        Attribute::Storage => {
            alter(format!("SET STORAGE {}", want.unwrap_or_else(|| usual_storage(wanted.base()))))
        }
        Attribute::Compression => alter(format!("SET COMPRESSION {}", want.unwrap_or("default"))),
        Attribute::Statistics => alter(format!("SET STATISTICS {}", want.unwrap_or("-1"))),
        Attribute::Options => match want {
            Some(want) => alter(format!("SET ({want})")),
            None => alter(format!("RESET ({})", keys(have.unwrap_or_default()))),
        },
        Attribute::ForeignOptions => {
            let alter = format!("ALTER {} ALTER COLUMN {column}", subject(object));
            options(due::make(object.kind), &alter, changed_options(want, have))
        }
        Attribute::Grants => column_grants(object, column, want, have),
        Attribute::Comment => {
            let on = format!("{}.{column}", object.name);
            vec![mend(due::ACCESS, format!("COMMENT ON COLUMN {on} IS {}", want.unwrap_or("NULL")))]
        }
        _ => Vec::new(),
    }
}

/// How a type of variable length is stored unless it is told otherwise (`SET STORAGE DEFAULT` came with 16).
fn usual_storage(kind: &str) -> &'static str {
    if ["numeric", "inet", "cidr"].iter().any(|main| kind.starts_with(main)) { "main" } else { "extended" }
}

/// Grants on a column: what is one too many is revoked, what is wanted is granted.
fn column_grants(object: &ObjectName, column: &str, want: Option<&str>, have: Option<&str>) -> Vec<Mend> {
    let entries = |text: Option<&str>| -> Vec<(String, String)> {
        let pairs = text.unwrap_or_default().split("; ").filter_map(|entry| entry.split_once(": "));
        pairs.map(|(who, what)| (who.to_owned(), what.to_owned())).collect()
    };
    let named = |what: &str| -> String {
        what.split(", ").map(|word| format!("{word} ({column})")).collect::<Vec<_>>().join(", ")
    };
    let mut mends = Vec::new();
    let (want, have) = (entries(want), entries(have));
    for (who, what) in have.iter().filter(|entry| !want.contains(entry)) {
        mends.push(mend(due::ACCESS, format!("REVOKE {} ON TABLE {} FROM {who}", named(what), object.name)));
    }
    for (who, what) in want.iter().filter(|entry| !have.contains(entry)) {
        mends.push(mend(due::ACCESS, format!("GRANT {} ON TABLE {} TO {who}", named(what), object.name)));
    }
    mends
}

/// The grants of one role on an object, as they are wanted.
pub(super) fn grant(object: &ObjectName, wanted: Option<&Fact>, found: Option<&Fact>) -> Vec<Mend> {
    let Some(who) = wanted.or(found).map(|fact| fact.name.as_str()) else { return Vec::new() };
    let owner = who == "the owner";
    let who = if owner { "CURRENT_USER" } else { who };
    let (prefix, target) = match object.kind {
        Kind::DefaultPrivileges => match object.name.rsplit_once(" ON ") {
            Some((scope, what)) => (format!("ALTER DEFAULT PRIVILEGES {scope} "), what.to_owned()),
            None => return Vec::new(),
        },
        kind if kind.is_relation() => (String::new(), format!("TABLE {}", object.name)),
        Kind::Server => (String::new(), format!("FOREIGN SERVER {}", object.name)),
        Kind::Aggregate => (String::new(), format!("FUNCTION {}", object.name)),
        _ => (String::new(), subject(object)),
    };
    let mut mends = Vec::new();
    // Without a fact of its own everybody has what is the default of the kind, and the owner has all.
    let usual = match object.kind {
        _ if owner && !prefix.contains(" IN SCHEMA ") => "ALL",
        _ if who != "public" => "",
        Kind::DefaultPrivileges if prefix.contains(" IN SCHEMA ") => "",
        Kind::DefaultPrivileges => match target.as_str() {
            "FUNCTIONS" => "EXECUTE",
            "TYPES" => "USAGE",
            _ => "",
        },
        Kind::Function | Kind::Procedure | Kind::Aggregate => "EXECUTE",
        Kind::Type | Kind::Language => "USAGE",
        Kind::Database => "CONNECT, TEMPORARY",
        _ => "",
    };
    let words = match wanted {
        Some(fact) => fact.base(),
        None => usual,
    };
    if found.is_some() || !usual.is_empty() {
        mends.push(mend(due::ACCESS, format!("{prefix}REVOKE ALL ON {target} FROM {who}")));
    }
    let (plain, passed_on): (Vec<&str>, Vec<&str>) = words
        .split(", ")
        .filter(|word| !["", "nothing"].contains(word))
        .partition(|word| !word.ends_with(" with grant option"));
    if !plain.is_empty() {
        mends.push(mend(due::ACCESS, format!("{prefix}GRANT {} ON {target} TO {who}", plain.join(", "))));
    }
    if !passed_on.is_empty() {
        let words = passed_on.join(", ").replace(" with grant option", "");
        mends
            .push(mend(due::ACCESS, format!("{prefix}GRANT {words} ON {target} TO {who} WITH GRANT OPTION")));
    }
    mends
}

/// The options of a sequence.
pub(super) fn sequence(definition: &str) -> String {
    let cycle = if definition.ends_with(" cycle") { "" } else { " NO CYCLE" };
    definition.replace("minimum", "MINVALUE").replace("maximum", "MAXVALUE") + cycle
}

/// A subscription's definition taken apart.
pub(super) struct Subscribed<'t> {
    /// `a, b`.
    pub(super) publications: &'t str,
    /// Every option that can be told, as DDL names it.
    pub(super) options: Vec<(&'static str, String)>,
}

/// `to a, b binary streaming on two phase disabled on error slot s synchronous_commit local` taken apart.
pub(super) fn subscribed(definition: &str) -> Subscribed<'_> {
    let rest = definition.strip_prefix("to ").unwrap_or(definition);
    let words =
        [" binary", " streaming ", " two phase", " disabled on error", " slot ", " synchronous_commit "];
    // A name may hold anything between its quotes.
    let end = |text: &str, words: &[&str]| {
        let mut quoted = false;
        text.char_indices()
            .find(|(at, character)| {
                quoted ^= *character == '"';
                !quoted && words.iter().any(|word| text[*at..].starts_with(word))
            })
            .map_or(text.len(), |(at, _)| at)
    };
    let (publications, rest) = rest.split_at(end(rest, &words));
    let value = |word: &str| {
        let at = end(rest, &[word]);
        let found = rest.get(at + word.len()..)?;
        Some(found[..end(found, &words)].to_owned())
    };
    let has = |word: &str| (end(rest, &[word]) < rest.len()).to_string();
    let options = vec![
        ("slot_name", value(" slot ").unwrap_or_else(|| "NONE".into())),
        ("binary", has(" binary")),
        ("streaming", value(" streaming ").unwrap_or_else(|| "off".into())),
        ("two_phase", has(" two phase")),
        ("disable_on_error", has(" disabled on error")),
        (
            "synchronous_commit",
            format!("'{}'", value(" synchronous_commit ").unwrap_or_else(|| "off".into())),
        ),
    ];
    Subscribed { publications, options }
}

/// The names of `a=1, b=2`.
pub(super) fn keys(options: &str) -> String {
    let keys = options.split(", ").map(|option| option.split('=').next().unwrap_or(option));
    keys.collect::<Vec<_>>().join(", ")
}

/// `key = 'value'` of a dictionary as they are wanted; one that is named alone is taken away.
pub(super) fn changed_parameters(want: &str, have: &str) -> String {
    let (want, have) = (apart(want, " = '"), apart(have, " = '"));
    let mut changes: Vec<String> = Vec::new();
    for (key, value) in want.iter().filter(|pair| !have.contains(pair)) {
        changes.push(format!("{key} = {value}"));
    }
    let gone = have.iter().filter(|(key, _)| want.iter().all(|(other, _)| other != key));
    changes.extend(gone.map(|(key, _)| (*key).to_owned()));
    changes.join(", ")
}

/// `ADD`, `SET` and `DROP` of options of a foreign object; and those of which only a person knows the value.
pub(super) fn changed_options(want: Option<&str>, have: Option<&str>) -> (Vec<String>, Vec<String>) {
    let (want, have) = (apart(want.unwrap_or_default(), " '"), apart(have.unwrap_or_default(), " '"));
    let (mut changes, mut hidden) = (Vec::new(), Vec::new());
    for (key, value) in &want {
        let how = match have.iter().find(|(other, _)| other == key) {
            None => "ADD",
            Some((_, other)) if other != value => "SET",
            Some(_) => continue,
        };
        if *value == secret::HIDDEN {
            hidden.push(format!("{how} {key} '…'"));
        } else {
            changes.push(format!("{how} {key} {value}"));
        }
    }
    let gone = have.iter().filter(|(key, _)| want.iter().all(|(other, _)| other != key));
    changes.extend(gone.map(|(key, _)| format!("DROP {key}")));
    (changes, hidden)
}

/// `alter … OPTIONS (…)` for what can be written, and the rest for a person.
pub(super) fn options(due: u8, alter: &str, (changes, hidden): (Vec<String>, Vec<String>)) -> Vec<Mend> {
    let mut mends = Vec::new();
    if !changes.is_empty() {
        mends.push(mend(due, format!("{alter} OPTIONS ({})", changes.join(", "))));
    }
    if !hidden.is_empty() {
        mends.push(by_hand(format!(
            "what is taken for a secret is not told: fill it in and run {alter} OPTIONS ({})",
            hidden.join(", ")
        )));
    }
    mends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_is_taken_apart_whatever_its_names_hold() {
        let told =
            subscribed("to \" slot \", few binary streaming on slot \"a slot b\" synchronous_commit local");
        let options: Vec<String> =
            told.options.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        assert_eq!(told.publications, "\" slot \", few");
        assert_eq!(
            options.join(", "),
            "slot_name = \"a slot b\", binary = true, streaming = on, two_phase = false, disable_on_error = false, \
             synchronous_commit = 'local'"
        );
        assert_eq!(subscribed("to a").options[0].1, "NONE");
    }

    #[test]
    fn options_of_a_server_are_added_set_and_dropped() {
        assert_eq!(
            changed_options(Some("host 'a, b', port '5', password '***'"), Some("dbname 'it''s', host 'c'")),
            (
                vec!["SET host 'a, b'".into(), "ADD port '5'".into(), "DROP dbname".into()],
                vec!["ADD password '…'".into()]
            )
        );
    }
}
