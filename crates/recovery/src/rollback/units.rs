//! Which tables of the one database are compared with which of the other: those of one name; the partitions of a table as a
//! whole, where they are not the same ones; and one that was renamed with the one that it was.

use std::collections::{BTreeMap, BTreeSet};

use crate::state::Table;

/// Tables whose rows are compared together. One side may be empty, not both.
#[derive(Debug)]
pub(super) struct Unit {
    /// What a person knows it by: schema and name, quoted for SQL, as they were before the rollback where it was there.
    pub(super) name: String,
    /// The name that it has again, where that is another one.
    pub(super) again: Option<String>,
    /// Those of the replaced database.
    pub(super) old: Vec<Table>,
    /// Those of the restored one.
    pub(super) new: Vec<Table>,
}

impl Unit {
    fn of(name: String, old: Vec<Table>, new: Vec<Table>) -> Self {
        Self { name, again: None, old, new }
    }
}

/// Every table of both sides, in one unit each.
pub(super) fn units(old: Vec<Table>, new: Vec<Table>) -> Vec<Unit> {
    let families = families(&old, &new);
    let family = |table: &Table| families.get(&table.quoted).unwrap_or(&table.quoted).clone();
    let mut sides: BTreeMap<String, (Vec<Table>, Vec<Table>)> = BTreeMap::new();
    for table in old {
        sides.entry(family(&table)).or_default().0.push(table);
    }
    for table in new {
        sides.entry(family(&table)).or_default().1.push(table);
    }
    let mut units = Vec::new();
    for (name, (old, new)) in sides {
        let bounds = |side: &[Table]| -> BTreeSet<_> {
            side.iter().map(|table| (table.quoted.clone(), table.bound.clone())).collect()
        };
        if bounds(&old) != bounds(&new) {
            units.push(Unit::of(name, old, new));
            continue;
        }
        let mut after: BTreeMap<_, _> = new.into_iter().map(|table| (table.quoted.clone(), table)).collect();
        units.extend(old.into_iter().map(|table| {
            let same = after.remove(&table.quoted).into_iter().collect();
            Unit::of(table.quoted.clone(), vec![table], same)
        }));
    }
    pair_renamed(units)
}

/// Of each table that is a partition on one side at least, or has the name of what these belong to: the name of the family.
fn families(old: &[Table], new: &[Table]) -> BTreeMap<String, String> {
    let mut family: BTreeMap<String, String> = BTreeMap::new();
    for table in old.iter().chain(new) {
        let Some(root) = &table.root else { continue };
        let of = |name: &String, family: &BTreeMap<String, String>| family.get(name).cloned();
        let root = of(root, &family).unwrap_or_else(|| root.clone());
        match of(&table.quoted, &family) {
            // In the one database it belongs to this table, in the other to that one.
            Some(other) if other != root => {
                family.values_mut().filter(|name| **name == other).for_each(|name| name.clone_from(&root));
            }
            _ => {}
        }
        family.insert(table.quoted.clone(), root.clone());
        family.insert(root.clone(), root);
    }
    family
}

/// What is only in the one database and what is only in the other, where their columns are the same and nothing else has
/// these: a table that was renamed, or moved to another schema.
fn pair_renamed(units: Vec<Unit>) -> Vec<Unit> {
    let shape = |side: &[Table]| match side {
        [table] if !table.columns.is_empty() => Some((table.columns.clone(), table.types.clone())),
        _ => None,
    };
    let only = |unit: &Unit| match (unit.old.as_slice(), unit.new.as_slice()) {
        (old, []) => shape(old).map(|shape| (shape, true)),
        ([], new) => shape(new).map(|shape| (shape, false)),
        _ => None,
    };
    let mut found: BTreeMap<_, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (at, unit) in units.iter().enumerate() {
        if let Some((shape, in_old)) = only(unit) {
            let sides = found.entry(shape).or_default();
            if in_old { sides.0.push(at) } else { sides.1.push(at) }
        }
    }
    let pairs: BTreeMap<usize, usize> = found
        .into_values()
        .filter_map(|sides| match (sides.0.as_slice(), sides.1.as_slice()) {
            ([old], [new]) => Some((*new, *old)),
            _ => None,
        })
        .collect();
    let mut units: Vec<Option<Unit>> = units.into_iter().map(Some).collect();
    for (new, old) in pairs {
        let restored = units[new].take();
        if let (Some(unit), Some(restored)) = (&mut units[old], restored) {
            unit.again = Some(restored.name);
            unit.new = restored.new;
        }
    }
    units.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, root: Option<&str>, bound: &str, columns: &[&str]) -> Table {
        Table::plain(name, columns, root.map(|root| (root, bound)))
    }

    /// `name: old, old / new` of each unit.
    fn told(old: Vec<Table>, new: Vec<Table>) -> Vec<String> {
        let names = |side: &[Table]| side.iter().map(|t| t.quoted.clone()).collect::<Vec<_>>().join(" ");
        let mut told: Vec<String> = units(old, new)
            .iter()
            .map(|unit| format!("{}: {} / {}", unit.name, names(&unit.old), names(&unit.new)))
            .collect();
        told.sort();
        told
    }

    #[test]
    fn partitions_that_stayed_are_compared_one_by_one() {
        let side = || vec![table("p1", Some("p"), "1", &["a"]), table("p2", Some("p"), "2", &["a"])];
        assert_eq!(told(side(), side()), ["p1: p1 / p1", "p2: p2 / p2"]);
    }

    #[test]
    fn partitions_that_were_split_detached_or_made_of_a_plain_table_are_one() {
        let old = vec![table("p1", Some("p"), "1", &["a"]), table("p2", Some("p"), "2", &["a"])];
        let default = vec![table("p1", Some("p"), "DEFAULT", &["a"])];
        assert_eq!(told(old, default), ["p: p1 p2 / p1"]);
        let detached = vec![table("p1", None, "", &["a"]), table("p2", Some("p"), "2", &["a"])];
        let whole = vec![table("p1", Some("p"), "1", &["a"]), table("p2", Some("p"), "2", &["a"])];
        assert_eq!(told(detached, whole), ["p: p1 p2 / p1 p2"]);
        let old = vec![table("p1", Some("p"), "1", &["a"])];
        assert_eq!(told(old, vec![table("p", None, "", &["a"])]), ["p: p1 / p"]);
    }

    #[test]
    fn a_partition_that_changed_families_joins_them() {
        let old = vec![table("x", Some("p"), "1", &["a"]), table("y", Some("q"), "1", &["a"])];
        let new = vec![table("x", Some("q"), "1", &["a"]), table("y", Some("q"), "1", &["a"])];
        assert_eq!(told(old, new).len(), 2, "the bounds are the same, so each is compared with itself");
        let old = vec![table("x", Some("p"), "1", &["a"]), table("y", Some("q"), "1", &["a"])];
        let new = vec![table("x", Some("q"), "2", &["a"]), table("y", Some("q"), "1", &["a"])];
        assert_eq!(told(old, new).len(), 1);
    }

    #[test]
    fn a_renamed_table_is_the_one_of_the_same_columns_where_there_is_but_one() {
        let one = |name| table(name, None, "", &["a", "b"]);
        assert_eq!(told(vec![one("new")], vec![one("old")]), ["new: new / old"]);
        assert_eq!(
            told(vec![one("new"), one("more")], vec![one("old")]),
            ["more: more / ", "new: new / ", "old:  / old"]
        );
        assert_eq!(
            told(vec![table("new", None, "", &["a"])], vec![one("old")]),
            ["new: new / ", "old:  / old"]
        );
    }
}
