//! What differs between two catalogues, fact by fact, and what would mend it.

use std::collections::BTreeMap;
use std::fmt;

use super::mend::{self, Mend};
use super::{Fact, Kind, ObjectName, Part};

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
    mends: Vec<Mend>,
}

impl Difference {
    /// The statements that would make the right side like the left, in their order. One with an ellipsis needs a person.
    pub fn statements(&self) -> impl Iterator<Item = &str> {
        self.mends.iter().map(|mend| mend.sql.as_str())
    }

    /// The same as one text.
    pub fn remedy(&self) -> String {
        self.statements().collect::<Vec<_>>().join("; ")
    }
}

/// The statements of all differences, in an order in which they can be run: what others stand on is made first and dropped
/// last.
pub fn script(differences: &[Difference]) -> Vec<&str> {
    let mut mends: Vec<&Mend> = Vec::new();
    for difference in differences {
        for mend in &difference.mends {
            if !mends.contains(&mend) {
                mends.push(mend);
            }
        }
    }
    mends.sort_by_key(|mend| mend.due);
    mends.into_iter().map(|mend| mend.sql.as_str()).collect()
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.object)?;
        if let Some(part) = &self.part {
            write!(f, ", {part}")?;
        }
        let side = |text: &Option<String>| text.clone().unwrap_or_else(|| "absent".into());
        write!(f, ": {} | {}", side(&self.left), side(&self.right))
    }
}

type Objects = BTreeMap<ObjectName, Vec<Fact>>;

pub(super) fn between(left: &Objects, right: &Objects) -> Vec<Difference> {
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
    follow_parents(&mut differences, left, right);
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

/// The facts of a partition without the indexes that it gets from its parent.
fn without_inherited(side: &Objects, facts: &[Fact]) -> Vec<Fact> {
    let bare = |fact: &Fact| fact.base().replacen("only ", "", 1);
    let text = |part: Part| facts.iter().find(|fact| fact.part == part).map(Fact::base);
    let parent = text(Part::PartitionBound).and_then(|_| text(Part::Inherits));
    let parent = parent.and_then(|name| side.get(&ObjectName { kind: Kind::Table, name: name.to_owned() }));
    let given: Vec<String> =
        parent.into_iter().flatten().filter(|fact| fact.part == Part::Index).map(bare).collect();
    let own = |fact: &&Fact| fact.part != Part::Index || !given.contains(&bare(fact));
    facts.iter().filter(own).cloned().collect()
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
            difference.mends.clear();
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
            difference.mends.clear();
        }
    }
}

fn parts(object: &ObjectName, left: &[Fact], right: &[Fact]) -> Vec<Difference> {
    let (a, b) = (by_part(left), by_part(right));
    let mut differences = Vec::new();
    let mut keys: Vec<&(Part, String)> = a.keys().chain(b.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let (one, other) = (a.get(key).copied(), b.get(key).copied());
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
    if differences.is_empty() {
        // The same facts in another order: columns have been moved about.
        differences.push(Difference {
            object: object.clone(),
            part: Some("order of columns".into()),
            left: Some(order(left)),
            right: Some(order(right)),
            access: false,
            mends: Vec::new(),
        });
    }
    differences
}

fn by_part(facts: &[Fact]) -> BTreeMap<(Part, String), &Fact> {
    facts.iter().map(|fact| ((fact.part, fact.name.clone()), fact)).collect()
}

fn order(facts: &[Fact]) -> String {
    let names: Vec<&str> = facts
        .iter()
        .filter(|fact| matches!(fact.part, Part::Column | Part::Label))
        .map(|fact| fact.name.as_str())
        .collect();
    names.join(", ")
}
