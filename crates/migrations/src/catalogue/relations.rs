//! Tables, views, foreign tables, composite types and sequences, with their columns.

use std::collections::{HashMap, HashSet};

use runbook::check::CheckError;
use runbook::reader::Reader;
use sqlx::postgres::PgArguments;
use sqlx::postgres::types::Oid;

use super::cells::Cells;
use super::fact::{Attribute, Fact, Part};
use super::gather::{Column, Gathering, add, attribute, class, literal, one};
use super::kind::Kind;
use super::secret::{HIDDEN, is_secret};
use super::{ObjectName, access, view};

/// Reads them all.
pub(super) async fn read(
    reader: &mut Reader,
    schemas: &[String],
    gathering: &mut Gathering,
) -> Result<(), CheckError> {
    let (mut parents, mut owners) = (Vec::new(), Vec::new());
    reader
        .for_each(include_str!("sql/dependencies.sql"), PgArguments::default(), |row| {
            let mut cells = Cells::of(row);
            let (what, class, oid): (&str, _, _) = (cells.next()?, cells.oid()?, cells.oid()?);
            let (other, number) = (cells.oid()?, cells.next::<i32>()?);
            match what {
                "extension" => gathering.leave_out(class, oid),
                "parent" => parents.push((oid, number, other)),
                _ => owners.push((oid, what == "identity", other, number)),
            }
            Ok(())
        })
        .await?;
    reader
        .for_each(include_str!("sql/relations.sql"), one(schemas)?, |row| relation(gathering, Cells::of(row)))
        .await?;
    columns(reader, schemas, gathering).await?;
    parents.sort_unstable();
    refer(reader, gathering, &parents, &owners).await
}

fn relation(gathering: &mut Gathering, mut cells: Cells<'_>) -> Result<(), sqlx::Error> {
    let (oid, space) = (cells.oid()?, cells.oid()?);
    let name: String = cells.next()?;
    let kind = match cells.next::<&str>()? {
        "v" => Kind::View,
        "m" => Kind::MaterializedView,
        "f" => Kind::ForeignTable,
        "c" => Kind::Type,
        "S" => Kind::Sequence,
        _ => Kind::Table,
    };
    let own_type = cells.oid()?;
    let (owner, list): (String, Option<Vec<String>>) = (cells.next()?, cells.next()?);
    let name = ObjectName { kind, name: gathering.qualified(space, &name) };
    if !gathering.add((class::CLASS, oid), name, Some(owner), list.as_deref()) {
        return Ok(());
    }
    if let Some(text) = gathering.comment(class::TYPE, own_type, 0).map(literal) {
        gathering.tell(class::CLASS, oid, 0, Fact::plain(Part::Comment, "", text));
    }
    let mut tell = |part, text| gathering.tell_text(class::CLASS, oid, part, text);
    tell(Part::Persistence, cells.next()?);
    tell(Part::AccessMethod, cells.next()?);
    tell(Part::Tablespace, cells.next()?);
    tell(Part::Options, cells.next::<Option<Vec<String>>>()?.map(sorted));
    tell(Part::RowSecurity, cells.next()?);
    tell(Part::ReplicaIdentity, cells.next()?);
    tell(Part::PartitionBy, cells.next()?);
    tell(Part::PartitionBound, cells.next()?);
    tell(Part::OfType, cells.next()?);
    tell(Part::Populated, cells.next()?);
    if let Some(definition) = cells.next::<Option<String>>()? {
        let definition = view::normal(gathering.plain(definition).trim());
        gathering.tell(class::CLASS, oid, 0, Fact::plain(Part::Definition, "", definition));
    }
    gathering.tell_text(class::CLASS, oid, Part::Server, cells.next()?);
    gathering.tell_text(
        class::CLASS,
        oid,
        Part::Options,
        cells.next::<Option<Vec<String>>>()?.map(named_options),
    );
    gathering.tell_text(class::CLASS, oid, Part::Definition, cells.next()?);
    Ok(())
}

/// What a type has by itself, so that a column need not say it.
struct Named {
    name: String,
    collation: u32,
    storage: String,
}

