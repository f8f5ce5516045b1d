//! A private server for tests that need their own configuration, or that kill it.

use std::path::PathBuf;

use process_wrap::std::ChildWrapper;
use runbook::ephemeral::Ephemeral;
use runbook::secret::DatabaseUrl;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::backend::binaries::{self, Binaries};
use crate::backend::local::{self, settings_of_server};
use crate::cluster::{self, Cluster, SUPERUSER};
use crate::fixtures::try_settings;
use crate::privilege::{give, server_user};
use crate::state::{State, unique};
use crate::watcher::Owned;
use crate::{HarnessError, cache, keeper, template};

/// How a private server is set up.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    settings: Vec<(String, String)>,
    hba: Vec<String>,
    files: Vec<(String, Vec<u8>)>,
    port: Option<u16>,
    binaries: Option<Binaries>,
    room: u64,
    on_disk: bool,
}

impl ServerOptions {
    /// A line of postgresql.conf; it wins over the harness's own.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// A line of pg_hba.conf, before the harness's own.
    #[must_use]
    pub fn hba(mut self, line: impl Into<String>) -> Self {
        self.hba.push(line.into());
        self
    }

    /// A file in the data directory, readable by the server alone: a certificate, a key.
    #[must_use]
    pub fn file(mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.into(), bytes.into()));
        self
    }

    /// TLS with this certificate and key (PEM); connections without TLS are refused except over the socket.
    #[must_use]
    pub fn tls(self, certificate_pem: impl Into<Vec<u8>>, key_pem: impl Into<Vec<u8>>) -> Self {
        self.setting("ssl", "on")
            .setting("ssl_cert_file", "server.crt")
            .setting("ssl_key_file", "server.key")
            .file("server.crt", certificate_pem)
            .file("server.key", key_pem)
            .hba("hostssl all all 127.0.0.1/32 md5")
            .hba("hostnossl all all 127.0.0.1/32 reject")
    }

    /// This port, instead of a free one that the server finds by trying.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// The programs of this version, instead of the newest ones.
    #[must_use]
    pub fn binaries(mut self, binaries: Binaries) -> Self {
        self.binaries = Some(binaries);
        self
    }

    /// As a server is set up for a large data set to be loaded: it writes no log of rows in new files, and no standby can
    /// follow it.
    #[must_use]
    pub fn for_loading(self) -> Self {
        local::LOADING.into_iter().fold(self, |options, (name, value)| options.setting(name, value))
    }

    /// So many mebibytes will be written to it: memory is used only where so much of it is free, and a disk that has less
    /// is refused.
    #[must_use]
    pub fn room(mut self, mib: u64) -> Self {
        self.room = mib;
        self
    }

    /// On a disk also where there is room in memory: for who measures what a disk costs.
    #[must_use]
    pub fn on_disk(mut self) -> Self {
        self.on_disk = true;
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    /// When there is no room, the machine has no usable Postgres programs, the port is taken, or the server does not come up.
    pub async fn start(self) -> Result<Server, HarnessError> {
        keeper::run(Server::start_with(self)).await
    }
}

/// A private server, removed when dropped, and by the watcher when this process is killed.
pub struct Server {
    cluster: Cluster,
    process: Option<Box<dyn ChildWrapper>>,
    port: u16,
    password: String,
    // Of a state folder of its own: its watcher ends this server and nothing else.
    lease: Option<std::fs::File>,
}

impl Server {
    /// Options, to be started.
    pub fn options() -> ServerOptions {
        ServerOptions::default()
    }

    async fn start_with(options: ServerOptions) -> Result<Self, HarnessError> {
        let minimum = try_settings()?.database.minimum_version;
        let binaries = match options.binaries {
            Some(binaries) => binaries,
            None => binaries::newest(&binaries::find(), minimum)?,
        };
        let state = State { folder: crate::state::root().join(format!("private-{}", unique())) };
        let lease = state.lease()?;
        state.watch_at_once()?;
        let folder = local::data_folder(&state, options.room, options.on_disk)?;
        let cluster = Cluster { binaries, folder };
        state.own(Owned::Server(&cluster.data()))?;
        state.own(Owned::Folder(&cluster.folder))?;
        cache::base(&cluster)?;
        let user = server_user()?;
        for (name, bytes) in &options.files {
            let path = cluster.data().join(name);
            cluster::write_private(&path, bytes)?;
            give(&path, user)?;
        }
        let mut settings = settings_of_server(&cluster);
        settings.extend(options.settings);
        let hba = options.hba.join("\n") + "\n" + local::HBA;
        cluster.configure(&settings, &hba)?;
        let password = unique() + &unique();
        let (port, process) = match options.port {
            Some(port) => (port, cluster.start(port).await?),
            None => cluster.start_somewhere().await?,
        };
        let server = Self { cluster, process: Some(process), port, password, lease: Some(lease) };
        server.set_password().await?;
        Ok(server)
    }

    /// A hot standby of this server, made by `pg_basebackup`: it follows what this one writes, and takes readers. Its
    /// lines of postgresql.conf win over this server's own.
    ///
    /// # Errors
    /// When there is no `pg_basebackup`, or the standby does not come up.
    pub async fn standby(&self, settings: &[(&str, &str)]) -> Result<Self, HarnessError> {
        let (binaries, port, socket) = (self.cluster.binaries.clone(), self.port, self.socket());
        let (password, own) = (self.password.clone(), settings_of_server(&self.cluster));
        let further = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings: Vec<(String, String)> = own.into_iter().chain(further).collect();
        keeper::run(async move {
            let state = State { folder: crate::state::root().join(format!("private-{}", unique())) };
            let lease = state.lease()?;
            state.watch_at_once()?;
            let cluster = Cluster { binaries, folder: local::data_folder(&state, 0, false)? };
            state.own(Owned::Server(&cluster.data()))?;
            state.own(Owned::Folder(&cluster.folder))?;
            cluster.create_folders()?;
            cluster.copy_from(&socket, port)?;
            cluster.configure(&settings, local::HBA)?;
            let (port, process) = cluster.start_somewhere().await?;
            Ok(Self { cluster, process: Some(process), port, password, lease: Some(lease) })
        })
        .await
    }

