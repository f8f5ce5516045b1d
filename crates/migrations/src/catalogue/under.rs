//! What stands on what is altered. The server refuses to alter the type of a column, to drop it, or to drop a relation or a
//! function, as long as a view stands on it: the view is dropped before and made anew after, and so is each that stands on
//! that one. Of the table itself that holds for policies, triggers and rules.
//!
//! Who stands on whom is told by the names in the definitions. A view that names a table and only seems to name its column
//! is made anew in vain, which does no harm; none is missed, since the server writes every column of a view out.

use std::collections::{BTreeMap, BTreeSet};

use super::difference::{Difference, Objects};
use super::fact::{Attribute, Fact, Part};
use super::mend::{self, Mend};
use super::view::tokens;
use super::{Kind, ObjectName};

/// What is dropped or altered in a way that views are in the way of.
struct Root {
    /// Its difference.
    at: usize,
    /// The words of its name.
    name: Vec<String>,
    /// The column, where it is not the whole.
    column: Option<String>,
}

/// The views of one side, with the words of their definitions.
struct Views<'a>(BTreeMap<&'a ObjectName, Vec<&'a str>>);

impl<'a> Views<'a> {
    fn of(side: &'a Objects) -> Self {
        let views = side.iter().filter(|(name, _)| is_view(name.kind));
        Self(views.filter_map(|(name, facts)| Some((name, words(definition(facts)?)))).collect())
    }

    /// Those that stand on any of these, and those on them, each with how many stand between it and the ground.
    fn standing_on(&self, roots: &[Root]) -> BTreeSet<&'a ObjectName> {
        let mut found: BTreeSet<&ObjectName> = BTreeSet::new();
        let mut names: Vec<(Vec<String>, Option<&str>)> =
            roots.iter().map(|root| (root.name.clone(), root.column.as_deref())).collect();
        while !names.is_empty() {
            let mut next = Vec::new();
            for (view, words) in &self.0 {
                let stands = names.iter().any(|(name, column)| {
                    mentions(words, name) && column.is_none_or(|column| has_column(words, column))
                });
                if stands && found.insert(*view) {
                    next.push((owned(&view.name), None));
                }
            }
            names = next;
        }
        found
    }

    /// How many views stand one upon the other below each.
    fn depths(&self) -> BTreeMap<&'a ObjectName, u16> {
        // By the first word of its name: there may be thousands.
        let mut names: BTreeMap<String, Vec<(&ObjectName, Vec<String>)>> = BTreeMap::new();
        for view in self.0.keys() {
            let name = owned(&view.name);
            names.entry(name.first().cloned().unwrap_or_default()).or_default().push((*view, name));
        }
        let below: BTreeMap<&ObjectName, BTreeSet<&ObjectName>> = self
            .0
            .iter()
            .map(|(view, words)| {
                let named = words.iter().filter_map(|word| names.get(*word)).flatten();
                let below = named.filter(|(name, text)| name != view && mentions(words, text));
                (*view, below.map(|(name, _)| *name).collect())
            })
            .collect();
        let mut depths: BTreeMap<&ObjectName, u16> = self.0.keys().map(|view| (*view, 1)).collect();
        // As often as the longest chain; none is longer than there are views.
        for _ in 0..self.0.len() {
            let mut changed = false;
            for (view, below) in &below {
                let deepest =
                    below.iter().filter_map(|name| depths.get(name)).max().map_or(1, |most| most + 1);
                changed |= depths.insert(view, deepest) != Some(deepest);
            }
            if !changed {
                break;
            }
        }
        depths
    }
}