/// A column before its type has a name.
struct Raw {
    relation: u32,
    number: i16,
    kind: (u32, i32),
    collation: u32,
    storage: String,
    collation_name: Option<String>,
    fact: Fact,
}

async fn columns(
    reader: &mut Reader,
    schemas: &[String],
    gathering: &mut Gathering,
) -> Result<(), CheckError> {
    let mut found: Vec<Raw> = Vec::new();
    let mut kinds: HashSet<(u32, i32)> = HashSet::new();
    reader
        .for_each(include_str!("sql/columns.sql"), one(schemas)?, |row| {
            let raw = column(gathering, Cells::of(row))?;
            if gathering.name(class::CLASS, raw.relation).is_some() {
                kinds.insert(raw.kind);
                found.push(raw);
            }
            Ok(())
        })
        .await?;
    let names = named(reader, kinds, gathering).await?;
    for mut raw in found {
        let Some(kind) = names.get(&raw.kind) else { continue };
        let mut before = vec![(Attribute::Base, kind.name.clone())];
        if raw.collation != kind.collation {
            let name = raw.collation_name.take().unwrap_or_else(|| "pg_catalog.\"default\"".into());
            before.push((Attribute::Collation, gathering.plain(name)));
        }
        if raw.storage != kind.storage {
            let word = match raw.storage.as_str() {
                "p" => "plain",
                "e" => "external",
                "x" => "extended",
                _ => "main",
            };
            raw.fact.attributes.push((Attribute::Storage, word.into()));
        }
        raw.fact.attributes.extend(before);
        raw.fact.attributes.sort_by_key(|(attribute, _)| *attribute);
        let column = Column { name: raw.fact.name.clone(), kind: raw.kind.0, collation: raw.collation };
        gathering.columns.insert((raw.relation, raw.number), column);
        gathering.tell(class::CLASS, raw.relation, raw.number.into(), raw.fact);
    }
    Ok(())
}

fn column(gathering: &Gathering, mut cells: Cells<'_>) -> Result<Raw, sqlx::Error> {
    let (relation, number) = (cells.oid()?, cells.next::<i16>()?);
    let mut fact = Fact::plain(Part::Column, cells.next::<String>()?, "");
    let kind = (cells.oid()?, cells.next::<i32>()?);
    let (collation, collation_name) = (cells.oid()?, cells.next()?);
    if cells.next()? {
        fact.attributes.push((Attribute::NotNull, String::new()));
    }
    let identity = match cells.next::<&str>()? {
        "a" => Some("always as identity".to_owned()),
        "d" => Some("by default as identity".to_owned()),
        _ => None,
    };
    attribute(&mut fact, Attribute::Identity, identity);
    let generated: &str = cells.next()?;
    let expression = cells.next::<Option<String>>()?.map(|text| gathering.plain(text));
    match generated {
        "" => attribute(&mut fact, Attribute::Default, expression),
        kind => {
            let how = if kind == "s" { "stored" } else { "virtual" };
            attribute(&mut fact, Attribute::Generated, expression.map(|text| format!("({text}) {how}")));
        }
    }
    let storage: String = cells.next()?;
    let compression = match cells.next::<&str>()? {
        "p" => Some("pglz".to_owned()),
        "l" => Some("lz4".to_owned()),
        _ => None,
    };
    attribute(&mut fact, Attribute::Compression, compression);
    attribute(
        &mut fact,
        Attribute::Statistics,
        cells.next::<Option<i32>>()?.map(|target| target.to_string()),
    );
    // pg_attver (seen on 17.12) is the server's own stamp of when the column was made: nobody declares it.
    let mut options = cells.next::<Option<Vec<String>>>()?.unwrap_or_default();
    options.retain(|option| !option.starts_with("pg_attver="));
    attribute(&mut fact, Attribute::Options, Some(sorted(options)).filter(|text| !text.is_empty()));
    attribute(&mut fact, Attribute::ForeignOptions, cells.next::<Option<Vec<String>>>()?.map(named_options));
    let list = cells.next::<Option<Vec<String>>>()?.filter(|list| !list.is_empty());
    attribute(
        &mut fact,
        Attribute::Grants,
        list.map(|list| access::text(&list, access::OF_COLUMN, &gathering.reserved)),
    );
    let comment = gathering.comment(class::CLASS, relation, number.into()).map(literal);
    attribute(&mut fact, Attribute::Comment, comment);
    Ok(Raw { relation, number, kind, collation, storage, collation_name, fact })
}

