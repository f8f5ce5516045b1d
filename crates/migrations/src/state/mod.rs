//! Reading a version table: where it stands, and what can be wrong with it.

use runbook::reader::Reader;
use sqlx::Arguments as _;
use sqlx::Row as _;
use sqlx::postgres::PgArguments;

use crate::MigrationError;

/// The tables of a name.
pub(crate) const LOCATE: &str = include_str!("locate.sql");

/// Finds the version table by its name. `None` where there is none at all.
///
/// # Errors
/// As [`first`].
pub(crate) async fn locate(reader: &mut Reader, table: &str) -> Result<Option<String>, MigrationError> {
    let mut arguments = PgArguments::default();
    arguments.add(table).map_err(sqlx::Error::Encode)?;
    let rows = reader.rows(LOCATE, arguments).await?;
    let places: Result<Vec<(String, bool)>, sqlx::Error> =
        rows.iter().map(|row| Ok((row.try_get("name")?, row.try_get("visible")?))).collect();
    first(places?)
}

/// The one that an unqualified name reaches, of the tables of the name and whether it does.
///
/// # Errors
/// When there are only such as the search path does not reach: the tool would start anew beside them.
pub(crate) fn first(places: Vec<(String, bool)>) -> Result<Option<String>, MigrationError> {
    if let Some((name, _)) = places.iter().find(|(_, visible)| *visible) {
        return Ok(Some(name.clone()));
    }
    if places.is_empty() {
        return Ok(None);
    }
    let elsewhere: Vec<String> = places.into_iter().map(|(name, _)| name).collect();
    Err(MigrationError::VersionTable(format!(
        "the version table stands as {} outside the search path; put its schema on the role's search_path",
        elsewhere.join(" and ")
    )))
}
