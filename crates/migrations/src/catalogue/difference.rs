//! What differs between two catalogues, fact by fact.

use std::collections::BTreeMap;
use std::fmt;

use super::{Fact, ObjectName};

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
        match (left.get(name), right.get(name)) {
            (Some(a), Some(b)) if a != b => differences.extend(parts(name, a, b)),
            (Some(_), Some(_)) | (None, None) => {}
            (a, b) => differences.push(Difference {
                object: name.clone(),
                part: None,
                left: a.map(|_| "present".into()),
                right: b.map(|_| "present".into()),
            }),
        }
    }
    differences
}

fn parts(object: &ObjectName, left: &[Fact], right: &[Fact]) -> Vec<Difference> {
    let (a, b) = (by_part(left), by_part(right));
    let mut differences = Vec::new();
    let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let (one, other) = (a.get(key), b.get(key));
        if one != other {
            differences.push(Difference {
                object: object.clone(),
                part: Some(key.clone()),
                left: one.cloned(),
                right: other.cloned(),
            });
        }
    }
    if differences.is_empty() {
        // The same facts in another order: columns have been moved about.
        differences.push(Difference {
            object: object.clone(),
            part: Some("order of columns".into()),
            left: Some(order(left)),
            right: Some(order(right)),
        });
    }
    differences
}

fn by_part(facts: &[Fact]) -> BTreeMap<String, String> {
    let mut parts = BTreeMap::new();
    for fact in facts {
        let key = format!("{} {}", fact.part, fact.name).trim().to_owned();
        parts.insert(key, fact.definition.trim().to_owned());
    }
    parts
}

fn order(facts: &[Fact]) -> String {
    let names: Vec<&str> = facts
        .iter()
        .filter(|f| ["column", "label"].contains(&f.part.as_str()))
        .map(|f| f.name.as_str())
        .collect();
    names.join(", ")
}
