//! A data set for any schema, worked out from its catalogue: types, foreign keys, unique keys, CHECK enumerations and
//! bounds. It is written as the text of a data set's file, so that a person can keep it, and better it.

mod apart;
mod checks;
mod domain;
mod expression;
mod facts;
mod makes;
mod pairs;
mod refer;

use std::fmt::Write as _;

use sqlx::postgres::PgConnection;

use crate::HarnessError;

use facts::{Facts, Table};

/// A data set that was worked out.
#[derive(Debug, Clone)]
pub struct Derived {
    /// The text of its file.
    pub text: String,
    /// The tables that it fills, parents first: `schema.name`, quoted where needed.
    pub tables: Vec<String>,
    /// Rows that are there already: other ones are made than those were.
    there: u64,
}

impl Derived {
    /// It, read again as a file would be.
    pub(super) fn plan(&self) -> Result<super::Plan, HarnessError> {
        super::Plan::parse(std::path::Path::new("the catalogue's data set"), self.text.clone())
    }
}

/// Works out how `rows` rows of each table of these schemas may look: of all of them, or of those named (`name` or
/// `schema.name`). What they refer to and is not filled itself is taken from the rows that are there.
///
/// # Errors
/// When there is no such table, a column's type cannot be generated and it needs a value, or two tables need each other.
pub async fn derive(
    connection: &mut PgConnection,
    schemas: &[String],
    only: &[String],
    rows: u64,
) -> Result<Derived, HarnessError> {
    if rows == 0 {
        return Err(HarnessError::Other("0 rows are no data set: ask for at least 1".into()));
    }
    let mut facts = Facts::read(connection, schemas).await?;
    facts.keep(only, schemas)?;
    facts.aligned = refer::aligned(&facts.tables);
    let order = order(&facts)?;
    let mut derived = Derived { text: String::new(), tables: Vec::new(), there: 0 };
    for place in order {
        let table = &facts.tables[place];
        let _ = write!(
            derived.text,
            "\n[[table]]\nname = {}\nschema = {}\n",
            toml(&table.name),
            toml(&table.schema)
        );
        let columns = makes::of(connection, &facts, table, rows, &mut derived).await?;
        // A table whose columns are all left to their defaults still gets its rows.
        if columns.is_empty() {
            derived.text.push_str("column = []\n");
        }
        derived.text.push_str(&columns);
        derived.tables.push(table.quoted.clone());
    }
    derived.text = format!("{HEAD}seed = {}\n{}", derived.there, derived.text);
    Ok(derived)
}

const HEAD: &str = "# Worked out from the catalogue; what each `make` means is documented at `harness::loader::Generator`.\n\
    epoch = \"2025-01-01T00:00:00Z\"\n";

/// Parents before children. A foreign key that may be null does not bind: of a circle one is left null.
fn order(facts: &Facts) -> Result<Vec<usize>, HarnessError> {
    let mut order: Vec<usize> = Vec::new();
    let mut left: Vec<usize> = (0..facts.tables.len()).collect();
    for strict in [true, false] {
        loop {
            let ready = |table: &Table| {
                table.foreign.iter().all(|key| {
                    let parent = facts.place(key);
                    let waits = parent.is_some_and(|parent| {
                        left.contains(&parent) && facts.tables[parent].quoted != table.quoted
                    });
                    !waits || (!strict && table.may_be_null(&key.columns))
                })
            };
            let Some(at) = left.iter().position(|place| ready(&facts.tables[*place])) else { break };
            order.push(left.remove(at));
            // With a null allowed, one is enough to go on with.
            if !strict {
                let mut rest = rest_of(facts, &mut left);
                order.append(&mut rest);
            }
        }
    }
    match left.as_slice() {
        [] => Ok(order),
        [first, ..] => Err(HarnessError::Other(format!(
            "{}: its foreign keys lead in a circle and none of them may be null; fill it by a data set of your own \
             ([data] generate)",
            facts.tables[*first].quoted
        ))),
    }
}

/// Those that are ready now, strictly.
fn rest_of(facts: &Facts, left: &mut Vec<usize>) -> Vec<usize> {
    let mut order = Vec::new();
    loop {
        let ready = left.iter().position(|place| {
            let table = &facts.tables[*place];
            table.foreign.iter().all(|key| {
                facts.place(key).is_none_or(|parent| {
                    !left.contains(&parent) || facts.tables[parent].quoted == table.quoted
                })
            })
        });
        let Some(at) = ready else { return order };
        order.push(left.remove(at));
    }
}

/// A string of TOML.
fn toml(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
