//! What a copy shows: facts, never times.

use std::time::Duration;

use harness::Database;
use schema::hazards::measure::{Measured, Plan, Sort, Victim, Who, in_words, measure, victims};
use schema::hazards::{Class, judge};

use super::{SMALL, errors, script, small, told};

/// Measures a text on copies of the fixtures' newest revision.
async fn shown(text: &str) -> Measured {
    let db = Database::empty().await.unwrap();
    let context = db.context();
    let script = script(text);
    measure(&context, &script, &small(&context, &script)).await.unwrap()
}

fn budget() -> Duration {
    harness::settings().hazards.budget
}

#[tokio::test]
async fn index_build_locks_writers_out_and_grows_with_the_table() {
    let measured = shown("CREATE INDEX ix_projects_customer ON projects (customer);").await;
    assert_eq!(measured.modes()["projects"], ["ShareLock"]);
    assert_eq!(measured.classes(budget()), [Class::Stall]);
    let wait = measured.longest().unwrap();
    assert_eq!((wait.who, wait.table.as_str()), (Who::Writers, "projects"));
    // The generated rows and those of the seeds.
    assert!(measured.effects[0].volume.read >= SMALL[1], "{:?}", measured.effects[0].volume);
}

#[tokio::test]
async fn concurrent_build_is_seen_from_outside_and_keeps_nobody_waiting() {
    let measured =
        shown("-- no-transaction\nCREATE INDEX CONCURRENTLY ix_projects_customer ON projects (customer);")
            .await;
    assert!(
        measured.modes()["projects"].contains(&"ShareUpdateExclusiveLock".to_owned()),
        "{:?}",
        measured.modes()
    );
    assert_eq!(measured.classes(budget()), [Class::Retry]);
    assert_eq!(measured.stuck.len(), 2, "{:?}", measured.stuck);
    assert!(measured.stuck[1].starts_with("stopped in the middle of line 2"), "{:?}", measured.stuck);
}

#[tokio::test]
async fn lock_is_kept_while_another_table_is_written_and_rewrites_are_named() {
    let text = "ALTER TABLE pricing_configs ADD COLUMN region text;
        ALTER TABLE project_events ALTER COLUMN event_id TYPE bigint;";
    let measured = shown(text).await;
    assert!(measured.effects[1].rewritten.contains("project_events"));
    assert!(measured.effects[1].rewritten.contains("ix_project_events_event_type"));
    let long = measured.waits.iter().filter(|wait| wait.seconds > 1.0 && wait.who == Who::Everybody);
    let waits: Vec<&str> = long.map(|wait| wait.table.as_str()).collect();
    assert_eq!(waits, ["pricing_configs", "project_events"]);
}

#[tokio::test]
async fn locks_of_indexes_and_sequences_are_told_as_their_own() {
    let measured = shown(
        "REINDEX INDEX ix_projects_etag;
        ALTER SEQUENCE project_events_event_id_seq CACHE 10;
        UPDATE code_references SET formula = formula;",
    )
    .await;
    let told: Vec<Vec<String>> = measured.effects.iter().map(|effect| in_words(&effect.taken, 9)).collect();
    let reindex = ["projects ShareLock", "index ix_projects_etag AccessExclusiveLock"];
    let sequence = "sequence project_events_event_id_seq RowExclusiveLock, ShareRowExclusiveLock";
    assert_eq!(told[0], reindex);
    // What was locked before stays locked.
    assert_eq!(told[1], [reindex[0], sequence, reindex[1]]);
    assert!(told[2].contains(&"code_references RowExclusiveLock".to_owned()), "{told:?}");
    assert!(told[2].contains(&"index code_references_pkey RowExclusiveLock".to_owned()), "{told:?}");
    let index = measured.effects[0].taken.iter().find(|lock| lock.kind == Sort::Index).unwrap();
    assert_eq!(index.table, "projects");
}

