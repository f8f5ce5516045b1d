//! Statements that hide, and words that only look like statements.

use std::path::Path;

use rstest::rstest;
use schema::hazards::rules::Level;
use schema::hazards::{Runs, Script, lint};

use super::{errors, history, script, told};

#[rstest]
#[case::behind_a_guard(
    "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'c') THEN \
     ALTER TABLE projects ADD CONSTRAINT c CHECK (name <> ''); END IF; END $$;",
    &["check-validated"]
)]
#[case::behind_an_exception(
    "DO $body$ BEGIN DROP TABLE project_events; EXCEPTION WHEN undefined_table THEN NULL; END $body$;",
    &["table-dropped"]
)]
#[case::in_a_text_that_is_executed(
    "DO $$ BEGIN EXECUTE 'CREATE INDEX i ON projects (name)'; END $$;",
    &["index-not-concurrent"]
)]
#[case::in_a_body_in_quotes("DO 'BEGIN UPDATE projects SET name = ''x''; END';", &["update-unbounded"])]
#[case::in_a_loop(
    "DO $$ DECLARE r record; BEGIN FOR r IN SELECT 1 LOOP DELETE FROM project_events; END LOOP; END $$;",
    &["rows-deleted"]
)]
#[case::beside_a_comment_on_commits(
    "DO $$ BEGIN -- nothing does COMMIT here\n UPDATE projects SET name = 'x'; END $$;",
    &["update-unbounded"]
)]
#[case::while_no_trigger_fires("SET session_replication_role = replica;", &["trigger-disabled"])]
#[case::while_no_trigger_fires_in_quotes("SET LOCAL session_replication_role TO 'replica';", &["trigger-disabled"])]
#[case::with_the_key_of_another_table(
    "UPDATE projects SET name = 'x' WHERE name IN (SELECT module FROM project_payloads WHERE project_id = 'p');",
    &["update-unbounded"]
)]
#[case::a_view_of_the_first_schema_by_its_whole_name(
    "DROP MATERIALIZED VIEW IF EXISTS public.project_stats;",
    &["object-dropped"]
)]
#[case::a_view_beside_one_that_is_not_there(
    "DROP MATERIALIZED VIEW IF EXISTS nowhere, project_stats;",
    &["object-dropped"]
)]
#[case::a_table_whose_name_a_later_column_has(
    "DROP TABLE projects; CREATE TABLE archive (id integer, projects text);",
    &["table-dropped"]
)]
#[case::a_table_that_is_made_anew_without_its_rows(
    "DROP TABLE projects; CREATE TABLE projects (id integer);",
    &["table-dropped"]
)]
#[case::a_table_that_is_renamed_while_another_selects_its_name(
    "ALTER TABLE projects RENAME TO old; CREATE VIEW v AS SELECT 1 AS projects;",
    &["table-renamed"]
)]
#[case::with_a_plan_of_what_is_done("EXPLAIN (ANALYZE) DELETE FROM project_events;", &["rows-deleted"])]
#[case::a_domain_that_takes_no_null("ALTER DOMAIN d SET NOT NULL;", &["domain-validated"])]
#[case::a_plan_alone("EXPLAIN DELETE FROM project_events;", &[])]
#[case::a_view_that_no_migration_made("DROP VIEW IF EXISTS public.nowhere;", &[])]
#[case::an_enum_behind_a_guard(
    "DO $$ BEGIN CREATE TYPE e AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN NULL; END $$;",
    &[]
)]
#[case::a_variable_is_no_table(
    "DO $$ DECLARE n integer; BEGIN SELECT count(*) INTO n FROM projects; RAISE NOTICE '%', n; END $$;",
    &[]
)]
#[case::a_table_made_in_a_block(
    "DO $$ BEGIN CREATE TABLE n (a integer); END $$; CREATE INDEX i ON n (a);",
    &[]
)]
#[case::a_table_made_by_select_into("SELECT * INTO n FROM projects; CREATE INDEX i ON n (name);", &[])]
#[case::a_new_table_of_another_schema_that_is_renamed(
    "CREATE TABLE s.n (a integer); ALTER TABLE s.n RENAME TO m; CREATE INDEX i ON s.m (a);",
    &[]
)]
#[case::a_new_table_that_moves(
    "CREATE TABLE s.n (a integer); ALTER TABLE s.n SET SCHEMA public; CREATE INDEX i ON n (a);",
    &[]
)]
#[case::in_a_function_that_is_not_called(
    "CREATE FUNCTION f() RETURNS integer LANGUAGE sql BEGIN ATOMIC UPDATE projects SET name = 'x'; SELECT 1; END;",
    &[]
)]
#[case::all_that_roles_are_set_back_to("SET session_replication_role = DEFAULT;", &[])]
fn what_is_hidden_is_found_and_what_is_not_done_is_not(#[case] text: &str, #[case] rules: &[&str]) {
    let settings = harness::settings();
    let found = told(&settings, &script(text));
    assert_eq!(errors(&found), rules, "{found:#?}");
}

