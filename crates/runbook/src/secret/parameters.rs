//! The parameters of a connection, by libpq's names.

use std::borrow::Cow;
use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{BadDatabaseUrl, Surroundings, passfile, service};

/// What libpq also takes and the driver has no use for. Accepted, so that an address that works for `psql` works here.
const PASSED_BY: [&str; 19] = [
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "fallback_application_name",
    "gssencmode",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "require_auth",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcompression",
    "sslcrl",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
];

/// What is used, with the variable that gives it where nothing else does.
const USED: [(&str, Option<&str>); 14] = [
    ("application_name", Some("PGAPPNAME")),
    ("dbname", Some("PGDATABASE")),
    ("host", Some("PGHOST")),
    ("hostaddr", Some("PGHOSTADDR")),
    ("options", Some("PGOPTIONS")),
    ("passfile", Some("PGPASSFILE")),
    ("password", Some("PGPASSWORD")),
    ("port", Some("PGPORT")),
    ("service", Some("PGSERVICE")),
    ("sslcert", Some("PGSSLCERT")),
    ("sslkey", Some("PGSSLKEY")),
    ("sslmode", Some("PGSSLMODE")),
    ("sslrootcert", Some("PGSSLROOTCERT")),
    ("user", Some("PGUSER")),
];

/// A password file that others can read, where no password was found: for the sentence that says that one is missing.
pub(super) const UNUSED_PASSFILE: &str = "passfile that is not used";

const SEVERAL: &str = "it names several hosts, which is not supported; name the one to look at";

/// What may stand unencoded in a host name.
const HOST: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

