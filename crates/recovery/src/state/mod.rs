//! What a database holds: the rows of each table, its sequences, and its catalogue. Two states can be compared.

mod catalogue;
mod large_objects;

use std::collections::BTreeMap;

use runbook::check::CheckError;
use runbook::reader::Reader;
use serde::{Deserialize, Serialize};

pub use catalogue::fingerprint;
pub use large_objects::LargeObjects;
pub(crate) use large_objects::{LargeObject, large_objects};

/// A table of a user, by name.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Table {
    /// The schema, as it is.
    pub(crate) schema: String,
    /// The name, as it is.
    pub(crate) name: String,
    /// Schema and name, quoted for SQL.
    pub(crate) quoted: String,
    /// Its columns in order: name quoted for SQL, type.
    pub(crate) columns: Vec<String>,
    /// The columns' types, in the same order.
    pub(crate) types: Vec<String>,
    /// Whether a dump holds its rows: of an extension's tables, only of those that it calls its configuration.
    pub(crate) dumped: bool,
    /// `WHERE …`, or nothing: which rows a dump holds.
    pub(crate) condition: String,
    /// Of a partition: the partitioned table that it belongs to in the end, quoted for SQL.
    pub(crate) root: Option<String>,
    /// Of a partition: which rows it takes.
    pub(crate) bound: Option<String>,
    /// Whether row security may hide rows from this role.
    hidden: bool,
}

#[cfg(test)]
impl Table {
    /// One of integers, for tests; a partition of that table, with that bound.
    pub(crate) fn plain(name: &str, columns: &[&str], of: Option<(&str, &str)>) -> Self {
        Self {
            schema: "public".to_owned(),
            name: name.to_owned(),
            quoted: name.to_owned(),
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            types: columns.iter().map(|_| "integer".to_owned()).collect(),
            dumped: true,
            condition: String::new(),
            root: of.map(|(root, _)| root.to_owned()),
            bound: of.map(|(_, bound)| bound.to_owned()),
            hidden: false,
        }
    }
}

/// The rows of a table, in two numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableState {
    /// Schema and name, quoted for SQL.
    pub table: String,
    /// The schema, as it is.
    pub schema: String,
    /// The name, as it is.
    pub name: String,
    /// How many rows.
    pub rows: i64,
    /// The sum of `hashtextextended(row, 0)` over all rows, which does not depend on their order.
    pub hash: String,
}

/// A sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct SequenceState {
    /// Schema and name, quoted for SQL.
    pub sequence: String,
    /// The last value it gave, `None` when it gave none.
    pub last_value: Option<i64>,
    /// Whether it counts down.
    pub descends: bool,
}

impl SequenceState {
    /// Whether it stands where this one comes to later.
    fn is_before(&self, other: &Self) -> bool {
        match (self.last_value, other.last_value) {
            (None, Some(_)) => true,
            (Some(here), Some(there)) if self.descends => there < here,
            (Some(here), Some(there)) => there > here,
            (_, None) => false,
        }
    }
}

/// What a database holds. Materialized views are in the catalogue only: a restore computes their rows anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The tables of all users' schemas, sorted.
    pub tables: Vec<TableState>,
    /// The sequences of all users' schemas, sorted.
    pub sequences: Vec<SequenceState>,
    /// The large objects; `None` where this role may not see what is in them.
    pub large_objects: Option<LargeObjects>,
    /// The catalogue, one fact a line, sorted.
    pub catalogue: Vec<String>,
    /// Owners and grants, one object a line, sorted.
    pub privileges: Vec<String>,
}

/// One thing in which two states differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The table, the sequence, or the catalogue's line.
    pub object: String,
    /// In which way.
    pub problem: String,
}

/// A table's rows: `(count, hash)`.
const ROWS: &str = include_str!("rows.sql");

