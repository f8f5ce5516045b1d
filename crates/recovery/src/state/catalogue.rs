//! The catalogue of a database as sorted lines of text.

use migrations::catalogue::Catalogue;
use runbook::check::CheckError;
use runbook::reader::Reader;
use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;

/// Every fact of every object of these schemas, one a line, sorted: what the objects are, and apart from it what names roles
/// (owners, grants, default privileges). Without what a dump leaves out (invalid indexes), and spelt alike before and
/// after a restore.
///
/// # Errors
/// When the catalogue cannot be read.
pub async fn fingerprint(
    reader: &mut Reader,
    schemas: &[String],
) -> Result<(Vec<String>, Vec<String>), CheckError> {
    reader.spell_out(true).await?;
    let invalid: Vec<(String,)> = reader.fetch_with(include_str!("invalid.sql"), arguments(schemas)?).await?;
    let catalogue = Catalogue::read(reader, schemas).await?;
    let mut access = lines(&catalogue, &invalid);
    let objects = lines(&catalogue.without_access(), &invalid);
    access.retain(|line| objects.binary_search(line).is_err());
    Ok((objects, access))
}

fn lines(catalogue: &Catalogue, invalid: &[(String,)]) -> Vec<String> {
    let mut lines = Vec::new();
    for object in catalogue.names() {
        lines.push(object.to_string());
        for fact in catalogue.facts(object).unwrap_or_default() {
            if fact.part != "index" || !invalid.iter().any(|(name,)| *name == fact.name) {
                lines.push(format!("{object}:{fact}"));
            }
        }
    }
    lines.sort();
    lines
}

/// Who owns each object of these schemas and who may use it, which the [`Catalogue`] leaves out.
pub(super) async fn privileges(reader: &mut Reader, schemas: &[String]) -> Result<Vec<String>, CheckError> {
    let rows: Vec<(String,)> = reader.fetch_with(include_str!("privileges.sql"), arguments(schemas)?).await?;
    let mut lines: Vec<String> = rows.into_iter().map(|(line,)| line).collect();
    lines.sort();
    Ok(lines)
}

fn arguments(schemas: &[String]) -> Result<PgArguments, CheckError> {
    let mut arguments = PgArguments::default();
    arguments.add(schemas).map_err(|error| CheckError::Other(error.to_string()))?;
    Ok(arguments)
}
