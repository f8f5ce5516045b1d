#![doc = include_str!("../README.md")]

mod catalogue_drift;
mod columns_wide_enough;
mod constraints_validated;
mod extensions_current;
mod foreign_keys_covered;
pub mod hazards;
mod indexes_redundant;
mod indexes_valid;
mod keys_exhaustion;
mod migration_data;
mod migrations_head;
mod migrations_history;
mod migrations_reversible;
mod privileges_application;
mod rows;
mod sequences_exhaustion;
mod server_settings;
mod server_version;
mod tables_logged;
mod tables_primary_key;
mod triggers_enabled;

use std::sync::Arc;

pub use catalogue_drift::Made;
use migrations::{MigrationError, Migrator};
use runbook::check::{Check, CheckError};
use runbook::context::Context;
use runbook::reader::Reader;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments as _, FromRow};

/// Every check of this suite, in the order of their ids.
pub fn checks() -> Vec<Check> {
    vec![
        catalogue_drift::CHECK,
        columns_wide_enough::CHECK,
        constraints_validated::CHECK,
        extensions_current::CHECK,
        foreign_keys_covered::CHECK,
        hazards::MEASURED,
        hazards::STATIC,
        indexes_redundant::CHECK,
        indexes_valid::CHECK,
        keys_exhaustion::CHECK,
        migrations_head::CHECK,
        migrations_history::CHECK,
        migrations_reversible::CHECK,
        privileges_application::CHECK,
        sequences_exhaustion::CHECK,
        server_settings::CHECK,
        server_version::CHECK,
        tables_logged::CHECK,
        tables_primary_key::CHECK,
        triggers_enabled::CHECK,
    ]
}

/// Runs one of this suite's queries, whose one argument is the schemas of the system.
///
/// # Errors
/// When a schema of the settings is not there: a check must not pass on the rest in silence.
async fn fetch<T>(context: &Context, sql: &str) -> Result<Vec<T>, CheckError>
where
    T: for<'r> FromRow<'r, PgRow>,
{
    fetch_by(&mut context.reader().await?, context, sql).await
}

/// [`fetch`] with a reader that is open already.
async fn fetch_by<T>(reader: &mut Reader, context: &Context, sql: &str) -> Result<Vec<T>, CheckError>
where
    T: for<'r> FromRow<'r, PgRow>,
{
    all_schemas(reader, context).await?;
    reader.fetch_with(sql, schemas(context)?).await
}

/// That every schema of the settings is there.
async fn all_schemas(reader: &mut Reader, context: &Context) -> Result<(), CheckError> {
    let missing: Vec<(String,)> = reader.fetch_with(include_str!("schemas.sql"), schemas(context)?).await?;
    if let Some((schema,)) = missing.first() {
        return Err(CheckError::Missing(format!(
            "{schema}: the settings name this schema and the database lacks it"
        )));
    }
    Ok(())
}

fn schemas(context: &Context) -> Result<PgArguments, CheckError> {
    let mut arguments = PgArguments::default();
    arguments
        .add(&context.settings.database.schemas)
        .map_err(|error| CheckError::Database(sqlx::Error::Encode(error)))?;
    Ok(arguments)
}

/// Opens the migrations of the settings. alembic is a child process that is waited for, so not on a thread that
/// others share.
async fn migrator(context: &Context) -> Result<Box<dyn Migrator>, CheckError> {
    let settings = Arc::clone(&context.settings);
    let opened = tokio::task::spawn_blocking(move || migrations::open(&settings)).await;
    opened.map_err(|error| CheckError::Other(error.to_string()))?.map_err(unasked)
}

/// A question about migrations that could not be asked.
fn unasked(error: MigrationError) -> CheckError {
    match error {
        MigrationError::Database(error) => error,
        MigrationError::NoAlembic { .. } | MigrationError::NotConfigured { .. } => {
            CheckError::Missing(error.to_string())
        }
        other => CheckError::Other(other.to_string()),
    }
}
