//! The server's log: which statements reached it, and whether any of them does more than read.

use std::path::Path;

use runbook::statement::ReadStatement;

/// `log_line_prefix`: role and database, between signs that stand in no statement at a line's start.
pub(crate) const PREFIX: &str = "«%u»«%d» ";

/// The statements that `role` sent, in order.
pub(crate) fn statements_of(log: &Path, role: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(&std::fs::read(log).unwrap()).into_owned();
    let mine = format!("{role}»");
    text.split('«')
        .collect::<Vec<_>>()
        .windows(2)
        .filter(|pair| pair[0] == mine)
        .filter_map(|pair| {
            let (_, message) = pair[1].split_once("» LOG:  ")?;
            let (kind, statement) = message.split_once(": ")?;
            (kind == "statement" || kind.starts_with("execute "))
                .then(|| statement.trim_end().replace("\n\t", "\n"))
        })
        .collect()
}

/// Those that are neither one reading statement nor our own bracket around such.
pub(crate) fn that_do_more_than_read(statements: &[String]) -> Vec<&String> {
    const BRACKETS: [&str; 6] = [
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL ",
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '",
        "ROLLBACK",
        "SAVEPOINT ",
        "RELEASE SAVEPOINT ",
        "SELECT pg_catalog.pg_export_snapshot()",
    ];
    // What the planner may use; the second where only newer servers know the setting.
    const PLANS: [&str; 2] = [
        "SET LOCAL ",
        "SELECT pg_catalog.set_config(name, 'off', true) FROM pg_catalog.pg_settings WHERE name = 'enable_",
    ];
    let reads = |statement: &&String| {
        let bracket = BRACKETS.iter().any(|bracket| statement.starts_with(bracket))
            || statement.split(';').all(|part| PLANS.iter().any(|plan| part.trim_start().starts_with(plan)));
        bracket || ReadStatement::parse(statement).is_ok()
    };
    statements.iter().filter(|statement| !reads(statement)).collect()
}

#[test]
fn the_log_is_read_with_its_continued_lines_and_a_write_in_it_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let text = "«»«» LOG:  database system is ready\n\
                «reader»«apex» LOG:  statement: SELECT 1\n\t, 2\n\
                «writer»«apex» LOG:  execute <unnamed>: DELETE FROM t\n\
                «reader»«apex» DETAIL:  parameters: $1 = 'DELETE FROM t'\n\
                «reader»«apex» LOG:  execute s1: UPDATE t SET a = 1\n";
    std::fs::write(&log, text).unwrap();
    let statements = statements_of(&log, "reader");
    assert_eq!(statements, ["SELECT 1\n, 2", "UPDATE t SET a = 1"]);
    assert_eq!(that_do_more_than_read(&statements), ["UPDATE t SET a = 1"]);
}
