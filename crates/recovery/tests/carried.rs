//! What no dump holds, or a restore spells anew, does not keep a rollback from ending with the database of before.

use harness::Database;
use rstest::rstest;
use runbook::verdict::Outcome;

use crate::support::{Folder, act, backup, context, databases, roll_back, rollback_plan, sql, witness};

/// `pg_dump` writes none of it into a dump, or the server prints it otherwise once it was read again.
#[rstest]
#[case::an_extension_of_an_older_version(
    "CREATE EXTENSION hstore VERSION '1.4'; CREATE TABLE t (h hstore); INSERT INTO t VALUES ('a=>1')"
)]
#[case::extensions_that_need_one_another_in_a_schema_of_their_own(
    "CREATE SCHEMA \"Ex; t\"; CREATE EXTENSION cube VERSION '1.4' SCHEMA \"Ex; t\"; CREATE EXTENSION earthdistance SCHEMA \"Ex; t\";
     CREATE EXTENSION citext VERSION '1.5' SCHEMA \"Ex; t\"; CREATE TABLE t (c \"Ex; t\".citext)"
)]
#[case::triggers_of_foreign_keys_that_are_off(
    "CREATE TABLE a (id int PRIMARY KEY, up int REFERENCES a DEFERRABLE, u int UNIQUE DEFERRABLE);
     CREATE TABLE \"b; c\" (a int CONSTRAINT \"it's\" REFERENCES a ON DELETE CASCADE);
     CREATE TABLE whole (k int, a int REFERENCES a) PARTITION BY LIST (k);
     CREATE TABLE part PARTITION OF whole FOR VALUES IN (1);
     INSERT INTO a VALUES (1, 1, 1); INSERT INTO \"b; c\" VALUES (1); INSERT INTO whole VALUES (1, 1);
     ALTER TABLE a DISABLE TRIGGER ALL; ALTER TABLE \"b; c\" DISABLE TRIGGER ALL; ALTER TABLE part DISABLE TRIGGER ALL"
)]
#[case::triggers_of_a_partitioned_table_that_are_off(
    "CREATE TABLE a (id int PRIMARY KEY);
     CREATE TABLE whole (k int, a int REFERENCES a) PARTITION BY LIST (k);
     CREATE TABLE part PARTITION OF whole FOR VALUES IN (1);
     ALTER TABLE whole DISABLE TRIGGER ALL"
)]
#[case::triggers_that_are_off_where_an_event_trigger_forbids_to_switch_them(
    "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a); ALTER TABLE b DISABLE TRIGGER ALL;
     CREATE FUNCTION never() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''not here''; END';
     CREATE EVENT TRIGGER e ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION never()"
)]
#[case::no_schema_public("DROP SCHEMA public; CREATE SCHEMA app; CREATE TABLE app.t (a int)")]
#[case::another_schema_public("DROP SCHEMA public; CREATE SCHEMA public; CREATE TABLE public.t (a int)")]
#[case::no_plpgsql("DROP EXTENSION plpgsql; CREATE TABLE t (a int)")]
#[case::conditions_on_arrays_of_arrays(
    "CREATE TABLE t (s varchar(9) CHECK (s = ANY (ARRAY[ARRAY['a'::varchar, 'b'], ARRAY['c,'::varchar, '(ARRAY[']])),
       f float8 CHECK (f = ANY (ARRAY[ARRAY[1, 2], ARRAY[3, 4.5]])), c \"char\" CHECK (c::varchar IN ('x', 'y')))"
)]
#[case::conditions_on_lists_wherever_they_stand(
    "CREATE TABLE t (a varchar(9), b int, g boolean GENERATED ALWAYS AS (a IN ('x', 'y')) STORED, CHECK (a NOT IN ('q', 'r')));
     CREATE INDEX i ON t (b) WHERE a IN ('x', 'y'); CREATE INDEX j ON t ((a IN ('x', 'y')));
     CREATE VIEW v AS SELECT * FROM t WHERE a IN ('x', 'y') AND a LIKE ANY (ARRAY['x%'::varchar, 'y']);
     CREATE POLICY p ON t USING (a IN ('x', 'y')); CREATE DOMAIN d AS varchar(3) CHECK (VALUE IN ('a', 'b'));
     CREATE STATISTICS st ON (a IN ('x', 'y')), b FROM t; CREATE RULE r AS ON UPDATE TO t WHERE OLD.a IN ('x', 'y') DO ALSO NOTHING;
     CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
     CREATE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW WHEN (NEW.a IN ('x', 'y')) EXECUTE FUNCTION f();
     CREATE FUNCTION at(x varchar) RETURNS boolean LANGUAGE sql BEGIN ATOMIC SELECT x IN ('p', 'q'); END"
)]
#[case::triggers_of_a_user_that_are_off_on_a_partition(
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
     CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
     CREATE TRIGGER tr AFTER INSERT ON p FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE p1 DISABLE TRIGGER tr"
)]
#[case::large_objects_with_grants(
    "SELECT lo_from_bytea(77, 'it''s'); GRANT SELECT ON LARGE OBJECT 77 TO pg_monitor; COMMENT ON LARGE OBJECT 77 IS 'x'"
)]
#[case::names_that_look_like_something_else(
    "CREATE SCHEMA \"pg; x\"; CREATE TABLE \"pg; x\".\"a b TABLE DATA c\" (\"{table}\" int, \"{columns}\" text);
     CREATE TABLE \"{columns} {table} {condition}\" (a int); INSERT INTO \"{columns} {table} {condition}\" VALUES (1);
     CREATE TABLE \"new\nline\" (a int); CREATE TABLE \"tab\tcr\r\" (\"a\nb\" int); CREATE TABLE \"%I %s\" (\"%\" int);
     CREATE TABLE \"ÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜÜ\" (a int)"
)]
#[tokio::test]
async fn it_comes_back(#[case] before: &str) {
    let db = Database::empty().await.unwrap();
    sql(&db, before).await;
    let folder = Folder::new();
    let context = context(&db, &folder);
    act(&context, "recovery.backup.create").await.unwrap();
    for id in ["recovery.backup.complete", "recovery.backup.restorable", "recovery.rollback.plan"] {
        let check = recovery::checks().into_iter().find(|check| check.id == id).unwrap();
        let verdict = check.run(&context).await;
        let fails = verdict.findings().iter().any(|found| found.is_error());
        assert!(!fails, "{id}: {verdict:?}");
    }
    sql(&db, "CREATE SCHEMA added").await;
    let verdict = act(&context, "recovery.rollback.restore").await.unwrap();
    assert_eq!(verdict.outcome(), Outcome::Pass, "{verdict:?}");
    let check = recovery::checks().into_iter().find(|check| check.id == "recovery.rollback.equal").unwrap();
    let verdict = check.run(&context).await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{verdict:?}");
}

