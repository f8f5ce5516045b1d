//! What is wrong with a folder of SQL migrations is said with its file and line.

use migrations::MigrationError;
use rstest::rstest;
use runbook::settings::MigrationTool;

use crate::support::Copied;

#[test]
fn the_fixtures_are_read_as_sqlx_reads_them() {
    let settings = harness::settings();
    let folder = settings.path(settings.migrations.sqlx.as_ref().unwrap());
    let resolved = sqlx::migrate::resolve_blocking(&folder).unwrap();
    let migrator = migrations::open_with(&settings, MigrationTool::Sqlx).unwrap();
    let ours: Vec<_> = migrator
        .history()
        .iter()
        .map(|revision| {
            (revision.id.parse::<i64>().unwrap(), revision.name.clone(), revision.sql.clone().unwrap())
        })
        .collect();
    let theirs: Vec<_> = resolved
        .iter()
        .filter(|(migration, _)| !migration.migration_type.is_down_migration())
        .map(|(migration, _)| {
            (migration.version, migration.description.to_string(), migration.sql.as_str().to_owned())
        })
        .collect();
    assert_eq!(ours, theirs);
    assert!(ours.len() > 1);
    assert!(migrator.history().iter().all(|revision| revision.reversible));
}

#[rstest]
#[case::a_gap(
    "004_reference_rows",
    None,
    "copy: there is no migration between 003_reference_tables.up.sql and 005_indexes_keys_and_stats.up.sql"
)]
#[case::a_doubled_number(
    "",
    Some(("006_again.up.sql", b"SELECT 1;".as_slice())),
    "006_envelope.up.sql: the number 006 is taken by 006_again.up.sql as well"
)]
#[case::no_text(
    "",
    Some(("008_x.up.sql", b"SELECT 1;\n-- \xff\n".as_slice())),
    "008_x.up.sql:2: it is not UTF-8"
)]
#[case::a_byte_order_mark(
    "",
    Some(("008_x.up.sql", b"\xef\xbb\xbfSELECT 1;\n".as_slice())),
    "008_x.up.sql:1: it begins with a byte order mark"
)]
#[case::no_sql(
    "",
    Some(("008_x.up.sql", b"SELECT 1;\n\nCREATE TABEL t (a int);\n".as_slice())),
    "008_x.up.sql:3: it does not parse"
)]
#[case::a_way_back_from_nowhere(
    "",
    Some(("008_x.down.sql", b"SELECT 1;".as_slice())),
    "008_x.down.sql: it reverts a migration that is not there"
)]
#[case::a_name_that_would_be_passed_over(
    "",
    Some(("008-x.up.sql", b"SELECT 1;".as_slice())),
    "008-x.up.sql: its name has not the form NUMBER_NAME.up.sql, so it would never be applied"
)]
fn a_broken_folder_is_refused_in_one_sentence(
    #[case] remove: &str,
    #[case] write: Option<(&str, &[u8])>,
    #[case] said: &str,
) {
    let copied = Copied::of(MigrationTool::Sqlx);
    if !remove.is_empty() {
        copied.remove(&format!("{remove}.up.sql"));
        copied.remove(&format!("{remove}.down.sql"));
    }
    if let Some((name, bytes)) = write {
        copied.write(name, bytes);
    }
    let problems = copied.problems();
    assert!(problems.len() == 1 && problems[0].starts_with(said), "{problems:?}");
    let error = copied.refusal();
    assert!(matches!(error, MigrationError::Bad(_)), "{error}");
    assert!(!error.to_string().contains('\n'), "{error}");
}

#[test]
fn times_as_numbers_leave_no_gap() {
    let copied = Copied::of(MigrationTool::Sqlx);
    copied.write("20250101120000_a.up.sql", "SELECT 1;");
    copied.write("20250301120000_b.up.sql", "SELECT 1;");
    assert_eq!(copied.problems(), Vec::<String>::new());
}

#[test]
fn an_empty_or_missing_folder_is_one_sentence() {
    let mut copied = Copied::of(MigrationTool::Sqlx);
    let empty = copied.folder.join("empty");
    std::fs::create_dir(&empty).unwrap();
    copied.settings.migrations.sqlx = Some(empty);
    assert!(copied.refusal().to_string().contains("there is no migration in it"));
    copied.settings.migrations.sqlx = Some(copied.folder.join("nowhere"));
    assert!(matches!(copied.refusal(), MigrationError::Unreadable { .. }));
    copied.settings.migrations.sqlx = None;
    assert!(matches!(copied.refusal(), MigrationError::NotConfigured { key: "sqlx" }));
}

#[test]
fn a_file_of_50_mb_is_data_and_no_migration() {
    let copied = Copied::of(MigrationTool::Sqlx);
    copied.write("008_x.up.sql", "");
    let file = std::fs::OpenOptions::new().write(true).open(copied.folder.join("008_x.up.sql")).unwrap();
    file.set_len(50 << 20).unwrap();
    assert_eq!(copied.problems(), ["008_x.up.sql: it is 50 MB, and 8 is the most that a migration may be"]);
}

#[test]
fn what_is_nested_without_end_is_told_by_its_line() {
    let copied = Copied::of(MigrationTool::Sqlx);
    let sql = format!("SELECT 1;\nSELECT {}1{};\n", "(".repeat(100_000), ")".repeat(100_000));
    copied.write("008_x.up.sql", &sql);
    assert_eq!(copied.problems(), ["008_x.up.sql:2: it is nested more than 400 deep"]);
}

#[test]
fn what_does_not_parse_is_shown_with_a_caret() {
    let copied = Copied::of(MigrationTool::Sqlx);
    copied.write("008_x.up.sql", "SELECT 1;\n\nCREATE TABEL t (a int);\n");
    let error = copied.refusal().to_string();
    assert!(error.contains("008_x.up.sql:3: it does not parse: "), "{error}");
    assert!(error.ends_with("mend it where the caret stands: `^CREATE TABEL t (a int);`"), "{error}");
}
