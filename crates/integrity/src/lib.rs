#![doc = include_str!("../README.md")]

mod choice;
mod claim;
mod constraints;
mod corruption;
mod crew;
mod ground;
mod jobs;
mod pace;
mod picture;
mod planned;
mod proof;
mod prover;
mod references;
mod resume;
pub mod rules;
mod session;
mod tally;
mod together;

use runbook::check::{Check, CheckError};
use runbook::context::Context;
use runbook::settings::SettingsError;

pub use resume::Resume;
use rules::RuleError;
pub use together::ask_together;

/// Every check of this suite, in the order of their ids.
pub fn checks() -> Vec<Check> {
    vec![
        constraints::CHECKS,
        constraints::DOMAINS,
        constraints::EXCLUSION,
        constraints::GENERATED,
        constraints::NOT_NULL,
        constraints::UNIQUE,
        corruption::BTREE,
        corruption::checksums::CHECKSUMS,
        corruption::HEAP,
        constraints::FOREIGN_KEYS,
        constraints::MATVIEWS,
        rules::RULES,
        constraints::SEQUENCES,
    ]
}

/// Why the settings do not fit the database: a file, a line, and one sentence.
#[derive(Debug, thiserror::Error)]
pub enum Misfit {
    /// `runbook.toml` names what the database lacks.
    #[error(transparent)]
    Settings(#[from] Box<SettingsError>),
    /// A rule cannot be run on it.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// The database could not be asked.
    #[error(transparent)]
    Check(#[from] CheckError),
}

/// Holds the settings against the database before anything runs: the tables and columns of `[[integrity.reference]]` are
/// there, and each rule can be planned and has its columns.
///
/// # Errors
/// The first that does not fit, with its file and line.
pub async fn validate(context: &Context) -> Result<(), Misfit> {
    let mut reader = context.reader().await?;
    match references::claims(&mut reader, &context.settings).await {
        Ok(_) => {}
        Err(references::Wrong::Settings(error)) => return Err(Misfit::Settings(error)),
        Err(references::Wrong::Check(error)) => return Err(Misfit::Check(error)),
    }
    rules::plan(&mut reader, &rules::load(&context.settings)?).await?;
    Ok(())
}
