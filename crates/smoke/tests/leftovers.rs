//! Rows on a database that others use: tagged, removed at the end, and by the next run when theirs was killed.

use std::collections::BTreeSet;

use harness::Database;
use runbook::context::Context;
use runbook::live::Live;
use runbook::verdict::{Outcome, Verdict};
use smoke::Writer;
use sqlx::Connection as _;

use crate::wrong::{Fault, Serving, faultless, faulty};

/// The same database, as one that others use, with the right to write.
async fn live(db: &Database, serving: &Serving) -> Context {
    let mut context = serving.context.clone();
    let limits = context.settings.limits.reading();
    context.database = runbook::context::Database::Live(Live::connect(db.url(), limits).await.unwrap());
    context.stash.put(Writer::of(db));
    context
}

async fn ask(context: &Context, id: &str) -> Verdict {
    let check = smoke::checks().into_iter().find(|check| check.id == id).unwrap();
    smoke::ask(context, &check).await
}

async fn keys(db: &Database) -> BTreeSet<String> {
    let keys: Vec<String> =
        sqlx::query_scalar("SELECT project_id FROM projects").fetch_all(db.pool()).await.unwrap();
    keys.into_iter().collect()
}

/// A row that the deployer signed.
async fn row(db: &Database, key: &str, name: &str, tag: Option<&str>, at: &str) {
    sqlx::query(
        "INSERT INTO projects (project_id, account_id, name, description, status, created_by, updated_by, created_at)
         VALUES ($1, 'acc_001', $2, $3, 'draft', 'deployer', 'deployer', $4::timestamptz)",
    )
    .bind(key)
    .bind(name)
    .bind(tag)
    .bind(at)
    .execute(db.pool())
    .await
    .unwrap();
}

#[tokio::test]
async fn with_the_right_to_write_the_whole_contract_holds_and_leaves_nothing() {
    let db = Database::seeded().await.unwrap();
    let serving = faultless(&db).await;
    let context = live(&db, &serving).await;
    row(&db, "by_hand", "Deploy Test", None, "2026-01-05 10:00+00").await;
    let rows = "SELECT md5(string_agg(p::text, '' ORDER BY project_id)) FROM projects AS p";
    let before: String = sqlx::query_scalar(rows).fetch_one(db.pool()).await.unwrap();
    for check in smoke::checks() {
        let verdict = smoke::ask(&context, &check).await;
        assert_eq!(
            verdict.outcome(),
            Outcome::Pass,
            "{}: {:?} {:#?}",
            check.id,
            verdict.reason(),
            verdict.findings()
        );
        assert_eq!(verdict.findings(), [], "{}", check.id);
    }
    let after: String = sqlx::query_scalar(rows).fetch_one(db.pool()).await.unwrap();
    assert_eq!(before, after);
}

