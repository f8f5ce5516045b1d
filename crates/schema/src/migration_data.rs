//! Rows and questions about single migrations: `ID.before.sql` and `ID.after.sql`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::ephemeral::Ephemeral;
use runbook::verdict::{Evidence, Finding};
use sqlx::postgres::PgArguments;
use sqlx::{AssertSqlSafe, Row as _};

/// The files of `[migrations] data`, by revision.
#[derive(Debug, Default)]
pub(crate) struct MigrationData {
    before: BTreeMap<String, PathBuf>,
    after: BTreeMap<String, PathBuf>,
}

impl MigrationData {
    /// Looks at the folder. What belongs to no revision is a finding: a question that nobody asks proves nothing.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub(crate) fn read(
        context: &Context,
        revisions: &[&str],
        evidence: &mut Evidence,
    ) -> Result<Self, CheckError> {
        let mut data = Self::default();
        let Some(folder) = &context.settings.migrations.data else { return Ok(data) };
        let folder = context.settings.path(folder);
        let unreadable = |error| CheckError::Other(format!("{} cannot be read: {error}", folder.display()));
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let found = [(".before.sql", true), (".after.sql", false)]
                .into_iter()
                .find_map(|(ending, before)| Some((name.strip_suffix(ending)?.to_owned(), before)));
            match found {
                Some((id, before)) if revisions.contains(&id.as_str()) => {
                    let files = if before { &mut data.before } else { &mut data.after };
                    files.insert(id, path);
                }
                _ => {
                    let problem =
                        "it is no REVISION.before.sql or REVISION.after.sql of a revision that there is";
                    evidence.find(Finding::error(name, problem, "rename or remove it"));
                }
            }
        }
        Ok(data)
    }

    /// How many files there are.
    pub(crate) fn len(&self) -> usize {
        self.before.len() + self.after.len()
    }

    /// Puts the rows of a revision in place, below it.
    pub(crate) async fn before(&self, id: &str, database: &Ephemeral) -> Result<Option<Finding>, CheckError> {
        let Some(path) = self.before.get(id) else { return Ok(None) };
        let sql = text(path)?;
        let run = sqlx::raw_sql(AssertSqlSafe(sql)).execute(database.pool()).await;
        Ok(run.err().map(|error| {
            let problem = format!("its rows cannot be put in place: {}", runbook::context::describe(&error));
            Finding::error(name(path), problem, "mend the file: it runs on the revision below")
        }))
    }

    /// Asks the question of a revision, on it: each row is something that is wrong.
    pub(crate) async fn after(&self, id: &str, database: &Ephemeral) -> Result<Vec<Finding>, CheckError> {
        let Some(path) = self.after.get(id) else { return Ok(Vec::new()) };
        let sql = text(path)?;
        let sql = sql.trim().trim_end_matches(';');
        let rows = match database.reader().await?.rows(sql, PgArguments::default()).await {
            Ok(rows) => rows,
            Err(error) => {
                let remedy = "mend the file: one SELECT whose rows say what is wrong";
                return Ok(vec![Finding::error(name(path), format!("it cannot be asked: {error}"), remedy)]);
            }
        };
        let said =
            rows.iter().map(|row| row.try_get::<String, _>(0).unwrap_or_else(|error| error.to_string()));
        Ok(said
            .map(|said| Finding::error(name(path), said, "mend the migration, or what is asked of it"))
            .collect())
    }
}

fn name(path: &std::path::Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn text(path: &std::path::Path) -> Result<String, CheckError> {
    std::fs::read_to_string(path)
        .map_err(|error| CheckError::Other(format!("{} cannot be read: {error}", path.display())))
}
