//! The guard of a live target: what it refuses and what it lets through.

use std::path::{Path, PathBuf};

use runbook::statement::{ReadStatement, Refused};

/// Each does more than read, or could; no comment or quoting may hide it.
const HOSTILE: &[&str] = &[
    "",
    "   -- nothing",
    ";",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE t",
    "SELECT 1;;",
    "INSERT INTO t VALUES (1)",
    "UPDATE t SET a = 1",
    "DELETE FROM t",
    "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE",
    "TRUNCATE t",
    "CREATE TABLE t (a int)",
    "CREATE TEMP TABLE t AS SELECT 1",
    "CREATE MATERIALIZED VIEW v AS SELECT 1",
    "REFRESH MATERIALIZED VIEW v",
    "DROP TABLE t",
    "ALTER TABLE t ADD COLUMN a int",
    "GRANT SELECT ON t TO public",
    "COPY t TO PROGRAM 'cat'",
    "COPY t FROM stdin",
    "LOCK TABLE t IN ACCESS EXCLUSIVE MODE",
    "SET TRANSACTION READ WRITE",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "SET statement_timeout = 0",
    "RESET ALL",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT s",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DEALLOCATE ALL",
    "DECLARE c CURSOR FOR SELECT 1",
    "DISCARD ALL",
    "CALL p()",
    "DO $$ BEGIN PERFORM pg_notify('a', 'b'); END $$",
    "LISTEN a",
    "NOTIFY a",
    "VACUUM t",
    "ANALYZE t",
    "CLUSTER t",
    "REINDEX TABLE t",
    "CHECKPOINT",
    "LOAD 'auto_explain'",
    "SELECT 1 INTO t",
    "SELECT a INTO TEMP t FROM s",
    "SELECT * FROM t FOR UPDATE",
    "SELECT * FROM t FOR NO KEY UPDATE SKIP LOCKED",
    "SELECT * FROM (SELECT * FROM t FOR SHARE) s",
    "(SELECT * FROM t) FOR KEY SHARE",
    "WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d",
    "WITH i AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM i",
    "WITH a AS (WITH b AS (UPDATE t SET a = 1 RETURNING *) SELECT * FROM b) SELECT * FROM a",
    "WITH m AS (MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE RETURNING *) SELECT 1",
    "WITH s AS (SELECT 1) DELETE FROM t",
    "EXPLAIN ANALYZE SELECT 1",
    "EXPLAIN ANALYSE SELECT 1",
    "EXPLAIN ANALYZE VERBOSE SELECT 1",
    "EXPLAIN (ANALYZE) SELECT 1",
    "EXPLAIN (COSTS off, ANALYZE true) SELECT 1",
    "EXPLAIN (\"analyze\") SELECT 1",
    "EXPLAIN (anything_new) SELECT 1",
    "EXPLAIN DELETE FROM t",
    "EXPLAIN CREATE TABLE t AS SELECT 1",
    "EXPLAIN EXECUTE p",
    "SELECT pg_notify('a', 'b')",
    "SELECT PG_NOTIFY('a', 'b')",
    "SELECT pg_catalog.pg_notify('a', 'b')",
    "SELECT \"pg_notify\"('a', 'b')",
    "SELECT pg_catalog . \"pg_notify\" /* here */ ('a', 'b')",
    "SELECT U&\"pg\\005fnotify\"('a', 'b')",
    "SELECT u&\"pg\\+00005Fnotify\"('a', 'b')",
    "SELECT U&\"pg!005fnotify\" UESCAPE '!' ('a', 'b')",
    "SELECT pg_notify --\r('a', 'b')",
    "SELECT 1 --\r, pg_notify('a', 'b')",
    "SELECT 1 --\n, pg_notify('a', 'b')",
    "SELECT /* /* */ pg_sleep(1) */ 1 FROM pg_sleep(1)",
    "SELECT E'a'\n'\\'', pg_notify(''x'', ''y''), ''",
    "SELECT 'a\\', pg_notify('a', 'b'), ''",
    "SELECT $a$ $b$ $a$, pg_notify($b$a$b$, 'b')",
    "SELECT * FROM pg_sleep(10)",
    "SELECT * FROM t, LATERAL pg_sleep_for('1 s')",
    "SELECT * FROM ROWS FROM (generate_series(1, 2), nextval('s'))",
    "SELECT 1 WHERE pg_sleep(10) IS NULL",
    "SELECT 1 ORDER BY nextval('s')",
    "SELECT 1 LIMIT setval('s', 1)",
    "SELECT count(*) FILTER (WHERE pg_try_advisory_lock(1)) FROM t",
    "SELECT sum(a) OVER (ORDER BY nextval('s')) FROM t",
    "SELECT CASE WHEN true THEN set_config('transaction_read_only', 'off', true) END",
    "SELECT (SELECT pg_advisory_lock(1))",
    "SELECT ARRAY(SELECT pg_advisory_xact_lock(1))",
    "VALUES (pg_advisory_lock(1))",
    "VALUES (1) ORDER BY pg_advisory_unlock_all()",
    "WITH a AS (SELECT pg_terminate_backend(1)) SELECT 1",
    "SELECT 1 UNION SELECT pg_cancel_backend(1)::int",
    "EXPLAIN SELECT pg_reload_conf()",
    "SELECT pg_stat_reset()",
    "SELECT pg_stat_reset_shared('bgwriter')",
    "SELECT pg_stat_statements_reset()",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_unlink(1)",
    "SELECT loread(1, 1)",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_read_binary_file('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    "SELECT * FROM dblink('', 'DELETE FROM t') AS t(a int)",
    "SELECT dblink_exec('', 'DELETE FROM t')",
    "SELECT query_to_xml('SELECT nextval(''s'')', true, true, '')",
    "SELECT * FROM crosstab('SELECT 1') AS t(a int)",
    "SELECT * FROM ts_stat('SELECT nextval(''s'')')",
    "SELECT pg_switch_wal()",
    "SELECT pg_create_restore_point('a')",
    "SELECT pg_logical_emit_message(true, 'a', 'b')",
    "SELECT pg_create_logical_replication_slot('a', 'b')",
    "SELECT pg_drop_replication_slot('a')",
    "SELECT pg_replication_origin_create('a')",
    "SELECT pg_promote()",
    "SELECT pg_rotate_logfile()",
    "SELECT pg_export_snapshot()",
    "SELECT txid_current()",
    "SELECT pg_current_xact_id()",
    "SELECT pg_log_backend_memory_contexts(1)",
    "SELECT pg_wal_replay_pause()",
    "SELECT pg_import_system_collations('public')",
    "SELECT brin_summarize_new_values('i')",
    "SELECT gin_clean_pending_list('i')",
    "SELECT pg_prewarm('t')",
    "SELECT 'a\u{0}b'",
    "SELECT (",
    "select nonsense from from",
];

/// Each only reads.
const HONEST: &[&str] = &[
    "SELECT 1",
    "SELECT 1;",
    "SELECT 1; -- one",
    "/* one */ SELECT 1",
    "select count(*) from t",
    "TABLE t",
    "VALUES (1), (2)",
    "SHOW server_version",
    "SHOW ALL",
    "SHOW TIME ZONE",
    "SHOW transaction_isolation",
    "EXPLAIN SELECT 1",
    "EXPLAIN (FORMAT json, COSTS off, VERBOSE, SETTINGS) SELECT * FROM t",
    "EXPLAIN VERBOSE SELECT 1",
    "EXPLAIN (GENERIC_PLAN) SELECT * FROM t WHERE a = $1",
    "(SELECT 1) UNION ALL (SELECT 2) ORDER BY 1",
    "SELECT 1 INTERSECT SELECT 1 EXCEPT SELECT 2",
    "WITH a AS (SELECT 1) SELECT * FROM a",
    "WITH RECURSIVE a(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM a WHERE n < 3) SELECT n FROM a",
    "WITH a AS MATERIALIZED (VALUES (1)) TABLE a",
    "WITH nextval(a) AS (SELECT 1) SELECT a FROM nextval",
    "SELECT nextval FROM t AS nextval(a)",
    "SELECT 'pg_sleep(1)'",
    "SELECT $$pg_sleep(1)$$, $q$; DROP TABLE t$q$",
    "SELECT E'it\\'s pg_sleep(1)'",
    "SELECT 'it''s'",
    "SELECT 1 -- pg_sleep(1)",
    "SELECT 1 /* pg_sleep(1) /* nested */ ; DELETE */",
    "SELECT \"pg_sleep\" FROM t",
    "SELECT \"Pg_Sleep\"(1)",
    "SELECT now(), clock_timestamp(), random(), current_date",
    "SELECT pg_relation_size('t'), pg_database_size(current_database())",
    "SELECT pg_stat_get_numscans(1), pg_stat_force_next_flush()",
    "SELECT bt_index_check('i', true), verify_heapam('t')",
    "SELECT * FROM pg_stat_statements(true)",
    "SELECT * FROM generate_series(1, 3) WITH ORDINALITY AS g(n, i)",
    "SELECT * FROM ROWS FROM (generate_series(1, 2), unnest(ARRAY[1, 2])) AS r(a, b)",
    "SELECT p.* FROM a p LEFT JOIN LATERAL (SELECT * FROM b WHERE b.a = p.a LIMIT 1) l ON true",
    "SELECT EXTRACT(epoch FROM now() - '1 day'::interval), OVERLAY('ab' PLACING 'c' FROM 1), SUBSTRING('ab' FROM 1 FOR 1)",
    "SELECT COALESCE(NULLIF(a, ''), 'x'), GREATEST(1, 2), a::numeric(10,2), CAST(a AS varchar(3)) FROM t",
    "SELECT count(*) FILTER (WHERE a > 1), percentile_cont(0.95) WITHIN GROUP (ORDER BY a) FROM t",
    "SELECT row_number() OVER (PARTITION BY a ORDER BY b DESC) FROM t WINDOW w AS (ORDER BY a)",
    "SELECT a FROM t GROUP BY GROUPING SETS ((a), ()) HAVING count(*) > 1",
    "SELECT * FROM t TABLESAMPLE bernoulli (10) REPEATABLE (1)",
    "SELECT '{\"a\":1}'::jsonb -> 'a' ->> 0, '[1]'::jsonb @> '1', a #>> '{b}' FROM t",
    "SELECT 1 WHERE EXISTS (SELECT FROM t WHERE a = ANY ($1::text[])) AND NOT EXISTS (SELECT 1 FROM s)",
    "SELECT format('%I.%I', nspname, relname), conrelid::regclass::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace",
    "SELECT x.* FROM (VALUES (1, 'a')) AS x(n, t)",
    "SELECT array_agg(DISTINCT a ORDER BY a), string_agg(b, ', ') FROM t",
    "SELECT a OPERATOR(pg_catalog.=) b, a COLLATE \"C\" FROM t FETCH FIRST 3 ROWS ONLY",
    "SELECT \"naïve \"\"table\"\"\".\"sélect\" FROM \"naïve \"\"table\"\"\"",
];

#[test]
fn whatever_does_more_than_read_is_refused() {
    assert!(HOSTILE.len() >= 60);
    let accepted: Vec<_> = HOSTILE.iter().filter(|sql| ReadStatement::parse(sql).is_ok()).collect();
    assert!(accepted.is_empty(), "these were let through: {accepted:#?}");
}

#[test]
fn what_only_reads_is_accepted() {
    assert!(HONEST.len() >= 40);
    let refused: Vec<_> =
        HONEST.iter().filter_map(|sql| ReadStatement::parse(sql).err().map(|why| (sql, why))).collect();
    assert!(refused.is_empty(), "these were refused: {refused:#?}");
}

#[test]
fn a_refusal_names_what_is_wrong() {
    let refused = |sql: &str| ReadStatement::parse(sql).unwrap_err();
    assert_eq!(refused("SELECT 1; SELECT 2"), Refused::Count(2));
    let nested = format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000));
    assert_eq!(refused(&nested), Refused::Nested);
    assert_eq!(refused("DELETE FROM t WHERE a = 1"), Refused::Kind("DELETE FROM".into()));
    assert_eq!(refused("SELECT pg_catalog.PG_Sleep(1)"), Refused::Function("pg_sleep".into()));
    assert_eq!(refused("SELECT 1 FROM t FOR UPDATE NOWAIT"), Refused::Locking("FOR UPDATE NOWAIT".into()));
    assert_eq!(refused("EXPLAIN (ANALYZE) SELECT 1"), Refused::Analyze("analyze".into()));
}

