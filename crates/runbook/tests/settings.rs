//! `runbook.toml`: each mistake is one sentence with its file, its line and what to do.

use std::path::Path;

use miette::Diagnostic as _;
use rstest::rstest;
use runbook::settings::{Settings, SettingsError};

const SMALLEST: &str = r#"[system]
name = "Shop"
title = "Shop deployment"
runbook = "runbook.md"

[migrations]
tool = "sqlx"
sqlx = "migrations"
"#;

fn load(text: &str) -> Result<Settings, SettingsError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("migrations")).unwrap();
    std::fs::write(folder.path().join("runbook.md"), "# Shop\n\n- [ ] Backup recent\n").unwrap();
    std::fs::write(folder.path().join("runbook.toml"), text).unwrap();
    Settings::load(folder.path())
}

/// The sentence, the text it points at, and the advice.
fn wrong(error: &SettingsError) -> (String, String, String) {
    let help = error.help().map(|help| help.to_string()).unwrap_or_default();
    match error {
        SettingsError::Invalid { source_code, span, .. } => {
            let text = source_code.inner();
            let pointed = text.get(span.offset()..span.offset() + span.len()).unwrap_or_default();
            (error.to_string(), pointed.to_owned(), help)
        }
        SettingsError::Unreadable { .. } | SettingsError::NoFile { .. } => {
            (error.to_string(), String::new(), help)
        }
    }
}

#[test]
fn the_smallest_settings_are_enough() {
    let settings = load(SMALLEST).unwrap();
    assert_eq!(settings.database.schemas, ["public"]);
    assert!(settings.checks.required_for(true).is_empty());
}

#[test]
fn the_settings_of_this_workspace_are_right() {
    Settings::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")).unwrap();
}

#[rstest]
#[case::unknown_section("[extra]\na = 1\n", "runbook.toml:10: unknown field `extra`", "extra", "spelling")]
#[case::unknown_key(
    "[database]\nschema = [\"a\"]\n",
    "runbook.toml:11: unknown field `schema`",
    "schema",
    "spelling"
)]
#[case::wrong_type(
    "[thresholds]\nquery_ms = \"fast\"\n",
    "runbook.toml:11: invalid type: string \"fast\"",
    "\"fast\"",
    "type"
)]
#[case::negative_time("[limits]\ncheck_seconds = -1\n", "runbook.toml:11: ", "-1", "mend")]
#[case::no_time(
    "[limits]\nlock_seconds = 0\n",
    "runbook.toml:11: [limits] lock_seconds is below",
    "0",
    "above 0"
)]
#[case::not_toml("[database\n", "runbook.toml:10: ", "", "TOML")]
#[case::no_schema(
    "[database]\nschemas = []\n",
    "runbook.toml:11: [database] schemas is empty",
    "[]",
    "name the schemas"
)]
#[case::too_old(
    "[database]\nminimum_version = 9\n",
    "runbook.toml:11: [database] minimum_version is 9",
    "9",
    "PostgreSQL 15"
)]
#[case::impossible_rate(
    "[thresholds]\nindex_hit_rate = 100\n",
    "runbook.toml:11: [thresholds] index_hit_rate",
    "100",
    "percent"
)]
#[case::endless_query(
    "[thresholds]\nquery_ms = inf\n",
    "runbook.toml:11: [thresholds] query_ms is ",
    "inf",
    "up to a day"
)]
#[case::query_past_all_time(
    "[thresholds]\nquery_ms = 1e300\n",
    "runbook.toml:11: [thresholds] query_ms is ",
    "1e300",
    "up to a day"
)]
#[case::query_of_no_number(
    "[thresholds]\nquery_ms = nan\n",
    "runbook.toml:11: [thresholds] query_ms is ",
    "nan",
    "above 0"
)]
#[case::endless_factor(
    "[perf]\nbudget_factor = inf\n",
    "runbook.toml:11: [perf] budget_factor is ",
    "inf",
    "up to 1000000"
)]
#[case::enormous_factor(
    "[perf]\nbudget_factor = 1e30\n",
    "runbook.toml:11: [perf] budget_factor is ",
    "1e30",
    "up to 1000000"
)]
#[case::factor_of_nothing(
    "[perf]\nbudget_factor = 0.0\n",
    "runbook.toml:11: [perf] budget_factor is ",
    "0.0",
    "above 0"
)]
#[case::too_many_samples(
    "[perf]\nsamples = 4294967295\n",
    "runbook.toml:11: [perf] samples is ",
    "4294967295",
    "up to 1000000"
)]
#[case::too_long_a_warm_up(
    "[perf]\nwarm_up = 4294967295\n",
    "runbook.toml:11: [perf] warm_up is ",
    "4294967295",
    "up to 1000000"
)]
#[case::too_many_rounds(
    "[perf]\nrounds = 4294967295\n",
    "runbook.toml:11: [perf] rounds is ",
    "4294967295",
    "up to 1000000"
)]
#[case::share_of_nothing(
    "[thresholds]\nconnections = nan\n",
    "runbook.toml:11: [thresholds] connections is ",
    "nan",
    "up to 100"
)]
#[case::more_than_all(
    "[thresholds]\nsequence_used = 100.5\n",
    "runbook.toml:11: [thresholds] sequence_used is ",
    "100.5",
    "up to 100"
)]
#[case::endless_transaction(
    "[thresholds]\ntransaction_seconds = inf\n",
    "runbook.toml:11: [thresholds] transaction_seconds is ",
    "inf",
    "up to a year"
)]
#[case::traffic_below_none(
    "[thresholds]\nminimum_traffic = -1\n",
    "runbook.toml:11: [thresholds] minimum_traffic is ",
    "-1",
    "0 or more"
)]
#[case::endless_restore(
    "[backup]\nmax_restore_minutes = inf\n",
    "runbook.toml:11: [backup] max_restore_minutes is ",
    "inf",
    "up to a year"
)]
#[case::endless_disk(
    "[hazards]\ndisk_mb_per_second = inf\n",
    "runbook.toml:11: [hazards] disk_mb_per_second is ",
    "inf",
    "above 0"
)]
#[case::still_disk(
    "[hazards]\nrows_per_second = 0\n",
    "runbook.toml:11: [hazards] rows_per_second is ",
    "0",
    "above 0"
)]
#[case::sizes_that_do_not_grow(
    "[hazards]\nsizes = [1000, 1000]\n",
    "runbook.toml:11: [hazards] sizes are ",
    "[1000, 1000]",
    "smaller one first"
)]
#[case::no_days("[schema]\nkey_days = nan\n", "runbook.toml:11: [schema] key_days is ", "nan", "above 0")]
#[case::growth_of_no_number(
    "[schema.rows_per_day]\nprojects = nan\n",
    "runbook.toml:11: [schema.rows_per_day] projects is ",
    "nan",
    "0 or more"
)]
#[case::missing_seed(
    "[data]\nseeds = [\"a.sql\"]\n",
    "runbook.toml:11: [data] names `a.sql`, which does not exist",
    "\"a.sql\"",
    "paths start at"
)]
#[case::missing_rules(
    "[integrity]\nrules = \"rules\"\n",
    "runbook.toml:11: [integrity] names `rules`",
    "\"rules\"",
    "paths start at"
)]
#[case::missing_queries(
    "[perf]\nqueries = \"q\"\n",
    "runbook.toml:11: [perf] names `q`",
    "\"q\"",
    "paths start at"
)]
fn a_mistake_names_its_line(
    #[case] added: &str,
    #[case] sentence: &str,
    #[case] place: &str,
    #[case] advice: &str,
) {
    let (said, pointed, help) = wrong(&load(&format!("{SMALLEST}\n{added}")).unwrap_err());
    assert!(said.contains(sentence), "{said}");
    assert!(!said.contains('\n'), "{said}");
    assert!(pointed.contains(place), "it points at {pointed:?}");
    assert!(help.contains(advice), "{help}");
}

