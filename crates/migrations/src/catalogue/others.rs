//! Functions, types, and everything that is told as rows of kind, name, part and text.

use runbook::check::CheckError;
use runbook::reader::Reader;
use sqlx::postgres::PgArguments;

use super::cells::Cells;
use super::fact::{Fact, Part};
use super::gather::{Gathering, class, one};
use super::kind::Kind;
use super::{ObjectName, secret};

/// The queries of such rows.
const QUERIES: [&str; 3] =
    [include_str!("sql/kinds.sql"), include_str!("sql/rarities.sql"), include_str!("sql/globals.sql")];

/// The settings and rights of the database itself.
pub(super) async fn database(reader: &mut Reader, gathering: &mut Gathering) -> Result<(), CheckError> {
    let query = include_str!("sql/database.sql");
    reader.for_each(query, PgArguments::default(), |row| told(gathering, Cells::of(row))).await
}

/// Types, which constraints of domains are attached to, and all the rest.
pub(super) async fn read(
    reader: &mut Reader,
    schemas: &[String],
    gathering: &mut Gathering,
) -> Result<(), CheckError> {
    for query in QUERIES {
        reader.for_each(query, one(schemas)?, |row| told(gathering, Cells::of(row))).await?;
    }
    reader
        .for_each(include_str!("sql/functions.sql"), one(schemas)?, |row| function(gathering, Cells::of(row)))
        .await
}

fn told(gathering: &mut Gathering, mut cells: Cells<'_>) -> Result<(), sqlx::Error> {
    let (class, oid) = (cells.oid()?, cells.oid()?);
    let kind: Kind = known(cells.next::<&str>()?)?;
    let space = cells.oid()?;
    let name = gathering.qualified(space, &gathering.plain(cells.next()?));
    let (owner, list): (Option<String>, Option<Vec<String>>) = (cells.next()?, cells.next()?);
    if !gathering.add((class, oid), ObjectName { kind, name }, owner, list.as_deref()) {
        return Ok(());
    }
    let part: &str = cells.next()?;
    if part == "object" {
        return Ok(());
    }
    let (position, name) = (cells.next()?, gathering.plain(cells.next()?));
    let mut text = gathering.plain(cells.next::<Option<String>>()?.unwrap_or_default());
    // Services keep their keys among the settings of the database.
    if kind == Kind::Database && secret::is_secret_setting(&name) {
        secret::HIDDEN.clone_into(&mut text);
    }
    if !(name.is_empty() && text.is_empty()) {
        gathering.tell(class, oid, position, Fact::plain(known(part)?, name, text));
    }
    Ok(())
}

fn function(gathering: &mut Gathering, mut cells: Cells<'_>) -> Result<(), sqlx::Error> {
    let (oid, space) = (cells.oid()?, cells.oid()?);
    let (name, arguments): (&str, &str) = (cells.next()?, cells.next()?);
    let name = format!("{}({})", gathering.qualified(space, name), gathering.plain(arguments.to_owned()));
    let kind = match cells.next::<&str>()? {
        "p" => Kind::Procedure,
        "a" => Kind::Aggregate,
        _ => Kind::Function,
    };
    let (owner, list): (String, Option<Vec<String>>) = (cells.next()?, cells.next()?);
    if gathering.add((class::PROC, oid), ObjectName { kind, name }, Some(owner), list.as_deref()) {
        gathering.tell_text(class::PROC, oid, Part::Definition, cells.next()?);
    }
    Ok(())
}

/// A word of our own queries.
fn known<T: std::str::FromStr<Err = String>>(word: &str) -> Result<T, sqlx::Error> {
    word.parse().map_err(|error: String| sqlx::Error::Decode(error.into()))
}
