//! A database address whose password is never printed.

mod parameters;
mod passfile;
mod service;
mod surroundings;

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use parameters::Parameters;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
pub use surroundings::Surroundings;

/// Why a database address was refused. The address itself is not repeated: it may hold a password.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("not a usable database address: {0}")]
pub struct BadDatabaseUrl(pub(crate) String);

/// A database address: a `postgres://` URL, completed by libpq's own surroundings (service file, `PG*` variables,
/// password file, in this order, as libpq does). `Display` and `Debug` leave the password out; only
/// [`DatabaseUrl::connect_options`], [`DatabaseUrl::expose`] and [`DatabaseUrl::libpq_environment`] use it.
#[derive(Clone)]
pub struct DatabaseUrl {
    parameters: Parameters,
    url: SecretString,
    options: PgConnectOptions,
    shown: String,
    socket: Option<PathBuf>,
}

impl DatabaseUrl {
    /// Reads a `postgres://` or `postgresql://` address; what it leaves open comes from this process's
    /// [`Surroundings`].
    ///
    /// # Errors
    /// When it is not such an address; the message never holds the password.
    pub fn parse(text: &str) -> Result<Self, BadDatabaseUrl> {
        Self::resolve(Some(text), &Surroundings::of_this_process())
    }

    /// As [`Self::parse`], for a server of our own: the caller's surroundings are about other databases, so what the
    /// address leaves open has its default.
    ///
    /// # Errors
    /// As [`Self::parse`], and when it names no user.
    pub fn own(text: &str) -> Result<Self, BadDatabaseUrl> {
        Self::resolve(Some(text), &Surroundings::default())
    }

    /// The address that `psql` without arguments would use: `PGSERVICE`, `PGHOST` and so on.
    ///
    /// # Errors
    /// When a service is named that no file has, or a value cannot be read.
    pub fn from_environment() -> Result<Self, BadDatabaseUrl> {
        Self::resolve(None, &Surroundings::of_this_process())
    }

    /// Whether this process's environment names a database at all.
    pub fn environment_names_one() -> bool {
        let surroundings = Surroundings::of_this_process();
        ["PGSERVICE", "PGHOST", "PGHOSTADDR", "PGDATABASE"]
            .iter()
            .any(|name| surroundings.variable(name).is_some())
    }

    /// As [`Self::parse`] (or [`Self::from_environment`] for `None`), in surroundings of one's own.
    ///
    /// # Errors
    /// As these two.
    pub fn resolve(text: Option<&str>, surroundings: &Surroundings) -> Result<Self, BadDatabaseUrl> {
        let given = text.map(Parameters::of_url).transpose()?.unwrap_or_default();
        Self::of(given.completed(surroundings)?)
    }

    fn of(parameters: Parameters) -> Result<Self, BadDatabaseUrl> {
        let options = options(&parameters)?;
        let shown = parameters.shown();
        Ok(Self { url: SecretString::from(parameters.url()), parameters, options, shown, socket: None })
    }

    /// How to connect. The result holds the password: do not print it.
    pub fn connect_options(&self) -> PgConnectOptions {
        match &self.socket {
            Some(folder) => self.options.clone().socket(folder),
            None => self.options.clone(),
        }
    }

    /// A shorter way to the same server, for the sessions of this process alone ([`Self::connect_options`]): the folder
    /// of its Unix socket. Child processes are given the address as it was.
    #[must_use]
    pub fn with_socket(mut self, folder: Option<&Path>) -> Self {
        self.socket = folder.map(Path::to_owned);
        self
    }

    /// The whole address as a URL, password included, for a child process that takes nothing else.
    pub fn expose(&self) -> &str {
        self.url.expose_secret()
    }

    /// The same server, user and settings, another database.
    ///
    /// # Errors
    /// When the name is empty.
    pub fn with_database(&self, name: &str) -> Result<Self, BadDatabaseUrl> {
        if name.is_empty() {
            return Err(BadDatabaseUrl("the name of the database is empty".into()));
        }
        let mut parameters = self.parameters.clone();
        parameters.set("dbname", name);
        Ok(Self::of(parameters)?.with_socket(self.socket.as_deref()))
    }

    /// The host name, or the folder of the socket.
    pub fn host(&self) -> &str {
        self.parameters.get("host").unwrap_or_default()
    }

    /// Whether a password was found anywhere.
    pub fn has_password(&self) -> bool {
        self.parameters.get("password").is_some()
    }

    /// The password file that was not used because others can read it, where no password was found elsewhere.
    pub(crate) fn unused_passfile(&self) -> Option<&str> {
        self.parameters.get(parameters::UNUSED_PASSFILE)
    }

    /// The certificate files that it names.
    pub(crate) fn certificate_files(&self) -> Vec<&str> {
        ["sslrootcert", "sslcert", "sslkey"].iter().filter_map(|key| self.parameters.get(key)).collect()
    }

