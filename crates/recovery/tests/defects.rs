//! Each check is silent on a sound backup, and fires on each of its planted defects: `fixtures/defects/recovery.*`.

use std::collections::BTreeSet;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use harness::Database;
use recovery::BackedUp;
use recovery::clock::FixedClock;
use recovery::folder::Dump;
use recovery::manifest::Manifest;
use recovery::state::TableState;
use runbook::context::Context;
use runbook::verdict::Outcome;
use serde::Deserialize;

use crate::support::{Folder, NOW, act, backup, context, sql};

/// A defect that is not SQL: what is done to the backup.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Defect {
    #[serde(skip)]
    check: String,
    #[serde(skip)]
    name: String,
    plants: String,
    also: BTreeSet<String>,
    /// SQL before the backup.
    before: Option<String>,
    /// How old the dump is by its name; one hour by default.
    age_hours: Option<i32>,
    /// How many bytes are left of it; below zero, how many are missing.
    truncate: Option<i64>,
    dump_mode: Option<u32>,
    folder_mode: Option<u32>,
    remove_dumps: bool,
    remove_manifest: bool,
    manifest_text: Option<String>,
    manifest_sha256: Option<String>,
    /// The dump that the manifest says it is of.
    manifest_dump: Option<String>,
    /// A table that the manifest counts and the dump does not hold.
    manifest_table: Option<String>,
    /// The table of which the manifest has another hash.
    manifest_hash_of: Option<String>,
    max_restore_minutes: Option<f64>,
    /// A rollback is run, and this SQL after it.
    after_rollback: Option<String>,
}

#[tokio::test]
async fn a_sound_backup_and_its_rollback_pass_every_check() {
    let db = Database::seeded().await.unwrap();
    let folder = Folder::new();
    let context = context(&db, &folder);
    for action in ["recovery.backup.create", "recovery.backup.list"] {
        assert_eq!(act(&context, action).await.unwrap().outcome(), Outcome::Pass, "{action}");
    }
    sql(&db, "CREATE TABLE deployed (x int)").await;
    assert_eq!(act(&context, "recovery.rollback.restore").await.unwrap().outcome(), Outcome::Pass);
    for check in recovery::checks() {
        let verdict = check.run(&context).await;
        assert_eq!(verdict.outcome(), Outcome::Pass, "{}: {verdict:?}", check.id);
        assert!(verdict.examined() > 0);
    }
}

/// A scratch server need not have the roles; whose the objects are is compared where the database itself is put back.
#[tokio::test]
async fn objects_that_are_granted_or_belong_to_another_role_are_no_difference_of_a_scratch_restore() {
    // Roles that every server has.
    let sound = Sound::new(Some(
        "GRANT SELECT ON projects TO pg_monitor; GRANT UPDATE (name) ON projects TO pg_monitor; \
         ALTER TABLE code_references OWNER TO pg_monitor; ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO pg_monitor",
    ))
    .await;
    for id in ["recovery.backup.restorable", "recovery.rollback.plan"] {
        let check = recovery::checks().into_iter().find(|check| check.id == id).unwrap();
        let verdict = check.run(&sound.context).await;
        assert_eq!(verdict.outcome(), Outcome::Pass, "{id}: {verdict:?}");
    }
    sql(&sound.db, "REVOKE SELECT ON projects FROM pg_monitor").await;
    assert_eq!(
        act(&sound.context, "recovery.rollback.restore").await.unwrap().outcome(),
        Outcome::Pass,
        "put back with its grants"
    );
}

#[test]
fn every_check_has_a_defect_and_every_defect_a_check() {
    let defects = all();
    let known: BTreeSet<&str> = recovery::checks().iter().map(|check| check.id).collect();
    let planted: BTreeSet<&str> = defects.iter().map(|defect| defect.check.as_str()).collect();
    assert_eq!(planted, known);
    for defect in &defects {
        assert!(!defect.plants.is_empty(), "{}/{} says what it plants", defect.check, defect.name);
        assert!(defect.also.iter().all(|id| known.contains(id.as_str())), "{}/{}", defect.check, defect.name);
    }
}

#[rstest::rstest]
#[case::complete("recovery.backup.complete")]
#[case::intact("recovery.backup.intact")]
#[case::present("recovery.backup.present")]
#[case::private("recovery.backup.private")]
#[case::recent("recovery.backup.recent")]
#[case::restorable("recovery.backup.restorable")]
#[case::equal("recovery.rollback.equal")]
#[case::plan("recovery.rollback.plan")]
#[tokio::test]
async fn a_check_fires_on_its_defects_and_no_other_does(#[case] check: &str) {
    let defects: Vec<Defect> = all().into_iter().filter(|defect| defect.check == check).collect();
    assert!(!defects.is_empty(), "{check} has defects");
    // One sound backup for all that do not want another database; what was restored once is not restored again.
    let sound = Sound::new(None).await;
    for defect in defects {
        let own = match &defect.before {
            Some(before) => Some(Sound::new(Some(before)).await),
            None => None,
        };
        let (context, _folder) = own.as_ref().unwrap_or(&sound).spoilt(&defect).await;
        let mut failed = BTreeSet::new();
        for check in recovery::checks() {
            if check.run(&context).await.outcome() == Outcome::Fail {
                failed.insert(check.id.to_owned());
            }
        }
        let mut expected = defect.also.clone();
        expected.insert(defect.check.clone());
        assert_eq!(failed, expected, "{}/{}: {}", defect.check, defect.name, defect.plants);
    }
}

