//! Statements whose doing would leave the copy: none is executed, nothing stays, and the rest is measured as always.

use harness::Database;
use rstest::rstest;
use schema::hazards::measure::{Measured, measure};
use schema::hazards::{Class, judge};

use super::{errors, script, small, told};

/// Measures on copies, beside what roles and settings of roles the server had before and has afterwards.
async fn measured(text: &str) -> Measured {
    let db = Database::empty().await.unwrap();
    let context = db.context();
    let script = script(text);
    let plan = schema::hazards::measure::Plan { victims: true, ..small(&context, &script) };
    let measured = measure(&context, &script, &plan).await.unwrap();
    let mut reader = context.reader().await.unwrap();
    // Other tests use the server too: what is ours is known by its name.
    let left: String = reader
        .scalar(
            "SELECT coalesce(pg_catalog.string_agg(x.name, ', '), '') FROM (\
             SELECT r.rolname::text AS name FROM pg_catalog.pg_roles AS r WHERE r.rolname LIKE 'outside\\_%' \
             UNION ALL SELECT s.setconfig::text FROM pg_catalog.pg_db_role_setting AS s \
             WHERE s.setconfig::text LIKE '%outside.%' \
             UNION ALL SELECT s.subname::text FROM pg_catalog.pg_subscription AS s WHERE s.subname LIKE 'outside\\_%') AS x",
        )
        .await
        .unwrap();
    assert_eq!(left, "", "{text}");
    measured
}

fn lines(measured: &Measured) -> Vec<usize> {
    measured.unmeasured.iter().map(|one| one.line).collect()
}

#[tokio::test]
async fn a_migration_that_makes_a_role_is_measured_but_for_what_is_about_the_role() {
    let text = "CREATE ROLE outside_reader;
        ALTER ROLE outside_reader SET outside.x = '1';
        CREATE INDEX ix_projects_customer ON projects (customer);
        GRANT SELECT ON projects TO outside_reader;
        GRANT outside_reader TO pg_monitor;
        ALTER ROLE pg_monitor SET outside.x = '1';
        CREATE TABLE notes (id integer PRIMARY KEY);
        SET ROLE outside_reader;";
    let measured = measured(text).await;
    assert_eq!(measured.refused, None);
    assert_eq!(lines(&measured), [1, 2, 4, 5, 6, 8]);
    assert!(measured.unmeasured[0].why.starts_with("it is about roles"), "{:?}", measured.unmeasured);
    assert!(measured.unmeasured[2].why.starts_with("it names a role"), "{:?}", measured.unmeasured);
    assert_eq!(measured.classes(harness::settings().hazards.budget), [Class::Stall]);
    let ran: Vec<usize> = measured.effects.iter().map(|effect| effect.statement).collect();
    assert_eq!(ran, [2, 6]);
    assert_eq!(measured.victims.unwrap().refused, None);
}

#[rstest]
#[case::in_a_text_that_no_parser_sees(
    "DO $$ BEGIN EXECUTE pg_catalog.reverse('redaer_edistuo ELOR ETAERC'); END $$;
     ALTER TABLE projects ADD COLUMN x integer;",
    &[1]
)]
#[case::in_a_function_that_it_makes(
    "CREATE FUNCTION make() RETURNS void LANGUAGE plpgsql AS 'BEGIN CREATE ROLE outside_maker; END';
     SELECT make();
     ALTER TABLE projects ADD COLUMN x integer;",
    &[2]
)]
#[case::behind_an_exception(
    "DO $$ BEGIN EXECUTE pg_catalog.reverse('redaer_edistuo ELOR ETAERC'); EXCEPTION WHEN duplicate_object THEN NULL; END $$;
     ALTER TABLE projects ADD COLUMN x integer;",
    &[1]
)]
#[case::a_setting_of_a_role(
    "DO $$ BEGIN EXECUTE pg_catalog.reverse('''1'' = x.edistuo TES RESU_TNERRUC ELOR RETLA'); END $$;",
    &[1]
)]
#[case::a_right_to_a_database(
    "DO $$ BEGIN EXECUTE pg_catalog.format(pg_catalog.reverse('rotinom_gp OT I% ESABATAD NO TCENNOC TNARG'), current_database()); END $$;",
    &[1]
)]
#[case::in_a_procedure_that_commits(
    "-- no-transaction\nCREATE PROCEDURE make() LANGUAGE plpgsql AS 'BEGIN CREATE ROLE outside_maker; COMMIT; END';
     CALL make();",
    &[3]
)]
#[case::in_a_block_that_commits(
    "-- no-transaction\nDO $$ DECLARE r text; BEGIN r := reverse('redaer_edistuo ELOR ETAERC'); EXECUTE r; COMMIT; END $$;",
    &[2]
)]
#[case::a_subscription("-- no-transaction\nCREATE SUBSCRIPTION outside_s CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p;", &[2])]
#[tokio::test]
async fn what_the_text_hides_is_undone_and_said(#[case] text: &str, #[case] unmeasured: &[usize]) {
    let measured = measured(text).await;
    assert_eq!(measured.refused, None);
    assert_eq!(lines(&measured), unmeasured);
    assert_eq!(measured.effects.len() + unmeasured.len(), script(text).statements.len());
}

