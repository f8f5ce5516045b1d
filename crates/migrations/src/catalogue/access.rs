//! Who may do what: access lists as Postgres writes them (`bob=r*w/alice`), told beyond the defaults.

use std::collections::HashSet;

use super::ObjectName;
use super::fact::{Fact, Part};
use super::kind::Kind;
use super::plain;

/// The letters of access lists and their words.
const PRIVILEGES: [(char, &str); 15] = [
    ('r', "SELECT"),
    ('a', "INSERT"),
    ('w', "UPDATE"),
    ('d', "DELETE"),
    ('D', "TRUNCATE"),
    ('x', "REFERENCES"),
    ('t', "TRIGGER"),
    ('m', "MAINTAIN"),
    ('X', "EXECUTE"),
    ('U', "USAGE"),
    ('C', "CREATE"),
    ('c', "CONNECT"),
    ('T', "TEMPORARY"),
    ('s', "SET"),
    ('A', "ALTER SYSTEM"),
];

/// What the owner of each kind of object has unless it was revoked; MAINTAIN came with 17.
fn all_of(kind: Kind, version: i32) -> &'static str {
    match kind {
        Kind::Sequence => "rwU",
        Kind::Function | Kind::Procedure | Kind::Aggregate => "X",
        Kind::Schema => "UC",
        Kind::Database => "CTc",
        kind if kind.is_relation() && version >= 170_000 => "arwdDxtm",
        kind if kind.is_relation() => "arwdDxt",
        _ => "U",
    }
}

/// What everybody has unless it was revoked.
fn of_public(kind: Kind) -> &'static str {
    match kind {
        Kind::Function | Kind::Procedure | Kind::Aggregate => "X",
        Kind::Type | Kind::Language => "U",
        Kind::Database => "Tc",
        _ => "",
    }
}

/// One entry of an access list.
struct Entry {
    /// The role, quoted where a statement needs it; empty for everybody.
    grantee: String,
    /// The letters, each perhaps followed by `*`.
    letters: String,
}

/// The grants of an object that are not the defaults of its kind. The owner is told by that word, whoever it is.
pub(super) fn facts(
    object: &ObjectName,
    owner: &str,
    list: Option<&[String]>,
    version: i32,
    reserved: &HashSet<String>,
) -> Vec<Fact> {
    let Some(list) = list else { return Vec::new() };
    let entries = entries(list, reserved);
    let kind = future(object).unwrap_or(object.kind);
    let (all, public) = (all_of(kind, version), of_public(kind));
    // Default privileges of a schema come on top of the defaults: they hold neither the owner's nor everybody's.
    let on_top = object.kind == Kind::DefaultPrivileges && object.name.contains(" IN SCHEMA ");
    let (own, public) = if on_top { ("", "") } else { (all, public) };
    let mut facts = Vec::new();
    for (who, usual) in [(owner, own), ("", public)] {
        let named = if who.is_empty() { "public" } else { "the owner" };
        let held = entries.iter().find(|entry| entry.grantee == who).map_or("", |entry| &entry.letters);
        if !same(held, usual) {
            let text = if held.is_empty() { "nothing".to_owned() } else { words(held, all) };
            facts.push(Fact::plain(Part::Grant, named, text));
        }
    }
    let others = entries.iter().filter(|entry| !entry.grantee.is_empty() && entry.grantee != owner);
    facts.extend(others.map(|entry| Fact::plain(Part::Grant, &entry.grantee, words(&entry.letters, all))));
    facts
}

/// What default privileges are about: `FOR ROLE r ON TABLES`.
fn future(object: &ObjectName) -> Option<Kind> {
    if object.kind != Kind::DefaultPrivileges {
        return None;
    }
    Some(match object.name.rsplit_once(" ON ")?.1 {
        "TABLES" => Kind::Table,
        "SEQUENCES" => Kind::Sequence,
        "FUNCTIONS" => Kind::Function,
        "SCHEMAS" => Kind::Schema,
        _ => Kind::Type,
    })
}

/// All entries of a list, defaults or not: `bob: SELECT; public: USAGE`.
pub(super) fn text(list: &[String], all: &str, reserved: &HashSet<String>) -> String {
    let mut said: Vec<String> = entries(list, reserved)
        .into_iter()
        .map(|entry| {
            let who = if entry.grantee.is_empty() { "public" } else { &entry.grantee };
            format!("{who}: {}", words(&entry.letters, all))
        })
        .collect();
    said.sort();
    said.join("; ")
}

/// What a role may do with a column alone.
pub(super) const OF_COLUMN: &str = "arwx";

fn same(held: &str, usual: &str) -> bool {
    let sorted = |text: &str| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        letters
    };
    sorted(held) == sorted(usual)
}