/// Puts the statements of views in the order in which they stand upon each other, and those around what is altered beside
/// it. `access`: whether rights were compared.
pub(super) fn apply(differences: &mut [Difference], left: &Objects, right: &Objects, access: bool) {
    let roots = roots(differences, left, right);
    let any_view = differences.iter().any(|difference| is_view(difference.object.kind));
    if roots.is_empty() && !any_view {
        return;
    }
    let (wanted, found) = (Views::of(left).depths(), Views::of(right).depths());
    let made_anew = Views::of(right).standing_on(&roots);
    for difference in differences.iter_mut().filter(|difference| is_view(difference.object.kind)) {
        let object = difference.object.clone();
        if made_anew.contains(&object) && !left.contains_key(&object) {
            mend::make_room(&mut difference.mends);
        }
        mend::of_depth(&mut difference.mends, object.kind, depth(&wanted, &object), depth(&found, &object));
        // What is said at the column makes all of it.
        if made_anew.contains(&object) && left.contains_key(&object) && right.contains_key(&object) {
            difference.mends =
                vec![mend::by_hand("nothing: it is made anew, since what it stands on is altered")];
        }
    }
    for root in &roots {
        let mut around = Vec::new();
        for view in Views::of(right).standing_on(std::slice::from_ref(root)) {
            around.extend(anew(view, left, right, (depth(&wanted, view), depth(&found, view)), access));
        }
        let Some(difference) = differences.get_mut(root.at) else { continue };
        if let Some(column) = &root.column {
            around.extend(of_table(&difference.object, column, left, right));
        }
        around.sort_by_key(|mend: &Mend| (mend.due, mend.order));
        let (before, after): (Vec<Mend>, Vec<Mend>) = around.into_iter().partition(mend::is_first);
        difference.mends.splice(0..0, before);
        difference.mends.extend(after);
    }
}

/// A view is dropped, and made again as it is wanted, with all that is true of it.
fn anew(
    view: &ObjectName,
    left: &Objects,
    right: &Objects,
    (wanted, found): (u16, u16),
    access: bool,
) -> Vec<Mend> {
    let facts = right.get(view).map(Vec::as_slice).unwrap_or_default();
    let mut mends = mend::drop(view, facts);
    mend::make_room(&mut mends);
    if let Some(facts) = left.get(view) {
        mends.extend(mend::make(view, facts));
        if !access {
            let words =
                format!("{view} is made anew, and its owner and rights were not compared: grant them again");
            mends.push(mend::by_hand(words));
        }
    }
    mend::of_depth(&mut mends, view.kind, wanted, found);
    mends
}

/// Policies, triggers and rules of a table, and publications of it, that name a column, dropped and made again; and what goes
/// with a column that is dropped and added.
fn of_table(object: &ObjectName, column: &str, left: &Objects, right: &Objects) -> Vec<Mend> {
    let facts = |side: &Objects| side.get(object).cloned().unwrap_or_default();
    let (wanted, found) = (facts(left), facts(right));
    let names = |fact: &&Fact| words(fact.base()).contains(&column);
    let mut mends = Vec::new();
    for fact in found.iter().filter(names) {
        if matches!(fact.part, Part::Policy | Part::Trigger | Part::Rule) && fact.base() != OF_CONSTRAINT {
            mends.extend(mend::alter(object, (&wanted, &found), (None, Some(fact))));
            let again = wanted.iter().find(|other| (other.part, &other.name) == (fact.part, &fact.name));
            mends.extend(
                again.into_iter().flat_map(|again| mend::alter(object, (&wanted, &[]), (Some(again), None))),
            );
        }
    }
    for (publication, members) in right.iter().filter(|(name, _)| name.kind == Kind::Publication) {
        let is_it = |fact: &&Fact| fact.part == Part::Table && fact.name == object.name;
        let Some(member) = members.iter().find(is_it).filter(names) else { continue };
        mends.extend(mend::alter(publication, (&[], members), (None, Some(member))));
        let again = left.get(publication).and_then(|facts| facts.iter().find(is_it));
        mends.extend(
            again.into_iter().flat_map(|again| mend::alter(publication, (&[], &[]), (Some(again), None))),
        );
    }
    let (want, have) = (column_of(&wanted, column), column_of(&found, column));
    let computed = found.iter().filter(|fact| {
        fact.get(Attribute::Generated).is_some_and(|text| words(text).contains(&column))
            && fact.name != column
    });
    for fact in computed.filter(|_| want.is_some() && !is_added_anew(want, have)) {
        mends.push(mend::by_hand(format!(
            "column {} is computed from it, which the server does not alter meanwhile: drop that one before, and add it after",
            fact.name
        )));
    }
    if !is_added_anew(want, have) {
        return mends;
    }
    for fact in wanted.iter().filter(names) {
        let kept = found.iter().any(|other| (other.part, &other.name) == (fact.part, &fact.name));
        if matches!(fact.part, Part::Index | Part::Constraint) && kept {
            mends.extend(mend::alter(object, (&wanted, &[]), (Some(fact), None)));
        }
    }
    mends.extend(want.into_iter().flat_map(|fact| mend::column_extras(object, fact)));
    let statistics =
        left.iter().filter(|(name, _)| name.kind == Kind::Statistics && right.contains_key(name));
    for (name, facts) in statistics {
        let text = words(definition(facts).unwrap_or_default());
        if mentions(&text, &owned(&object.name)) && text.contains(&column) {
            mends.extend(mend::make(name, facts));
        }
    }
    mends
}