impl State {
    /// Reads all of it in the reader's snapshot.
    ///
    /// # Errors
    /// When a table may not be read, or takes longer than `limits.statement_seconds`.
    pub async fn read(reader: &mut Reader) -> Result<Self, CheckError> {
        reader.spell_out(true).await?;
        let mut states = Vec::new();
        for table in tables(reader).await?.into_iter().filter(|table| table.dumped) {
            let sql = filled(ROWS, &[("{table}", &table.quoted)]) + &table.condition;
            let answer: Vec<(i64, String)> = reader.fetch(&sql).await?;
            let [(rows, hash)] = answer.as_slice() else {
                return Err(CheckError::Other(format!("the rows of {} could not be counted", table.quoted)));
            };
            states.push(TableState {
                table: table.quoted,
                schema: table.schema,
                name: table.name,
                rows: *rows,
                hash: hash.clone(),
            });
        }
        let sequences = reader.fetch(include_str!("sequences.sql")).await?;
        let large_objects = LargeObjects::read(reader).await?;
        let schemas: Vec<(String,)> = reader.fetch(include_str!("schemas.sql")).await?;
        let schemas: Vec<String> = schemas.into_iter().map(|(schema,)| schema).collect();
        let (catalogue, access) = fingerprint(reader, &schemas).await?;
        // Reading the catalogue ends with the session's own spelling.
        reader.spell_out(true).await?;
        let mut privileges = catalogue::privileges(reader, &schemas).await?;
        reader.spell_out(false).await?;
        privileges.extend(access);
        privileges.sort();
        Ok(Self { tables: states, sequences, large_objects, catalogue, privileges })
    }

    /// How many tables, sequences and catalogue lines there are to compare.
    pub fn len(&self) -> u64 {
        (self.tables.len() + self.sequences.len() + self.catalogue.len() + self.privileges.len()) as u64
    }

    /// Whether there is nothing to compare.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same without owners and grants: those name roles, which another server need not have.
    #[must_use]
    pub fn without_privileges(mut self) -> Self {
        self.privileges.clear();
        self
    }

    /// In what `other` differs from this state, from the point of view of this one: `other` is what a restore gave,
    /// this is what it should have given. Empty when they are equal.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        let key = |table: &TableState| (table.table.clone(), (table.rows, table.hash.clone()));
        compare(
            self.tables.iter().map(key).collect(),
            other.tables.iter().map(key).collect(),
            |object, pair| {
                let problem = match pair {
                    (Some((rows, _)), None) => format!("is not there; it should hold {rows} rows"),
                    (None, _) => "should not be there".to_owned(),
                    (Some((want, _)), Some((got, _))) if want != got => {
                        format!("holds {got} rows, and should hold {want}")
                    }
                    (Some((rows, _)), Some(_)) => {
                        format!("holds {rows} rows as it should, but not the same ones")
                    }
                };
                found.push(Difference { object: object.to_owned(), problem });
            },
        );
        let key = |sequence: &SequenceState| (sequence.sequence.clone(), sequence.clone());
        compare(
            self.sequences.iter().map(key).collect(),
            other.sequences.iter().map(key).collect(),
            |object, pair| {
                let problem = match pair {
                    (Some(_), None) => "is not there".to_owned(),
                    (None, _) => "should not be there".to_owned(),
                    // Sequences are not read in a snapshot: a dump of a busy database may hold a later value.
                    (Some(want), Some(got)) if want.is_before(got) => return,
                    (Some(want), Some(got)) => {
                        format!(
                            "is at {}, and should be at {}",
                            shown(got.last_value),
                            shown(want.last_value)
                        )
                    }
                };
                found.push(Difference { object: object.to_owned(), problem });
            },
        );
        if let (Some(want), Some(got)) = (&self.large_objects, &other.large_objects)
            && want != got
        {
            let problem = if want.count == got.count {
                format!("are {} as they should be, but not the same ones", got.count)
            } else {
                format!("are {}, and should be {}", got.count, want.count)
            };
            found.push(Difference { object: "large objects".to_owned(), problem });
        }
        for (want, got) in [(&self.catalogue, &other.catalogue), (&self.privileges, &other.privileges)] {
            let lines = |side: &Vec<String>| side.iter().map(|line| (line.clone(), ())).collect();
            compare(lines(want), lines(got), |line, (_, got)| {
                // A dump never turns one on: it would follow its publisher before anybody saw to that.
                if got.is_some() && line.starts_with("subscription ") && line.ends_with(" enabled no") {
                    return;
                }
                let problem = if got.is_none() {
                    "is missing from the catalogue"
                } else {
                    "should not be in the catalogue"
                };
                found.push(Difference { object: line.to_owned(), problem: problem.to_owned() });
            });
        }
        found
    }
}

