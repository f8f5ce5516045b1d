//! Readers on a real server: what they send, what they keep, and what the catalogue makes them refuse.

use std::time::Duration;

use harness::Database;
use runbook::check::CheckError;
use runbook::ephemeral::Ephemeral;
use runbook::live::Live;
use runbook::reader::{Opening, ReadLimits};
use runbook::statement::Refused;
use sqlx::postgres::PgArguments;

async fn execute(db: &Ephemeral, sql: &str) {
    db.execute(sql).await.unwrap();
}

async fn live(db: &Ephemeral, limits: ReadLimits) -> Live {
    Live::connect(db.url(), limits).await.unwrap()
}

fn limits() -> ReadLimits {
    ReadLimits {
        statement: Duration::from_secs(7),
        lock: Duration::from_secs(3),
        idle: Duration::from_secs(11),
    }
}

#[tokio::test]
async fn a_session_is_read_only_bounded_and_named() {
    let db = Database::empty().await.unwrap();
    let live = live(&db, limits()).await;
    let mut reader = live.reader().await.unwrap();
    for (setting, expected) in [
        ("transaction_read_only", "on"),
        ("default_transaction_read_only", "on"),
        ("transaction_isolation", "repeatable read"),
        ("statement_timeout", "7s"),
        ("lock_timeout", "3s"),
        ("idle_in_transaction_session_timeout", "11s"),
        ("standard_conforming_strings", "on"),
        ("application_name", "runbook"),
    ] {
        assert_eq!(reader.scalar::<String>(&format!("SHOW {setting}")).await.unwrap(), expected, "{setting}");
    }
}