const OF_CONSTRAINT: &str = "of the constraint";

fn roots(differences: &[Difference], left: &Objects, right: &Objects) -> Vec<Root> {
    let mut roots = Vec::new();
    for (at, difference) in differences.iter().enumerate() {
        let object = &difference.object;
        let whole = Root { at, name: owned(object.name.split('(').next().unwrap_or_default()), column: None };
        let drops = || mend::drops(&difference.mends);
        match object.kind {
            Kind::Table | Kind::ForeignTable if difference.part.is_none() => {
                roots.extend((difference.left.is_none()).then_some(whole));
            }
            Kind::Table | Kind::ForeignTable => {
                let name = difference.part.as_deref().and_then(|part| part.strip_prefix("column "));
                let column =
                    |side: &Objects| side.get(object).and_then(|facts| column_of(facts, name?).cloned());
                if is_in_the_way(column(left).as_ref(), column(right).as_ref()) {
                    let column = name.map(ToOwned::to_owned);
                    roots.push(Root { column, ..whole });
                }
            }
            Kind::View | Kind::MaterializedView | Kind::Function if drops() => roots.push(whole),
            _ => {}
        }
    }
    roots
}

fn column_of<'f>(facts: &'f [Fact], name: &str) -> Option<&'f Fact> {
    facts.iter().find(|fact| fact.part == Part::Column && fact.name == name)
}

/// Whether a view on this column would be in the way.
fn is_in_the_way(wanted: Option<&Fact>, found: Option<&Fact>) -> bool {
    match (wanted, found) {
        (None, Some(_)) => true,
        (Some(want), Some(have)) => {
            let differs = |key: &Attribute| want.get(*key) != have.get(*key);
            [Attribute::Base, Attribute::Collation].iter().any(differs) || is_added_anew(wanted, found)
        }
        (_, None) => false,
    }
}

/// Whether a generated column is dropped and added: up to 16 its expression cannot be altered.
fn is_added_anew(wanted: Option<&Fact>, found: Option<&Fact>) -> bool {
    let expression =
        |fact: Option<&Fact>| fact.and_then(|fact| fact.get(Attribute::Generated)).map(ToOwned::to_owned);
    wanted.is_some()
        && found.is_some()
        && expression(wanted).is_some()
        && expression(wanted) != expression(found)
}

fn is_view(kind: Kind) -> bool {
    matches!(kind, Kind::View | Kind::MaterializedView)
}

fn definition(facts: &[Fact]) -> Option<&str> {
    facts.iter().find(|fact| fact.part == Part::Definition).map(Fact::base)
}

fn depth(depths: &BTreeMap<&ObjectName, u16>, view: &ObjectName) -> u16 {
    depths.get(view).copied().unwrap_or_default()
}

/// The words of a text, without the space between them.
fn words(text: &str) -> Vec<&str> {
    tokens(text).into_iter().filter(|token| !token.trim().is_empty()).collect()
}

fn owned(text: &str) -> Vec<String> {
    words(text).into_iter().map(ToOwned::to_owned).collect()
}

/// Whether a name stands among these words, and not after the name of another schema.
fn mentions(words: &[&str], name: &[String]) -> bool {
    let first = |at: usize| at.checked_sub(1).and_then(|before| words.get(before)) != Some(&".");
    !name.is_empty() && words.windows(name.len()).enumerate().any(|(at, window)| first(at) && window == name)
}

/// A column by its name, or by a whole row.
fn has_column(words: &[&str], column: &str) -> bool {
    words.contains(&column) || words.windows(2).any(|pair| pair == [".", "*"])
}
