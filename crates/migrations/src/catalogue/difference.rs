//! What differs between two catalogues, fact by fact, and what would mend it.

use std::collections::BTreeMap;
use std::fmt;

use super::mend::{self, Mend};
use super::{Attribute, Fact, Kind, ObjectName, Part, under};

/// One fact that the two sides do not share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The object: `table projects`.
    pub object: ObjectName,
    /// The part of it, `column status`; `None` when a side lacks the whole object.
    pub part: Option<String>,
    /// What the left side says; `None` where it lacks the object or the part.
    pub left: Option<String>,
    /// What the right side says.
    pub right: Option<String>,
    /// Whether it is about who owns or may use a thing, and not about the thing.
    pub access: bool,
    pub(super) mends: Vec<Mend>,
}

impl Difference {
    /// The statements that would make the right side like the left, in their order.
    pub fn statements(&self) -> impl Iterator<Item = &str> {
        self.mends.iter().filter(|mend| !mend.by_hand).map(|mend| mend.sql.as_str())
    }

    /// Why no statement does, or what is left for a person to do besides. There is one where there is no statement.
    pub fn by_hand(&self) -> Option<&str> {
        let words = self.mends.iter().find(|mend| mend.by_hand).map(|mend| mend.sql.as_str());
        words.or_else(|| self.mends.is_empty().then_some(NOTHING))
    }

    /// Statements and what is left for a person, as one text.
    pub fn remedy(&self) -> String {
        let by_hand = self.by_hand().map(|words| format!("by hand: {words}"));
        self.statements().map(ToOwned::to_owned).chain(by_hand).collect::<Vec<_>>().join("; ")
    }

    /// The object, and the part of it.
    pub fn subject(&self) -> String {
        match &self.part {
            Some(part) => format!("{}, {part}", self.object),
            None => self.object.to_string(),
        }
    }
}

/// What is said where nothing more can be.
const NOTHING: &str = "no statement alters it: make the object anew, once nothing stands on it";

/// The statements of all differences, in an order in which they can be run: what others stand on is made first and dropped
/// last.
pub fn script(differences: &[Difference]) -> Vec<&str> {
    let mut mends: Vec<&Mend> = Vec::new();
    for difference in differences {
        for mend in &difference.mends {
            if !mend.by_hand && !mends.contains(&mend) {
                mends.push(mend);
            }
        }
    }
    mends.sort_by_key(|mend| (mend.due, mend.order));
    mends.into_iter().map(|mend| mend.sql.as_str()).collect()
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |text: &Option<String>| text.clone().unwrap_or_else(|| "absent".into());
        write!(f, "{}: {} | {}", self.subject(), side(&self.left), side(&self.right))
    }
}

pub(super) type Objects = BTreeMap<ObjectName, Vec<Fact>>;

pub(super) fn between(left: &Objects, right: &Objects, access: bool) -> Vec<Difference> {
    let mut names: Vec<&ObjectName> = left.keys().chain(right.keys()).collect();
    names.sort();
    names.dedup();
    let mut differences = Vec::new();
    for name in names {
        let mut mends = match (left.get(name), right.get(name)) {
            (Some(a), Some(b)) if a != b => {
                differences.extend(parts(name, a, b));
                continue;
            }
            (Some(wanted), None) => mend::make(name, &without_inherited(left, wanted)),
            (None, Some(found)) => mend::drop(name, found),
            (Some(_), Some(_)) | (None, None) => continue,
        };
        if name.kind == Kind::Table {
            let side = if left.contains_key(name) { left } else { right };
            mend::of_generation(&mut mends, generation(side, name), left.contains_key(name));
        }
        differences.push(Difference {
            object: name.clone(),
            part: None,
            left: left.get(name).map(|_| "present".into()),
            right: right.get(name).map(|_| "present".into()),
            access: name.kind == Kind::DefaultPrivileges,
            mends,
        });
    }
    let_go(&mut differences, right);
    make_room(&mut differences);
    follow_parents(&mut differences, left, right);
    under::apply(&mut differences, left, right, access);
    differences
}

/// Tables that are dropped together let go of each other first.
fn let_go(differences: &mut [Difference], right: &Objects) {
    let is_dropped = |difference: &&Difference| {
        difference.part.is_none() && difference.left.is_none() && difference.object.kind == Kind::Table
    };
    let dropped: Vec<String> =
        differences.iter().filter(is_dropped).map(|difference| difference.object.name.clone()).collect();
    for difference in differences.iter_mut().filter(|difference| is_dropped(&&**difference)) {
        let facts = right.get(&difference.object).map(Vec::as_slice).unwrap_or_default();
        let refers = |fact: &&Fact| {
            fact.part == Part::Constraint
                && dropped.iter().any(|other| {
                    *other != difference.object.name && fact.base().contains(&format!(" REFERENCES {other}("))
                })
        };
        let partition = facts.iter().any(|fact| fact.part == Part::PartitionBound);
        let keys: Vec<Mend> = facts
            .iter()
            .filter(|fact| !partition && refers(fact))
            .map(|key| mend::drop_constraint(&difference.object, key))
            .collect();
        difference.mends.splice(0..0, keys);
    }
}

