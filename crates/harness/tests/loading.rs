//! The generated data set: as many rows as asked for, the same ones each time, in order of time.

use harness::Database;
use harness::loader::Plan;

async fn one<T>(db: &Database, sql: &'static str) -> T
where
    T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    sqlx::query_scalar(sql).fetch_one(db.pool()).await.unwrap()
}

fn with_data_set(folder: &std::path::Path, text: &str) -> runbook::settings::Settings {
    std::fs::write(folder.join("dataset.toml"), text).unwrap();
    let mut settings = (*harness::settings()).clone();
    settings.data.generate = Some(folder.join("dataset.toml"));
    settings
}

const GENERATED: &str = "SELECT ROW(
    (SELECT count(*) FROM projects WHERE project_id LIKE 'proj\\_0%'),
    (SELECT count(DISTINCT account_id) FROM projects WHERE project_id LIKE 'proj\\_0%'),
    (SELECT count(*) FROM project_payloads WHERE project_id LIKE 'proj\\_0%'),
    (SELECT count(*) FROM project_events WHERE project_id LIKE 'proj\\_0%'))::text";

#[tokio::test]
async fn a_loaded_database_has_two_payloads_and_five_events_a_project() {
    let db = Database::loaded(1000).await.unwrap();
    assert_eq!(one::<String>(&db, GENERATED).await, "(1000,99,2000,5000)");
}

#[tokio::test]
async fn time_runs_forwards_in_a_loaded_database() {
    let db = Database::loaded(1000).await.unwrap();
    let backwards: i64 = one(
        &db,
        "SELECT (SELECT count(*) FROM projects WHERE updated_at < created_at)
              + (SELECT count(*) FROM project_events e JOIN projects p USING (project_id) WHERE e.timestamp < p.created_at)
              + (SELECT count(*) FROM (SELECT DISTINCT ON (project_id) project_id, event_type FROM project_events
                    ORDER BY project_id, timestamp) first WHERE event_type <> 'project.created')",
    )
    .await;
    assert_eq!(backwards, 0);
}

#[tokio::test]
async fn the_same_rows_are_generated_at_an_earlier_revision() {
    let digest = "SELECT md5(string_agg(p::text, '|' ORDER BY project_id)) FROM
        (SELECT project_id, account_id, status, created_at, updated_at, etag, confidence FROM projects
         WHERE project_id LIKE 'proj\\_0%') p";
    let (head, earlier) =
        (Database::loaded(200).await.unwrap(), Database::loaded_at("006", 200).await.unwrap());
    assert_eq!(one::<String>(&head, digest).await, one::<String>(&earlier, digest).await);
    let later: Option<String> = one(&earlier, "SELECT to_regclass('partition_metadata')::text").await;
    assert_eq!(later, None, "partition_metadata came with 007");
}

#[tokio::test]
async fn a_revision_without_the_envelope_is_loaded_without_it() {
    let db = Database::loaded_at("005", 100).await.unwrap();
    let (rows, columns): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM projects WHERE project_id LIKE 'proj\\_0%'),
            (SELECT count(*) FROM information_schema.columns WHERE table_name = 'projects' AND column_name = 'confidence')",
    )
    .fetch_one(db.pool())
    .await
    .unwrap();
    assert_eq!((rows, columns), (100, 0));
}

#[test]
fn a_wrong_key_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dataset.toml");
    std::fs::write(
        &file,
        "epoch = \"2025-01-01T00:00:00Z\"\n[[table]]\nname = \"a\"\nrows = 3\ncolumn = []\n",
    )
    .unwrap();
    let error = Plan::read(&file).unwrap_err().to_string();
    assert!(error.contains("dataset.toml:4: unknown field `rows`"), "{error}");
}

#[test]
fn a_parent_that_comes_later_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dataset.toml");
    let text = "epoch = \"2025-01-01T00:00:00Z\"\n[[table]]\nname = \"a\"\neach = { of = \"b\", rows = 3 }\ncolumn = []\n";
    std::fs::write(&file, text).unwrap();
    let error = Plan::read(&file).unwrap_err().to_string();
    assert!(error.contains("dataset.toml:4: b: `each` names no earlier table"), "{error}");
}

