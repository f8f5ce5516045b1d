//! Databases that are set otherwise than ours, and roles that see less.

use std::collections::BTreeMap;
use std::sync::Arc;

use harness::{Database, Server};
use runbook::context::{Context, Database as Target};
use runbook::verdict::{Outcome, Verdict};

use crate::{act, as_role, execute, healthy_traffic, verdict, verdicts};

const CONNECTIONS: &str = "monitoring.connections";
const SLOW: &str = "monitoring.slow_queries";
const WRAPAROUND: &str = "monitoring.wraparound";

/// Sets something for every session of the database to come.
async fn set(db: &Database, setting: &str, value: &str) {
    let sql = format!(
        "DO $$BEGIN EXECUTE format($f$ALTER DATABASE %I SET {setting} = {value}$f$, current_database()); END$$"
    );
    execute(db, &sql).await;
}

#[tokio::test]
async fn role_that_sees_no_other_sessions_is_told_the_grant_and_counts_nothing() {
    let db = Database::seeded().await.unwrap();
    let context = as_role(&db, "pg_signal_backend").await;
    let verdict = verdict(&context, CONNECTIONS).await;
    assert_eq!(
        verdict.reason(),
        Some("the role may not see the sessions of others: GRANT pg_read_all_stats TO pg_signal_backend"),
        "{verdict:?}"
    );
}

#[tokio::test]
async fn extension_of_an_older_version_is_told_its_update() {
    for version in ["1.4", "1.8"] {
        let db = Database::seeded().await.unwrap();
        execute(&db, "DROP EXTENSION pg_stat_statements").await;
        execute(&db, &format!("CREATE EXTENSION pg_stat_statements VERSION '{version}'")).await;
        let verdict = verdict(&db.context(), SLOW).await;
        assert_eq!(
            verdict.reason(),
            Some(
                format!(
                    "pg_stat_statements is of version {version}, and 1.9 or newer is needed: ALTER EXTENSION \
                     pg_stat_statements UPDATE"
                )
                .as_str()
            ),
        );
    }
}

