//! What a copy shows: facts, never times.

use harness::Database;
use schema::hazards::measure::{Measured, Who, measure, victims};
use schema::hazards::{Class, judge};

use super::{errors, plan, script, told};

/// Measures a text on copies of the fixtures' newest revision.
async fn shown(text: &str) -> Measured {
    let db = Database::empty().await.unwrap();
    let context = db.context();
    let script = script(text);
    measure(&context, &script, &plan(&context, &script)).await.unwrap()
}

fn budget() -> std::time::Duration {
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
    assert!(measured.effects[0].volume.read >= 4000, "{:?}", measured.effects[0].volume);
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
    let hidden = script("DO $$BEGIN EXECUTE 'UPDATE project_events SET actor = upper(actor)'; END$$;");
    for (script, told_first, then) in
        [(suspected, vec!["default-rewrite"], vec![]), (hidden, vec![], vec!["stall-measured"])]
    {
        let found = told(&context.settings, &script);
        assert_eq!(errors(&found), told_first);
        let measured = measure(&context, &script, &plan(&context, &script)).await.unwrap();
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