    async fn set_password(&self) -> Result<(), HarnessError> {
        let mut admin = self.cluster.admin(self.port).await?;
        local::set_password(&mut admin, self.cluster.binaries.major, &self.password).await?;
        admin.close().await.map_err(HarnessError::sql("closing the first connection"))
    }

    /// The address of a database on it, as superuser, over loopback TCP.
    ///
    /// # Errors
    /// When the name cannot stand in an address.
    pub fn url(&self, database: &str) -> Result<DatabaseUrl, HarnessError> {
        self.url_as(SUPERUSER, &self.password, database)
    }

    /// The address of a database on it, for a role.
    ///
    /// # Errors
    /// When the names cannot stand in an address.
    pub fn url_as(&self, role: &str, password: &str, database: &str) -> Result<DatabaseUrl, HarnessError> {
        let wrong = |error: &dyn std::fmt::Display| HarnessError::Other(error.to_string());
        let mut url = url::Url::parse("postgres://127.0.0.1/").map_err(|error| wrong(&error))?;
        let _ = (url.set_username(role), url.set_password(Some(password)), url.set_port(Some(self.port)));
        DatabaseUrl::own(url.as_str())
            .and_then(|url| url.with_database(database))
            .map_err(|error| wrong(&error))
    }

    /// Makes an empty database on it, carrying the mark of an ephemeral one.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn create(&self, name: &str) -> Result<Ephemeral, HarnessError> {
        let mut admin = self.cluster.admin(self.port).await?;
        template::create(&mut admin, &format!("\"{}\"", name.replace('"', "\"\"")), "template0", "FILE_COPY")
            .await?;
        admin.close().await.map_err(HarnessError::sql("closing a connection"))?;
        let limits = try_settings()?.limits.reading();
        Ephemeral::adopt(self.url(name)?, limits)
            .await
            .map_err(|error| HarnessError::Other(error.to_string()))
    }

    /// Makes a database on it at the newest revision, with the seed rows that the settings name.
    ///
    /// # Errors
    /// As [`Self::create`], and when a migration or a seed fails.
    pub async fn seeded(&self, name: &str) -> Result<Ephemeral, HarnessError> {
        let settings = try_settings()?;
        let database = self.create(name).await?;
        let url = database.url().clone();
        keeper::run(async move { template::prepare(&settings, &url).await }).await?;
        Ok(database)
    }

    /// Drops a database of it, and the log that was written for it: whose sessions are still there lose them.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn discard(&self, name: &str) -> Result<(), HarnessError> {
        let name = format!("\"{}\"", name.replace('"', "\"\""));
        self.execute("postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        self.execute("postgres", "CHECKPOINT").await
    }

    /// Runs statements as superuser over the socket, where no TLS and no password is asked for.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn execute(&self, database: &str, sql: &str) -> Result<(), HarnessError> {
        let mut connection = self.cluster.admin_of(self.port, database).await?;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await
            .map_err(HarnessError::sql("a statement on a private server"))?;
        connection.close().await.map_err(HarnessError::sql("closing a connection"))
    }

    /// The port it listens on, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.cluster.socket()
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.cluster.data()
    }

    /// Its log file.
    pub fn log(&self) -> PathBuf {
        self.cluster.log()
    }

    /// The programs it runs with.
    pub fn binaries(&self) -> &Binaries {
        &self.cluster.binaries
    }

    /// The process, where it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(|process| process.id())
    }

    /// Stops it in an orderly way (a fast shutdown) and waits for its end. Its data stays.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn stop(&mut self) -> Result<(), HarnessError> {
        self.end(rustix::process::Signal::INT).await
    }

    /// Kills the server process (SIGKILL) and waits until all of its processes are gone, as after a crash.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn kill(&mut self) -> Result<(), HarnessError> {
        self.end(rustix::process::Signal::KILL).await
    }

    /// Starts it again on its old port, with its old data.
    ///
    /// # Errors
    /// When it runs, or does not come up.
    pub async fn restart(&mut self) -> Result<(), HarnessError> {
        if self.process.is_some() {
            self.stop().await?;
        }
        let (cluster, port) = (self.cluster.clone(), self.port);
        self.process = Some(keeper::run(async move { cluster.start(port).await }).await?);
        Ok(())
    }

    async fn end(&mut self, signal: rustix::process::Signal) -> Result<(), HarnessError> {
        let Some(process) = self.process.take() else { return Ok(()) };
        let cluster = self.cluster.clone();
        keeper::run(async move { cluster.end(process, signal).await }).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // Nothing of it is wanted: immediate shutdown, and no waiting for a checkpoint.
            if let Some(pid) = i32::try_from(process.id()).ok().and_then(rustix::process::Pid::from_raw) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::QUIT);
            }
            let _ = process.wait();
        }
        self.cluster.remove_leftovers();
        let _ = std::fs::remove_dir_all(&self.cluster.folder);
        // The watcher, idle 0, removes the state folder now that nobody holds the lease.
        drop(self.lease.take());
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("port", &self.port).field("folder", &self.cluster.folder).finish()
    }
}