#[test]
fn a_tool_without_its_folder_is_refused() {
    let text = SMALLEST.replace("tool = \"sqlx\"", "tool = \"alembic\"");
    let (said, pointed, help) = wrong(&load(&text).unwrap_err());
    assert!(said.contains("runbook.toml:7: [migrations] tool is `alembic`"), "{said}");
    assert_eq!(pointed, "\"alembic\"");
    assert!(help.contains("alembic = \"FOLDER\""), "{help}");
}

#[test]
fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (said, _, help) = wrong(&Settings::load(folder.path()).unwrap_err());
    assert!(said.contains("runbook.toml: cannot be read"), "{said}");
    assert!(help.contains("--fixtures"), "{help}");
    let (said, ..) = wrong(&load(&SMALLEST.replace("runbook.md", "other.md")).unwrap_err());
    assert!(said.contains("other.md: cannot be read"), "{said}");
}

#[rstest]
#[case::check(
    "[[line]]\nwords = \"Backup recent\"\nchecks = [\"a.b.c\", \"schema.index.valid\"]\n",
    "runbook.toml:12: there is no check `schema.index.valid`",
    "\"schema.index.valid\"",
    "did you mean `schema.indexes.valid`?"
)]
#[case::action(
    "[[line]]\nwords = \"Backup recent\"\nactions = [\"recovery.make\"]\n",
    "runbook.toml:12: there is no action `recovery.make`",
    "\"recovery.make\"",
    "`runbook list`"
)]
#[case::required(
    "[checks.required]\nlive = [\"a.b.c\", \"nowhere\"]\n",
    "runbook.toml:11: there is no check `nowhere`",
    "\"nowhere\"",
    "`runbook list`"
)]
#[case::kind(
    "[checks.required]\nstaging = [\"a.b.c\"]\n",
    "runbook.toml:11: [checks.required] has no kind of target `staging`",
    "[\"a.b.c\"]",
    "`ephemeral` or `live`"
)]
#[case::accepted(
    "[[checks.accept]]\ncheck = \"a.b.d\"\nobject = \"t\"\nreason = \"r\"\n",
    "runbook.toml:11: there is no check `a.b.d`",
    "\"a.b.d\"",
    "did you mean `a.b.c`?"
)]
fn an_id_that_no_suite_has_is_refused(
    #[case] added: &str,
    #[case] sentence: &str,
    #[case] place: &str,
    #[case] advice: &str,
) {
    let settings = load(&format!("{SMALLEST}\n{added}")).unwrap();
    let error =
        settings.validate(&["a.b.c", "schema.indexes.valid"], &["recovery.backup.create"]).unwrap_err();
    let (said, pointed, help) = wrong(&error);
    assert!(said.contains(sentence), "{said}");
    assert_eq!(pointed, place);
    assert!(help.contains(advice), "{help}");
}

#[test]
fn known_ids_are_accepted_and_required_by_the_kind_of_target() {
    let added = "[checks.required]\nlive = [\"a.b.c\"]\nephemeral = []\n\n[[line]]\nwords = \"Backup recent\"\nchecks = [\"a.b.c\"]\n";
    let settings = load(&format!("{SMALLEST}\n{added}")).unwrap();
    settings.validate(&["a.b.c"], &[]).unwrap();
    assert_eq!(settings.checks.required_for(true), ["a.b.c"]);
    assert!(settings.checks.required_for(false).is_empty());
}
