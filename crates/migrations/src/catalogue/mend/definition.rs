//! What an object is as a whole: altered in place, replaced, or made anew.

use super::super::fact::{Fact, Part};
use super::super::{Kind, ObjectName};
use super::{Mend, by_hand, create, due, mend, parts, subject};

/// The statements for a definition that differs.
pub(super) fn altered(object: &ObjectName, wanted: &[Fact], found: &[Fact]) -> Vec<Mend> {
    let text = |facts: &[Fact]| {
        facts.iter().find(|fact| fact.part == Part::Definition).map(|fact| fact.base().to_owned())
    };
    let (Some(want), name) = (text(wanted), &object.name) else { return Vec::new() };
    let due = due::make(object.kind);
    match object.kind {
        Kind::Sequence => vec![mend(due, format!("ALTER SEQUENCE {name} {}", parts::sequence(&want)))],
        Kind::Function | Kind::Procedure => {
            if is_replaceable(&want, &text(found).unwrap_or_default()) {
                return vec![mend(due, want.trim_end().to_owned())];
            }
            // What others may do with it goes with it: told anew.
            anew(object, wanted, found)
        }
        Kind::Publication => {
            vec![mend(due, format!("ALTER PUBLICATION {name} SET ({})", create::publishing(&want)))]
        }
        Kind::View if columns(wanted).starts_with(&columns(found)) => {
            // OR REPLACE takes away every option that it does not name.
            let options = create::options_of_view(wanted);
            vec![mend(
                due,
                format!("CREATE OR REPLACE VIEW {name}{options} AS\n{}", want.trim_end_matches(';')),
            )]
        }
        Kind::Subscription => subscription(object, &want, &text(found).unwrap_or_default()),
        _ => {
            if let Some(sql) = in_place(object, &want, &text(found).unwrap_or_default()) {
                return vec![mend(due, sql)];
            }
            anew(object, wanted, found)
        }
    }
}

/// Whether one function can take the place of the other: OR REPLACE keeps the type of its result, its columns among them,
/// and takes no default away.
fn is_replaceable(want: &str, have: &str) -> bool {
    let result = |text: &str| {
        let line = text.lines().map(str::trim_start).find(|line| line.starts_with("RETURNS "));
        line.map(ToOwned::to_owned)
    };
    let defaults = |text: &str| text.lines().next().map_or(0, |head| head.matches(" DEFAULT ").count());
    result(want) == result(have) && defaults(want) >= defaults(have)
}

/// Drops an object and makes it as it is wanted. Nothing is lost: what stands on it makes the server refuse.
pub(super) fn anew(object: &ObjectName, wanted: &[Fact], found: &[Fact]) -> Vec<Mend> {
    let mut mends = super::drop(object, found);
    for mend in &mut mends {
        mend.due = due::DETACH;
    }
    mends.extend(create::object(object, wanted));
    mends
}

/// What a subscription is to; its connection is a secret that no catalogue tells.
fn subscription(object: &ObjectName, want: &str, have: &str) -> Vec<Mend> {
    let (want, have) = (parts::subscribed(want), parts::subscribed(have));
    let alter =
        |rest: String| mend(due::make(object.kind), format!("ALTER SUBSCRIPTION {} {rest}", object.name));
    let mut mends = Vec::new();
    if want.publications != have.publications {
        // Without asking the other server, which may be away.
        mends.push(alter(format!("SET PUBLICATION {} WITH (refresh = false)", want.publications)));
        mends.push(by_hand(format!(
            "then, with the other server there, ALTER SUBSCRIPTION {} REFRESH PUBLICATION",
            object.name
        )));
    }
    let (fixed, changed): (Vec<_>, Vec<_>) = want
        .options
        .iter()
        .zip(&have.options)
        .filter(|(want, have)| want != have)
        .map(|(want, _)| want)
        .partition(|(key, _)| *key == "two_phase");
    let changed: Vec<String> = changed.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    if !changed.is_empty() {
        mends.push(alter(format!("SET ({})", changed.join(", "))));
    }
    if !fixed.is_empty() {
        mends.push(by_hand(
            "two_phase is set when a subscription is made (before 18): drop it and make it anew",
        ));
    }
    mends
}

/// What can be altered while others stand on it: the version of a server, the options of a dictionary, the estimators of
/// an operator.
fn in_place(object: &ObjectName, want: &str, have: &str) -> Option<String> {
    let alter = format!("ALTER {} ", subject(object));
    match object.kind {
        Kind::Server => {
            let apart = |text: &str| {
                let (start, rest) = text.split_once("FOREIGN DATA WRAPPER ")?;
                let (kind, version) = match start.split_once("VERSION ") {
                    Some((kind, version)) => (kind.to_owned(), version.trim().to_owned()),
                    None => (start.to_owned(), "NULL".to_owned()),
                };
                Some(((kind, rest.to_owned()), version))
            };
            let ((same, version), (other, _)) = (apart(want)?, apart(have)?);
            (same == other).then(|| format!("{alter}VERSION {version}"))
        }
        Kind::SearchDictionary => {
            let apart = |text: &str| {
                text.split_once(", ").map_or_else(
                    || (text.to_owned(), String::new()),
                    |(template, options)| (template.to_owned(), options.to_owned()),
                )
            };
            let ((template, want), (other, have)) = (apart(want), apart(have));
            let changes = parts::changed_parameters(&want, &have);
            (template == other && !changes.is_empty()).then(|| format!("{alter}({changes})"))
        }
        Kind::Operator => {
            let estimates = |word: &&str| word.starts_with("RESTRICT = ") || word.starts_with("JOIN = ");
            let split = |text: &str| -> (Vec<String>, Vec<String>) {
                let (estimators, rest): (Vec<&str>, Vec<&str>) = text.split(", ").partition(estimates);
                let owned = |words: Vec<&str>| words.into_iter().map(ToOwned::to_owned).collect();
                (owned(estimators), owned(rest))
            };
            let ((want, rest), (have, other)) = (split(want), split(have));
            let key = |word: &String| word.split(" = ").next().unwrap_or_default().to_owned();
            let gone = have.iter().filter(|word| want.iter().all(|kept| key(kept) != key(word)));
            let mut changes: Vec<String> = want.iter().filter(|word| !have.contains(word)).cloned().collect();
            changes.extend(gone.map(|word| format!("{} = NONE", key(word))));
            (rest == other).then(|| format!("{alter}SET ({})", changes.join(", ")))
        }
        _ => None,
    }
}

fn columns(facts: &[Fact]) -> Vec<String> {
    facts.iter().filter(|fact| fact.part == Part::Column).map(parts::column_type).collect()
}
