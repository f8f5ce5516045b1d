//! Which foreign key the values of a column come from, where several ask for it.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Facts, Key, Table};
use crate::HarnessError;

/// A column, by schema, table and name.
type Place = (String, String, String);

/// The foreign keys of a table, settled.
#[derive(Debug, Default)]
pub(super) struct Settled<'t> {
    /// The key that each column takes its values from: the widest.
    chosen: BTreeMap<&'t str, &'t Key>,
    /// Columns that are left null, so that their key asks for nothing.
    left: BTreeSet<&'t str>,
}

impl<'t> Settled<'t> {
    pub(super) fn of(facts: &Facts, table: &'t Table) -> Result<Self, HarnessError> {
        let mut settled = Self { chosen: chosen(table), left: BTreeSet::new() };
        for key in &table.foreign {
            if settled.keeps(facts, table, key) {
                continue;
            }
            let alone = key.columns.iter().find(|name| {
                table.may_be_null(std::slice::from_ref(*name))
                    && table.foreign.iter().filter(|other| other.columns.contains(name)).count() == 1
            });
            match alone {
                Some(name) => {
                    settled.left.insert(name);
                }
                None => {
                    return Err(HarnessError::Other(format!(
                        "{}: {} shares columns with another foreign key, and no rows can be made that keep both; leave \
                         the table out with --table, or fill it by a data set of your own ([data] generate)",
                        table.quoted, key.name
                    )));
                }
            }
        }
        Ok(settled)
    }

    pub(super) fn key(&self, column: &str) -> Option<&'t Key> {
        self.chosen.get(column).copied()
    }

    pub(super) fn is_left(&self, column: &str) -> bool {
        self.left.contains(column)
    }

    /// Whether a key's values are those of a row that is there.
    fn keeps(&self, facts: &Facts, table: &Table, key: &Key) -> bool {
        let pairs = || key.columns.iter().zip(&key.of_columns);
        let itself = refers_to(key, table);
        if pairs().all(|(name, of)| {
            (itself && name == of) || self.key(name).is_some_and(|chosen| chosen.name == key.name)
        }) {
            return true;
        }
        let (schema, name) = key.of();
        let Some(parent) = facts.place(key).map(|place| &facts.tables[place]) else {
            // Not filled itself: then what is taken from elsewhere has come from there.
            return key.columns.len() == 1 && {
                let wanted = (schema.to_owned(), name.to_owned(), key.of_columns[0].clone());
                chain(facts, table, &key.columns[0]).contains(&wanted)
            };
        };
        if let ([own], [of]) = (key.columns.as_slice(), key.of_columns.as_slice()) {
            return chain(facts, table, own).contains(&(schema.to_owned(), name.to_owned(), of.clone()));
        }
        // Row for row, what both took from the same place is the same.
        facts.aligned
            && pairs().all(|(own, of)| chain(facts, table, own).last() == chain(facts, parent, of).last())
    }
}

/// Whether somewhere two foreign keys of several columns share one: then the rows of all tables are put side by side.
pub(super) fn aligned(tables: &[Table]) -> bool {
    tables.iter().any(|table| {
        let wide: Vec<&Key> = table.foreign.iter().filter(|key| key.columns.len() > 1).collect();
        wide.iter().enumerate().any(|(place, key)| {
            wide[..place].iter().any(|other| key.columns.iter().any(|name| other.columns.contains(name)))
        })
    })
}

pub(super) fn refers_to(key: &Key, table: &Table) -> bool {
    key.of() == (table.schema.as_str(), table.name.as_str())
}

fn chosen(table: &Table) -> BTreeMap<&str, &Key> {
    let mut keys: Vec<&Key> = table.foreign.iter().collect();
    keys.sort_by_key(|key| std::cmp::Reverse(key.columns.len()));
    let mut chosen = BTreeMap::new();
    for key in keys {
        for (name, of) in key.columns.iter().zip(&key.of_columns) {
            if !(refers_to(key, table) && name == of) {
                chosen.entry(name.as_str()).or_insert(key);
            }
        }
    }
    chosen
}

/// A column, what it is taken from, and so on.
fn chain(facts: &Facts, table: &Table, column: &str) -> Vec<Place> {
    let mut chain = vec![(table.schema.clone(), table.name.clone(), column.to_owned())];
    let mut at = Some((table, column.to_owned()));
    while let Some((table, column)) = at.take() {
        let Some(key) = chosen(table).get(column.as_str()).copied() else { break };
        let Some(place) = key.columns.iter().position(|name| *name == column) else { break };
        let (schema, name) = key.of();
        let next = (schema.to_owned(), name.to_owned(), key.of_columns[place].clone());
        if chain.contains(&next) {
            break;
        }
        at = facts.place(key).map(|place| (&facts.tables[place], next.2.clone()));
        chain.push(next);
    }
    chain
}