#[rstest]
#[case::a_merge(
    "MERGE INTO projects p USING project_payloads q ON p.project_id = q.project_id \
     WHEN MATCHED THEN UPDATE SET name = q.module;"
)]
#[case::after_a_with("WITH x AS (SELECT * FROM code_references) UPDATE projects SET name = 'x' FROM x;")]
fn the_table_that_is_told_is_the_one_that_is_written(#[case] text: &str) {
    let settings = harness::settings();
    let found = told(&settings, &script(text));
    let objects: Vec<Option<&str>> = found.iter().map(|found| found.object.as_deref()).collect();
    assert_eq!((errors(&found), objects), (vec!["update-unbounded"], vec![Some("projects")]));
}

#[rstest]
#[case::a_number_that_is_spelt_otherwise("numeric(10, 2)", "decimal(12, 2)", true)]
#[case::a_time_of_more_places("timestamptz(3)", "timestamp(6) with time zone", true)]
#[case::a_time_of_all_places("timestamp(3) without time zone", "timestamp", true)]
#[case::a_time_of_fewer_places("timestamptz", "timestamptz(3)", false)]
#[case::bits("bit varying(8)", "varbit(16)", true)]
#[case::another_time("timestamp", "timestamptz", false)]
fn a_type_that_only_grows_writes_nothing_anew(#[case] from: &str, #[case] to: &str, #[case] grows: bool) {
    let settings = harness::settings();
    let before = [format!("CREATE TABLE n (id integer PRIMARY KEY, a {from});")];
    let found =
        lint(&script(&format!("ALTER TABLE n ALTER a TYPE {to};")), &before, &settings.hazards).unwrap();
    assert_eq!(!errors(&found).contains(&"type-rewrite"), grows, "{found:#?}");
}

#[rstest]
#[case::set("SET lock_timeout = '2s'; ALTER TABLE projects ADD x integer;", false)]
#[case::without_an_end("SET lock_timeout = 0; ALTER TABLE projects ADD x integer;", true)]
#[case::without_an_end_in_words("SET LOCAL lock_timeout TO '0s'; ALTER TABLE projects ADD x integer;", true)]
#[case::set_back("SET lock_timeout = '2s'; RESET ALL; ALTER TABLE projects ADD x integer;", true)]
#[case::to_the_default(
    "SET lock_timeout = '2s'; SET lock_timeout TO DEFAULT; ALTER TABLE projects ADD x integer;",
    true
)]
#[case::in_another_transaction(
    "-- no-transaction\nSET LOCAL lock_timeout = '2s'; ALTER TABLE projects ADD IF NOT EXISTS x integer;",
    true
)]
fn a_lock_timeout_counts_where_it_holds(#[case] text: &str, #[case] missing: bool) {
    let settings = harness::settings();
    let found = told(&settings, &script(text));
    let advice =
        found.iter().any(|found| found.rule.id == "lock-timeout-missing" && found.level == Level::Advice);
    assert_eq!(advice, missing, "{found:#?}");
}