#[tokio::test]
async fn the_documented_set_is_loaded() {
    let db = Database::loaded(10_000).await.unwrap();
    assert_eq!(one::<String>(&db, GENERATED).await, "(10000,100,20000,50000)");
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM project_stats WHERE account_id = 'acc_001'").await, 4);
}

#[tokio::test]
async fn rows_are_as_uneven_as_in_life() {
    let db = Database::loaded(10_000).await.unwrap();
    let share: f64 = one(
        &db,
        "SELECT max(n) / sum(n) FROM (SELECT count(*)::float8 AS n FROM projects GROUP BY account_id) AS accounts",
    )
    .await;
    // Of 100 accounts by Zipf's law, the first has 1 / (1 + 1/2 + … + 1/100) = 19.3 %.
    assert!((0.18..0.21).contains(&share), "{share}");
    let busiest: i64 =
        one(&db, "SELECT max(n) FROM (SELECT count(*) AS n FROM project_events GROUP BY project_id) AS busy")
            .await;
    assert!(busiest > 200, "{busiest}");
    let weekend: f64 = one(
        &db,
        "SELECT avg((extract(isodow FROM created_at) >= 6)::int)::float8 FROM projects WHERE project_id LIKE 'proj\\_0%'",
    )
    .await;
    assert!((0.01..0.06).contains(&weekend), "{weekend}");
    let (longest, median): (i32, f64) = sqlx::query_as(
        "SELECT max(length(description)), percentile_disc(0.5) WITHIN GROUP (ORDER BY length(description))::float8
         FROM projects WHERE project_id LIKE 'proj\\_0%'",
    )
    .fetch_one(db.pool())
    .await
    .unwrap();
    assert!(longest > 1000 && (30.0..90.0).contains(&median), "{longest} {median}");
}

#[tokio::test]
async fn a_load_leaves_the_schema_as_it_was() {
    const SCHEMA: &str = "SELECT md5(string_agg(line, '|' ORDER BY line)) FROM (
        SELECT indexrelid::regclass || pg_get_indexdef(indexrelid) || ROW(indisvalid, indisready, indisclustered)::text AS line
        FROM pg_index
        WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
        UNION ALL SELECT conrelid::regclass || conname || pg_get_constraintdef(oid) || convalidated FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace) AS lines";
    let (before, after) = (Database::seeded().await.unwrap(), Database::loaded(10_000).await.unwrap());
    assert_eq!(one::<String>(&before, SCHEMA).await, one::<String>(&after, SCHEMA).await);
    let orphans =
        "SELECT count(*) FROM project_events e LEFT JOIN projects p USING (project_id) WHERE p IS NULL";
    assert_eq!(one::<i64>(&after, orphans).await, 0);
}

/// One whose table is marked as being in the order of an index keeps the mark, and the index.
#[tokio::test]
async fn a_table_that_was_clustered_stays_so() {
    const CLUSTERED: &str =
        "SELECT string_agg(indexrelid::regclass::text, ',') FROM pg_index WHERE indisclustered";
    let db = Database::seeded().await.unwrap();
    let by = "ALTER TABLE projects CLUSTER ON ix_projects_status_created";
    sqlx::raw_sql(by).execute(db.pool()).await.unwrap();
    harness::loader::load(db.url(), &harness::settings(), 4_000, &harness::loader::Unwatched).await.unwrap();
    assert_eq!(one::<String>(&db, CLUSTERED).await, "ix_projects_status_created");
}

#[tokio::test]
async fn rows_are_written_so_that_nothing_needs_to_visit_them_again() {
    let db = Database::seeded().await.unwrap();
    harness::loader::load(db.url(), &harness::settings(), 4_000, &harness::loader::Unwatched).await.unwrap();
    sqlx::raw_sql("CREATE EXTENSION pg_visibility").execute(db.pool()).await.unwrap();
    for table in ["projects", "project_payloads", "project_events"] {
        let (pages, frozen): (i64, i64) = sqlx::query_as(
            "SELECT pg_relation_size($1::regclass) / 8192, all_frozen FROM pg_visibility_map_summary($1::regclass)",
        )
        .bind(table)
        .fetch_one(db.pool())
        .await
        .unwrap();
        // But for the first pages, which hold the seeds, and those between two entries of the data set.
        assert!(pages > 100 && frozen * 10 >= pages * 9, "{table}: {frozen} of {pages} pages are frozen");
    }
}