fn words(letters: &str, all: &str) -> String {
    if same(letters, all) {
        return "ALL".into();
    }
    if same(&letters.replace('*', ""), all) && letters.matches('*').count() == all.len() {
        return "ALL with grant option".into();
    }
    let mut said = Vec::new();
    for (letter, word) in PRIVILEGES {
        let mut rest = letters.split(letter).skip(1);
        if let Some(after) = rest.next() {
            said.push(if after.starts_with('*') { format!("{word} with grant option") } else { word.into() });
        }
    }
    said.join(", ")
}

/// The entries of a list, one for each role: what several roles granted it is held together.
fn entries(list: &[String], reserved: &HashSet<String>) -> Vec<Entry> {
    let mut held: Vec<Entry> = Vec::new();
    for entry in list.iter().filter_map(|item| entry(item, reserved)) {
        match held.iter_mut().find(|known| known.grantee == entry.grantee) {
            Some(known) => known.letters = both(&known.letters, &entry.letters),
            None => held.push(entry),
        }
    }
    held
}

/// What either gives, with the grant option where either gives it.
fn both(one: &str, other: &str) -> String {
    let mut letters = String::new();
    for (letter, _) in PRIVILEGES {
        let optional = format!("{letter}*");
        if one.contains(&optional) || other.contains(&optional) {
            letters.push_str(&optional);
        } else if one.contains(letter) || other.contains(letter) {
            letters.push(letter);
        }
    }
    letters
}

/// `"odd ""name"""=r*w/owner`: the name is in quotes where it holds more than letters, digits and underscores.
fn entry(item: &str, reserved: &HashSet<String>) -> Option<Entry> {
    let (grantee, rest) = match item.strip_prefix('"') {
        Some(_) => {
            let quoted = plain::quoted(item, '"');
            (quoted.to_owned(), item[quoted.len()..].strip_prefix('=')?)
        }
        None => {
            let (name, rest) = item.split_once('=')?;
            let usual = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
                && !name.starts_with(|c: char| c.is_ascii_digit());
            let bare = usual && !reserved.contains(name);
            (if bare { name.to_owned() } else { format!("\"{name}\"") }, rest)
        }
    };
    let letters = rest.split('/').next()?.to_owned();
    Some(Entry { grantee, letters })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: Kind, list: &[&str]) -> Vec<String> {
        let list: Vec<String> = list.iter().map(|item| (*item).to_owned()).collect();
        let object = ObjectName { kind, name: "x".into() };
        facts(&object, "o", Some(&list), 150_000, &HashSet::from(["user".to_owned()]))
            .iter()
            .map(|fact| fact.to_string().trim().to_owned())
            .collect()
    }

    #[test]
    fn what_everybody_has_by_default_is_not_told() {
        assert_eq!(told(Kind::Table, &["o=arwdDxt/o"]), Vec::<String>::new());
        assert_eq!(told(Kind::Function, &["=X/o", "o=X/o"]), Vec::<String>::new());
        assert_eq!(told(Kind::Function, &["o=X/o"]), ["grant public nothing"]);
    }

    #[test]
    fn grants_are_told_by_their_words() {
        assert_eq!(
            told(Kind::Table, &["o=arwdDxt/o", "bob=r*w/o", "\"Ann \"\"x\"\" =/\"=arwdDxt/o", "=r/o"]),
            [
                "grant public SELECT",
                "grant bob SELECT with grant option, UPDATE",
                "grant \"Ann \"\"x\"\" =/\" ALL"
            ]
        );
        assert_eq!(told(Kind::Table, &["o=r/o"]), ["grant the owner SELECT"]);
        assert_eq!(
            text(&["=r/o".into(), "bob=rw/o".into()], OF_COLUMN, &HashSet::new()),
            "bob: SELECT, UPDATE; public: SELECT"
        );
    }
    #[test]
    fn a_role_is_named_as_a_statement_needs_it() {
        assert_eq!(
            told(Kind::Sequence, &["o=rwU/o", "Bob=r/o", "user=r/o", "bob_2=r/o"]),
            ["grant \"Bob\" SELECT", "grant \"user\" SELECT", "grant bob_2 SELECT"]
        );
    }

    #[test]
    fn what_several_roles_granted_is_held_together() {
        assert_eq!(
            told(Kind::Table, &["o=arwd/o", "bob=rw*/o", "bob=r*a/ann", "o=Dxt/ann"]),
            ["grant bob SELECT with grant option, INSERT, UPDATE with grant option"]
        );
        assert_eq!(
            text(&["bob=r/o".into(), "bob=w/ann".into()], OF_COLUMN, &HashSet::new()),
            "bob: SELECT, UPDATE"
        );
    }
}
