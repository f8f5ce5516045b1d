//! What is attached to a relation: constraints, indexes, triggers, rules, policies.

use std::collections::{HashMap, HashSet};

use runbook::check::CheckError;
use runbook::reader::Reader;
use sqlx::postgres::PgArguments;
use sqlx::postgres::types::Oid;

use super::cells::Cells;
use super::fact::{Attribute, Fact, Part};
use super::gather::{Gathering, attribute, class, literal, one};
use super::index::{self, Index};
use super::plain;

/// Reads them all.
pub(super) async fn read(
    reader: &mut Reader,
    schemas: &[String],
    gathering: &mut Gathering,
) -> Result<(), CheckError> {
    let constraining = constraints(reader, schemas, gathering).await?;
    indexes(reader, schemas, gathering, &constraining).await?;
    reader
        .for_each(include_str!("sql/triggers.sql"), one(schemas)?, |row| {
            let mut cells = Cells::of(row);
            let (class, oid, relation) = (cells.oid()?, cells.oid()?, cells.oid()?);
            let part = match cells.next::<&str>()? {
                "trigger" => Part::Trigger,
                "rule" => Part::Rule,
                _ => Part::Policy,
            };
            let name: String = cells.next()?;
            let mut fact = Fact::plain(part, name, gathering.plain(cells.next()?));
            let enabled = match cells.next::<&str>()? {
                "D" => Some("disabled".to_owned()),
                "R" => Some("enabled on replicas".to_owned()),
                "A" => Some("enabled always".to_owned()),
                _ => None,
            };
            attribute(&mut fact, Attribute::Enabled, enabled);
            attribute(&mut fact, Attribute::Comment, gathering.comment(class, oid, 0).map(literal));
            gathering.tell(class::CLASS, relation, 0, fact);
            Ok(())
        })
        .await
}

/// Adds the constraints; the indexes that carry one out.
async fn constraints(
    reader: &mut Reader,
    schemas: &[String],
    gathering: &mut Gathering,
) -> Result<HashSet<u32>, CheckError> {
    let mut constraining = HashSet::new();
    reader
        .for_each(include_str!("sql/constraints.sql"), one(schemas)?, |row| {
            let mut cells = Cells::of(row);
            let (oid, relation, kind) = (cells.oid()?, cells.oid()?, cells.oid()?);
            let (name, sort): (String, &str) = (cells.next()?, cells.next()?);
            let index = cells.oid()?;
            if matches!(sort, "p" | "u" | "x") {
                constraining.insert(index);
            }
            let mut fact = Fact::plain(Part::Constraint, name, gathering.plain(cells.next()?));
            attribute(
                &mut fact,
                Attribute::Comment,
                gathering.comment(class::CONSTRAINT, oid, 0).map(literal),
            );
            match relation {
                0 => gathering.tell(class::TYPE, kind, 0, fact),
                _ => gathering.tell(class::CLASS, relation, 0, fact),
            }
            Ok(())
        })
        .await?;
    Ok(constraining)
}

/// Adds the indexes, less those that only carry out a constraint and are sound: the constraint tells of them.
async fn indexes(
    reader: &mut Reader,
    schemas: &[String],
    gathering: &mut Gathering,
    constraining: &HashSet<u32>,
) -> Result<(), CheckError> {
    let mut classes = HashMap::new();
    reader
        .for_each(include_str!("sql/operator_classes.sql"), PgArguments::default(), |row| {
            let mut cells = Cells::of(row);
            let oid = cells.oid()?;
            classes.insert(oid, (cells.oid()?, cells.next::<bool>()?));
            Ok(())
        })
        .await?;
    let mut odd: HashMap<u32, Index> = HashMap::new();
    reader
        .for_each(include_str!("sql/indexes.sql"), one(schemas)?, |row| {
            let mut index = Index::of(Cells::of(row))?;
            let silent = !index.is_remarkable() && gathering.comment(class::CLASS, index.oid, 0).is_none();
            if constraining.contains(&index.oid) && silent {
                return Ok(());
            }
            match index
                .definition
                .take()
                .or_else(|| index::put_together(&index, &gathering.columns, &classes))
            {
                Some(definition) => tell(gathering, index, definition),
                None => {
                    odd.insert(index.oid, index);
                }
            }
            Ok(())
        })
        .await?;
    let oids: Vec<Oid> = odd.keys().copied().map(Oid).collect();
    reader
        .for_each(include_str!("sql/odd_indexes.sql"), one(oids)?, |row| {
            let mut cells = Cells::of(row);
            let (oid, definition) = (cells.oid()?, cells.next::<Option<String>>()?);
            if let (Some(index), Some(definition)) = (odd.remove(&oid), definition) {
                tell(gathering, index, definition);
            }
            Ok(())
        })
        .await
}

fn tell(gathering: &mut Gathering, index: Index, definition: String) {
    let Some(table) = gathering.name(class::CLASS, index.table) else { return };
    let definition = plain::index(&gathering.plain(definition), &index.name, &table.name);
    let mut fact = Fact::plain(Part::Index, index.name, definition);
    attribute(&mut fact, Attribute::Statistics, index.statistics);
    attribute(&mut fact, Attribute::Tablespace, index.tablespace);
    for (holds, what) in [
        (!index.sound, Attribute::Invalid),
        (index.clustered, Attribute::Clustered),
        (index.replica_identity, Attribute::ReplicaIdentity),
    ] {
        attribute(&mut fact, what, holds.then(String::new));
    }
    attribute(&mut fact, Attribute::Comment, gathering.comment(class::CLASS, index.oid, 0).map(literal));
    gathering.tell(class::CLASS, index.table, 0, fact);
}