#[tokio::test]
async fn a_load_that_fails_leaves_the_table_as_it_was() {
    let db = Database::empty().await.unwrap();
    let schema = "CREATE TABLE t (k int PRIMARY KEY, v int NOT NULL); INSERT INTO t VALUES (-1, 1)";
    sqlx::raw_sql(schema).execute(db.pool()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = "epoch = \"2025-01-01T00:00:00Z\"\n[[table]]\nname = \"t\"\n[[table.column]]\nname = \"k\"\n\
        make = { sequence = 1 }\n[[table.column]]\nname = \"v\"\nnull_share = 0.001\nmake = { constant = 1 }\n";
    let settings = with_data_set(folder.path(), text);
    let error =
        harness::loader::load(db.url(), &settings, 30_000, &harness::loader::Unwatched).await.unwrap_err();
    assert!(error.to_string().contains("null value in column"), "{error}");
    let state: String = one(
        &db,
        "SELECT ROW((SELECT count(*) FROM t), indisvalid, indisready, indisclustered)::text FROM pg_index
            WHERE indexrelid = 't_pkey'::regclass",
    )
    .await;
    assert_eq!(state, "(1,t,t,f)");
}

/// Below and above the size from which tables are filled side by side.
#[rstest::rstest]
#[case::in_turn(3)]
#[case::side_by_side(30_000)]
#[tokio::test]
async fn counters_stand_after_the_rows_that_were_loaded(#[case] rows: u64) {
    let db = Database::empty().await.unwrap();
    let schema =
        "CREATE TABLE \"T\" (\"K\" bigint GENERATED ALWAYS AS IDENTITY, s serial, PRIMARY KEY (\"K\"))";
    sqlx::raw_sql(schema).execute(db.pool()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = "epoch = \"2025-01-01T00:00:00Z\"\n[[table]]\nname = \"T\"\n[[table.column]]\nname = \"K\"\n\
        make = { sequence = 1 }\n[[table]]\nname = \"later\"\noptional = true\ncolumn = []\n";
    let settings = with_data_set(folder.path(), text);
    harness::loader::load(db.url(), &settings, rows, &harness::loader::Unwatched).await.unwrap();
    let next: String = one(&db, "INSERT INTO \"T\" DEFAULT VALUES RETURNING ROW(\"K\", s)::text").await;
    assert_eq!(next, format!("({next},{next})", next = rows + 1));
}

#[tokio::test]
async fn a_table_that_a_later_revision_makes_is_told_with_what_to_do() {
    let db = Database::empty().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = "epoch = \"2025-01-01T00:00:00Z\"\n[[table]]\nname = \"later\"\ncolumn = []\n";
    let settings = with_data_set(folder.path(), text);
    let error = harness::loader::load(db.url(), &settings, 3, &harness::loader::Unwatched).await.unwrap_err();
    let said =
        ":3: later: there is no table public.later at this revision; `optional = true` leaves it out then";
    assert!(error.to_string().ends_with(said), "{error}");
}

#[tokio::test]
async fn two_loads_write_the_same_rows_in_the_same_order() {
    const ROWS: &str = "SELECT md5(string_agg(e::text, '|' ORDER BY ctid)) FROM project_events e";
    let mut digests = Vec::new();
    for _ in 0..2 {
        let db = Database::seeded().await.unwrap();
        let settings = harness::settings();
        let loaded =
            harness::loader::load(db.url(), &settings, 4_000, &harness::loader::Unwatched).await.unwrap();
        assert_eq!(loaded.tables.iter().map(|(_, rows)| rows).sum::<u64>(), 4_000 * 8);
        assert!(loaded.indexes >= 18 && loaded.bytes > 1_000_000, "{loaded:?}");
        digests.push(one::<String>(&db, ROWS).await);
    }
    assert_eq!(digests[0], digests[1]);
}

#[rstest::rstest]
#[case::itself("make = { text = \"${a}\" }", ":5: a: it is made from itself")]
#[case::unknown("make = { text = \"${b}\" }", ":5: a: the data set has no column t.b")]
#[case::unclosed("make = { text = \"${a\" }", ":5: a: `${` without `}`")]
#[case::width(
    "make = { text = \"${row:many}\" }",
    ":5: a: `${row:many}`: after the colon stands a number of digits"
)]
#[case::no_parent("make = { parent = \"b\" }", ":5: a: the table has no parent: it lacks `each`")]
#[case::no_values("make = { choice = { values = [] } }", ":5: a: `choice` has no values")]
#[case::no_table(
    "make = { pick = { table = \"u\", column = \"b\" } }",
    ":5: a: there is no earlier table u to take it from"
)]
#[case::misfit(
    "make = { text = \"many\" }",
    ":5: a: row 1: Text(\"many\") is no value of a column of type Int4"
)]
#[tokio::test]
async fn a_wrong_make_is_named_with_its_line(#[case] make: &str, #[case] sentence: &str) {
    let db = Database::empty().await.unwrap();
    sqlx::query("CREATE TABLE t (a int)").execute(db.pool()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "epoch = \"2025-01-01T00:00:00Z\"\n[[table]]\nname = \"t\"\n[[table.column]]\nname = \"a\"\n{make}\n"
    );
    let settings = with_data_set(folder.path(), &text);
    let error = harness::loader::load(db.url(), &settings, 3, &harness::loader::Unwatched).await.unwrap_err();
    assert!(error.to_string().contains(sentence), "{error}");
}

