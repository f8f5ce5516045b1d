//! Views and other things that stand on what is altered: they are dropped before and made anew after, with all that is true
//! of them.

use harness::Database;
use migrations::catalogue::{Catalogue, script};
use rstest::rstest;

use crate::mend::{agree, each_is_told_whole, execute, read, run};

/// Views upon views, none in the order of their names, and one of each thing that a table has a column in.
const STACKED: &str = r#"
    CREATE SCHEMA "o""dd Ünï";
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TABLE ground (id bigint PRIMARY KEY, "co""de, x" varchar(20) DEFAULT 'x', n integer, twice integer GENERATED ALWAYS AS (n * 2) STORED);
    CREATE TABLE heirs () INHERITS (ground);
    CREATE INDEX by_twice ON ground (twice);
    ALTER TABLE ground ADD CONSTRAINT even CHECK (twice % 2 = 0);
    CREATE STATISTICS of_twice ON n, twice FROM ground;
    COMMENT ON COLUMN ground.twice IS 'two';
    GRANT SELECT (twice) ON ground TO pg_monitor;
    CREATE POLICY own ON ground USING ("co""de, x" <> 'it''s');
    CREATE PUBLICATION pub FOR TABLE ONLY ground (id, "co""de, x") WHERE ("co""de, x" <> 'it''s');
    CREATE TRIGGER touched BEFORE UPDATE OF "co""de, x" ON ground FOR EACH ROW EXECUTE FUNCTION touch();
    CREATE VIEW z_first WITH (security_barrier = true) AS SELECT id, "co""de, x" AS code, n FROM ground;
    ALTER VIEW z_first ALTER COLUMN n SET DEFAULT 7;
    GRANT SELECT ON z_first TO pg_monitor WITH GRANT OPTION;
    GRANT UPDATE (n) ON z_first TO pg_read_all_stats;
    COMMENT ON VIEW z_first IS 'it''s; first';
    COMMENT ON COLUMN z_first.code IS 'c';
    CREATE TRIGGER instead INSTEAD OF INSERT ON z_first FOR EACH ROW EXECUTE FUNCTION touch();
    CREATE MATERIALIZED VIEW m_second AS SELECT code, count(*) AS many FROM z_first GROUP BY code;
    CREATE UNIQUE INDEX m_by_code ON m_second (code);
    CREATE VIEW "o""dd Ünï"."Üb""er" AS SELECT m.code FROM m_second m;
    ALTER VIEW "o""dd Ünï"."Üb""er" OWNER TO pg_monitor;
    CREATE VIEW a_last AS SELECT u.code, to_jsonb(g.*) AS whole FROM "o""dd Ünï"."Üb""er" u, ground g;
    CREATE VIEW apart AS SELECT id FROM heirs"#;

#[rstest]
#[case::its_type(
    r#"DROP VIEW z_first CASCADE; DROP PUBLICATION pub; DROP POLICY own ON ground; DROP TRIGGER touched ON ground;
    ALTER TABLE ground ALTER "co""de, x" TYPE text; REST"#
)]
#[case::its_type_and_default(r#"DROP VIEW z_first CASCADE; DROP PUBLICATION pub; DROP POLICY own ON ground; DROP TRIGGER touched ON ground;
    ALTER TABLE ground ALTER "co""de, x" DROP DEFAULT, ALTER "co""de, x" TYPE integer USING 1, ALTER "co""de, x" SET DEFAULT 5;
    CREATE VIEW z_first AS SELECT id, "co""de, x" AS code FROM ground"#)]