#[tokio::test]
async fn it_comes_back_in_parts_that_are_restored_side_by_side() {
    let db = Database::empty().await.unwrap();
    sql(
        &db,
        "CREATE SCHEMA ext; CREATE EXTENSION hstore VERSION '1.4' SCHEMA ext; CREATE TABLE h (h ext.hstore);
         INSERT INTO h VALUES ('a=>1'); CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a);
         ALTER TABLE b DISABLE TRIGGER ALL",
    )
    .await;
    let folder = Folder::new();
    let before = witness(&db).await;
    let taken = backup(&db, &folder.path()).await;
    sql(&db, "ALTER EXTENSION hstore UPDATE; DROP TABLE b").await;
    let mut plan = rollback_plan(&db).await;
    plan.jobs = std::num::NonZeroU32::new(3).unwrap();
    plan.run(&db, &taken.0, &taken.1).await.unwrap();
    assert_eq!(witness(&db).await, before);
    let version: String = sqlx::query_scalar("SELECT extversion FROM pg_extension WHERE extname = 'hstore'")
        .fetch_one(db.pool())
        .await
        .unwrap();
    assert_eq!(version, "1.4");
}

/// A version that the server has no files of any more, as after an update of its packages.
#[tokio::test]
async fn an_extension_whose_version_is_gone_is_named_and_nothing_is_changed() {
    let db = Database::empty().await.unwrap();
    sql(&db, "CREATE EXTENSION hstore; UPDATE pg_extension SET extversion = '0.9' WHERE extname = 'hstore'")
        .await;
    let folder = Folder::new();
    let taken = backup(&db, &folder.path()).await;
    sql(&db, "CREATE TABLE deployed (x int)").await;
    let before = witness(&db).await;
    let error = roll_back(&db, &taken).await.unwrap_err().to_string();
    assert!(
        error.starts_with("the extension hstore stood at version 0.9, which the server has no files of"),
        "{error}"
    );
    assert_eq!((witness(&db).await, databases(&db).await), (before, 1));
}