#[tokio::test]
async fn wal_and_temporary_files_are_told_of_the_statement_that_wrote_them() {
    let measured = shown(
        "SET LOCAL work_mem = '64kB';
        CREATE TABLE sorted AS SELECT event_id, data::text AS data FROM project_events ORDER BY data::text DESC;
        COMMENT ON TABLE sorted IS 'x';",
    )
    .await;
    let told: Vec<bool> = measured.effects.iter().map(|effect| effect.temporary > 0).collect();
    assert_eq!(told, [false, true, false], "{:?}", measured.effects);
    // The rows of a table, and the row of a comment; nothing of what other databases write meanwhile.
    let wal: Vec<u64> = measured.effects.iter().map(|effect| effect.wal).collect();
    assert!(wal[0] == 0 && wal[1] > 100_000 && (1..100_000).contains(&wal[2]), "{wal:?}");
}

#[tokio::test]
async fn what_breaks_and_what_is_lost_is_named() {
    let measured =
        shown("ALTER TABLE projects DROP COLUMN street, ALTER COLUMN created_at DROP DEFAULT;").await;
    assert_eq!(measured.classes(budget()), [Class::Breaks, Class::Loses]);
    assert!(measured.lost[0].ends_with("values of projects.street"), "{:?}", measured.lost);
    assert!(
        measured.broken.iter().any(|text| text.starts_with("reading projects: ")),
        "{:?}",
        measured.broken
    );
    let inserts = "inserting into projects: null value in column \"created_at\"";
    assert!(measured.broken.iter().any(|text| text.starts_with("inserting into projects: ")), "{inserts}");
}

#[tokio::test]
async fn statement_that_rows_refuse_is_named_with_its_line() {
    let measured = shown("SELECT 1;\nALTER TABLE projects ALTER COLUMN customer SET NOT NULL;").await;
    let refused = measured.refused.clone().unwrap();
    assert_eq!((refused.line, refused.statement), (2, 1));
    assert!(refused.words.contains("contains null values (SQLSTATE 23502)"), "{}", refused.words);
    assert_eq!(measured.classes(budget()), [Class::Retry]);
}

#[tokio::test]
async fn measurement_clears_what_the_text_only_suspects_and_finds_what_it_hides() {
    let db = Database::empty().await.unwrap();
    let context = db.context();
    let suspected = script("ALTER TABLE projects ADD COLUMN origin text NOT NULL DEFAULT upper('web');");
    let hidden =
        script("DO $$BEGIN EXECUTE format('UPDATE %I SET actor = upper(actor)', 'project_events'); END$$;");
    for (script, told_first, then) in
        [(suspected, vec!["default-rewrite"], vec![]), (hidden, vec![], vec!["stall-measured"])]
    {
        let found = told(&context.settings, &script);
        assert_eq!(errors(&found), told_first);
        let measured = measure(&context, &script, &small(&context, &script)).await.unwrap();
        let judged = judge(&script, found, &measured, &context.settings.hazards).unwrap();
        assert_eq!(errors(&judged.found), then, "{:?}", judged.seen);
    }
}

#[tokio::test]
async fn victims_really_wait_for_the_locks_that_are_shown() {
    let db = Database::seeded().await.unwrap();
    let (read, write) = ("SELECT count(*) FROM projects", "UPDATE projects SET name = name");
    for (sql, reader, writer) in [
        ("CREATE INDEX ix_zz ON projects (customer)", false, true),
        ("ALTER TABLE projects ADD COLUMN region text", true, true),
        ("CREATE TABLE zz (p varchar(255) REFERENCES projects)", false, true),
        ("ALTER TABLE project_events DROP CONSTRAINT fk_events_project_id", true, true),
        ("COMMENT ON TABLE projects IS 'x'", false, false),
    ] {
        let mut held = db.pool().begin().await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut *held).await.unwrap();
        let waits =
            (victims::would_wait(&db, read).await.unwrap(), victims::would_wait(&db, write).await.unwrap());
        held.rollback().await.unwrap();
        assert_eq!(waits, (reader, writer), "{sql}");
    }
}

/// What those beside it felt, of a text run on copies of the newest revision.
async fn felt(text: &str) -> victims::Beside {
    let db = Database::empty().await.unwrap();
    let context = db.context();
    let script = script(text);
    let plan = Plan { victims: true, ..small(&context, &script) };
    measure(&context, &script, &plan).await.unwrap().victims.unwrap()
}

