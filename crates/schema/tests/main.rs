//! One test binary; a module a topic.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail as a test does")]

mod alembic;
mod bad_input;
mod clean;
mod defects;
mod hazards;
mod hostile;
mod leftovers;
mod needs;
mod rights;
mod snapshots;
mod written;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use harness::Database;
use runbook::context::Context;
use runbook::verdict::Verdict;

/// The verdict of every check of the suite but the slow ones, which look at no database of ours, by its id.
async fn verdicts(context: &Context) -> BTreeMap<&'static str, Verdict> {
    let mut verdicts = BTreeMap::new();
    for check in schema::checks() {
        if check.id != REVERSIBLE && check.id != HAZARDS {
            verdicts.insert(check.id, check.run(context).await);
        }
    }
    verdicts
}

/// It looks at the files and scratch databases, never at the database of the context: tested by itself.
const REVERSIBLE: &str = "schema.migrations.reversible";

/// It measures migrations on copies of its own: tested by itself.
const HAZARDS: &str = "schema.hazards.measured";

/// The verdict of one check.
async fn verdict(context: &Context, id: &str) -> Verdict {
    let check = schema::checks().into_iter().find(|check| check.id == id).unwrap();
    check.run(context).await
}

/// Those that found an error, with what they found.
fn failed(verdicts: &BTreeMap<&'static str, Verdict>) -> Vec<(&'static str, Vec<String>)> {
    verdicts
        .iter()
        .map(|(id, verdict)| {
            let errors = verdict.findings().iter().filter(|finding| finding.is_error());
            (
                *id,
                errors.map(|finding| format!("{}: {}", finding.object, finding.problem)).collect::<Vec<_>>(),
            )
        })
        .filter(|(_, errors)| !errors.is_empty())
        .collect()
}

async fn execute(db: &Database, sql: &str) {
    db.execute(sql).await.unwrap();
}

/// A database at a revision as alembic leaves it, without a run of alembic: both tools make the same, which a test of the
/// crate `migrations` proves revision by revision.
async fn as_by_alembic(revision: &str) -> Database {
    let db = Database::at(revision).await.unwrap();
    let stamp = format!(
        "DROP TABLE _sqlx_migrations; CREATE TABLE alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY);
        INSERT INTO alembic_version VALUES ('{revision}')"
    );
    execute(&db, &stamp).await;
    db
}

/// A copy of the migrations with these files beside them.
fn copied<N: AsRef<Path>, T: AsRef<[u8]>>(write: impl IntoIterator<Item = (N, T)>) -> tempfile::TempDir {
    let settings = harness::settings();
    let temporary = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(settings.path(settings.migrations.sqlx.as_ref().unwrap())).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), temporary.path().join(entry.file_name())).unwrap();
    }
    for (name, text) in write {
        std::fs::write(temporary.path().join(name), text).unwrap();
    }
    temporary
}

/// The context of a database whose migrations stand in another folder.
fn pointed_at(db: &Database, folder: &Path) -> Context {
    let mut context = db.context();
    let mut settings = (*context.settings).clone();
    settings.migrations.sqlx = Some(folder.to_owned());
    context.settings = Arc::new(settings);
    context
}
