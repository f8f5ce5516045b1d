//! What a database, a role or a user's own objects set up around the comparison does not change its answer.

use harness::Database;
use rstest::rstest;

use crate::support::{Folder, backup, programs, roll_back, sql, try_backup};

const VALUES: &str = "CREATE TABLE printed (f float8, b bytea, i interval, t timestamptz, d date);
    INSERT INTO printed VALUES (0.30000000000000004, '\\x00ff', '1 mon 2 days 03:04', '2026-01-02 03:04:05+00', '2026-02-03')";

const SPELLINGS: [(&str, &str); 5] = [
    ("bytea_output", "escape"),
    ("intervalstyle", "iso_8601"),
    ("datestyle", "German, DMY"),
    ("extra_float_digits", "-15"),
    ("timezone", "Asia/Kathmandu"),
];

fn name(db: &Database) -> String {
    db.url().connect_options().get_database().unwrap().to_owned()
}

/// Has the next sessions of the database begin with these settings.
async fn set(db: &Database, settings: &[(&str, &str)]) {
    for (setting, value) in settings {
        sql(db, &format!("ALTER DATABASE \"{}\" SET {setting} TO '{value}'", name(db))).await;
    }
    recovery::rollback::close_idle(db.pool()).await;
}

#[tokio::test]
async fn a_row_is_the_same_however_a_session_would_print_it() {
    let db = Database::empty().await.unwrap();
    sql(&db, VALUES).await;
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    set(&db, &SPELLINGS).await;
    let outcome = roll_back(&db, &taken).await.unwrap();
    assert_eq!(outcome.losses.unwrap(), []);

    // The same the other way round, and the manifest does not depend on it either.
    set(&db, &SPELLINGS).await;
    let again = Folder::new();
    let other = backup(&db, &again.path()).await;
    assert_eq!(other.1.state, taken.1.state);
    sql(&db, &format!("ALTER DATABASE \"{}\" RESET ALL", name(&db))).await;
    recovery::rollback::close_idle(db.pool()).await;
    assert_eq!(roll_back(&db, &other).await.unwrap().losses.unwrap(), []);
}

#[tokio::test]
async fn a_change_that_a_session_would_not_print_is_a_loss() {
    let db = Database::empty().await.unwrap();
    sql(&db, VALUES).await;
    set(&db, &SPELLINGS).await;
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    sql(&db, "UPDATE printed SET f = 0.3").await;
    let losses = roll_back(&db, &taken).await.unwrap().losses.unwrap();
    let told: Vec<_> = losses.iter().map(|loss| (loss.table.as_str(), loss.lost, loss.returned)).collect();
    assert_eq!(told, [("public.printed", 1, 1)]);
}

/// Money is written by the rules of a country, and read by them: a dump holds what the database's sessions wrote. What the
/// machine has no rules of is tried with its own.
#[tokio::test]
async fn money_is_the_same_by_the_rules_of_any_country() {
    let db = Database::empty().await.unwrap();
    sql(&db, "CREATE TABLE paid (m money); INSERT INTO paid VALUES (1234.56), (-7), (NULL)").await;
    let mut hashes = Vec::new();
    for locale in ["C", "C.UTF-8", "de_DE.UTF-8", "ja_JP.UTF-8", "en_US.UTF-8"] {
        if db.execute(&format!("SET lc_monetary TO '{locale}'; RESET lc_monetary")).await.is_err() {
            continue;
        }
        set(&db, &[("lc_monetary", locale)]).await;
        let folder = Folder::new();
        let taken = backup(&db, &folder.path()).await;
        let (context, programs) = (crate::support::context(&db, &folder), programs(&db).await);
        let rehearsed = recovery::rehearsal::rehearse(&context, &programs, &taken.0, Some(&taken.1));
        let rehearsed = rehearsed.await.unwrap();
        assert_eq!(
            (rehearsed.failure.as_deref(), rehearsed.differences.as_deref()),
            (None, Some(&[][..])),
            "{locale}"
        );
        // The deployment takes it away, and a rollback brings it back.
        set(&db, &[("lc_monetary", "C")]).await;
        assert_eq!(roll_back(&db, &taken).await.unwrap().losses.unwrap(), [], "{locale}");
        sql(&db, "UPDATE paid SET m = m + m WHERE m > '0'::money").await;
        let losses = roll_back(&db, &taken).await.unwrap().losses.unwrap();
        let told: Vec<_> = losses.iter().map(|loss| (loss.lost, loss.returned)).collect();
        assert_eq!(told, [(1, 1)], "{locale}");
        hashes.push(taken.1.state.tables[0].hash.clone());
        sql(&db, &format!("ALTER DATABASE \"{}\" RESET ALL", name(&db))).await;
        recovery::rollback::close_idle(db.pool()).await;
    }
    hashes.dedup();
    assert_eq!(hashes.len(), 1);
}