#[tokio::test]
async fn a_role_of_the_target_that_is_not_here_is_no_refusal_by_rows() {
    let text = "GRANT SELECT ON projects TO outside_nobody;
        ALTER TABLE projects OWNER TO outside_nobody;
        CREATE POLICY p ON projects TO outside_nobody USING (true);
        ALTER DEFAULT PRIVILEGES FOR ROLE outside_nobody GRANT SELECT ON TABLES TO outside_nobody;
        SET LOCAL ROLE 'outside_nobody';";
    let measured = measured(text).await;
    assert_eq!((measured.refused.clone(), lines(&measured)), (None, vec![1, 2, 3, 4, 5]));
    let script = script(text);
    let settings = harness::settings();
    let judged = judge(&script, told(&settings, &script), &measured, &settings.hazards).unwrap();
    assert!(!errors(&judged.found).contains(&"rows-refuse"), "{:?}", judged.found);
}

/// What we ask between the statements is in the way of none of them.
#[rstest]
#[case::the_transaction_is_set("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; ALTER TABLE projects ADD COLUMN x integer;", &[])]
#[case::after_another_setting(
    "SET LOCAL lock_timeout = '1s'; SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; CREATE ROLE outside_x; \
     GRANT SELECT ON projects TO outside_x; ALTER TABLE projects ADD COLUMN x integer;",
    &[1, 1]
)]
#[case::prepared_statements_are_dropped("DEALLOCATE ALL; RESET ALL; ALTER TABLE projects ADD COLUMN x integer;", &[])]
#[tokio::test]
async fn what_is_set_up_is_no_refusal(#[case] text: &str, #[case] unmeasured: &[usize]) {
    let measured = measured(text).await;
    assert_eq!((measured.refused.clone(), lines(&measured)), (None, unmeasured.to_vec()));
    assert_eq!(measured.effects.len() + unmeasured.len(), script(text).statements.len());
}

#[tokio::test]
async fn what_really_cannot_be_run_is_still_refused() {
    let measured =
        measured("CREATE ROLE outside_x;\nALTER TABLE projects ALTER COLUMN customer SET NOT NULL;").await;
    assert_eq!(measured.refused.clone().unwrap().line, 2);
    assert_eq!(lines(&measured), [1]);
}

/// A measurement clears what a rule only suspects, and nothing that was not executed.
#[tokio::test]
async fn what_was_not_executed_is_not_cleared() {
    let text = "DO $$ BEGIN CREATE ROLE outside_y; CREATE INDEX i ON projects (customer); END $$;";
    let measured = measured(text).await;
    let script = script(text);
    let settings = harness::settings();
    let found = told(&settings, &script);
    let judged = judge(&script, found.clone(), &measured, &settings.hazards).unwrap();
    assert_eq!(errors(&judged.found), errors(&found));
    assert!(errors(&found).contains(&"index-not-concurrent"), "{found:?}");
}