/// A function whose arguments are only named otherwise is the same to the server, which replaces it by none of other names.
fn make_room(differences: &mut [Difference]) {
    let is_routine = |difference: &&Difference| {
        difference.part.is_none()
            && matches!(difference.object.kind, Kind::Function | Kind::Procedure | Kind::Aggregate)
    };
    let made: Vec<String> = differences
        .iter()
        .filter(|difference| is_routine(difference) && difference.right.is_none())
        .map(|difference| difference.object.name.clone())
        .collect();
    for difference in differences.iter_mut().filter(|difference| is_routine(&&**difference)) {
        if difference.left.is_none() && made.iter().any(|other| same_types(other, &difference.object.name)) {
            mend::make_room(&mut difference.mends);
        }
    }
}

/// Whether two functions have one name, and arguments that may be of the same types: `f(a integer)`, `f(integer)`.
fn same_types(one: &str, other: &str) -> bool {
    let apart = |text: &str| {
        let (name, arguments) = text.split_once('(')?;
        let arguments: Vec<String> =
            arguments.split(", ").map(|argument| argument.trim_end_matches(')').into()).collect();
        Some((name.to_owned(), arguments))
    };
    let forms = |argument: &str| {
        let modes = ["INOUT ", "OUT ", "VARIADIC "];
        let typed = modes.iter().find_map(|mode| argument.strip_prefix(mode)).unwrap_or(argument);
        let bare = typed.split_once(' ').map(|(_, rest)| rest.to_owned());
        [Some(typed.to_owned()), bare]
    };
    let (Some((name, arguments)), Some((its_name, its))) = (apart(one), apart(other)) else { return false };
    let alike = |(a, b): (&String, &String)| {
        forms(a).iter().flatten().any(|form| forms(b).contains(&Some(form.clone())))
    };
    name == its_name && arguments.len() == its.len() && arguments.iter().zip(&its).all(alike)
}

/// The facts of a partition without the indexes that it gets from its parent.
fn without_inherited(side: &Objects, facts: &[Fact]) -> Vec<Fact> {
    let bare = |fact: &Fact| fact.base().replacen("only ", "", 1);
    let text = |part: Part| facts.iter().find(|fact| fact.part == part).map(Fact::base);
    let parent = text(Part::PartitionBound).and_then(|_| text(Part::Inherits));
    let parent = parent.and_then(|name| side.get(&ObjectName { kind: Kind::Table, name: name.to_owned() }));
    let given: Vec<String> =
        parent.into_iter().flatten().filter(|fact| fact.part == Part::Index).map(bare).collect();
    let own = |fact: &&Fact| fact.part != Part::Index || !given.contains(&bare(fact));
    let mut facts: Vec<Fact> = facts.iter().filter(own).cloned().collect();
    // Up to 15 an heir may not repeat what its parent generates.
    let parents: Vec<ObjectName> = match (text(Part::Inherits), text(Part::PartitionBound)) {
        (Some(names), None) => {
            names.split(", ").map(|name| ObjectName { kind: Kind::Table, name: name.to_owned() }).collect()
        }
        _ => Vec::new(),
    };
    for fact in facts.iter_mut().filter(|fact| fact.part == Part::Column) {
        let column = |other: &&Fact| (other.part, &other.name) == (fact.part, &fact.name);
        let its = parents.iter().filter_map(|parent| side.get(parent)?.iter().find(column));
        if its.into_iter().any(|its| its.get(Attribute::Generated) == fact.get(Attribute::Generated)) {
            fact.attributes.retain(|(attribute, _)| *attribute != Attribute::Generated);
        }
    }
    facts
}

/// How many generations stand above a table that inherits, or is a partition.
fn generation(side: &Objects, name: &ObjectName) -> u8 {
    /// Past this it is a circle, which Postgres does not make.
    const MOST: u8 = 20;
    let mut depth = 0;
    let mut names = vec![name.clone()];
    while depth < MOST {
        let facts = names.iter().filter_map(|name| side.get(name)).flatten();
        let parents =
            facts.filter(|fact| fact.part == Part::Inherits).flat_map(|fact| fact.base().split(", "));
        names = parents.map(|parent| ObjectName { kind: Kind::Table, name: parent.to_owned() }).collect();
        if names.is_empty() {
            break;
        }
        depth += 1;
    }
    depth
}

