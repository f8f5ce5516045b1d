//! No password in any output, whatever is wrong and however much is shown.

use crate::played_staging::program::Program;

/// The password, and how a URL writes it.
const SECRETS: [&str; 2] = ["hunter2/x", "hunter2%2Fx"];

/// Addresses with a mistake in them; a careless message would repeat the part that holds the password.
const WRONG: [&str; 8] = [
    "postgres://reader:hunter2/x@127.0.0.1:1/apex",
    "postgres://reader:hunter2%2Fx@127.0.0.1:1/apex",
    "postgres://reader:hunter2%2Fx@127.0.0.1:1/apex?sslmode=maybe",
    "postgres://reader:hunter2%2Fx@127.0.0.1:1/apex?nonsense=1",
    "postgres://reader:hunter2%2Fx@127.0.0.1:port/apex",
    "postgres:///apex?host=/nowhere&user=reader&password=hunter2%2Fx",
    "mysql://reader:hunter2%2Fx@127.0.0.1/apex",
    "reader:hunter2/x@127.0.0.1",
];

#[test]
fn a_wrong_address_is_one_sentence_without_its_password() {
    for url in WRONG {
        let from_variable = Program::new(true).with("STAGING_URL", url);
        let from_argument = Program::new(true);
        for (program, arguments) in [
            (&from_variable, vec!["verify", "--target", "staging", "-vv"]),
            (&from_variable, vec!["verify", "--target", "staging", "--json"]),
            (&from_argument, vec!["verify", "--database-url", url, "-vv"]),
        ] {
            let ended = program.run(&arguments, &SECRETS);
            assert_eq!(ended.code, Some(2), "{url}: {}{}", ended.stdout, ended.stderr);
            assert!(
                !ended.stderr.is_empty() && !ended.stderr.contains("panicked"),
                "{url}: {}",
                ended.stderr
            );
        }
    }
}

#[test]
fn a_missing_variable_a_missing_target_and_a_missing_service_are_named() {
    let ended = Program::new(true).run(&["verify", "--target", "staging"], &[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("STAGING_URL"), "{}", ended.stderr);
    let ended = Program::new(true).run(&["verify", "--target", "production"], &[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("[targets.production]"), "{}", ended.stderr);
    let program = Program::new(false).with("PGSERVICE", "nowhere").with("PGPASSWORD", "hunter2");
    let ended = program.run(&["verify", "--target", "staging"], &["hunter2"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("there is no service `nowhere`"), "{}", ended.stderr);
}
