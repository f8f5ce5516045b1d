//! The secrets that requests carry: a service that says them back is not quoted.

use secrecy::{ExposeSecret as _, SecretString};

/// From so many bytes on a secret does not stand in an answer by accident. A shorter one may be a word.
const LONG: usize = 16;

/// Secrets that no finding tells.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hidden(Vec<SecretString>);

impl Hidden {
    /// These and another one.
    pub(super) fn with(&self, secret: Option<SecretString>) -> Self {
        Self(self.0.iter().cloned().chain(secret).collect())
    }

    /// A text without them.
    pub(super) fn taken_out(&self, text: &str) -> String {
        let secrets = self.0.iter().map(|secret| secret.expose_secret()).filter(|secret| !secret.is_empty());
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
    }

    /// Whether one of them stands in a text, and not by accident.
    pub(super) fn stands_in(&self, text: &str) -> bool {
        self.0.iter().map(|secret| secret.expose_secret()).any(|s| s.len() >= LONG && text.contains(s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_taken_out_and_a_short_one_is_no_alarm() {
        let hidden = Hidden::default().with(Some("deployer".to_owned().into()));
        let hidden = hidden.with(Some("0123456789abcdef".to_owned().into())).with(Some(String::new().into()));
        assert_eq!(hidden.taken_out("by deployer: 0123456789abcdef."), "by …: ….");
        assert!(!hidden.stands_in("by deployer") && hidden.stands_in("x0123456789abcdefx"));
    }
}
