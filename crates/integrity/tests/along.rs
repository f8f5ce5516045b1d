//! Large tables along indexes, where amcheck vouches for these; and what happens when an index is wrong.

use harness::Database;
use runbook::context::Context;
use runbook::verdict::{Outcome, Verdict};

use crate::support::with;
use crate::{execute, verdict};

const FOREIGN_KEYS: &str = "integrity.foreign_keys.orphans";
const UNIQUE: &str = "integrity.constraints.unique";
const BTREE: &str = "integrity.corruption.btree";
const ALONG: &str = "along indexes that amcheck vouches for";

/// Events and payloads past the size from which indexes are worth the question.
async fn large() -> Database {
    let db = Database::loaded(10_000).await.unwrap();
    execute(&db, "CREATE EXTENSION amcheck").await;
    db
}

fn without_trust(db: &Database) -> Context {
    let mut context = db.context();
    with(&mut context, |settings| settings.integrity.trust_indexes = false);
    context
}

fn is_along(verdict: &Verdict) -> bool {
    verdict.summary().is_some_and(|summary| summary.contains(ALONG))
}

/// Writes as a replica, while these indexes take no entries.
async fn unseen_by(db: &Database, indexes: &str, statement: &str) {
    let ready = |ready: bool| {
        format!(
            "UPDATE pg_index SET indisready = {ready} WHERE indexrelid = ANY ('{{{indexes}}}'::regclass[]);"
        )
    };
    execute(
        db,
        &format!(
            "BEGIN; SET LOCAL session_replication_role = replica; {} {statement}; {} COMMIT",
            ready(false),
            ready(true)
        ),
    )
    .await;
}

const ORPHAN: &str = "INSERT INTO project_events (event_id, project_id, event_type, actor, data) VALUES (9000000, 'gone', 'x', 'y', '{}')";
const EVENTS_BY_PROJECT: &str = "ix_project_events_project_id,ix_events_project_timestamp";

#[tokio::test]
async fn large_tables_are_proved_along_indexes_that_amcheck_vouches_for() {
    let db = large().await;
    let proved = verdict(&db.context(), FOREIGN_KEYS).await;
    assert_eq!(
        proved.summary(),
        Some("2 foreign keys proved from the rows, 2 along indexes that amcheck vouches for"),
        "{proved:?}"
    );
    let mut unverified = db.context();
    with(&mut unverified, |settings| settings.integrity.heap_all_indexed = false);
    for context in [without_trust(&db), unverified] {
        let proved = verdict(&context, FOREIGN_KEYS).await;
        assert_eq!((proved.outcome(), is_along(&proved)), (Outcome::Pass, false), "{proved:?}");
    }
    execute(&db, "DROP EXTENSION amcheck").await;
    let proved = verdict(&db.context(), FOREIGN_KEYS).await;
    assert_eq!((proved.outcome(), is_along(&proved)), (Outcome::Pass, false), "{proved:?}");
}

#[tokio::test]
async fn orphan_that_an_index_shows_is_confirmed_and_shown_from_the_heap() {
    let db = large().await;
    execute(&db, &format!("BEGIN; SET LOCAL session_replication_role = replica; {ORPHAN}; COMMIT")).await;
    let verdict = verdict(&db.context(), FOREIGN_KEYS).await;
    let [finding] = verdict.findings() else { panic!("{verdict:?}") };
    assert_eq!(
        finding.problem,
        r#"1 row with no match in public.projects: event_id = "9000000", project_id = "gone""#
    );
}

#[tokio::test]
async fn orphan_that_its_index_does_not_know_is_named_by_amcheck_and_found_without_trust() {
    let db = large().await;
    unseen_by(&db, EVENTS_BY_PROJECT, ORPHAN).await;
    let btree = verdict(&db.context(), BTREE).await;
    let named: Vec<&str> = btree.findings().iter().map(|finding| finding.object.as_str()).collect();
    assert_eq!(named, ["public.ix_events_project_timestamp", "public.ix_project_events_project_id"]);
    let found = verdict(&without_trust(&db), FOREIGN_KEYS).await;
    assert_eq!(found.outcome(), Outcome::Fail, "{found:?}");
}

#[tokio::test]
async fn parent_that_its_index_does_not_know_is_no_orphans_fault() {
    let db = large().await;
    unseen_by(
        &db,
        "projects_pkey",
        "INSERT INTO projects (project_id, account_id, name, status, created_by, updated_by) \
         VALUES ('proj_unseen', 'acc_001', 'Unseen', 'draft', 'x', 'x'); \
         INSERT INTO project_events (project_id, event_type, actor, data) VALUES ('proj_unseen', 'x', 'y', '{}')",
    )
    .await;
    let verdict = verdict(&db.context(), FOREIGN_KEYS).await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "the index accuses, the heap acquits: {verdict:?}");
}