#[tokio::test]
async fn a_foreign_key_that_is_not_taken_from_its_parent_is_checked() {
    let db = Database::empty().await.unwrap();
    let schema = "CREATE TABLE a (k int PRIMARY KEY); CREATE TABLE b (k int REFERENCES a)";
    sqlx::raw_sql(schema).execute(db.pool()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = "epoch = \"2025-01-01T00:00:00Z\"\n[[table]]\nname = \"a\"\n[[table.column]]\nname = \"k\"\n\
        make = { sequence = 1 }\n[[table]]\nname = \"b\"\neach = { of = \"a\", rows = 1 }\n[[table.column]]\n\
        name = \"k\"\nmake = { sequence = 2 }\n";
    let settings = with_data_set(folder.path(), text);
    let error =
        harness::loader::load(db.url(), &settings, 15_000, &harness::loader::Unwatched).await.unwrap_err();
    assert!(error.to_string().contains("foreign key"), "{error}");
}

const TWO: &str =
    "epoch = \"2025-01-01T00:00:00Z\"\n[[table]]\nname = \"p\"\ncolumn = []\n[[table]]\nname = \"t\"\n";

#[rstest::rstest]
#[case::weight_below_zero(
    "choice = { values = [1, 2], weights = [3, -1] }",
    "`weights` is -1.0, and may be 0.0 to"
)]
#[case::weight_nan("choice = { values = [1], weights = [nan] }", "`weights` is NaN")]
#[case::no_weight("choice = { values = [1, 2], weights = [0, 0] }", "`weights`: all are zero")]
#[case::weights("choice = { values = [1, 2], weights = [1] }", "2 values and 1 weights")]
#[case::no_pool("pool = { text = \"x\", of = 0 }", "`of` is 0, and may be 1 to")]
#[case::no_share("pool = { text = \"x\", of = 1, share = 0.0 }", "`share` is 0.0, and must be more than 0")]
#[case::share("pool = { text = \"x\", of = 1, share = inf }", "`share` is inf")]
#[case::zipf_nan("pool = { text = \"x\", of = 1, zipf = nan }", "`zipf` is NaN, and may be 0.0 to 10.0")]
#[case::zipf_below_zero("pick = { table = \"p\", column = \"a\", zipf = -1 }", "`zipf` is -1.0")]
#[case::stride("turn = { table = \"p\", column = \"a\", stride = 0 }", "`stride` is 0")]
#[case::exchanged("number = { min = 3, max = 2 }", "`min` is 3.0, more than `max`, which is 2.0")]
#[case::number_nan("number = { min = nan, max = 2 }", "`min` is NaN")]
#[case::infinite("number = { min = 0, max = inf }", "`max` is inf")]
#[case::decimals("number = { min = 0, max = 1, decimals = 400 }", "`decimals` is 400, and may be 0 to 15")]
#[case::past("time = { max_seconds = -5 }", "`min_seconds` is 0.0, more than `max_seconds`, which is -5.0")]
#[case::never("time = { max_seconds = 9223372036854775807 }", "`max_seconds` is 9.223372036854776e18")]
#[case::step("time = { max_seconds = 1, step_seconds = -1e300 }", "`step_seconds` is -1e300")]
#[case::weekend(
    "time = { max_seconds = 1, week = { weekend = 1e9, hours = [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1] } }",
    "`weekend` is 1000000000.0, and may be 0.0 to 100.0"
)]
#[case::hours(
    "time = { max_seconds = 1, week = { weekend = 1, hours = [-1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1] } }",
    "`hours` is -1.0"
)]
#[case::flag("flag = 1.5", "`flag` is 1.5, and may be 0.0 to 1.0")]
#[case::words("words = { median = 10, longest = 3 }", "`median` is 10.0, more than `longest`, which is 3.0")]
#[case::no_words("words = { median = 0, longest = 3 }", "`median` is 0.0, and must be more than 0")]
#[case::bytes("bytes = 2147483648", "`bytes` is 2147483648, and may be 0 to 1073741823")]
#[case::nulls("uuid\"\nnull_share = 1.5#", "`null_share` is 1.5")]
#[case::nulls_nan("uuid\"\nnull_share = nan#", "`null_share` is NaN")]
#[case::twice(
    "uuid\"\n[[table.column]]\nname = \"a\"\nmake = \"uuid\"#",
    ":11: a: t has this column already"
)]
fn a_number_that_means_nothing_is_refused_with_its_line_and_key(#[case] make: &str, #[case] sentence: &str) {
    let make = if make.starts_with("uuid") { format!("\"{make}") } else { format!("{{ {make} }}") };
    let text = format!("{TWO}[[table.column]]\nname = \"a\"\nmake = {make}\n");
    let error = Plan::parse("dataset.toml".as_ref(), text).unwrap_err().to_string();
    assert!(error.starts_with("dataset.toml:") && error.contains(": a: "), "{error}");
    assert!(error.contains(sentence), "{error}");
}

