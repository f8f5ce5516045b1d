//! A database address whose password is never printed.

use std::fmt;
use std::str::FromStr as _;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;

/// Why a database address was refused. The address itself is not repeated: it may hold a password.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("not a postgres:// address: {0}")]
pub struct BadDatabaseUrl(String);

/// A `postgres://` address. `Display` and `Debug` leave the password out; only
/// [`DatabaseUrl::connect_options`] and [`DatabaseUrl::libpq_environment`] use it.
#[derive(Clone)]
pub struct DatabaseUrl {
    url: SecretString,
    options: PgConnectOptions,
    shown: String,
}

impl DatabaseUrl {
    /// Reads a `postgres://` or `postgresql://` address.
    ///
    /// # Errors
    /// When it is not such an address; the message never holds the password.
    pub fn parse(text: &str) -> Result<Self, BadDatabaseUrl> {
        let parsed = url::Url::parse(text).map_err(|error| BadDatabaseUrl(error.to_string()))?;
        if !matches!(parsed.scheme(), "postgres" | "postgresql") {
            return Err(BadDatabaseUrl(format!("its scheme is `{}`", parsed.scheme())));
        }
        let options = PgConnectOptions::from_str(text).map_err(|error| BadDatabaseUrl(error.to_string()))?;
        let shown = format!(
            "postgres://{}@{}:{}/{}",
            options.get_username(),
            options.get_host(),
            options.get_port(),
            options.get_database().unwrap_or_else(|| options.get_username())
        );
        Ok(Self { url: SecretString::from(text), options, shown })
    }

    /// How to connect. The result holds the password: do not print it.
    pub fn connect_options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// The whole address, password included, for a child process that takes nothing else.
    pub fn expose(&self) -> &str {
        self.url.expose_secret()
    }

    /// The same server, another database.
    ///
    /// # Errors
    /// When the name cannot stand in an address.
    pub fn with_database(&self, name: &str) -> Result<Self, BadDatabaseUrl> {
        let mut url =
            url::Url::parse(self.url.expose_secret()).map_err(|error| BadDatabaseUrl(error.to_string()))?;
        {
            let mut segments = url.path_segments_mut().map_err(|()| BadDatabaseUrl("it has no path".into()))?;
            segments.clear().push(name);
        }
        Self::parse(url.as_str())
    }

    /// The `PG*` variables that make libpq's programs (`psql`, `pg_dump`, `pg_restore`) connect to the same
    /// database; the password is among them, so that it stands in no argument list.
    pub fn libpq_environment(&self) -> Vec<(&'static str, SecretString)> {
        let mut environment = vec![
            ("PGHOST", SecretString::from(self.options.get_host())),
            ("PGPORT", SecretString::from(self.options.get_port().to_string())),
            ("PGUSER", SecretString::from(self.options.get_username())),
        ];
        if let Some(socket) = self.options.get_socket() {
            environment[0].1 = SecretString::from(socket.display().to_string());
        }
        if let Some(database) = self.options.get_database() {
            environment.push(("PGDATABASE", SecretString::from(database)));
        }
        if let Ok(url) = url::Url::parse(self.url.expose_secret()) {
            let password = url.password().map(ToOwned::to_owned).or_else(|| {
                url.query_pairs().find(|(key, _)| key == "password").map(|(_, value)| value.into_owned())
            });
            if let Some(password) = password {
                environment.push(("PGPASSWORD", SecretString::from(percent_decode(&password))));
            }
            for (key, variable) in
                [("sslmode", "PGSSLMODE"), ("sslrootcert", "PGSSLROOTCERT"), ("sslcert", "PGSSLCERT"), ("sslkey", "PGSSLKEY")]
            {
                if let Some((_, value)) = url.query_pairs().find(|(name, _)| name == key) {
                    environment.push((variable, SecretString::from(value.into_owned())));
                }
            }
        }
        environment
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DatabaseUrl").field(&self.shown).finish()
    }
}

fn percent_decode(text: &str) -> String {
    // A query value of the form `k=TEXT` is decoded by the same rules as a user name.
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let decoded = (first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match decoded {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_never_shown_and_reaches_libpq_decoded() {
        let url = DatabaseUrl::parse("postgres://apex:p%40ss@db.example:5433/apex?sslmode=require").unwrap();
        assert_eq!(url.to_string(), "postgres://apex@db.example:5433/apex");
        assert!(!format!("{url:?}").contains("p%40ss"));
        let environment = url.libpq_environment();
        let value = |name: &str| {
            environment.iter().find(|(key, _)| *key == name).map(|(_, value)| value.expose_secret().to_owned())
        };
        assert_eq!(value("PGPASSWORD").as_deref(), Some("p@ss"));
        assert_eq!(value("PGSSLMODE").as_deref(), Some("require"));
    }

    #[test]
    fn a_bad_address_is_refused_without_repeating_it() {
        let error = DatabaseUrl::parse("mysql://root:hunter2@db/apex").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn another_database_on_the_same_server_keeps_the_rest() {
        let url = DatabaseUrl::parse("postgres://apex:x@db/apex?sslmode=disable").unwrap();
        let other = url.with_database("scratch one").unwrap();
        assert_eq!(other.connect_options().get_database(), Some("scratch one"));
    }
}
