//! The catalogue of a database as sorted lines of text.

use migrations::catalogue::Catalogue;
use runbook::check::CheckError;
use runbook::reader::Reader;
use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;

use super::normal::normal;

/// Every fact of every object of these schemas, one a line, sorted; and who owns it and who may use it, which the
/// [`Catalogue`] leaves out. Without what a dump leaves out (invalid indexes), and spelt alike before and after a
/// restore.
///
/// # Errors
/// When the catalogue cannot be read.
pub async fn fingerprint(reader: &mut Reader, schemas: &[String]) -> Result<Vec<String>, CheckError> {
    let arguments = || {
        let mut arguments = PgArguments::default();
        arguments.add(schemas).map_err(|error| CheckError::Other(error.to_string()))?;
        Ok::<_, CheckError>(arguments)
    };
    let invalid: Vec<(String,)> = reader.fetch_with(include_str!("invalid.sql"), arguments()?).await?;
    let catalogue = Catalogue::read(reader, schemas).await?;
    let mut lines = Vec::new();
    for object in catalogue.names() {
        lines.push(object.to_string());
        for fact in catalogue.facts(object).unwrap_or_default() {
            if fact.part != "index" || !invalid.iter().any(|(name,)| *name == fact.name) {
                lines.push(normal(&format!("{object}:{fact}")));
            }
        }
    }
    let privileges: Vec<(String,)> = reader.fetch_with(include_str!("privileges.sql"), arguments()?).await?;
    lines.extend(privileges.into_iter().map(|(line,)| line));
    lines.sort();
    Ok(lines)
}
