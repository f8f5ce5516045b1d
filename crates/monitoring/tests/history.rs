//! A history of readings: the same weekday and hour of an earlier week.

use std::path::Path;
use std::sync::Arc;

use harness::Database;
use monitoring::History;
use runbook::verdict::Outcome;
use serde_json::Value;

use crate::{execute, verdict};

const CHECK: &str = "monitoring.slow_queries";
const TEXT: &str = "SELECT name FROM projects WHERE project_id = $1";
const HOUR: i64 = 3600;
const WEEK: i64 = 7 * 24 * HOUR;

/// Six calls of one statement.
async fn traffic(db: &Database) {
    let sql = "SELECT name FROM projects WHERE project_id = 'proj_test_001';".repeat(6);
    execute(db, &sql).await;
}

/// A run of its own.
async fn run(db: &Database, file: &Path) -> runbook::verdict::Verdict {
    let mut context = db.context();
    // What is shown here is the baseline: how busy the machine is must not matter.
    let mut settings = (*context.settings).clone();
    settings.thresholds.query_ms = f64::MAX;
    context.settings = Arc::new(settings);
    History::start(&context, file).await.unwrap();
    verdict(&context, CHECK).await
}

fn readings(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A reading at another time, by which the statement had taken so much.
fn moved(reading: &Value, by: i64, calls: i64, milliseconds: f64) -> Value {
    let mut reading = reading.clone();
    reading["at"] = (reading["at"].as_i64().unwrap() + by).into();
    for statement in reading["statements"].as_array_mut().unwrap() {
        if statement["text"] == TEXT {
            statement["calls"] = calls.into();
            statement["milliseconds"] = milliseconds.into();
        }
    }
    reading
}

fn write(file: &Path, readings: &[Value]) {
    let lines: String = readings.iter().map(|reading| format!("{reading}\n")).collect();
    std::fs::write(file, lines).unwrap();
}

#[tokio::test]
async fn statement_that_is_slower_than_a_week_before_is_named_with_both_means() {
    use std::os::unix::fs::PermissionsExt as _;
    let db = Database::seeded().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("readings.jsonl");
    traffic(&db).await;
    let first = run(&db, &file).await;
    assert!(first.summary().unwrap().contains("no baseline: "), "{first:?}");
    let now = readings(&file).remove(0);
    let mode = file.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "texts of statements are nobody else's to read");

    // A week ago ten calls took 1 ms each. In the hour that ends now those six calls took far more, by the counters:
    // the reading before says that nearly all of their time is from this hour.
    let all: f64 = 600_000.0;
    write(
        &file,
        &[
            moved(&now, -WEEK - HOUR, 0, -all - 10.0),
            moved(&now, -WEEK, 10, -all),
            moved(&now, -HOUR, 0, -240.0),
        ],
    );
    let verdict = run(&db, &file).await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{verdict:?}");
    let found: Vec<_> = verdict.findings().iter().filter(|found| found.object == TEXT).collect();
    let [found] = found.as_slice() else { panic!("{verdict:?}") };
    assert!(!found.is_error(), "{found:?}");
    assert!(
        found.problem.starts_with("took ") && found.problem.contains("; 1.0 ms over 10 calls "),
        "{found:?}"
    );
    assert!(verdict.measurements().iter().any(|one| one.name.starts_with("total time, 20")), "{verdict:?}");
    assert_eq!(readings(&file).len(), 4, "this run's reading was added");
}

#[tokio::test]
async fn statement_that_took_longer_a_week_before_is_not_named() {
    let db = Database::seeded().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("readings.jsonl");
    traffic(&db).await;
    run(&db, &file).await;
    let now = readings(&file).remove(0);
    write(
        &file,
        &[
            moved(&now, -WEEK - HOUR, 0, -1_000_500.0),
            moved(&now, -WEEK, 10, -500.0),
            moved(&now, -HOUR, 0, -240.0),
        ],
    );
    let verdict = run(&db, &file).await;
    assert!(verdict.findings().iter().all(|found| found.object != TEXT), "{verdict:?}");
    assert!(verdict.summary().unwrap().contains(", beside 20"), "{verdict:?}");
}

#[tokio::test]
async fn history_of_another_database_is_refused() {
    let (db, other) = (Database::seeded().await.unwrap(), Database::seeded().await.unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("readings.jsonl");
    run(&db, &file).await;
    let error = History::start(&other.context(), &file).await.unwrap_err().to_string();
    assert!(
        error.contains("readings.jsonl:1: it is about the database ")
            && error.ends_with("; name another file"),
        "{error}"
    );
}
