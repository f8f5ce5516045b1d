use std::path::Path;
use std::sync::Arc;

use harness::Database;
use integrity::rules::Rule;
use rstest::rstest;
use runbook::verdict::{Outcome, Severity};

use crate::{execute, verdict};

const HEADER: &str = "-- id: r\n-- states: All is well\n-- severity: error\n";

#[rstest]
#[case::no_header("SELECT 1", 1, "the header lacks `-- id:`")]
#[case::no_sentence("-- id: r\n-- severity: error\nSELECT 1", 1, "the header lacks `-- states:`")]
#[case::empty_value("-- id:\nSELECT 1", 1, "\"id\" in the header is empty")]
#[case::unknown_severity("-- id: r\n-- severity: fatal\n", 2, "severity is error or advice, not \"fatal\"")]
#[case::a_write(&format!("{HEADER}DELETE FROM projects"), 4, "refused: only SELECT")]
#[case::a_write_in_a_cte(
    &format!("{HEADER}WITH gone AS (DELETE FROM projects RETURNING *) SELECT * FROM gone"), 4, "refused: only SELECT")]
#[case::two_statements(&format!("{HEADER}SELECT 1; SELECT 2"), 4, "refused: 2 statements")]
#[case::a_side_effect(&format!("{HEADER}SELECT pg_advisory_lock(1)"), 4, "has side effects")]
#[case::nothing(HEADER, 3, "refused: 0 statements")]
#[case::a_parenthesis_that_escapes(&format!("{HEADER}SELECT 1) AS x, (SELECT 2"), 4, "refused: the statement does not parse")]
fn bad_rule_is_refused_with_its_line(#[case] text: &str, #[case] line: usize, #[case] problem: &str) {
    let error = Rule::parse(Path::new("rules/bad.sql"), text).unwrap_err();
    assert!(error.to_string().starts_with(&format!("rules/bad.sql:{line}: ")), "{error}");
    assert!(error.problem.contains(problem), "{error}");
    assert!(!error.to_string().contains('\n'), "{error}");
}

#[test]
fn good_rule_is_read_with_its_header() {
    let rule = Rule::parse(
        Path::new("r.sql"),
        &format!("{HEADER}-- why: because\nSELECT 'a' AS object, 'b' AS problem; \n"),
    );
    let rule = rule.unwrap();
    assert_eq!(
        (rule.id.as_str(), rule.states.as_str(), rule.severity),
        ("r", "All is well", Severity::Error)
    );
}

#[tokio::test]
async fn rule_with_the_wrong_columns_is_named_with_its_line_and_none_runs() {
    let (db, folder) = with_rules(&[
        ("a.sql", &format!("{HEADER}SELECT 'x' AS object, 'is broken' AS problem")),
        ("b.sql", "-- id: b\n-- states: S\n-- severity: error\nSELECT project_id AS object,\n  no_such AS problem\nFROM projects"),
    ])
    .await;
    let verdict = verdict(&folder.context(&db), "integrity.rules").await;
    assert_eq!(verdict.outcome(), Outcome::NotMeasured);
    let reason = verdict.reason().unwrap();
    assert!(reason.contains("b.sql:5: the query must return the columns object and problem"), "{reason}");
    assert!(reason.contains("no_such"), "{reason}");
}

#[tokio::test]
async fn breaches_are_shown_up_to_the_limit_and_counted() {
    let (db, folder) = with_rules(&[(
        "a.sql",
        &format!(
            "{HEADER}SELECT project_id AS object, 'is a project' AS problem FROM projects -- all of them"
        ),
    )])
    .await;
    let verdict = verdict(&folder.context(&db), "integrity.rules").await;
    assert_eq!(verdict.findings().len(), 6, "{verdict:?}");
    assert_eq!(verdict.findings()[0].problem, "is a project (r)");
    let projects: i64 =
        sqlx::query_scalar("SELECT count(*) FROM projects").fetch_one(db.pool()).await.unwrap();
    assert!(
        verdict.findings().iter().any(|f| f.problem == format!("{} more contradict the rule", projects - 5))
    );
}

#[tokio::test]
async fn advice_of_a_rule_never_fails() {
    let db = Database::seeded().await.unwrap();
    execute(
        &db,
        "UPDATE project_events SET \"timestamp\" = \"timestamp\" + interval '1 year' WHERE event_id = \
         (SELECT min(event_id) FROM project_events WHERE project_id = 'proj_test_001')",
    )
    .await;
    let verdict = verdict(&db.context(), "integrity.rules").await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{verdict:?}");
    assert_eq!(verdict.findings().len(), 1, "{verdict:?}");
}

/// Two rules may not have one name.
#[tokio::test]
async fn two_rules_with_one_id_are_refused() {
    let query = format!("{HEADER}SELECT 'x' AS object, 'y' AS problem");
    let (db, folder) = with_rules(&[("a.sql", &query), ("b.sql", &query)]).await;
    let verdict = verdict(&folder.context(&db), "integrity.rules").await;
    assert!(verdict.reason().unwrap().contains("b.sql:1: the id \"r\" is also that of"), "{verdict:?}");
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn context(&self, db: &Database) -> runbook::context::Context {
        let mut context = db.context();
        let mut settings = (*context.settings).clone();
        settings.integrity.rules = Some(self.0.path().to_owned());
        context.settings = Arc::new(settings);
        context
    }
}

async fn with_rules(files: &[(&str, &str)]) -> (Database, Folder) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    (Database::seeded().await.unwrap(), Folder(folder))
}

/// The hash was computed outside: `json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)`.
#[tokio::test]
async fn content_hash_of_a_row_of_the_service_is_computed_again_from_the_row() {
    let db = Database::seeded().await.unwrap();
    let written = "INSERT INTO projects (project_id, account_id, name, description, status, created_by, updated_by, \
        created_at, updated_at, etag, constants_version, confidence, content_sha256) \
        VALUES ('proj_hash', 'acc_1', 'Ä sign', E'two\\nlines, \"quoted\" \\\\ and \\x01 é', 'draft', 'u', 'u', \
        '2025-03-01 10:00:00+00', '2025-03-01 10:00:00.25+00', 'e', 'v1', 0.95, \
        '104c0ac4e7c0e771af28513a0bf14c5ec0cc279acd7f43683f40630150789abe'); \
        INSERT INTO project_events (project_id, event_type, actor, \"timestamp\", data) VALUES \
        ('proj_hash', 'project.created', 'u', '2025-03-01 10:00:00+00', '{\"status\": \"draft\", \"request_sha256\": \"r\"}')";
    execute(&db, written).await;
    let sound = verdict(&db.context(), "integrity.rules").await;
    assert_eq!(sound.outcome(), Outcome::Pass, "{sound:?}");
    for change in
        ["name = 'Ä sign!'", "confidence = 0.5", "customer = 'x'", "updated_at = '2025-03-02 10:00:00+00'"]
    {
        execute(&db, &format!("UPDATE projects SET {change} WHERE project_id = 'proj_hash'")).await;
        let forged = verdict(&db.context(), "integrity.rules").await;
        let [finding] = forged.findings() else { panic!("{change}: {forged:?}") };
        assert_eq!(finding.object, "projects \\\"proj_hash\\\"", "{change}");
        assert!(
            finding.problem.contains("the row gives") && finding.problem.ends_with("(content-hash-agrees)"),
            "{finding:?}"
        );
        let back = "UPDATE projects SET name = 'Ä sign', confidence = 0.95, customer = NULL, \
            updated_at = '2025-03-01 10:00:00.25+00' WHERE project_id = 'proj_hash'";
        execute(&db, back).await;
    }
}