/// The rows of a partitioned table are its partitions': with ONLY there is nothing to go through.
#[rstest]
#[case::alone("CREATE INDEX i ON ONLY parted (a);", &[])]
#[case::with_its_partitions("CREATE INDEX i ON parted (a);", &["index-not-concurrent"])]
#[case::of_a_plain_table("CREATE INDEX i ON ONLY plain (a);", &["index-not-concurrent"])]
fn an_index_of_a_partitioned_table_alone_goes_through_nothing(#[case] text: &str, #[case] rules: &[&str]) {
    let settings = harness::settings();
    let before =
        ["CREATE TABLE parted (a integer) PARTITION BY RANGE (a); CREATE TABLE plain (a integer);"
            .to_owned()];
    assert_eq!(errors(&lint(&script(text), &before, &settings.hazards).unwrap()), rules);
}

#[test]
fn an_allowance_in_a_literal_allows_nothing() {
    let settings = harness::settings();
    let text = "CREATE INDEX i ON projects (name) WHERE name <> '\n-- runbook: allow index-not-concurrent because x\n';";
    assert_eq!(errors(&told(&settings, &script(text))), ["index-not-concurrent"]);
}

#[test]
fn an_allowance_in_a_block_allows_what_the_block_does() {
    let settings = harness::settings();
    let text = "SELECT 1;\nDO $$ BEGIN\n-- runbook: allow table-dropped because it was never read\nDROP TABLE project_events;\nEND $$;";
    let found = told(&settings, &script(text));
    assert_eq!(errors(&found), [] as [&str; 0]);
    let dropped = found.iter().find(|found| found.rule.id == "table-dropped").unwrap();
    assert_eq!(dropped.allowed.as_deref(), Some("it was never read"));
    let wrong = lint(&script(&text.replace("table-dropped", "table-droped")), &history(), &settings.hazards);
    assert_eq!(wrong.unwrap_err().to_string(), "008_test.up.sql:3: there is no rule `table-droped` to allow");
}

#[test]
fn an_allowance_after_the_last_statement_is_said_with_its_line() {
    let settings = harness::settings();
    let text = "CREATE INDEX i ON projects (name);\n-- runbook: allow index-not-concurrent because x";
    let error = lint(&script(text), &history(), &settings.hazards).unwrap_err();
    assert_eq!(
        error.to_string(),
        "008_test.up.sql:2: it allows `index-not-concurrent` after the last statement, where there is nothing to allow"
    );
}

#[test]
fn a_file_that_asks_for_no_transaction_gets_none_wherever_it_lies() {
    let settings = harness::settings();
    let text = "-- no-transaction\nALTER TABLE projects ADD CONSTRAINT c CHECK (name <> '') NOT VALID;\n\
        ALTER TABLE projects VALIDATE CONSTRAINT c;";
    let script = Script::parse(Path::new("a.sql"), text.into(), Runs::AsWritten).unwrap();
    let found = lint(&script, &history(), &settings.hazards).unwrap();
    assert_eq!(errors(&found), ["steps-not-repeatable"], "{found:#?}");
}

/// sqlx sends a file as one query, and the server runs the statements of one query in one transaction.
#[rstest]
#[case::beside_another("SET lock_timeout = '2s';\nCREATE INDEX CONCURRENTLY IF NOT EXISTS i ON projects (name);", &["concurrently-in-transaction"])]
#[case::alone("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON projects (name);", &[])]
fn an_index_is_not_built_concurrently_beside_another_statement_of_its_file(
    #[case] text: &str,
    #[case] rules: &[&str],
) {
    let settings = harness::settings();
    let text = format!("-- no-transaction\n{text}");
    let script = Script::parse(Path::new("008_test.up.sql"), text, Runs::SentWhole).unwrap();
    assert_eq!(errors(&lint(&script, &history(), &settings.hazards).unwrap()), rules);
}