#[tokio::test]
async fn what_a_dead_run_left_is_removed_and_nothing_else() {
    let db = Database::seeded().await.unwrap();
    let serving = faultless(&db).await;
    let context = live(&db, &serving).await;
    let dead = "smoke-0000000100000000000000aa";
    let alive = "smoke-0000002a00000000000000bb";
    row(&db, "dead_mark", "Mark of a smoke test", Some(dead), "2026-01-05 10:00+00").await;
    row(&db, "dead_untagged", "Deploy Test", None, "2026-01-05 10:00:01+00").await;
    row(&db, "dead_later", "Transitions", Some(dead), "2026-01-05 10:00:05+00").await;
    row(&db, "alive_mark", "Mark of a smoke test", Some(alive), "2026-01-06 10:00+00").await;
    row(&db, "alive_untagged", "Deploy Test", None, "2026-01-06 10:00:01+00").await;
    row(&db, "by_hand", "Deploy Test", None, "2026-01-05 11:00+00").await;
    row(&db, "by_hand_before", "Deploy Test", None, "2026-01-05 09:59:59+00").await;
    let mut expected = keys(&db).await;
    for gone in ["dead_mark", "dead_untagged", "dead_later"] {
        assert!(expected.remove(gone));
    }
    // The other run's sign of life: SMOK, and the first eight digits of its tag.
    let mut other = sqlx::PgConnection::connect_with(&db.url().connect_options()).await.unwrap();
    sqlx::query("SELECT pg_advisory_lock(1397575499, 42)").execute(&mut other).await.unwrap();
    let verdict = ask(&context, "smoke.project.create").await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{:#?}", verdict.findings());
    let told: Vec<&str> = verdict.findings().iter().map(|finding| finding.object.as_str()).collect();
    assert_eq!(told, ["dead_later", "dead_mark", "dead_untagged"]);
    assert_eq!(keys(&db).await, expected);
    // Its session ends, however it ends: it is dead, and the next run knows.
    other.close().await.unwrap();
    // The server hears of it a moment later.
    let locks =
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1397575499 AND objid = 42";
    runbook::wait::until(
        "the end of the other run's session",
        std::time::Duration::from_secs(30),
        || async {
            let held: i64 = sqlx::query_scalar(locks).fetch_one(db.pool()).await.unwrap();
            if held == 0 { Ok(()) } else { Err("it is there") }
        },
    )
    .await
    .unwrap();
    ask(&context, "smoke.project.create").await;
    let left = keys(&db).await;
    assert!(!left.contains("alive_mark") && !left.contains("alive_untagged") && left.contains("by_hand"));
}

#[tokio::test]
async fn a_service_that_names_another_row_cannot_have_it_removed() {
    let db = Database::seeded().await.unwrap();
    let fault: Fault = toml::from_str(
        "path = '/projects'\nmethod = 'POST'\nbody_holds = 'Deploy Test'\nset = { '/result/project_id' = 'proj_seed_001' }",
    )
    .unwrap();
    let serving = faulty(&db, fault).await;
    let context = live(&db, &serving).await;
    let before = keys(&db).await;
    let verdict = ask(&context, "smoke.project.create").await;
    assert_eq!(verdict.outcome(), Outcome::Fail);
    assert_eq!(keys(&db).await, before, "{:#?}", verdict.findings());
}

#[tokio::test]
async fn a_role_that_may_not_remove_writes_nothing() {
    let db = Database::seeded().await.unwrap();
    let serving = faultless(&db).await;
    let mut context = live(&db, &serving).await;
    let mut settings = (*context.settings).clone();
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(settings.path("api")).unwrap().flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let text = text.replace("remove = \"DELETE FROM projects", "remove = \"DELETE FROM no_such_table");
        std::fs::write(folder.path().join(entry.file_name()), text).unwrap();
    }
    settings.api.cases = Some(folder.path().to_owned());
    context.settings = settings.into();
    let before = keys(&db).await;
    let verdict = ask(&context, "smoke.project.create").await;
    assert!(verdict.reason().is_some_and(|reason| reason.contains("42P01")), "{:?}", verdict.reason());
    assert_eq!(keys(&db).await, before);
}

#[tokio::test]
async fn a_row_that_cannot_be_removed_keeps_no_other_from_it() {
    let db = Database::seeded().await.unwrap();
    db.execute(
        "CREATE FUNCTION kept() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'kept'; END$$;
         CREATE TRIGGER kept BEFORE DELETE ON projects FOR EACH ROW WHEN (old.name = 'Bad update')
         EXECUTE FUNCTION kept()",
    )
    .await
    .unwrap();
    let serving = faultless(&db).await;
    let mut expected = keys(&db).await;
    let verdict = ask(&serving.context, "smoke.contract.cases").await;
    assert_eq!(verdict.outcome(), Outcome::NotMeasured, "{:#?}", verdict.findings());
    assert!(verdict.reason().unwrap().contains("kept"), "{:?}", verdict.reason());
    let kept: Vec<String> = sqlx::query_scalar("SELECT project_id FROM projects WHERE name = 'Bad update'")
        .fetch_all(db.pool())
        .await
        .unwrap();
    assert!(!kept.is_empty());
    expected.extend(kept);
    assert_eq!(keys(&db).await, expected);
}