#[case::gone(r#"DROP VIEW z_first CASCADE; ALTER TABLE ground DROP COLUMN "co""de, x" CASCADE; CREATE VIEW z_first AS SELECT id FROM ground"#)]
#[case::the_table_gone("DROP TABLE ground CASCADE; CREATE VIEW z_first AS SELECT 1 AS id")]
#[case::a_view_of_fewer_columns(
    "DROP VIEW z_first CASCADE; CREATE VIEW z_first AS SELECT id FROM ground; CREATE VIEW a_last AS SELECT id FROM z_first"
)]
#[case::views_alone("DROP VIEW z_first CASCADE")]
#[case::a_view_becomes_a_table(
    "DROP VIEW z_first CASCADE; CREATE TABLE z_first (id bigint); CREATE VIEW a_last AS SELECT id FROM z_first"
)]
#[case::what_is_generated(
    "ALTER TABLE ground DROP COLUMN twice CASCADE; ALTER TABLE ground ADD COLUMN twice integer GENERATED ALWAYS AS (n * 4) STORED;
     CREATE INDEX by_twice ON ground (twice); ALTER TABLE ground ADD CONSTRAINT even CHECK (twice % 2 = 0);
     CREATE STATISTICS of_twice ON n, twice FROM ground; COMMENT ON COLUMN ground.twice IS 'two'; GRANT SELECT (twice) ON ground TO pg_monitor"
)]
#[case::the_type_of_what_is_generated("ALTER TABLE ground ALTER twice TYPE bigint")]
#[case::what_the_owner_may(
    "REVOKE DELETE ON ground FROM CURRENT_USER; REVOKE ALL ON heirs FROM CURRENT_USER"
)]
#[case::statistics(
    "DROP STATISTICS of_twice; CREATE STATISTICS of_twice (ndistinct) ON id, n FROM ground; ALTER STATISTICS of_twice SET STATISTICS 7; COMMENT ON STATISTICS of_twice IS 's'"
)]
#[case::statistics_of_expressions(
    "CREATE STATISTICS \"o\"\"dd Ünï\".\"st,at\" ON (n + 1), (lower(\"co\"\"de, x\")) FROM ground; ALTER STATISTICS of_twice OWNER TO pg_monitor; ALTER STATISTICS of_twice RENAME TO other"
)]
#[tokio::test]
async fn what_stands_on_a_column_is_made_anew_both_ways(#[case] change: &str) {
    let db = Database::made(&[STACKED]).await.unwrap();
    let before = read(&db).await;
    execute(&db, &change.replace("REST", &rest())).await;
    let after = read(&db).await;
    let (back, forth) = (Catalogue::diff(&before, &after), Catalogue::diff(&after, &before));
    assert!(!back.is_empty());
    for (differences, wanted) in [(&back, &before), (&forth, &after)] {
        each_is_told_whole(differences);
        run(&db, &script(differences)).await;
        agree(wanted, &read(&db).await, &script(differences));
    }
}

/// All that is made from the first view on.
fn rest() -> String {
    STACKED[STACKED.find("CREATE POLICY").unwrap()..STACKED.find("CREATE VIEW apart").unwrap()].to_owned()
}

/// Without comparing rights, none are known that could be granted again: that is said.
#[tokio::test]
async fn a_view_that_is_made_anew_where_rights_are_not_compared_says_so() {
    let db = Database::made(&[STACKED]).await.unwrap();
    let before = read(&db).await.without_access();
    execute(&db, "DROP VIEW z_first CASCADE; ALTER TABLE ground DROP COLUMN twice, ALTER n TYPE bigint; CREATE VIEW z_first AS SELECT n FROM ground").await;
    let differences = Catalogue::diff(&read(&db).await.without_access(), &before);
    let column = differences.iter().find(|one| one.subject() == "table ground, column n").unwrap();
    let said = "view z_first is made anew, and its owner and rights were not compared: grant them again";
    assert_eq!(column.by_hand(), Some(said), "{column:?}");
    // Those of one column stand in the order in which they can be run, too.
    let drops: Vec<&str> = column.statements().filter(|statement| statement.starts_with("DROP")).collect();
    let expected = [
        "DROP VIEW a_last",
        "DROP VIEW \"o\"\"dd Ünï\".\"Üb\"\"er\"",
        "DROP MATERIALIZED VIEW m_second",
        "DROP VIEW z_first",
    ];
    assert_eq!(drops, expected);
}
