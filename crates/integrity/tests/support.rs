//! Targets and settings that several tests need.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use harness::Database;
use runbook::context::{Context, Database as Target};
use runbook::live::Live;
use runbook::secret::DatabaseUrl;
use runbook::settings::Settings;
use runbook::verdict::Verdict;

use crate::failed;

/// The same database as a live target: one run, and so one snapshot.
pub(crate) async fn live(db: &Database) -> Context {
    live_at(&db.context(), db.url()).await
}

/// A live target at an address, with the settings of a context.
pub(crate) async fn live_at(context: &Context, url: &DatabaseUrl) -> Context {
    let settings = Arc::clone(&context.settings);
    let live = Live::connect(url, settings.limits.reading()).await.unwrap();
    Context::new(settings, Target::Live(live))
}

/// Other settings.
pub(crate) fn with(context: &mut Context, change: impl FnOnce(&mut Settings)) {
    let mut settings = (*context.settings).clone();
    change(&mut settings);
    context.settings = Arc::new(settings);
}

/// The settings without the rules of another system.
pub(crate) fn without_rules(mut context: Context) -> Context {
    with(&mut context, |settings| settings.integrity.rules = None);
    context
}

/// One check fails, with one finding about this object. Whether amcheck is there is another matter.
pub(crate) fn assert_only(verdicts: &BTreeMap<&'static str, Verdict>, check: &str, object: &str) {
    let failed = failed(verdicts);
    let found: Vec<&str> = failed.iter().map(|(id, _)| *id).filter(|id| !id.contains("corruption")).collect();
    assert_eq!(found, [check], "{verdicts:#?}");
    let [finding] = verdicts[check].findings() else { panic!("{:?}", verdicts[check]) };
    assert_eq!(finding.object, object);
}

/// Waits until as many sessions of this database wait for a lock, and gives their process numbers.
pub(crate) async fn waiting_for_a_lock(db: &Database, sessions: usize) -> Vec<i32> {
    runbook::wait::until("sessions waiting for a lock", Duration::from_secs(20), || async {
        let pids: Vec<i32> = sqlx::query_scalar(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' ORDER BY 1",
        )
        .fetch_all(db.pool())
        .await
        .unwrap();
        if pids.len() >= sessions { Ok(pids) } else { Err(format!("{pids:?}")) }
    })
    .await
    .unwrap()
}

/// The settings of the fixtures with this at the end of `runbook.toml`, read from a folder of their own.
pub(crate) fn settings_with(more: &str) -> (tempfile::TempDir, Settings) {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = harness::fixtures_folder();
    for entry in std::fs::read_dir(&fixtures).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "runbook.toml" {
            std::os::unix::fs::symlink(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    let text = std::fs::read_to_string(fixtures.join("runbook.toml")).unwrap();
    std::fs::write(folder.path().join("runbook.toml"), format!("{text}\n{more}")).unwrap();
    let settings = Settings::load(folder.path()).unwrap();
    (folder, settings)
}
