//! Settings and rights of the database itself, and what is taken for a secret.

use harness::Database;
use migrations::catalogue::{Catalogue, Difference, script};
use rstest::rstest;
use runbook::ephemeral::Ephemeral;

use crate::mend::{agree, each_is_told_whole, execute, run};

async fn whole(db: &Ephemeral) -> Catalogue {
    Catalogue::read_whole(&mut db.reader().await.unwrap(), &["public".to_owned()]).await.unwrap()
}

/// `%I` is the database.
async fn on(db: &Ephemeral, changes: &[&str]) {
    for change in changes {
        let change = change.replace('\'', "''");
        execute(db, &format!("DO $do$ BEGIN EXECUTE format('{change}', current_database()); END $do$")).await;
    }
}

#[rstest]
#[case::settings(&[
    "ALTER DATABASE %I SET work_mem = '64MB'", "ALTER DATABASE %I SET \"TimeZone\" = 'Europe/Berlin'",
    "ALTER DATABASE %I SET search_path = public, \"$user\", \"a, b\"", "ALTER DATABASE %I SET application_name = 'it''s 50%% \"x\" $itself$ \\ y'",
    "ALTER DATABASE %I SET my.\"own_Value\" = ''",
])]
#[case::an_empty_search_path(&["ALTER DATABASE %I SET search_path = ''"])]
#[case::settings_of_a_role_here(&[
    "ALTER ROLE CURRENT_USER IN DATABASE %I SET work_mem = '1MB'", "ALTER DATABASE %I SET work_mem = '2MB'",
])]
#[case::rights(&[
    "REVOKE ALL ON DATABASE %I FROM PUBLIC", "GRANT CONNECT ON DATABASE %I TO pg_monitor",
    "GRANT CREATE, TEMPORARY ON DATABASE %I TO pg_read_all_stats WITH GRANT OPTION",
])]
#[case::one_right_less(&["REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC"])]
#[case::the_owners_own(&["REVOKE CREATE ON DATABASE %I FROM CURRENT_USER"])]
#[case::a_comment(&["COMMENT ON DATABASE %I IS 'it''s 100%% \"mine\"'"])]
#[tokio::test]
async fn what_is_true_of_the_database_is_mended_both_ways(#[case] changes: &[&str]) {
    let db = Database::empty().await.unwrap();
    let before = whole(&db).await;
    on(&db, changes).await;
    let after = whole(&db).await;
    let (back, forth) = (Catalogue::diff(&before, &after), Catalogue::diff(&after, &before));
    assert!(!back.is_empty());
    for (differences, wanted) in [(&back, &before), (&forth, &after)] {
        each_is_told_whole(differences);
        assert!(
            differences.iter().all(|one| one.subject().starts_with("database itself, ")),
            "{differences:?}"
        );
        run(&db, &script(differences)).await;
        agree(wanted, &whole(&db).await, &script(differences));
    }
    // A copy has none of them, and says nothing of them.
    let copy = Catalogue::read(&mut db.reader().await.unwrap(), &["public".to_owned()]).await.unwrap();
    assert_eq!(copy, after.without_database());
}

/// A session may set a list that no statement could write, and keep it.
#[tokio::test]
async fn a_search_path_adds_no_statement_to_what_mends_it() {
    let db = Database::empty().await.unwrap();
    let before = whole(&db).await;
    let keep = "ALTER DATABASE %I SET search_path FROM CURRENT";
    execute(
        &db,
        &format!(
            "CREATE TABLE t (); SELECT set_config('search_path', 'x;DROP/**/TABLE/**/public.t', false); \
             DO $do$ BEGIN EXECUTE format('{keep}', current_database()); END $do$; RESET search_path"
        ),
    )
    .await;
    let after = whole(&db).await;
    on(&db, &["ALTER DATABASE %I RESET search_path"]).await;
    let differences = Catalogue::diff(&after, &before);
    let statements = script(&differences);
    assert!(statements.iter().any(|statement| statement.contains("DROP/**/TABLE")), "{statements:?}");
    run(&db, &statements[statements.len() - 1..]).await;
    execute(&db, "SELECT FROM public.t").await;
}

/// What stands for a secret is never written.
#[tokio::test]
async fn a_secret_is_left_to_a_person() {
    let db = Database::empty().await.unwrap();
    execute(
        &db,
        r"CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host 'a\b', api_key 'hunter2');
        CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (plain 'p', password 'hunter2');
        CREATE FOREIGN TABLE f (a integer OPTIONS (secret 'hunter2', b 'c')) SERVER s OPTIONS (token 'hunter2')",
    )
    .await;
    on(&db, &["ALTER DATABASE %I SET app.jwt_secret = 'hunter2'"]).await;
    let with = whole(&db).await;
    assert!(!with.text().contains("hunter2"), "{}", with.text());
    let secrets = "ALTER USER MAPPING FOR PUBLIC SERVER s OPTIONS (SET plain 'q', DROP password);
        ALTER SERVER s OPTIONS (DROP api_key, SET host 'c'); ALTER FOREIGN TABLE f OPTIONS (DROP token)";
    execute(&db, secrets).await;
    on(&db, &["ALTER DATABASE %I RESET app.jwt_secret"]).await;
    let without = whole(&db).await;
    let differences = Catalogue::diff(&with, &without);
    let told: Vec<&str> = script(&differences);
    assert_eq!(
        told,
        [
            r"ALTER SERVER s OPTIONS (SET host 'a\b')",
            "ALTER USER MAPPING FOR PUBLIC SERVER s OPTIONS (SET plain 'p')"
        ]
    );
    let by_hand: Vec<&str> = differences.iter().filter_map(Difference::by_hand).collect();
    let fill = "what is taken for a secret is not told: fill it in and run ALTER";
    assert_eq!(
        by_hand,
        [
            &format!("{fill} SERVER s OPTIONS (ADD api_key '…')"),
            &format!("{fill} USER MAPPING FOR PUBLIC SERVER s OPTIONS (ADD password '…')"),
            &format!("{fill} FOREIGN TABLE f OPTIONS (ADD token '…')"),
            "its value is taken for a secret, which is not told: run ALTER DATABASE NAME SET app.jwt_secret TO '…'",
        ]
    );
    run(&db, &told).await;
    // Taking one away needs none.
    let back = Catalogue::diff(&without, &with);
    assert!(script(&back).iter().all(|statement| !statement.contains("***")), "{back:?}");
    assert!(back.iter().all(|difference| difference.by_hand().is_none()), "{back:?}");
    // Made as a whole, and never with what stands for it.
    execute(&db, "DROP FOREIGN DATA WRAPPER w CASCADE").await;
    let whole_again = Catalogue::diff(&with, &whole(&db).await);
    run(&db, &script(&whole_again)).await;
    let made: String = sqlx::query_scalar(
        "SELECT concat_ws(' ', (SELECT umoptions::text FROM pg_user_mappings), (SELECT srvoptions::text FROM pg_foreign_server), \
         (SELECT ftoptions::text FROM pg_foreign_table), (SELECT attfdwoptions::text FROM pg_attribute WHERE attfdwoptions IS NOT NULL))",
    )
    .fetch_one(db.pool())
    .await
    .unwrap();
    assert_eq!(made, r#"{plain=p} {"host=a\\b"} {b=c}"#);
}
