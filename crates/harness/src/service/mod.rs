//! Processes of the system under deployment: its API, its worker. They never outlive their test.

mod build;
mod process;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use runbook::secret::DatabaseUrl;
use runbook::settings::ServiceStart;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::state::unique;
use crate::{HarnessError, try_settings};

use process::Process;

/// How long a service may take to come up, or to go down by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where it listens is the service's own choice: port 0 is a free one.
const LISTEN: &str = "127.0.0.1:0";

/// Something that says how a service is started: `[api.start]`, `[services.worker]`.
pub trait Startable {
    /// How, where there is a way.
    fn how(&self) -> Option<&ServiceStart>;
}

impl Startable for ServiceStart {
    fn how(&self) -> Option<&ServiceStart> {
        Some(self)
    }
}

impl Startable for Option<ServiceStart> {
    fn how(&self) -> Option<&ServiceStart> {
        self.as_ref()
    }
}

/// A running API process. Dropping it kills it; it ends too when this process is killed, by the end of its
/// standard input (what it does then is the service's business: see `fixtures/runbook.toml`).
pub struct Service {
    start: ServiceStart,
    url: DatabaseUrl,
    process: Process,
    address: SocketAddr,
    token: String,
    state: Arc<tempfile::TempDir>,
}

impl Service {
    /// Starts it on a database, waits until it says `listening on ADDRESS`, and until its liveness path
    /// (`[api] health`) answers.
    ///
    /// # Errors
    /// When there is no way to start it, it cannot be built, it ends, or it says nothing in time; with the end of
    /// its output.
    pub async fn start<S: Startable>(start: &S, url: &DatabaseUrl) -> Result<Self, HarnessError> {
        let start = how(start)?;
        let state = tempfile::tempdir().map_err(HarnessError::io(&std::env::temp_dir()))?;
        Self::start_in(start, url.clone(), Arc::new(state), unique() + &unique()).await
    }

    async fn start_in(
        start: ServiceStart,
        url: DatabaseUrl,
        state: Arc<tempfile::TempDir>,
        token: String,
    ) -> Result<Self, HarnessError> {
        let mut process = spawn(&start, &url, state.path(), &token).await?;
        let address = process.wait_listening(PATIENCE).await?;
        let service = Self { start, url, process, address, token, state };
        if let Some(path) = &try_settings()?.api.health {
            service.wait_healthy(path).await?;
        }
        Ok(service)
    }

    /// `http://127.0.0.1:PORT`
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The token that its administrative routes take.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// What it has said so far, on both outputs.
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// How many bytes it has said so far.
    pub fn said(&self) -> u64 {
        self.process.said()
    }

    /// What it said after so many bytes, as far as it is kept.
    pub fn output_since(&self, mark: u64) -> String {
        self.process.output_since(mark)
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// Kills it (SIGKILL) and waits for its end.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// When it does not end in time; it is killed then.
    pub async fn stop(&mut self) -> Result<(), HarnessError> {
        self.process.stop(PATIENCE).await
    }

    /// Ends it, where it runs, and starts it again with its old state, on another port.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn restart(&mut self) -> Result<(), HarnessError> {
        self.stop().await?;
        let next =
            Self::start_in(self.start.clone(), self.url.clone(), Arc::clone(&self.state), self.token.clone())
                .await?;
        *self = next;
        Ok(())
    }

    async fn wait_healthy(&self, path: &str) -> Result<(), HarnessError> {
        let waited = runbook::wait::until("the service is healthy", PATIENCE, || async move {
            match get(self.address, path).await {
                Ok(status) if (200..300).contains(&status) => Ok(()),
                Ok(status) => Err(format!("{path} answers {status}")),
                Err(error) => Err(format!("{path}: {error}")),
            }
        });
        waited.await.map_err(|late| self.process.failed("is not healthy", &late.to_string()))
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("address", &self.address).field("pid", &self.pid()).finish()
    }
}

/// A process that does not listen: the worker that a deployment stops. As [`Service`], it never outlives its test.
pub struct Worker {
    process: Process,
    _state: tempfile::TempDir,
}

impl Worker {
    /// Starts it on a database, and waits until it has said its first line.
    ///
    /// # Errors
    /// As [`Service::start`].
    pub async fn start<S: Startable>(start: &S, url: &DatabaseUrl) -> Result<Self, HarnessError> {
        let start = how(start)?;
        let state = tempfile::tempdir().map_err(HarnessError::io(&std::env::temp_dir()))?;
        let mut process = spawn(&start, url, state.path(), &unique()).await?;
        process.wait_line(PATIENCE).await?;
        Ok(Self { process, _state: state })
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// What it has said so far.
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// When it does not end in time; it is killed then.
    pub async fn stop(&mut self) -> Result<(), HarnessError> {
        self.process.stop(PATIENCE).await
    }
}

fn how<S: Startable>(start: &S) -> Result<ServiceStart, HarnessError> {
    start.how().cloned().ok_or_else(|| {
        HarnessError::Fixtures("the settings say of no way to start the service: add [api.start]".into())
    })
}

async fn spawn(
    start: &ServiceStart,
    url: &DatabaseUrl,
    state: &Path,
    token: &str,
) -> Result<Process, HarnessError> {
    let program = {
        let start = start.clone();
        // It may wait for a build.
        tokio::task::spawn_blocking(move || build::program(&start))
            .await
            .map_err(|error| HarnessError::Other(format!("building the service failed: {error}")))??
    };
    let state = state.join("state.json").display().to_string();
    let fill = |text: &str| {
        text.replace("{database_url}", url.expose())
            .replace("{listen}", LISTEN)
            .replace("{state}", &state)
            .replace("{token}", token)
    };
    let arguments: Vec<String> = start.arguments.iter().map(|argument| fill(argument)).collect();
    let environment: Vec<(String, String)> =
        start.environment.iter().map(|(name, value)| (name.clone(), fill(value))).collect();
    Process::spawn(&program, &arguments, &environment, url)
}

/// The status of one GET: enough of HTTP to know that a service lives.
async fn get(address: SocketAddr, path: &str) -> std::io::Result<u16> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer);
    let status = text.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| std::io::Error::other("it does not speak HTTP"))
}