/// A database and a sound backup of it.
struct Sound {
    db: Database,
    context: Context,
    dump: Dump,
    manifest: Manifest,
    _folder: Folder,
}

impl Sound {
    async fn new(before: Option<&str>) -> Self {
        let db = Database::seeded().await.unwrap();
        if let Some(before) = before {
            sql(&db, before).await;
        }
        let folder = Folder::new();
        let (dump, manifest) = backup(&db, &folder.path()).await;
        Self { context: context(&db, &folder), db, dump, manifest, _folder: folder }
    }

    /// The context of a folder of its own with the spoilt backup, one hour after it was taken.
    async fn spoilt(&self, defect: &Defect) -> (Context, Folder) {
        let folder = Folder::new();
        let mut context = context(&self.db, &folder);
        context.stash = Arc::clone(&self.context.stash);
        let age = time::Duration::hours(defect.age_hours.unwrap_or(1).into());
        context.stash.put(FixedClock(NOW + age));
        let dump = Dump { path: folder.path().join(self.dump.name()), taken_at: self.dump.taken_at };
        std::fs::DirBuilder::new().mode(0o700).create(folder.path()).unwrap();
        std::fs::copy(&self.dump.path, &dump.path).unwrap();
        std::fs::copy(self.dump.manifest_path(), dump.manifest_path()).unwrap();
        spoil(defect, &dump, &self.manifest, &folder.path());
        if let Some(minutes) = defect.max_restore_minutes {
            let mut settings = (*context.settings).clone();
            settings.backup.max_restore_minutes = minutes;
            context.settings = Arc::new(settings);
        }
        if let Some(after) = &defect.after_rollback {
            context.stash.put(BackedUp { dump, manifest: self.manifest.clone() });
            act(&context, "recovery.rollback.restore").await.unwrap();
            sql(&self.db, after).await;
        }
        (context, folder)
    }
}

fn spoil(defect: &Defect, dump: &Dump, manifest: &Manifest, folder: &Path) {
    let mode =
        |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let mut edited = manifest.clone();
    if let Some(sha256) = &defect.manifest_sha256 {
        edited.sha256.clone_from(sha256);
    }
    if let Some(name) = &defect.manifest_dump {
        edited.dump.clone_from(name);
    }
    if let Some(name) = &defect.manifest_table {
        let (schema, name) = ("public".to_owned(), name.clone());
        edited.state.tables.push(TableState {
            table: format!("{schema}.{name}"),
            schema,
            name,
            rows: 3,
            hash: "1".into(),
        });
    }
    if let Some(table) = &defect.manifest_hash_of {
        edited.state.tables.iter_mut().find(|state| state.table == *table).unwrap().hash = "1".into();
    }
    if edited != *manifest {
        std::fs::write(dump.manifest_path(), serde_json::to_string(&edited).unwrap()).unwrap();
    }
    if let Some(text) = &defect.manifest_text {
        std::fs::write(dump.manifest_path(), text).unwrap();
    }
    if let Some(bytes) = defect.truncate {
        let length = i64::try_from(manifest.bytes).unwrap();
        let left = if bytes < 0 { length + bytes } else { bytes };
        let file = std::fs::File::options().write(true).open(&dump.path).unwrap();
        file.set_len(u64::try_from(left).unwrap()).unwrap();
    }
    if defect.remove_manifest {
        std::fs::remove_file(dump.manifest_path()).unwrap();
    }
    if defect.remove_dumps {
        std::fs::remove_file(dump.manifest_path()).unwrap();
        std::fs::rename(&dump.path, folder.join("somebody's notes.dump")).unwrap();
    }
    if let Some(bits) = defect.dump_mode {
        mode(&dump.path, bits);
    }
    if let Some(bits) = defect.folder_mode {
        mode(folder, bits);
    }
}

fn all() -> Vec<Defect> {
    let root = harness::settings().path("defects");
    let mut files: Vec<PathBuf> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("recovery."))
        .flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()))
        .collect();
    files.sort();
    files
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            let mut defect: Defect =
                toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            defect.check = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
            defect.name = path.file_stem().unwrap().to_string_lossy().into_owned();
            defect
        })
        .collect()
}