/// Parameters by name. No `Debug`: the password is among them.
#[derive(Clone, Default)]
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Those that a URL gives.
    pub(super) fn of_url(text: &str) -> Result<Self, BadDatabaseUrl> {
        let bad = |problem: &str| BadDatabaseUrl(problem.to_owned());
        if text.trim().is_empty() {
            return Err(bad("it is empty (write `postgres://user:password@host:port/database`)"));
        }
        if names_several_hosts(text) {
            return Err(bad(SEVERAL));
        }
        let (text, names_host) = with_host(text.trim());
        let url = url::Url::parse(&text).map_err(|error| BadDatabaseUrl(format!(
            "{error} (write `postgres://user:password@host:port/database`, with special characters percent-encoded)"
        )))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(bad("it does not start with `postgres://`"));
        }
        let query = url.query().unwrap_or_default();
        if url.fragment().is_some() || query.contains('@') {
            return Err(bad(
                "a `#`, `?`, `@` or `/` in a password or name must be percent-encoded (`%23`, `%3F`, `%40`, `%2F`)",
            ));
        }
        let mut parameters = Self::default();
        parameters.set("user", &decoded(url.username())?);
        parameters.set("password", &decoded(url.password().unwrap_or_default())?);
        let host = decoded(url.host_str().filter(|_| names_host).unwrap_or_default())?;
        parameters.set("host", host.trim_start_matches('[').trim_end_matches(']'));
        if let Some(port) = url.port() {
            parameters.set("port", &port.to_string());
        }
        let path = url.path().trim_start_matches('/');
        if path.contains('/') {
            return Err(bad("a `/` in the name of the database must be written `%2F`"));
        }
        parameters.set("dbname", &decoded(path)?);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) =
                pair.split_once('=').ok_or_else(|| bad("a parameter after `?` has no value"))?;
            let key = decoded(key)?;
            let key = match key.as_str() {
                "ssl-mode" => "sslmode",
                "ssl-root-cert" | "ssl-ca" => "sslrootcert",
                "ssl-cert" => "sslcert",
                "ssl-key" => "sslkey",
                "statement-cache-capacity" => continue,
                key if PASSED_BY.contains(&key) => continue,
                key if USED.iter().any(|(used, _)| *used == key) => key,
                key => {
                    return Err(BadDatabaseUrl(format!(
                        "it has the parameter `{key}`, which is not one of libpq's"
                    )));
                }
            };
            parameters.set(key, &decoded(value)?);
        }
        Ok(parameters)
    }

    /// Completed as libpq does it: the service file, the variables, the password file, the defaults.
    pub(super) fn completed(mut self, surroundings: &Surroundings) -> Result<Self, BadDatabaseUrl> {
        let named = self.get("service").or(surroundings.variable("PGSERVICE")).map(ToOwned::to_owned);
        if let Some(name) = named {
            for (key, value) in service::parameters(&name, surroundings)? {
                if USED.iter().any(|(used, _)| *used == key) {
                    self.fill(&key, &value);
                }
            }
            self.0.remove("service");
        }
        for (key, variable) in USED.iter().filter(|(key, _)| *key != "service") {
            if let Some(value) = variable.and_then(|variable| surroundings.variable(variable)) {
                self.fill(key, value);
            }
        }
        if self.get("host").is_some_and(|host| host.contains(',')) {
            return Err(BadDatabaseUrl(SEVERAL.into()));
        }
        self.fill("port", "5432");
        if let Some(address) = self.get("hostaddr").map(ToOwned::to_owned) {
            self.fill("host", &address);
        }
        let socket = surroundings.socket_folder(self.get("port").unwrap_or_default());
        self.fill("host", &socket);
        if let Some(user) = surroundings.user() {
            self.fill("user", user);
        }
        let Some(user) = self.get("user").map(ToOwned::to_owned) else {
            return Err(BadDatabaseUrl("it names no user; add one, or set PGUSER".into()));
        };
        self.fill("dbname", &user);
        if let Some(root) = surroundings.default_root_certificate()
            && matches!(self.get("sslmode"), Some("verify-ca" | "verify-full"))
        {
            self.fill("sslrootcert", &root);
        }
        if self.get("password").is_none()
            && let Some(password) = passfile::password(&self, surroundings)
        {
            self.set("password", &password);
        }
        if self.get("password").is_none()
            && let Some(file) = passfile::unused(&self, surroundings)
        {
            self.set(UNUSED_PASSFILE, &file.display().to_string());
        }
        Ok(self)
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Sets a parameter; an empty value is none, as for libpq.
    pub(super) fn set(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.0.insert(key.to_owned(), value.to_owned());
        }
    }

    fn fill(&mut self, key: &str, value: &str) {
        if !self.0.contains_key(key) {
            self.set(key, value);
        }
    }

    /// As a URL without password and query: what is printed.
    pub(super) fn shown(&self) -> String {
        let text = |key: &str| utf8_percent_encode(self.get(key).unwrap_or_default(), HOST).to_string();
        let host = self.get("host").unwrap_or_default();
        let host = if host.contains(':') { format!("[{host}]") } else { text("host") };
        format!("postgres://{}@{host}:{}/{}", text("user"), text("port"), text("dbname"))
    }

    /// As a URL with all of it. A socket stands in the query, with the user: in the authority few programs take it.
    pub(super) fn url(&self) -> String {
        let text =
            |key: &str| utf8_percent_encode(self.get(key).unwrap_or_default(), NON_ALPHANUMERIC).to_string();
        let host = self.get("host").unwrap_or_default();
        let socket = host.starts_with('/');
        let mut url = String::from("postgresql://");
        if !socket {
            url += &text("user");
            if self.get("password").is_some() {
                url += ":";
                url += &text("password");
            }
            let host = if host.contains(':') {
                format!("[{host}]")
            } else {
                utf8_percent_encode(host, HOST).to_string()
            };
            url += &format!("@{host}:{}", text("port"));
        }
        url += &format!("/{}", text("dbname"));
        let in_query = |key: &str| match key {
            "dbname" | "service" | "passfile" | UNUSED_PASSFILE => false,
            "user" | "password" | "host" | "port" => socket,
            _ => true,
        };
        let mut separator = '?';
        for key in self.0.keys().filter(|key| in_query(key)) {
            url.push(separator);
            url += &format!("{key}={}", text(key));
            separator = '&';
        }
        url
    }
}

/// As libpq takes them: `h1:1,h2:2`. A comma before the last `@` is a password's.
fn names_several_hosts(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    let (authority, after) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let hosts = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
    hosts.contains(',') && !after.contains('@')
}

/// The URL with a host, and whether it has one of its own: libpq takes a user before none, or before a port alone, where the
/// socket is in the query or the usual one.
fn with_host(text: &str) -> (Cow<'_, str>, bool) {
    let authority = text.find("://").map(|found| found + 3).map(|start| {
        let rest = text.get(start..).unwrap_or_default();
        (start, rest.split(['/', '?', '#']).next().unwrap_or_default())
    });
    let place = authority.and_then(|(start, authority)| {
        let after = authority.rfind('@')? + 1;
        let host = authority.get(after..).unwrap_or_default();
        (host.is_empty() || host.starts_with(':')).then_some(start + after)
    });
    match place.and_then(|place| text.split_at_checked(place)) {
        Some((before, after)) => (Cow::Owned(format!("{before}localhost{after}")), false),
        None => (Cow::Borrowed(text), true),
    }
}

fn decoded(text: &str) -> Result<String, BadDatabaseUrl> {
    let text = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| BadDatabaseUrl("its percent-encoding does not give UTF-8".into()))?;
    if text.contains('\0') {
        return Err(BadDatabaseUrl("it holds a zero byte".into()));
    }
    Ok(text.into_owned())
}