/// What a parent does, its children do with it: their own statements would fail.
fn follow_parents(differences: &mut [Difference], left: &Objects, right: &Objects) {
    let said: Vec<(String, Option<String>, Option<String>)> = differences
        .iter()
        .filter(|difference| difference.object.kind == Kind::Table)
        .map(|difference| (difference.object.name.clone(), difference.part.clone(), difference.left.clone()))
        .collect();
    for difference in differences.iter_mut().filter(|difference| difference.object.kind == Kind::Table) {
        let facts =
            |side: &Objects| -> Vec<Fact> { side.get(&difference.object).cloned().unwrap_or_default() };
        let (one, other) = (facts(left), facts(right));
        let text = |facts: &[Fact], part: Part| {
            facts.iter().find(|fact| fact.part == part).map(|fact| fact.base().to_owned())
        };
        let Some(part) = &difference.part else { continue };
        let is = |word: &str| part.starts_with(word);
        // A typed table has the columns of its type.
        if is("column ") && text(&one, Part::OfType).is_some() && text(&other, Part::OfType).is_some() {
            difference.mends = vec![mend::by_hand("nothing: it follows its type")];
        }
        let (Some(parents), Some(still)) = (text(&one, Part::Inherits), text(&other, Part::Inherits)) else {
            continue;
        };
        let follows = parents == still
            && said.iter().filter(|(table, ..)| parents.split(", ").any(|parent| parent == table)).any(
                |(_, its, wanted)| {
                    let same = its.as_deref() == Some(part.as_str()) && (is("column ") || is("constraint "));
                    let index = is("index ")
                        && its.as_deref().is_some_and(|its| its.starts_with("index "))
                        && wanted.as_deref().map(|text| text.replacen("only ", "", 1)) == difference.left;
                    same || index
                },
            );
        if follows {
            difference.mends = vec![mend::by_hand(format!("nothing: it follows {parents}"))];
        }
    }
}

fn parts(object: &ObjectName, left: &[Fact], right: &[Fact]) -> Vec<Difference> {
    let (a, b) = (by_part(left), by_part(right));
    let mut differences = Vec::new();
    let mut keys: Vec<&(Part, String)> = a.keys().chain(b.keys()).collect();
    keys.sort();
    keys.dedup();
    // Labels in their own order, so that each is there when the next one is put after it.
    let place = |name: &str| left.iter().position(|fact| fact.part == Part::Label && fact.name == name);
    keys.sort_by_key(|key| (key.0, if key.0 == Part::Label { place(&key.1) } else { None }));
    for key in &keys {
        let (one, other) = (a.get(*key).copied(), b.get(*key).copied());
        if one == other {
            continue;
        }
        differences.push(Difference {
            object: object.clone(),
            part: one.or(other).map(Fact::key),
            left: one.map(Fact::definition),
            right: other.map(Fact::definition),
            access: key.0.is_access(),
            mends: mend::alter(object, (left, right), (one, other)),
        });
    }
    // What is made anew is made with all that is true of it.
    let anew = |key: &(Part, String)| match key.0 {
        Part::Server => object.kind == Kind::ForeignTable,
        Part::Range => true,
        Part::Definition => differences
            .iter()
            .any(|other| other.part.as_deref() == Some(key.0.word()) && mend::drops(&other.mends)),
        _ => false,
    };
    if let Some(key) = keys.iter().find(|key| a.get(**key) != b.get(**key) && anew(key)) {
        let made = key.0.word();
        // But for rights: default privileges may give it others.
        let rest = |other: &&mut Difference| other.part.as_deref() != Some(made) && !other.access;
        for difference in differences.iter_mut().filter(rest) {
            difference.mends = vec![mend::by_hand(format!("nothing: it is made anew with its {made}"))];
        }
    }
    // What both have, in another order: columns have been moved about, or labels were added elsewhere.
    for (part, what, words) in [(Part::Column, "columns", COLUMNS), (Part::Label, "labels", LABELS)] {
        if order(left, part, right) == order(right, part, left) {
            continue;
        }
        differences.push(Difference {
            object: object.clone(),
            part: Some(format!("order of {what}")),
            left: Some(order(left, part, left)),
            right: Some(order(right, part, right)),
            access: false,
            mends: vec![mend::by_hand(words)],
        });
    }
    differences
}

const COLUMNS: &str = "no statement moves a column: make the table anew, or write the new order into a migration that does; \
     only statements that name no columns (SELECT *, INSERT without a list) feel it";

const LABELS: &str = "no statement moves a label: make the type anew, and alter the columns of the old one to it; only \
     comparisons and ORDER BY feel it";

fn by_part(facts: &[Fact]) -> BTreeMap<(Part, String), &Fact> {
    facts.iter().map(|fact| ((fact.part, fact.name.clone()), fact)).collect()
}

/// The names of one part, in their order, as far as another side has them too.
fn order(facts: &[Fact], part: Part, other: &[Fact]) -> String {
    let named = facts.iter().filter(|fact| fact.part == part);
    let shared = named.filter(|fact| other.iter().any(|its| (its.part, &its.name) == (part, &fact.name)));
    shared.map(|fact| fact.name.as_str()).collect::<Vec<_>>().join(", ")
}
