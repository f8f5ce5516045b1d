//! Options and settings that are taken for secrets by their names: what they are is not told, and no statement writes what
//! stands for them.

use super::plain::quoted;

/// What stands for a secret.
pub(super) const HIDDEN: &str = "'***'";

/// Parts of names. postgres_fdw has sslpassword as well, and others call theirs what they like; `sql/globals.sql`
/// has the same.
const WORDS: [&str; 9] =
    ["passw", "passphrase", "secret", "token", "credential", "private", "access_key", "apikey", "api_key"];

/// Whether a name is one of a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// The same of a setting, which may be one for a role: `app.token for ann`. The role's name makes no secret of it.
pub(super) fn is_secret_setting(name: &str) -> bool {
    is_secret(name.split_once(" for ").map_or(name, |(setting, _)| setting))
}

/// `host 'x', port '5'` taken apart at what stands `between` a key and its text; a value may hold anything.
pub(super) fn apart<'t>(text: &'t str, between: &str) -> Vec<(&'t str, &'t str)> {
    let mut options = Vec::new();
    let mut rest = text;
    while let Some((key, _)) = rest.split_once(between) {
        let from = key.len() + between.len() - 1;
        let value = quoted(&rest[from..], '\'');
        options.push((key, value));
        rest = rest.get(from + value.len()..).unwrap_or_default().trim_start_matches(", ");
    }
    options
}

/// Options that can be written, and the names of those that only a person knows.
pub(super) fn written(options: &str) -> (String, Vec<&str>) {
    let (hidden, plain): (Vec<_>, Vec<_>) =
        apart(options, " '").into_iter().partition(|(_, value)| *value == HIDDEN);
    let plain: Vec<String> = plain.iter().map(|(key, value)| format!("{key} {value}")).collect();
    (plain.join(", "), hidden.into_iter().map(|(key, _)| key).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_a_secret_is_not_written() {
        let told = "host 'a, b', password '***', \"sslPassword\" '***', \"user\" 'it''s'";
        assert_eq!(
            written(told),
            ("host 'a, b', \"user\" 'it''s'".into(), vec!["password", "\"sslPassword\""])
        );
        assert!(is_secret("\"sslPassword\"") && !is_secret("user"));
        assert!(is_secret_setting("app.token for ann") && !is_secret_setting("work_mem for token"));
    }
}
