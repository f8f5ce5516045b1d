//! What the catalogue says about tables and indexes: sizes, and which indexes may be used.

use std::collections::BTreeMap;

use runbook::check::CheckError;
use runbook::reader::Reader;
use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;

use crate::plan::{Node, Plan};
use crate::query::Query;

/// A table or materialized view, or a partition.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Relation {
    /// Its schema.
    pub schema: String,
    /// Its name, as plans carry it.
    pub name: String,
    /// Its name with its schema, quoted where needed.
    pub shown: String,
    /// Blocks of 8 KiB.
    pub blocks: i64,
    /// Of a partition the topmost table, as [`Self::shown`]; otherwise itself.
    pub whole: String,
    /// Blocks of all partitions of that table.
    pub whole_blocks: i64,
    /// Their rows, as last estimated by ANALYZE or VACUUM.
    pub whole_rows: i64,
    /// The names of the tables that it is a partition of, from the nearest to the topmost.
    pub above: Vec<String>,
}

/// What a plan reads of one table: all of it, or some of its partitions.
#[derive(Debug, Clone)]
pub struct Part<'c> {
    /// The table, or one partition.
    pub relation: &'c Relation,
    /// How many partitions these are; 1 of a table without.
    pub partitions: usize,
    /// Blocks of these together.
    pub blocks: i64,
}

impl Part<'_> {
    /// Its name with its schema: that of the table where several partitions are read.
    pub fn shown(&self) -> &str {
        if self.partitions == 1 { &self.relation.shown } else { &self.relation.whole }
    }

    /// The name that `-- sequential:` would give it.
    pub fn named(&self) -> &str {
        self.relation.above.last().unwrap_or(&self.relation.name)
    }
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

/// The tables and indexes of the database, those of the schemas that belong to the system first.
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

    /// The relation that a node reads; where the plan tells no schema, the largest of that name.
    pub fn relation(&self, node: &Node) -> Option<&Relation> {
        let name = node.relation.as_deref()?;
        let named = self.relations.iter().filter(|relation| {
            relation.name == name && node.schema.as_ref().is_none_or(|schema| *schema == relation.schema)
        });
        named.max_by_key(|relation| relation.blocks)
    }

    /// Whether a table or materialized view has this name, as a header writes it.
    pub fn has(&self, name: &str) -> bool {
        self.relations.iter().any(|relation| relation.name == name)
    }

    /// Whether `query` may read what a node reads from end to end: its header names it, or a table that it is a partition of.
    pub fn may_scan(&self, query: &Query, node: &Node) -> bool {
        let allowed = |name: &str| query.sequential.iter().any(|(known, _)| known == name);
        node.relation.as_deref().is_some_and(allowed)
            || self.relation(node).is_some_and(|relation| relation.above.iter().any(|name| allowed(name)))
    }

    /// What these nodes read, table by table.
    pub fn parts<'n>(&self, nodes: impl IntoIterator<Item = &'n Node>) -> Vec<Part<'_>> {
        let read: BTreeMap<&str, &Relation> = nodes
            .into_iter()
            .filter_map(|node| self.relation(node))
            .map(|relation| (relation.shown.as_str(), relation))
            .collect();
        let mut parts: BTreeMap<&str, Part<'_>> = BTreeMap::new();
        for relation in read.into_values() {
            let part = parts.entry(&relation.whole).or_insert(Part { relation, partitions: 0, blocks: 0 });
            part.partitions += 1;
            part.blocks += relation.blocks;
        }
        parts.into_values().collect()
    }

    /// The largest table that a plan reads.
    pub fn largest(&self, plan: &Plan) -> Option<Part<'_>> {
        self.parts(plan.nodes()).into_iter().max_by_key(|part| part.blocks)
    }

    /// The rows of the largest table that a plan reads, as last estimated: the size that a header's expectations are given
    /// for. Of a partitioned table all partitions count, read or not.
    pub fn rows(&self, plan: &Plan) -> u64 {
        let largest = self.parts(plan.nodes()).into_iter().max_by_key(|part| part.relation.whole_blocks);
        largest.map_or(0, |part| u64::try_from(part.relation.whole_rows).unwrap_or(0))
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