/// All tables that have rows of their own, those of extensions as well ([`Table::dumped`]). The reader spells out.
///
/// # Errors
/// When row security hides rows of one from this role: what it does not see, it could not account for.
pub(crate) async fn tables(reader: &mut Reader) -> Result<Vec<Table>, CheckError> {
    let tables: Vec<Table> = reader.fetch(include_str!("tables.sql")).await?;
    match tables.iter().find(|table| table.hidden) {
        Some(table) => Err(CheckError::NotPermitted(format!(
            "row security may hide rows of {} from this role, so they cannot be counted: use a role with BYPASSRLS",
            table.quoted
        ))),
        None => Ok(tables),
    }
}

/// The text with values in the places of their marks. What looks like a mark in a value is none: a table may have that name.
pub(crate) fn filled(text: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, mark, value)) =
        values.iter().filter_map(|(mark, value)| Some((rest.find(mark)?, mark, value))).min()
    {
        out.extend([&rest[..at], value]);
        rest = &rest[at + mark.len()..];
    }
    out.push_str(rest);
    out
}

fn compare<V: PartialEq>(
    want: BTreeMap<String, V>,
    got: BTreeMap<String, V>,
    mut differs: impl FnMut(&str, (Option<&V>, Option<&V>)),
) {
    for (name, value) in &want {
        if got.get(name) != Some(value) {
            differs(name, (Some(value), got.get(name)));
        }
    }
    for (name, value) in &got {
        if !want.contains_key(name) {
            differs(name, (None, Some(value)));
        }
    }
}

fn shown(value: Option<i64>) -> String {
    value.map_or_else(|| "its start".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(catalogue: &[&str]) -> State {
        State {
            tables: Vec::new(),
            sequences: Vec::new(),
            large_objects: None,
            catalogue: catalogue.iter().map(|line| (*line).to_owned()).collect(),
            privileges: Vec::new(),
        }
    }

    #[test]
    fn a_subscription_that_a_restore_left_off_is_no_difference_and_any_other_line_is() {
        let (on, off) = (with(&["subscription s"]), with(&["subscription s", "subscription s:  enabled no"]));
        assert_eq!(on.differences(&off), []);
        assert_eq!(off.differences(&on).len(), 1);
        assert_eq!(on.differences(&with(&["subscription s", "subscription s:  options binary"])).len(), 1);
    }

    #[test]
    fn a_sequence_may_stand_later_and_not_earlier_whichever_way_it_counts() {
        let at = |last_value, descends| {
            let sequence = SequenceState { sequence: "s".to_owned(), last_value, descends };
            State { sequences: vec![sequence], ..with(&[]) }
        };
        for (descends, later) in [(false, 12), (true, 8)] {
            let (here, there) = (at(Some(10), descends), at(Some(later), descends));
            assert_eq!(here.differences(&there), []);
            assert_eq!(there.differences(&here).len(), 1);
            assert_eq!(at(None, descends).differences(&here), []);
            assert_eq!(here.differences(&at(None, descends)).len(), 1);
        }
    }

    #[test]
    fn what_looks_like_a_mark_in_a_value_is_none() {
        let values = [("{table}", "\"{columns} {table}\""), ("{columns}", "t.\"{table}\"")];
        assert_eq!(filled("{columns} OF {table}.", &values), "t.\"{table}\" OF \"{columns} {table}\".");
    }
}