#[test]
fn explain_analyze_is_for_ephemeral_databases_and_only_of_reading_statements() {
    for sql in
        ["EXPLAIN ANALYZE SELECT 1", "EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT * FROM t WHERE a = $1"]
    {
        assert!(ReadStatement::parse_analyze(sql).is_ok(), "{sql}");
    }
    for sql in ["EXPLAIN ANALYZE DELETE FROM t", "EXPLAIN ANALYZE SELECT nextval('s')", "DELETE FROM t"] {
        assert!(ReadStatement::parse_analyze(sql).is_err(), "{sql}");
    }
}

#[test]
fn names_are_read_as_the_server_reads_them() {
    let long = "x".repeat(70);
    let sql =
        format!("SELECT Lower('A'), \"Quoted\"\"One\"(1), pg_catalog.now(), U&\"d\\0061ta\"(1), {long}(1)");
    let statement = ReadStatement::parse(&sql).unwrap();
    assert_eq!(statement.functions(), ["Quoted\"One", "data", "lower", "now", &"x".repeat(63)]);
}

/// The statements of the checks themselves: a check whose SQL the guard refuses would be NotMeasured everywhere.
#[test]
fn every_query_of_the_suites_and_of_the_fixtures_is_accepted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for suite in ["integrity", "monitoring", "perf", "recovery", "schema", "smoke"] {
        collect(&root.join("crates").join(suite).join("src"), &mut files);
    }
    collect(&root.join("fixtures/queries"), &mut files);
    collect(&root.join("fixtures/rules"), &mut files);
    assert!(!files.is_empty(), "no .sql file was found below {}", root.display());
    let refused: Vec<_> = files
        .iter()
        .filter_map(|path| {
            let text = filled_in(&std::fs::read_to_string(path).unwrap());
            // A file that does more than read says so: it belongs to an action, to a check on ephemeral databases, or to
            // what the command line granted.
            let purposes = ["-- runs: on an ephemeral database only", "-- runs: with a grant to write"];
            let writes = text.lines().any(|line| purposes.contains(&line.trim()));
            if writes { None } else { ReadStatement::parse(&text).err().map(|why| (path, why)) }
        })
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

/// `{table}` and the like are filled in by the check, with a quoted name or a value.
fn filled_in(text: &str) -> String {
    let mut pieces = text.split('{');
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.split_once('}') {
            Some((name, rest))
                if !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_') =>
            {
                whole += "\"a name\"";
                whole += rest;
            }
            _ => whole.extend(["{", piece]),
        }
    }
    whole
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            files.push(path);
        }
    }
}