#[tokio::test]
async fn extension_may_stand_in_any_schema() {
    let db = Database::seeded().await.unwrap();
    execute(&db, r#"CREATE SCHEMA "Odd ""name"; ALTER EXTENSION pg_stat_statements SET SCHEMA "Odd ""name""#)
        .await;
    execute(&db, &"SELECT name FROM projects WHERE project_id = 'proj_test_001';".repeat(5)).await;
    let verdict = verdict(&db.context(), SLOW).await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{verdict:?}");
}

#[tokio::test]
async fn schema_of_the_extension_that_the_role_may_not_use_is_not_measured() {
    let db = Database::seeded().await.unwrap();
    execute(&db, "CREATE SCHEMA closed; ALTER EXTENSION pg_stat_statements SET SCHEMA closed").await;
    let verdict = verdict(&as_role(&db, "pg_monitor").await, SLOW).await;
    assert_eq!(verdict.outcome(), Outcome::NotMeasured, "{verdict:?}");
    assert!(verdict.reason().unwrap().contains("permission denied for schema closed"), "{verdict:?}");
}

/// A role that is given what it needs to see sees the same as a superuser.
#[tokio::test]
async fn role_with_the_right_to_read_statistics_measures_all() {
    let db = Database::loaded(1000).await.unwrap();
    execute(&db, "GRANT SELECT ON projects TO pg_monitor").await;
    healthy_traffic(&db).await;
    let context = as_role(&db, "pg_monitor").await;
    for id in [
        CONNECTIONS,
        WRAPAROUND,
        "monitoring.transactions",
        "monitoring.index_hit_rate",
        "monitoring.envelope_populated",
    ] {
        let verdict = verdict(&context, id).await;
        assert_eq!(verdict.outcome(), Outcome::Pass, "{id}: {verdict:?}");
    }
}

#[tokio::test]
async fn failsafe_age_below_what_the_server_itself_takes_is_no_alarm() {
    let db = Database::seeded().await.unwrap();
    set(&db, "vacuum_failsafe_age", "0").await;
    set(&db, "vacuum_multixact_failsafe_age", "0").await;
    let verdict = verdict(&crate::anew(&db).await, WRAPAROUND).await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{verdict:?}");
}

/// One database that nobody vacuums stops the writes of all.
#[tokio::test]
async fn another_database_of_the_server_that_is_old_is_found() {
    let server = Server::options().start().await.unwrap();
    let database = server.create("own").await.unwrap();
    server.create("Neighbour").await.unwrap();
    server
        .execute(
            "own",
            "UPDATE pg_database SET datfrozenxid =
                 ((pg_current_xact_id()::text::numeric + 4294967296 - 1900000000) % 4294967296)::text::xid
             WHERE datname = 'Neighbour'",
        )
        .await
        .unwrap();
    let context = Context::new(harness::settings(), Target::Ephemeral(database));
    let verdict = verdict(&context, WRAPAROUND).await;
    assert_eq!(verdict.outcome(), Outcome::Fail, "{verdict:?}");
    let [found] = verdict.findings() else { panic!("{verdict:?}") };
    assert_eq!(found.object, "the database \"Neighbour\"");
    assert!(found.remedy.starts_with("VACUUM (FREEZE) in that database, "), "{found:?}");
}

#[tokio::test]
async fn settings_of_the_database_change_no_verdict() {
    let db = Database::loaded(1000).await.unwrap();
    healthy_traffic(&db).await;
    execute(&db, &"SELECT name FROM projects WHERE project_id = 'proj_test_001';".repeat(5)).await;
    let before: Vec<_> = outcomes(&verdicts(&db.context()).await);
    for (setting, value) in [
        ("datestyle", "'German, DMY'"),
        ("intervalstyle", "'sql_standard'"),
        ("bytea_output", "'escape'"),
        ("extra_float_digits", "-15"),
        ("timezone", "'Asia/Kathmandu'"),
        ("statement_timeout", "10000"),
        ("lock_timeout", "1"),
        ("idle_in_transaction_session_timeout", "10000"),
        ("default_transaction_read_only", "on"),
        ("default_transaction_isolation", "serializable"),
        ("quote_all_identifiers", "on"),
        ("standard_conforming_strings", "off"),
        ("stats_fetch_consistency", "snapshot"),
        ("array_nulls", "off"),
        ("transform_null_equals", "on"),
        ("lc_messages", "'C'"),
        ("enable_seqscan", "off"),
        ("plan_cache_mode", "force_generic_plan"),
    ] {
        set(&db, setting, value).await;
    }
    let after: Vec<_> = outcomes(&verdicts(&crate::anew(&db).await).await);
    assert_eq!(before, after);
}

fn outcomes(verdicts: &BTreeMap<&'static str, Verdict>) -> Vec<(&'static str, Outcome)> {
    verdicts.iter().map(|(id, verdict)| (*id, verdict.outcome())).collect()
}

#[tokio::test]
async fn functions_of_a_user_that_are_named_like_the_servers_are_not_called() {
    let db = Database::loaded(1000).await.unwrap();
    execute(
        &db,
        "CREATE FUNCTION age(xid) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 2000000000';
         CREATE FUNCTION mxid_age(xid) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 2000000000';
         CREATE FUNCTION current_setting(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''1''::text';
         CREATE FUNCTION quote_ident(name) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''shadowed''::text';
         CREATE FUNCTION quote_ident(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''shadowed''::text';
         CREATE FUNCTION pg_relation_size(oid) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 0::bigint';
         CREATE FUNCTION pg_relation_size(regclass) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 0::bigint';
         CREATE FUNCTION pg_database_size(oid) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 0::bigint';
         CREATE FUNCTION pg_has_role(name, text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
         CREATE FUNCTION pg_has_role(name, name, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
         CREATE FUNCTION pg_blocking_pids(integer) RETURNS integer[] LANGUAGE sql IMMUTABLE AS 'SELECT ARRAY[1]';
         CREATE FUNCTION format(text, name, name) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''shadowed''::text';
         CREATE FUNCTION regexp_replace(text, text, text, text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''shadowed''::text';
         CREATE FUNCTION \"left\"(text, integer) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''shadowed''::text';
         CREATE FUNCTION to_regclass(text) RETURNS regclass LANGUAGE sql IMMUTABLE AS 'SELECT NULL::regclass';
         CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql IMMUTABLE AS 'SELECT ''infinity''::timestamptz';
         CREATE FUNCTION make_interval(secs double precision) RETURNS interval LANGUAGE sql IMMUTABLE AS 'SELECT interval ''-1 day''';
         CREATE AGGREGATE count(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '1000');",
    )
    .await;
    healthy_traffic(&db).await;
    execute(&db, &"SELECT name FROM projects WHERE project_id = 'proj_test_001';".repeat(5)).await;
    set(&db, "search_path", "public, pg_catalog").await;
    let context = crate::anew(&db).await;
    for (id, verdict) in verdicts(&context).await {
        let expected = match id {
            "monitoring.cache_hit_rate" => continue,
            _ => Outcome::Pass,
        };
        assert_eq!(verdict.outcome(), expected, "{id}: {verdict:?}");
        assert!(!format!("{verdict:?}").contains("shadowed"), "{id}: {verdict:?}");
    }
}

#[tokio::test]
async fn rate_of_no_traffic_at_all_is_not_measured_even_where_none_is_asked_for() {
    let db = Database::loaded(1000).await.unwrap();
    let mut context = db.context();
    let mut settings = (*context.settings).clone();
    settings.thresholds.minimum_traffic = 0;
    context.settings = Arc::new(settings);
    act(&context, "monitoring.window.open").await;
    act(&context, "monitoring.window.close").await;
    let verdict = verdict(&context, "monitoring.index_hit_rate").await;
    assert_eq!(verdict.outcome(), Outcome::NotMeasured, "{verdict:?}");
    assert_eq!(verdict.reason(), Some("0 scans over the window, and a rate needs 1"));
}

#[tokio::test]
async fn partitions_are_counted_and_their_parent_is_not() {
    let db = Database::empty().await.unwrap();
    execute(
        &db,
        "CREATE SCHEMA sales;
         CREATE TABLE sales.parted (id integer NOT NULL, filler text) PARTITION BY RANGE (id);
         CREATE TABLE sales.low PARTITION OF sales.parted FOR VALUES FROM (0) TO (10000);
         CREATE TABLE sales.high PARTITION OF sales.parted FOR VALUES FROM (10000) TO (20000);
         CREATE INDEX ON sales.parted (id);
         INSERT INTO sales.parted SELECT n, repeat('x', 100) FROM generate_series(0, 19999) AS n;
         SELECT pg_stat_force_next_flush()",
    )
    .await;
    let mut context = db.context();
    let mut settings = (*context.settings).clone();
    settings.database.schemas = vec!["sales".into()];
    context.settings = Arc::new(settings);
    act(&context, "monitoring.window.open").await;
    execute(
        &db,
        "DO $$BEGIN FOR n IN 1..300 LOOP PERFORM FROM sales.parted WHERE id = n; END LOOP; END$$; \
         SELECT pg_stat_force_next_flush()",
    )
    .await;
    let verdict = verdict(&context, "monitoring.index_hit_rate").await;
    assert_eq!((verdict.outcome(), verdict.examined()), (Outcome::Pass, 300), "{verdict:?}");
}

#[tokio::test]
async fn envelope_condition_may_end_with_a_comment_and_its_table_stand_elsewhere() {
    let db = Database::empty().await.unwrap();
    execute(
        &db,
        "CREATE SCHEMA \"Sales\"; CREATE TABLE \"Sales\".\"Order\" (etag text, \"Hash\" text);
         INSERT INTO \"Sales\".\"Order\" VALUES ('a', 'b'), (NULL, NULL)",
    )
    .await;
    let mut context = db.context();
    let mut settings = (*context.settings).clone();
    settings.envelope.table = Some("\"Sales\".\"Order\"".into());
    settings.envelope.columns = vec!["Hash".into()];
    settings.envelope.written_by_service = Some("etag IS NOT NULL -- it gives each one".into());
    context.settings = Arc::new(settings);
    let verdict = verdict(&context, "monitoring.envelope_populated").await;
    assert_eq!((verdict.outcome(), verdict.examined()), (Outcome::Pass, 1), "{verdict:?}");
}