#[tokio::test]
async fn one_of_everything_comes_back() {
    let db = Database::empty().await.unwrap();
    sql(&db, include_str!("../../migrations/tests/everything.sql")).await;
    let folder = Folder::new();
    let before = witness(&db).await;
    let taken = backup(&db, &folder.path()).await;
    sql(&db, "DROP TABLE parents CASCADE").await;
    let outcome = roll_back(&db, &taken).await.unwrap();
    assert!(outcome.losses.is_ok(), "{outcome:?}");
    assert_eq!(witness(&db).await, before);
}

/// A dump holds the rows of a table of an extension that the extension calls its configuration, and of no other one.
#[tokio::test]
async fn of_the_tables_of_an_extension_its_configuration_is_counted() {
    let db = Database::empty().await.unwrap();
    sql(
        &db,
        "CREATE EXTENSION hstore; CREATE TABLE t (a int);
         CREATE TABLE chosen (a int, own boolean); INSERT INTO chosen VALUES (1, true), (2, false);
         CREATE TABLE \"all of it\" (a int); INSERT INTO \"all of it\" VALUES (1), (2), (3);
         CREATE TABLE not_dumped (a int); CREATE SEQUENCE not_dumped_either; SELECT nextval('not_dumped_either');
         ALTER EXTENSION hstore ADD TABLE chosen; ALTER EXTENSION hstore ADD TABLE \"all of it\";
         ALTER EXTENSION hstore ADD TABLE not_dumped; ALTER EXTENSION hstore ADD SEQUENCE not_dumped_either;
         -- What pg_extension_config_dump does, which only the script of an extension may call.
         UPDATE pg_extension SET extconfig = ARRAY['chosen'::regclass, '\"all of it\"'::regclass]::oid[],
           extcondition = ARRAY['WHERE own', ''] WHERE extname = 'hstore'",
    )
    .await;
    let folder = Folder::new();
    let context = context(&db, &folder);
    let (_, manifest) = backup(&db, &folder.path()).await;
    let counted: Vec<_> =
        manifest.state.tables.iter().map(|table| (table.name.as_str(), table.rows)).collect();
    assert_eq!(counted, [("all of it", 3), ("chosen", 1), ("t", 0)]);
    assert_eq!(manifest.state.sequences, []);
    let check = recovery::checks().into_iter().find(|check| check.id == "recovery.backup.complete").unwrap();
    let verdict = check.run(&context).await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{verdict:?}");
}

#[tokio::test]
async fn a_dump_of_tables_whose_owner_has_spaces_in_its_name_is_complete() {
    let db = Database::empty().await.unwrap();
    let database = db.url().connect_options().get_database().unwrap().to_owned();
    let role = format!("a b {}", &database[database.len() - 12..]);
    sql(
        &db,
        &format!(
            "CREATE ROLE \"{role}\"; CREATE TABLE t (a int); CREATE TABLE \"t a\" (a int);
             ALTER TABLE t OWNER TO \"{role}\"; ALTER TABLE \"t a\" OWNER TO \"{role}\""
        ),
    )
    .await;
    let folder = Folder::new();
    let context = context(&db, &folder);
    backup(&db, &folder.path()).await;
    let check = recovery::checks().into_iter().find(|check| check.id == "recovery.backup.complete").unwrap();
    let verdict = check.run(&context).await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{verdict:?}");
    sql(&db, &format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\"")).await;
}