#[tokio::test]
async fn only_what_the_service_would_ask_is_compiled() {
    let db = Database::empty().await.unwrap();
    execute(&db, "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET jit = on', current_database()); END$$")
        .await;
    let of_the_service = Opening { for_the_service: true, ..Opening::default() };
    for (opening, expected) in [(Opening::default(), "off"), (of_the_service, "on")] {
        let mut reader = db.reader_with(&opening).await.unwrap();
        assert_eq!(reader.scalar::<String>("SHOW jit").await.unwrap(), expected);
        assert!(reader.rows("SELECT 1 / 0", PgArguments::default()).await.is_err());
        assert_eq!(reader.scalar::<String>("SHOW jit").await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_session_that_was_executed_on_is_there_for_the_next_reader() {
    let db = Database::empty().await.unwrap();
    for number in 0..3 {
        execute(&db, &format!("CREATE TABLE used_{number} AS SELECT pg_backend_pid() AS pid")).await;
        let mut reader = db.reader().await.unwrap();
        let same = format!("SELECT pid = pg_backend_pid() FROM used_{number}");
        assert!(reader.scalar::<bool>(&same).await.unwrap(), "{number}");
    }
    assert_eq!(db.pool().size(), 1);
    // After an error too.
    assert!(db.execute("SELECT 1 / 0").await.unwrap_err().to_string().contains("division by zero"));
    execute(&db, "SELECT 1").await;
    assert_eq!(db.pool().size(), 1);
}

#[tokio::test]
async fn a_failed_statement_does_not_end_the_session_nor_move_its_snapshot() {
    let db = Database::empty().await.unwrap();
    execute(&db, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)").await;
    let mut reader = db.reader().await.unwrap();
    assert_eq!(reader.scalar::<i64>("SELECT count(*) FROM t").await.unwrap(), 1);
    execute(&db, "INSERT INTO t VALUES (2)").await;
    let error = reader.scalar::<i32>("SELECT 1 / (a - 1) FROM t").await.unwrap_err();
    assert!(error.to_string().contains("division by zero"), "{error}");
    assert!(reader.fetch::<(i32,)>("SELECT nothing FROM nowhere").await.is_err());
    assert_eq!(reader.scalar::<i64>("SELECT count(*) FROM t").await.unwrap(), 1, "the snapshot is the same");
}

#[tokio::test]
async fn a_statement_past_its_time_is_interrupted_and_the_session_goes_on() {
    let db = Database::empty().await.unwrap();
    let live = live(&db, limits()).await;
    // The first one asks the catalogue, which takes its time where the machine is busy.
    drop(live.reader().await.unwrap());
    let opening = Opening { statement: Some(Duration::from_millis(250)), ..Opening::default() };
    let mut reader = live.reader_with(&opening).await.unwrap();
    let error =
        reader.scalar::<i64>("SELECT count(*) FROM generate_series(1, 1000000000)").await.unwrap_err();
    assert!(matches!(error, CheckError::Interrupted(_)), "{error}");
    assert_eq!(reader.scalar::<i32>("SELECT 1").await.unwrap(), 1);
}

#[tokio::test]
async fn a_reader_gives_its_connection_back_without_a_transaction() {
    let db = Database::empty().await.unwrap();
    // More readers than the pool has connections, one after the other; then a write on the same pool.
    for _ in 0..12 {
        assert_eq!(db.reader().await.unwrap().scalar::<i32>("SELECT 1").await.unwrap(), 1);
    }
    for _ in 0..6 {
        execute(&db, "CREATE TABLE IF NOT EXISTS t (a int)").await;
        let mut connection = db.pool().acquire().await.unwrap();
        let read_only: String =
            sqlx::query_scalar("SHOW transaction_read_only").fetch_one(&mut *connection).await.unwrap();
        assert_eq!(read_only, "off");
    }
}

#[tokio::test]
async fn a_snapshot_can_be_exported_and_the_session_goes_on() {
    let db = Database::empty().await.unwrap();
    let mut reader = db.reader().await.unwrap();
    let snapshot = reader.export_snapshot().await.unwrap();
    assert!(!snapshot.is_empty());
    assert!(reader.fetch::<(i32,)>("SELECT nothing FROM nowhere").await.is_err());
    assert_eq!(reader.scalar::<i32>("SELECT 1").await.unwrap(), 1);
}

#[tokio::test]
async fn parameters_go_beside_the_text() {
    use sqlx::Arguments as _;

    let db = Database::empty().await.unwrap();
    let mut arguments = PgArguments::default();
    arguments.add("it's; DROP TABLE t").unwrap();
    let rows = db.reader().await.unwrap().fetch_with::<(String,)>("SELECT $1", arguments).await.unwrap();
    assert_eq!(rows, [("it's; DROP TABLE t".to_owned(),)]);
}

/// Where the server looks for a name without a schema in `pg_catalog` alone, a user's operator or function of that name is none
/// that it could take.
#[tokio::test]
async fn a_session_that_spells_out_is_barred_by_nobodys_namesakes() {
    let db = Database::empty().await.unwrap();
    execute(
        &db,
        "CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x');
         CREATE FUNCTION sly(int, int) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE ''called''; END';
         CREATE OPERATOR = (FUNCTION = sly, LEFTARG = int, RIGHTARG = int);
         CREATE OPERATOR pg_catalog.<#> (FUNCTION = sly, LEFTARG = int, RIGHTARG = int);
         CREATE FUNCTION upper(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE ''called''; END';
         CREATE FUNCTION b(t) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE ''called''; END'",
    )
    .await;
    let database: String =
        sqlx::query_scalar("SELECT current_database()").fetch_one(db.pool()).await.unwrap();
    execute(&db, &format!("ALTER DATABASE \"{database}\" SET search_path TO public, pg_catalog")).await;
    let live = live(&db, limits()).await;
    let mut reader = live.reader().await.unwrap();
    let refused = async |reader: &mut runbook::reader::Reader, sql: &str| {
        let error = reader.rows(sql, Default::default()).await.unwrap_err();
        let of_a_name = matches!(error, CheckError::Refused(Refused::Function(_) | Refused::Operator(_)));
        assert!(of_a_name, "{sql}: {error}");
    };
    let namesakes = ["SELECT a = 1 FROM public.t", "SELECT upper('x'::text)"];
    for sql in namesakes {
        refused(&mut reader, sql).await;
    }
    reader.spell_out(true).await.unwrap();
    for sql in namesakes {
        reader.rows(sql, Default::default()).await.unwrap();
    }
    for sql in [
        "SELECT 1 OPERATOR(public.=) 1",
        "SELECT 1 <#> 1",
        "SELECT public.upper('x')",
        "SELECT 1 OPERATOR(\"public\".=) 1",
    ] {
        refused(&mut reader, sql).await;
    }
    reader.spell_out(false).await.unwrap();
    refused(&mut reader, namesakes[0]).await;
    // What a statement that fails, or letting go, takes back is taken back here as well.
    reader.spell_out(true).await.unwrap();
    reader.rows("SELECT 1 / 0", Default::default()).await.unwrap_err();
    refused(&mut reader, namesakes[0]).await;
    reader.spell_out(true).await.unwrap();
    reader.release().await.unwrap();
    refused(&mut reader, namesakes[0]).await;
}

/// What the built-in list cannot know: functions, row functions and operators that users made.
#[tokio::test]
async fn what_a_user_made_volatile_or_of_its_owner_is_refused() {
    let db = Database::empty().await.unwrap();
    execute(
        &db,
        r#"
        CREATE TABLE t (a int);
        CREATE SCHEMA "Own";
        CREATE FUNCTION "Own"."Sly Count"() RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION owners() RETURNS int LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT 1';
        CREATE FUNCTION touch(t) RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION sly(int, int) RETURNS bool LANGUAGE sql AS 'SELECT true';
        CREATE OPERATOR <#> (FUNCTION = sly, LEFTARG = int, RIGHTARG = int);
        CREATE FUNCTION honest(int) RETURNS int LANGUAGE sql STABLE AS 'SELECT $1';
        CREATE FUNCTION lower(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
        CREATE FUNCTION lock(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
        "#,
    )
    .await;
    let live = live(&db, limits()).await;
    let mut reader = live.reader().await.unwrap();
    for sql in [
        "SELECT \"Own\".\"Sly Count\"()",
        "SELECT \"Own\" . \"Sly Count\" /* */ ()",
        "SELECT * FROM \"Own\".\"Sly Count\"()",
        "SELECT owners()",
        "SELECT public.owners()",
        "SELECT touch(t) FROM t",
        "SELECT t.touch FROM t",
        "SELECT (t).touch FROM t",
        "SELECT 1 <#> 2",
        "SELECT 1 OPERATOR(public.<#>) 2",
        "SELECT lower(1)",
        "SELECT lock(1)",
    ] {
        let error = reader.rows(sql, Default::default()).await.unwrap_err();
        assert!(
            matches!(error, CheckError::Refused(Refused::Function(_) | Refused::Operator(_))),
            "{sql}: {error}"
        );
    }
    for sql in [
        "SELECT honest(1)",
        "SELECT pg_catalog.lower('A')",
        "SELECT t.a, 1 <> 2 FROM t",
        "SELECT clock_timestamp(), random()",
    ] {
        reader.rows(sql, Default::default()).await.unwrap();
    }
}

/// The built-in list and the catalogue of a bare server agree: whatever is volatile there is refused or known.
#[tokio::test]
async fn every_volatile_function_of_a_bare_server_is_refused_or_known_to_be_harmless() {
    let db = Database::empty().await.unwrap();
    let mut reader = db.reader().await.unwrap();
    let names: Vec<(String,)> = reader
        .fetch(
            "SELECT DISTINCT proname::text FROM pg_catalog.pg_proc
             WHERE provolatile = 'v' AND prokind <> 'p' AND oid < 16384 ORDER BY 1",
        )
        .await
        .unwrap();
    assert!(names.len() > 100, "{}", names.len());
    let mut let_through = Vec::new();
    for (name,) in names {
        let sql = format!("SELECT \"{name}\"()");
        match reader.rows(&sql, Default::default()).await {
            Err(CheckError::Refused(_)) => {}
            // Not refused: it reaches the server, which knows no function of this name without arguments, or runs it.
            _ => let_through.push(name),
        }
    }
    let writers = [
        "reset",
        "advisory",
        "notify",
        "terminate",
        "cancel",
        "nextval",
        "setval",
        "lo_",
        "create",
        "drop",
        "switch",
    ];
    let wrong: Vec<_> = let_through
        .iter()
        .filter(|name| {
            writers.iter().any(|writer| name.starts_with(writer) || name.contains(&format!("_{writer}")))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(let_through.len() < 120, "{} functions are let through: {let_through:?}", let_through.len());
}

#[tokio::test]
async fn explain_analyze_runs_on_an_ephemeral_database_only() {
    let db = Database::empty().await.unwrap();
    let rows = db
        .analyze("EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT 1", Default::default())
        .await;
    assert!(!rows.unwrap().is_empty());
    let refused = db.reader().await.unwrap().rows("EXPLAIN ANALYZE SELECT 1", Default::default()).await;
    assert!(matches!(refused, Err(CheckError::Refused(Refused::Analyze(_)))));
}

#[tokio::test]
async fn a_database_without_the_mark_is_not_adopted() {
    let db = Database::empty().await.unwrap();
    let url = db.url().with_database("postgres").unwrap();
    let error = Ephemeral::adopt(url, limits()).await.unwrap_err().to_string();
    assert!(error.contains("is not an ephemeral database"), "{error}");
}

#[tokio::test]
async fn a_reader_after_the_other_has_the_same_session() {
    let db = Database::empty().await.unwrap();
    let mut sessions = std::collections::BTreeSet::new();
    for _ in 0..10 {
        let pid: i32 = db.reader().await.unwrap().scalar("SELECT pg_backend_pid()").await.unwrap();
        sessions.insert(pid);
    }
    assert_eq!(sessions.len(), 1, "{sessions:?}");
}
