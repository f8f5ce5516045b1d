//! What the catalogue says about tables and indexes: sizes, and which indexes may be used.

use runbook::check::CheckError;
use runbook::reader::Reader;
use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;

use crate::plan::Plan;

/// A table or materialized view.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Relation {
    /// Its name, as plans carry it.
    pub name: String,
    /// Its name with its schema, quoted where needed.
    pub shown: String,
    /// Blocks of 8 KiB.
    pub blocks: i64,
    /// Rows, as last estimated by ANALYZE or VACUUM.
    pub rows: i64,
}

/// An index.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Index {
    /// Its name, as plans carry it.
    pub name: String,
    /// Its name with its schema, quoted where needed.
    pub shown: String,
    /// Whether the planner may use it.
    pub usable: bool,
    /// The partitioned index that it is a part of.
    pub root: Option<String>,
}

/// The tables and indexes of the schemas that belong to the system.
#[derive(Debug, Clone)]
pub struct Catalogue {
    relations: Vec<Relation>,
    indexes: Vec<Index>,
}

impl Catalogue {
    /// Reads it.
    ///
    /// # Errors
    /// When the database answers with an error.
    pub async fn read(reader: &mut Reader, schemas: &[String]) -> Result<Self, CheckError> {
        Ok(Self {
            relations: reader.fetch_with(include_str!("relations.sql"), names(schemas)?).await?,
            indexes: reader.fetch_with(include_str!("indexes.sql"), names(schemas)?).await?,
        })
    }

    /// The relation with this name; the larger where two schemas have one.
    pub fn relation(&self, name: &str) -> Option<&Relation> {
        self.relations.iter().filter(|relation| relation.name == name).max_by_key(|relation| relation.blocks)
    }

    /// The largest relation that a plan reads.
    pub fn largest(&self, plan: &Plan) -> Option<&Relation> {
        plan.relations()
            .into_iter()
            .filter_map(|name| self.relation(name))
            .max_by_key(|relation| relation.blocks)
    }

    /// The rows of the largest relation that a plan reads, as last estimated: the size that a header's expectations
    /// are given for.
    pub fn rows(&self, plan: &Plan) -> u64 {
        self.largest(plan).map_or(0, |relation| u64::try_from(relation.rows).unwrap_or(0))
    }

    /// The index with this name.
    pub fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| index.name == name)
    }

    /// Whether `used` is the index `expected`, or a partition of it.
    pub fn is(&self, used: &str, expected: &str) -> bool {
        used == expected
            || self.indexes.iter().any(|index| index.name == used && index.root.as_deref() == Some(expected))
    }
}

fn names(schemas: &[String]) -> Result<PgArguments, CheckError> {
    let mut arguments = PgArguments::default();
    arguments.add(schemas.to_vec()).map_err(|error| CheckError::Other(error.to_string()))?;
    Ok(arguments)
}
