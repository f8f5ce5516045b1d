//! The nightly tests are tests: each asks its check of the target, and fails when it has to.

use super::program::Program;
use super::stage::{Certificates, READER, address, staging};

const ASKED: &str = "schema.tables.primary_key";

#[test]
fn every_live_safe_check_is_a_test_and_none_is_ignored() {
    let program = Program::new(true);
    let listed = program.nightly(&["--list", "--format", "terse"], &[]);
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    let expected: Vec<String> =
        program.live_safe_checks().into_iter().map(|id| format!("{id}: test")).collect();
    assert!(expected.len() > 20, "{expected:?}");
    assert_eq!(listed.stdout.lines().collect::<Vec<_>>(), expected);
    assert_eq!(program.nightly(&["--list", "--format", "terse", "--ignored"], &[]).stdout, "");
}

#[test]
fn without_a_target_a_test_fails_with_one_sentence() {
    let ended = Program::new(true).nightly(&["--exact", ASKED, "--nocapture"], &[]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(
        ended.stderr.trim(),
        "RUNBOOK_TARGET is not set: it names the [targets.NAME] of runbook.toml to ask"
    );
}

#[tokio::test]
async fn a_test_passes_fails_or_says_what_was_not_measured() {
    let certificates = Certificates::good();
    let server = staging(&certificates).await;
    let program =
        Program::new(true).with("RUNBOOK_TARGET", "staging").requiring(&["integrity.corruption.btree"]);
    let authority = certificates.authority_file(program.home());
    let program = program.with("STAGING_URL", &address(&server, "reader", READER, &authority));
    let ask = |id: &str| program.nightly(&["--exact", id, "--nocapture"], &[READER]);

    assert_eq!(ask(ASKED).code, Some(0));
    server
        .execute("apex", "CREATE TABLE without_a_key (n int); GRANT SELECT ON without_a_key TO reader")
        .await
        .unwrap();
    let failed = ask(ASKED);
    assert_eq!(failed.code, Some(1));
    assert!(failed.stderr.contains("without_a_key"), "{}", failed.stderr);

    // The database has no amcheck.
    let required = ask("integrity.corruption.btree");
    assert_eq!(required.code, Some(1), "{}", required.stdout);
    assert!(
        required.stderr.contains("`integrity.corruption.btree` is required and was not measured"),
        "{}",
        required.stderr
    );
    let optional = ask("integrity.corruption.heap");
    assert_eq!(optional.code, Some(0), "{}", optional.stderr);
    assert!(optional.stdout.contains("not measured: "), "{}", optional.stdout);

    let unknown = ask("schema.no.such_check");
    assert_eq!(unknown.code, Some(1));
    assert_eq!(unknown.stderr.trim(), "there is no live-safe check `schema.no.such_check`");
}