#[tokio::test]
async fn key_that_stands_twice_under_a_broken_unique_index_is_found_along_another_index() {
    let db = Database::loaded(10_000).await.unwrap();
    // Past the size from which indexes are asked.
    execute(&db, "CREATE EXTENSION amcheck; UPDATE projects SET description = repeat('long ', 60)").await;
    execute(&db, "VACUUM (FULL, ANALYZE) projects").await;
    execute(&db, "VACUUM projects").await;
    let clean = verdict(&db.context(), UNIQUE).await;
    assert_eq!((clean.outcome(), is_along(&clean)), (Outcome::Pass, true), "{clean:?}");
    unseen_by(
        &db,
        "uq_projects_etag",
        "UPDATE projects SET etag = (SELECT etag FROM projects WHERE project_id = 'proj_00000002') \
         WHERE project_id = 'proj_00000001'",
    )
    .await;
    let verdict = verdict(&db.context(), UNIQUE).await;
    assert_eq!(verdict.outcome(), Outcome::Fail, "{verdict:?}");
    let [finding] = verdict.findings() else { panic!("{verdict:?}") };
    assert_eq!(finding.object, "uq_projects_etag ON public.projects");
}

const CHECK: &str = "integrity.constraints.check";
/// No module, and no project.
const STRANGE: &str = "INSERT INTO project_payloads (payload_id, project_id, module, config, files, cost_snapshot) VALUES \
    (9000001, 'proj_00000001', 'none', '{}', '[]', '{}'), \
    (9000002, 'gone', 'signage.single_pole.base_plate', '{}', '[]', '{}')";
const PAYLOADS_BY_PROJECT: &str = "ix_project_payloads_project_id,ix_project_payloads_project_module_created,\
    ix_payloads_project_created,ix_payloads_project_sha256,ix_payloads_project_module";

/// The CHECK constraint cannot be violated while it is there, whatever the role.
async fn without_module_check(db: &Database, indexes: &str) {
    execute(db, "ALTER TABLE project_payloads DROP CONSTRAINT project_payloads_module_check").await;
    unseen_by(db, indexes, STRANGE).await;
    execute(
        db,
        "ALTER TABLE project_payloads ADD CONSTRAINT project_payloads_module_check CHECK (module IN \
         ('signage.single_pole.direct_burial', 'signage.single_pole.base_plate', 'signage.two_pole.direct_burial')) NOT VALID",
    )
    .await;
    execute(db, "VACUUM project_payloads").await;
}

/// The verdicts of both checks, asked together.
async fn both(context: &Context) -> [Verdict; 2] {
    integrity::ask_together(context, |id| [FOREIGN_KEYS, CHECK, BTREE].contains(&id));
    [verdict(context, FOREIGN_KEYS).await, verdict(context, CHECK).await]
}

#[tokio::test]
async fn condition_is_proved_beside_a_key_along_the_index_that_holds_both() {
    let db = large().await;
    let [keys, conditions] = both(&crate::support::live(&db).await).await;
    assert_eq!(
        keys.summary(),
        Some("2 foreign keys proved from the rows, 2 along indexes that amcheck vouches for"),
        "{keys:?}"
    );
    assert_eq!(
        conditions.summary(),
        Some("3 CHECK constraints proved from the rows, 1 along indexes that amcheck vouches for"),
        "{conditions:?}"
    );
    // Without trust, and beside a key that the heap is read for all the same.
    let [keys, conditions] = both(&crate::support::live_at(&without_trust(&db), db.url()).await).await;
    assert_eq!((is_along(&keys), is_along(&conditions)), (false, false), "{keys:?} {conditions:?}");
    let together = crate::support::live(&db).await;
    integrity::ask_together(&together, |_| true);
    let conditions = verdict(&together, CHECK).await;
    assert_eq!((conditions.outcome(), is_along(&conditions)), (Outcome::Pass, false), "{conditions:?}");
}

#[tokio::test]
async fn faults_that_one_statement_counts_are_told_apart() {
    let db = large().await;
    without_module_check(&db, "").await;
    let context = crate::support::live(&db).await;
    let [keys, conditions] = both(&context).await;
    let [orphan] = keys.findings() else { panic!("{keys:?}") };
    let expected = r#"1 row with no match in public.projects: payload_id = "9000002", project_id = "gone""#;
    assert_eq!(orphan.problem, expected);
    let [strange] = conditions.findings() else { panic!("{conditions:?}") };
    assert!(strange.problem.ends_with(r#"payload_id = "9000001", module = "none""#), "{strange:?}");
}

#[tokio::test]
async fn row_that_its_indexes_do_not_know_is_named_by_amcheck_and_found_without_trust() {
    let db = large().await;
    without_module_check(&db, PAYLOADS_BY_PROJECT).await;
    let btree = verdict(&db.context(), BTREE).await;
    assert_eq!(btree.findings().len(), 5, "{btree:?}");
    for verdict in both(&crate::support::live_at(&without_trust(&db), db.url()).await).await {
        assert_eq!(verdict.outcome(), Outcome::Fail, "{verdict:?}");
    }
}
