//! PgBouncer before a database, in transaction mode, as many services have it: with few servers to give.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use runbook::secret::DatabaseUrl;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::UnixStream;

use crate::HarnessError;
use crate::privilege::{become_user, give, server_user};

/// Where packages put it.
const PROGRAMS: [&str; 3] = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"];
/// A part of its socket's name; nothing listens on such a port.
const PORT: u16 = 6432;
/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs it until standard input ends, which it does when this process is killed too.
const WHILE_WE_LIVE: &str = r#""$0" "$1" & read -r _; kill -KILL $!; wait"#;

/// A PgBouncer that listens on a socket in a folder of its own, and so on no port. Ended when dropped, and when this process
/// is killed.
pub struct Pooler {
    child: Child,
    url: DatabaseUrl,
    _folder: tempfile::TempDir,
}

impl Pooler {
    /// Starts it before the database of `url`, to which it holds as many as `servers` connections. It logs in there as
    /// `url` says, over TLS where the server offers it, and asks its own clients for no password.
    ///
    /// # Errors
    /// When PgBouncer is not installed, `url` lacks a part, or it does not come up.
    pub async fn before(url: &DatabaseUrl, servers: usize) -> Result<Self, HarnessError> {
        let program = PROGRAMS.into_iter().find(|path| Path::new(path).exists()).ok_or_else(|| {
            let sentence = "PgBouncer is not installed: install the package `pgbouncer`, then run this again";
            HarnessError::Other(sentence.into())
        })?;
        let folder = tempfile::tempdir().map_err(HarnessError::io(&std::env::temp_dir()))?;
        let user = server_user()?;
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, settings(url, servers, folder.path())?).map_err(HarnessError::io(&file))?;
        give(&file, user)?;
        give(folder.path(), user)?;
        let mut command = Command::new("/bin/sh");
        // As root it refuses to run.
        become_user(&mut command, user);
        command.args(["-c", WHILE_WE_LIVE, program]).arg(&file);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.map_err(HarnessError::io(Path::new("/bin/sh")))?;
        let options = url.connect_options();
        let own = format!(
            "postgres://{}@/{}?host={}&port={PORT}&sslmode=disable",
            options.get_username(),
            options.get_database().unwrap_or_default(),
            folder.path().display()
        );
        let own = DatabaseUrl::own(&own).map_err(|error| HarnessError::Other(error.to_string()))?;
        let socket = folder.path().join(format!(".s.PGSQL.{PORT}"));
        let pooler = Self { child, url: own, _folder: folder };
        runbook::wait::until("PgBouncer listening", PATIENCE, || UnixStream::connect(&socket))
            .await
            .map_err(|late| HarnessError::Other(late.to_string()))?;
        Ok(pooler)
    }

    /// The address of the database through it, without a password.
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Its configuration: the password is in it, so the file is the server's user's alone, in a folder that is too.
fn settings(url: &DatabaseUrl, servers: usize, folder: &Path) -> Result<String, HarnessError> {
    let environment = url.libpq_environment();
    let of = |name: &str| {
        let found = environment.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value): &(_, SecretString)| value.expose_secret().replace('\'', "''"))
    };
    let mut database = String::new();
    for (key, variable) in [
        ("host", "PGHOST"),
        ("port", "PGPORT"),
        ("dbname", "PGDATABASE"),
        ("user", "PGUSER"),
        ("password", "PGPASSWORD"),
    ] {
        let value = of(variable).ok_or_else(|| {
            HarnessError::Other(format!("the pooler needs the {key} of the database it is before"))
        })?;
        database.push_str(&format!(" {key}='{value}'"));
    }
    Ok(format!(
        "[databases]\n{} ={database}\n[pgbouncer]\nserver_tls_sslmode = prefer\nlisten_addr =\nlisten_port = {PORT}\n\
         unix_socket_dir = {}\nauth_type = any\npool_mode = transaction\ndefault_pool_size = {servers}\nmax_client_conn = 50\n",
        url.connect_options().get_database().unwrap_or_default(),
        folder.display()
    ))
}