/// Who was seen waiting for each statement.
fn blocked(beside: &victims::Beside) -> Vec<Vec<String>> {
    let felt = beside.statements.iter();
    felt.map(|felt| {
        let waited = felt.victims.iter().filter(|victim| victim.blocked > 0);
        let mut names: Vec<String> = waited.map(Victim::who).collect();
        names.sort();
        names
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_statement_is_told_whom_it_kept_waiting_and_for_how_long() {
    let beside = felt(
        "COMMENT ON TABLE pricing_configs IS 'x';
        ALTER TABLE projects ADD COLUMN region text;
        SELECT pg_catalog.pg_sleep(1);",
    )
    .await;
    // It is the statement that took the lock which they wait for, not the one that ran meanwhile.
    assert_eq!(
        blocked(&beside),
        [vec![], vec!["readers of projects".to_owned(), "writers of projects".to_owned()], vec![]]
    );
    let (statement, victim) = beside.longest().unwrap();
    assert_eq!((statement.statement, victim.table.as_str()), (1, "projects"));
    assert!(
        victim.most >= Duration::from_millis(100) && victim.p50 <= victim.p99 && victim.p99 <= victim.most
    );
    assert!(statement.held >= Duration::from_millis(300), "{statement:?}");
    let usual = beside.before.iter().filter(|victim| victim.table == "projects");
    assert!(
        usual.clone().count() == 2 && usual.clone().all(|victim| victim.blocked == 0),
        "{:?}",
        beside.before
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_the_same_rows_wait_and_readers_go_on() {
    let beside = felt("UPDATE projects SET name = name; SELECT pg_catalog.pg_sleep(1);").await;
    assert_eq!(blocked(&beside), [vec!["writers of projects".to_owned()], vec![]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_build_and_later_transactions_keep_nobody_of_the_traffic_waiting() {
    let beside = felt(
        "-- no-transaction
        CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_zz ON projects (customer);
        ALTER TABLE partition_metadata ADD COLUMN note text;
        SELECT pg_catalog.pg_sleep(1);",
    )
    .await;
    let last: Vec<usize> = beside.statements.iter().map(|felt| felt.statement).collect();
    assert_eq!(last, [0, 1, 2]);
    let told = blocked(&beside);
    assert_eq!((&told[0], &told[2]), (&vec![], &vec![]), "{beside:?}");
    // Its transaction was over before the last one began.
    assert!(beside.statements[1].held < beside.statements[2].held, "{beside:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_whom_a_statement_takes_away_what_they_need_are_counted() {
    let beside = felt("ALTER TABLE projects RENAME TO project; SELECT pg_catalog.pg_sleep(1);").await;
    let refused: usize =
        beside.statements.iter().flat_map(|felt| &felt.victims).map(|victim| victim.refused).sum();
    assert!(refused > 0, "{beside:?}");
}

/// The triggers are as they were afterwards: only the text tells that a session did without them.
#[tokio::test]
async fn what_is_written_without_triggers_is_not_cleared_by_a_measurement() {
    let db = Database::empty().await.unwrap();
    let context = db.context();
    let script = script(
        "SET LOCAL session_replication_role = replica;\nINSERT INTO code_references SELECT * FROM code_references WHERE false;",
    );
    let found = told(&context.settings, &script);
    let measured = measure(&context, &script, &small(&context, &script)).await.unwrap();
    let judged = judge(&script, found, &measured, &context.settings.hazards).unwrap();
    assert_eq!(errors(&judged.found), ["trigger-disabled"], "{:?}", judged.seen);
}

#[tokio::test]
async fn what_breaks_for_one_reason_is_told_once() {
    let measured = shown("ALTER TABLE projects RENAME COLUMN name TO title;").await;
    let told: std::collections::BTreeSet<&String> = measured.broken.iter().collect();
    assert!(told.len() > 1);
    assert_eq!(told.len(), measured.broken.len(), "{:#?}", measured.broken);
}