/// On a machine with the rules of no country as well.
#[tokio::test]
async fn a_copy_reads_money_as_the_dump_wrote_it_and_is_compared_by_rules_of_its_own() {
    let db = Database::empty().await.unwrap();
    set(&db, &[("lc_monetary", "POSIX")]).await;
    let mut reader = db.reader().await.unwrap();
    reader.spell_out(true).await.unwrap();
    let shown: String = reader.scalar("SHOW lc_monetary").await.unwrap();
    assert_eq!(shown, "C");
    reader.spell_out(false).await.unwrap();
    let shown: String = reader.scalar("SHOW lc_monetary").await.unwrap();
    assert_eq!(shown, "POSIX");
    drop(reader);
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    let mut plan = crate::support::rollback_plan(&db).await;
    // What the sessions of the restore would begin with.
    let script = "psql=$(dirname \"$REAL\")/psql; for last; do case \"$last\" in dbname=*) \"$psql\" -XAtc 'SHOW lc_monetary' \
        \"$last\" > \"$HERE/shown\";; esac; done; exec \"$REAL\" \"$@\"";
    plan.programs = crate::support::with_script(&plan.programs, folder.beside(), "pg_restore", script);
    plan.run(&db, &taken.0, &taken.1).await.unwrap();
    assert_eq!(crate::support::written(&folder.beside().join("shown")).await, "POSIX\n");
}

/// Each namesake would say something else than the server's own, if it were asked.
#[rstest]
#[case::of_what_hashes("hashtextextended(text, bigint)", "bigint", "SELECT 1::bigint")]
#[case::of_what_writes_names("format(text, name, name)", "text", "SELECT ''now here''::text")]
#[case::of_what_quotes("quote_ident(name)", "text", "SELECT ''x''::text")]
#[case::of_what_prints_types("format_type(oid, integer)", "text", "SELECT ''x''::text")]
#[tokio::test]
async fn a_function_named_like_the_servers_misleads_nothing(
    #[case] function: &str,
    #[case] returns: &str,
    #[case] body: &str,
) {
    let db = Database::empty().await.unwrap();
    sql(&db, "CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (2, 'y'); CREATE SEQUENCE s")
        .await;
    sql(&db, &format!("CREATE FUNCTION {function} RETURNS {returns} IMMUTABLE LANGUAGE sql AS '{body}'"))
        .await;
    sql(&db, &format!("ALTER DATABASE \"{}\" SET search_path TO public, pg_catalog", name(&db))).await;
    recovery::rollback::close_idle(db.pool()).await;
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    sql(&db, "UPDATE t SET b = 'z' WHERE a = 2").await;
    let losses = roll_back(&db, &taken).await.unwrap().losses.unwrap();
    let told: Vec<_> = losses.iter().map(|loss| (loss.table.as_str(), loss.lost, loss.returned)).collect();
    assert_eq!(told, [("public.t", 1, 1)]);
}