async fn named(
    reader: &mut Reader,
    kinds: HashSet<(u32, i32)>,
    gathering: &Gathering,
) -> Result<HashMap<(u32, i32), Named>, CheckError> {
    let (oids, modifiers): (Vec<Oid>, Vec<i32>) =
        kinds.into_iter().map(|(oid, modifier)| (Oid(oid), modifier)).unzip();
    let mut arguments = one(oids)?;
    add(&mut arguments, modifiers)?;
    let mut names = HashMap::new();
    reader
        .for_each(include_str!("sql/types.sql"), arguments, |row| {
            let mut cells = Cells::of(row);
            let key = (cells.oid()?, cells.next()?);
            let name = gathering.plain(cells.next()?);
            names.insert(key, Named { name, collation: cells.oid()?, storage: cells.next()? });
            Ok(())
        })
        .await?;
    Ok(names)
}

/// Who inherits from whom, and which column owns which sequence.
async fn refer(
    reader: &mut Reader,
    gathering: &mut Gathering,
    parents: &[(u32, i32, u32)],
    owners: &[(u32, bool, u32, i32)],
) -> Result<(), CheckError> {
    let outside: HashSet<u32> = parents
        .iter()
        .map(|(child, _, parent)| (*child, *parent))
        .chain(owners.iter().map(|(sequence, _, table, _)| (*sequence, *table)))
        .filter(|(here, there)| {
            gathering.name(class::CLASS, *here).is_some() && gathering.name(class::CLASS, *there).is_none()
        })
        .map(|(_, there)| there)
        .collect();
    let mut names: HashMap<u32, String> = HashMap::new();
    let mut columns: HashMap<(u32, i32), String> = HashMap::new();
    let oids: Vec<Oid> = outside.into_iter().map(Oid).collect();
    reader
        .for_each(include_str!("sql/outside.sql"), one(oids)?, |row| {
            let mut cells = Cells::of(row);
            let oid = cells.oid()?;
            names.insert(oid, cells.next()?);
            if let (Some(number), Some(name)) =
                (cells.next::<Option<i16>>()?, cells.next::<Option<String>>()?)
            {
                columns.insert((oid, number.into()), name);
            }
            Ok(())
        })
        .await?;
    let name = |gathering: &Gathering, oid: u32| match gathering.name(class::CLASS, oid) {
        Some(object) => Some(object.name.clone()),
        None => names.get(&oid).cloned(),
    };
    let mut inherited: HashMap<u32, Vec<String>> = HashMap::new();
    for (child, _, parent) in parents {
        inherited.entry(*child).or_default().extend(name(gathering, *parent));
    }
    for (child, parents) in inherited {
        gathering.tell_text(class::CLASS, child, Part::Inherits, Some(parents.join(", ")));
    }
    for (sequence, identity, table, number) in owners {
        let column = i16::try_from(*number).ok().and_then(|number| gathering.columns.get(&(*table, number)));
        let column =
            column.map(|column| column.name.clone()).or_else(|| columns.get(&(*table, *number)).cloned());
        if let (Some(table), Some(column)) = (name(gathering, *table), column) {
            let part = if *identity { Part::IdentityOf } else { Part::OwnedBy };
            gathering.tell_text(class::CLASS, *sequence, part, Some(format!("{table}.{column}")));
        }
    }
    Ok(())
}

fn sorted(mut options: Vec<String>) -> String {
    options.sort();
    options.join(", ")
}

/// Options of a foreign object as DDL takes them: `host 'x', port '5'`.
fn named_options(mut options: Vec<String>) -> String {
    options.sort();
    let named = options.iter().map(|option| {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let value = if is_secret(name) { HIDDEN.to_owned() } else { literal(value) };
        format!("{name} {value}")
    });
    named.collect::<Vec<_>>().join(", ")
}
