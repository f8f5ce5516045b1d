//! Reading a version table: where it stands, and what can be wrong with it.

use runbook::reader::Reader;
use sqlx::Arguments as _;
use sqlx::Row as _;
use sqlx::postgres::PgArguments;

use crate::MigrationError;

/// Finds the version table by its name. `None` where there is none at all.
///
/// # Errors
/// When there is one that the search path does not reach, so that the tool would start anew beside it.
pub(crate) async fn locate(reader: &mut Reader, table: &str) -> Result<Option<String>, MigrationError> {
    let mut arguments = PgArguments::default();
    arguments.add(table).map_err(sqlx::Error::Encode)?;
    let rows = reader.rows(include_str!("locate.sql"), arguments).await?;
    let mut elsewhere = Vec::new();
    for row in &rows {
        let name: String = row.try_get("name")?;
        if row.try_get("visible")? {
            return Ok(Some(name));
        }
        elsewhere.push(name);
    }
    if elsewhere.is_empty() {
        return Ok(None);
    }
    Err(MigrationError::VersionTable(format!(
        "the version table stands as {} outside the search path; put its schema on the role's search_path",
        elsewhere.join(" and ")
    )))
}