#[tokio::test]
async fn operators_named_like_the_servers_mislead_nothing() {
    let db = Database::empty().await.unwrap();
    sql(
        &db,
        "CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x');
         CREATE FUNCTION never(name, text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT false';
         CREATE FUNCTION never(bigint, bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS 'SELECT 0::bigint';
         CREATE OPERATOR <> (FUNCTION = never, LEFTARG = name, RIGHTARG = text);
         CREATE OPERATOR !~ (FUNCTION = never, LEFTARG = name, RIGHTARG = text);
         CREATE OPERATOR & (FUNCTION = never, LEFTARG = bigint, RIGHTARG = bigint)",
    )
    .await;
    sql(&db, &format!("ALTER DATABASE \"{}\" SET search_path TO public, pg_catalog", name(&db))).await;
    recovery::rollback::close_idle(db.pool()).await;
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    assert_eq!(taken.1.state.tables.len(), 1);
    sql(&db, "UPDATE t SET b = 'z'").await;
    let losses = roll_back(&db, &taken).await.unwrap().losses.unwrap();
    assert_eq!(losses.len(), 1, "{losses:?}");
}

/// The guard of reading sessions refuses a statement that could call one of these: it may do anything.
#[rstest]
#[case::of_what_hashes("hashtextextended(text, bigint)", "bigint", "SELECT 1::bigint")]
#[case::of_what_counts_values("num_nonnulls(integer)", "integer", "SELECT 1")]
#[tokio::test]
async fn a_volatile_function_named_like_the_servers_does_not_block_a_backup(
    #[case] function: &str,
    #[case] returns: &str,
    #[case] body: &str,
) {
    let db = Database::empty().await.unwrap();
    sql(&db, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)").await;
    sql(&db, &format!("CREATE FUNCTION {function} RETURNS {returns} LANGUAGE sql AS '{body}'")).await;
    recovery::rollback::close_idle(db.pool()).await;
    let folder = Folder::new();
    let taken = try_backup(&db, &folder.path(), programs(&db).await).await.unwrap();
    sql(&db, "UPDATE t SET a = 2").await;
    let losses = roll_back(&db, &taken).await.unwrap().losses.unwrap();
    assert_eq!(losses.len(), 1, "{losses:?}");
}

/// Whatever a service has set for its own sessions.
#[rstest]
#[case::what_is_written(&[("client_encoding", "LATIN1"), ("quote_all_identifiers", "on"), ("xmloption", "document"),
    ("standard_conforming_strings", "off"), ("array_nulls", "off"), ("transform_null_equals", "on")])]
#[case::what_may_be_done(&[("default_transaction_read_only", "on"), ("default_transaction_isolation", "serializable"),
    ("default_transaction_deferrable", "on"), ("session_replication_role", "replica"), ("row_security", "off")])]
#[case::how_long_it_may_take(&[("statement_timeout", "500ms"), ("lock_timeout", "500ms"),
    ("idle_in_transaction_session_timeout", "1ms"), ("idle_session_timeout", "1s")])]
#[case::how_it_is_planned(&[("constraint_exclusion", "on"), ("enable_seqscan", "off"), ("enable_hashagg", "off")])]
#[tokio::test]
async fn settings_of_the_database_stand_in_nobodys_way(#[case] settings: &[(&str, &str)]) {
    let db = Database::empty().await.unwrap();
    sql(
        &db,
        "CREATE TABLE \"Š\" (a text DEFAULT E'\\\\x', x xml, CHECK (a <> 'ω')); INSERT INTO \"Š\" VALUES ('Š \\ ω', '<a/>'), (NULL, 'x<b/>');
         CREATE TABLE other (a int)",
    )
    .await;
    set(&db, settings).await;
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    sql(&db, "BEGIN READ WRITE; UPDATE \"Š\" SET a = 'ω!' WHERE a IS NOT DISTINCT FROM NULL; DROP TABLE other; COMMIT").await;
    let losses = roll_back(&db, &taken).await.unwrap().losses.unwrap();
    let told: Vec<_> = losses.iter().map(|loss| (loss.table.as_str(), loss.lost, loss.returned)).collect();
    assert_eq!(told, [("public.\"Š\"", 1, 1)]);
    let mut reader = db.reader().await.unwrap();
    assert_eq!(recovery::state::State::read(&mut reader).await.unwrap(), taken.1.state);
}
