//! Defects of the migrations' own files and of the settings: planted in a copy, described by a TOML file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use harness::Database;
use runbook::check::CheckError;
use runbook::context::{BoxFuture, Context, Scratch, ScratchDatabase};
use runbook::ephemeral::Ephemeral;
use runbook::verdict::Outcome;
use serde::Deserialize;

use crate::{REVERSIBLE, verdict};

const HISTORY: &str = "schema.migrations.history";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    plants: String,
    /// What the finding is about, and how it begins.
    object: String,
    problem: String,
    #[serde(default)]
    remove: Vec<String>,
    #[serde(default)]
    write: BTreeMap<String, String>,
}

#[tokio::test]
async fn every_defect_of_the_files_is_found_by_the_history() {
    let db = Database::empty().await.unwrap();
    let defects = read(HISTORY);
    assert!(defects.len() >= 4);
    for defect in defects {
        let folder = planted(&defect);
        let verdict = verdict(&pointed_at(&db, folder.path()), HISTORY).await;
        assert_eq!(verdict.outcome(), Outcome::Fail, "{}: {verdict:?}", defect.plants);
        found(&defect, &verdict);
    }
}

#[tokio::test]
async fn every_defect_of_a_way_down_is_found_by_walking_it() {
    let db = Database::empty().await.unwrap();
    let defects = read(REVERSIBLE);
    assert!(defects.len() >= 3);
    for defect in defects {
        let folder = planted(&defect);
        let mut context = pointed_at(&db, folder.path());
        context.scratch = Some(Arc::new(FromFiles { context: context.clone() }));
        let verdict = verdict(&context, REVERSIBLE).await;
        assert_eq!(verdict.outcome(), Outcome::Fail, "{}: {verdict:?}", defect.plants);
        found(&defect, &verdict);
    }
}

#[tokio::test]
async fn migration_that_says_why_it_has_no_way_back_is_advice() {
    let db = Database::empty().await.unwrap();
    let declared = "-- runbook: irreversible because the rows are merged\nSELECT 1;\n".to_owned();
    let folder = planted(&Written {
        plants: String::new(),
        object: String::new(),
        problem: String::new(),
        remove: Vec::new(),
        write: BTreeMap::from([("008_merge.up.sql".to_owned(), declared)]),
    });
    let verdict = verdict(&pointed_at(&db, folder.path()), HISTORY).await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{verdict:?}");
    assert_eq!(verdict.findings()[0].problem, "it has no way back, because the rows are merged");
}

#[tokio::test]
async fn server_that_is_too_old_is_said_with_the_oldest_that_is_not() {
    let db = Database::empty().await.unwrap();
    let path = harness::settings().path("defects/schema.server.version/too_old.toml");
    let defect: toml::Table = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut context = db.context();
    let mut settings = (*context.settings).clone();
    settings.database.minimum_version = defect["minimum_version"].as_integer().unwrap().try_into().unwrap();
    context.settings = Arc::new(settings);
    let verdict = verdict(&context, "schema.server.version").await;
    assert_eq!(verdict.outcome(), Outcome::Fail);
    assert_eq!(verdict.findings()[0].problem, "it is older than 99, the oldest that is supported");
}

/// Scratch databases of changed files: made by hand, since the harness's templates are of the fixtures' own.
struct FromFiles {
    context: Context,
}

struct Made(Database);

impl ScratchDatabase for Made {
    fn database(&self) -> &Ephemeral {
        &self.0
    }
}

impl Scratch for FromFiles {
    fn empty(&self) -> BoxFuture<'_, Result<Box<dyn ScratchDatabase>, CheckError>> {
        Box::pin(async { Ok(Box::new(Made(Database::empty().await.unwrap())) as Box<dyn ScratchDatabase>) })
    }

    fn at(
        &self,
        revision: &str,
        _seeded: bool,
    ) -> BoxFuture<'_, Result<Box<dyn ScratchDatabase>, CheckError>> {
        let revision = revision.to_owned();
        Box::pin(async move {
            let database = Database::empty().await.unwrap();
            let migrator = migrations::open(&self.context.settings).unwrap();
            migrator.upgrade(database.url(), &revision).await.unwrap();
            let row = "INSERT INTO projects (project_id, account_id, name, status, created_by, updated_by)
                VALUES ('p', 'a', 'n', 'draft', 'c', 'u')";
            sqlx::raw_sql(row).execute(database.pool()).await.unwrap();
            Ok(Box::new(Made(database)) as Box<dyn ScratchDatabase>)
        })
    }
}

fn read(check: &str) -> Vec<Written> {
    let folder = harness::settings().path(Path::new("defects").join(check));
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|file| toml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()).collect()
}

/// A copy of the migrations with the defect in it.
fn planted(defect: &Written) -> tempfile::TempDir {
    let settings = harness::settings();
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("migrations");
    std::fs::create_dir(&folder).unwrap();
    for entry in std::fs::read_dir(settings.path(settings.migrations.sqlx.as_ref().unwrap())).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    for name in &defect.remove {
        std::fs::remove_file(folder.join(name)).unwrap();
    }
    for (name, text) in &defect.write {
        std::fs::write(folder.join(name), text).unwrap();
    }
    temporary
}

fn pointed_at(db: &Database, folder: &Path) -> Context {
    let mut context = db.context();
    let mut settings = (*context.settings).clone();
    settings.migrations.sqlx = Some(folder.join("migrations"));
    context.settings = Arc::new(settings);
    context
}

#[track_caller]
fn found(defect: &Written, verdict: &runbook::verdict::Verdict) {
    let seen = verdict.findings().iter().any(|finding| {
        finding.is_error() && finding.object == defect.object && finding.problem.starts_with(&defect.problem)
    });
    assert!(seen, "{}: {:#?}", defect.plants, verdict.findings());
}