#[rstest::rstest]
#[case::rows("rows = 18446744073709551615", "`rows` is 18446744073709551615, and may be 0 to 1000000000000")]
#[case::zipf("rows = 1, zipf = 1e300", "`zipf` is 1e300, and may be 0.0 to 10.0")]
fn rows_that_are_too_many_are_refused_with_their_line(#[case] rows: &str, #[case] sentence: &str) {
    let error =
        Plan::parse("dataset.toml".as_ref(), format!("{TWO}each = {{ of = \"p\", {rows} }}\ncolumn = []\n"));
    assert_eq!(error.unwrap_err().to_string(), format!("dataset.toml:7: p: {sentence}"));
}

/// However few of the leading table there are.
#[rstest::rstest]
#[case::room("rows = 2, zipf", "200 rows of its leading table are 20000000001000 in all; ask for fewer: ")]
#[case::time("rows = 2 }", "created_at: row 50000000000: the moment is past those that Postgres knows")]
#[tokio::test]
async fn a_data_set_that_does_not_fit_is_refused_before_the_first_row(
    #[case] rows: &str,
    #[case] sentence: &str,
) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dataset.toml");
    let fixtures = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures"));
    let mut settings = runbook::settings::Settings::load(fixtures).unwrap();
    let text = std::fs::read_to_string(fixtures.join("dataset.toml")).unwrap();
    let text = text.replacen(rows, &rows.replace('2', "99999999999"), 1);
    std::fs::write(&path, text).unwrap();
    settings.data.generate = Some(path);
    harness::use_settings(std::sync::Arc::new(settings));
    let error = Database::loaded(200).await.err().unwrap().to_string();
    assert!(error.contains(sentence), "{error}");
}

#[tokio::test]
async fn the_greatest_size_that_can_be_asked_for_is_counted_without_overflow() {
    let db = Database::seeded().await.unwrap();
    let size = harness::loader::estimate(db.url(), &harness::settings(), u64::MAX).await.unwrap();
    assert_eq!((size.rows, size.stored), (u64::MAX, u64::MAX));
}