    /// The `PG*` variables that make libpq's programs (`psql`, `pg_dump`, `pg_restore`) connect to the same
    /// database; the password is among them, so that it stands in no argument list. What the parent's environment says
    /// beside these is about another database: take [`Self::LIBPQ_VARIABLES`] out of the child's environment first.
    pub fn libpq_environment(&self) -> Vec<(&'static str, SecretString)> {
        const VARIABLES: [(&str, &str); 11] = [
            ("host", "PGHOST"),
            ("hostaddr", "PGHOSTADDR"),
            ("port", "PGPORT"),
            ("user", "PGUSER"),
            ("dbname", "PGDATABASE"),
            ("password", "PGPASSWORD"),
            ("sslmode", "PGSSLMODE"),
            ("sslrootcert", "PGSSLROOTCERT"),
            ("sslcert", "PGSSLCERT"),
            ("sslkey", "PGSSLKEY"),
            ("options", "PGOPTIONS"),
        ];
        VARIABLES
            .iter()
            .filter_map(|(key, variable)| {
                self.parameters.get(key).map(|value| (*variable, SecretString::from(value)))
            })
            .collect()
    }

    /// Every variable that libpq reads: a child process that is given an address must inherit none of them.
    pub const LIBPQ_VARIABLES: [&'static str; 41] = [
        "PGAPPNAME",
        "PGCHANNELBINDING",
        "PGCLIENTENCODING",
        "PGCONNECT_TIMEOUT",
        "PGDATABASE",
        "PGDATESTYLE",
        "PGGEQO",
        "PGGSSDELEGATION",
        "PGGSSENCMODE",
        "PGGSSLIB",
        "PGHOST",
        "PGHOSTADDR",
        "PGKRBSRVNAME",
        "PGLOADBALANCEHOSTS",
        "PGLOCALEDIR",
        "PGMAXPROTOCOLVERSION",
        "PGMINPROTOCOLVERSION",
        "PGOPTIONS",
        "PGPASSFILE",
        "PGPASSWORD",
        "PGPORT",
        "PGREQUIREAUTH",
        "PGREQUIREPEER",
        "PGREQUIRESSL",
        "PGSERVICE",
        "PGSERVICEFILE",
        "PGSSLCERT",
        "PGSSLCERTMODE",
        "PGSSLCOMPRESSION",
        "PGSSLCRL",
        "PGSSLCRLDIR",
        "PGSSLKEY",
        "PGSSLMAXPROTOCOLVERSION",
        "PGSSLMINPROTOCOLVERSION",
        "PGSSLMODE",
        "PGSSLNEGOTIATION",
        "PGSSLROOTCERT",
        "PGSSLSNI",
        "PGSYSCONFDIR",
        "PGTARGETSESSIONATTRS",
        "PGUSER",
    ];
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

/// The driver's own form. Nothing is left to it to guess: the surroundings were asked already.
fn options(parameters: &Parameters) -> Result<PgConnectOptions, BadDatabaseUrl> {
    let get = |key: &str| parameters.get(key);
    let mut options = PgConnectOptions::new_without_pgpass();
    // The driver takes server options as text in a URL only.
    if let Some(text) = get("options") {
        let url = format!("postgres://localhost/?options={}", utf8_percent_encode(text, NON_ALPHANUMERIC));
        options = url.parse().map_err(|_| BadDatabaseUrl("its options cannot be read".into()))?;
    }
    if let Some(name) = get("application_name") {
        options = options.application_name(name);
    }
    // The certificate names the host, so the name stays even where the address is given beside it.
    if let Some(host) = get("host") {
        options = if host.starts_with('/') { options.socket(Path::new(host)) } else { options.host(host) };
    }
    if let (Some(address), false) = (get("hostaddr"), get("sslmode") == Some("verify-full")) {
        options = options.host(address);
    }
    if let Some(port) = get("port") {
        options = options
            .port(port.parse().map_err(|_| BadDatabaseUrl("its port is not a number up to 65535".into()))?);
    }
    if let Some(user) = get("user") {
        options = options.username(user);
    }
    if let Some(database) = get("dbname") {
        options = options.database(database);
    }
    if let Some(password) = get("password") {
        options = options.password(password);
    }
    // The driver reads the environment where nothing is said.
    options = options.ssl_mode(PgSslMode::Prefer);
    if let Some(mode) = get("sslmode") {
        let mode: PgSslMode = mode.parse().map_err(|_| {
            BadDatabaseUrl(
                "its sslmode is none of disable, allow, prefer, require, verify-ca, verify-full".into(),
            )
        })?;
        options = options.ssl_mode(mode);
    }
    // `system` is libpq's word for the certificates of the machine, which the driver takes by itself.
    if let Some(root) = get("sslrootcert").filter(|root| *root != "system") {
        options = options.ssl_root_cert(root);
    }
    if let Some(certificate) = get("sslcert") {
        options = options.ssl_client_cert(certificate);
    }
    if let Some(key) = get("sslkey") {
        options = options.ssl_client_key(key);
    }
    Ok(options)
}
