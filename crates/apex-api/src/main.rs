//! The program: arguments, the signal to stop, the line that says that it is ready.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr as _;
use std::sync::Arc;

use apex_api::{Maintenance, Service};
use clap::{Parser, Subcommand};
use secrecy::SecretString;
use sqlx::postgres::PgConnectOptions;
use tokio::signal::unix::{SignalKind, signal};

/// The reference APEX service. DATABASE_URL names its database, APEX_ADMIN_TOKEN who may switch maintenance mode.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// The file that remembers maintenance mode.
    #[arg(long, default_value = "apex-api.state.json")]
    state: PathBuf,
    /// The most connections to the database.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pool: u32,
    /// End when standard input closes, as it does when the parent process dies.
    #[arg(long)]
    exit_with_parent: bool,
    #[command(subcommand)]
    mode: Option<Mode>,
}

#[derive(Debug, Subcommand)]
enum Mode {
    /// The background worker: holds a connection to the database and reads from it.
    Worker {
        /// End when standard input closes, as it does when the parent process dies.
        #[arg(long)]
        exit_with_parent: bool,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A file and a container's log take none: they are searched for words.
    let colours =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    tracing_subscriber::fmt()
        .with_ansi(colours)
        .with_env_filter(
            // What went wrong is said without being asked for: a failing smoke test quotes it.
            tracing_subscriber::EnvFilter::builder()
                .with_default_directive(tracing_subscriber::filter::LevelFilter::WARN.into())
                .from_env_lossy(),
        )
        .with_writer(std::io::stderr)
        .init();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            let _ = writeln!(std::io::stderr(), "apex-api: {sentence}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let options = database()?;
    if let Some(Mode::Worker { exit_with_parent }) = arguments.mode {
        let stop = told_to_stop(exit_with_parent)?;
        apex_api::work(apex_api::pool(options, "apex-worker", 1), || say("working"), stop).await;
        return Ok(());
    }
    let maintenance = Maintenance::load(&arguments.state).map_err(|error| error.to_string())?;
    let token = admin_token()?;
    let service =
        Arc::new(Service::new(apex_api::pool(options, "apex-api", arguments.pool), maintenance, token));
    let listener = tokio::net::TcpListener::bind(arguments.listen)
        .await
        .map_err(|error| format!("{}: cannot listen: {error}", arguments.listen))?;
    let address = listener.local_addr().map_err(|error| format!("{}: {error}", arguments.listen))?;
    let stop = told_to_stop(arguments.exit_with_parent)?;
    say(&format!("listening on {address}"));
    apex_api::serve(listener, service, stop).await.map_err(|error| format!("{address}: {error}"))
}

fn database() -> Result<PgConnectOptions, String> {
    let url =
        std::env::var("DATABASE_URL").map_err(|_| "DATABASE_URL is not set: name the database".to_owned())?;
    // The parser's own words may repeat the address, and with it the password.
    PgConnectOptions::from_str(&url).map_err(|_| "DATABASE_URL is not a postgres:// address".to_owned())
}

/// The admin token, where there is one: such as a header can bring, or nobody could ever use it.
fn admin_token() -> Result<Option<SecretString>, String> {
    match std::env::var("APEX_ADMIN_TOKEN") {
        Ok(token) if token.is_empty() => Ok(None),
        Ok(token) if token.trim() == token && token.bytes().all(|byte| matches!(byte, b' '..=b'~')) => {
            Ok(Some(SecretString::from(token)))
        }
        Err(std::env::VarError::NotPresent) => Ok(None),
        _ => Err(
            "APEX_ADMIN_TOKEN holds what no header can: it must be printable ASCII, without blanks around it"
                .into(),
        ),
    }
}

/// Ready at SIGTERM, SIGINT or, where asked for, the end of standard input.
fn told_to_stop(exit_with_parent: bool) -> Result<impl Future<Output = ()> + Send + 'static, String> {
    let catch = |kind| signal(kind).map_err(|error| format!("signals cannot be caught: {error}"));
    let (mut terminate, mut interrupt) = (catch(SignalKind::terminate())?, catch(SignalKind::interrupt())?);
    let (closed, orphaned) = tokio::sync::oneshot::channel();
    // A thread of its own: the runtime would wait for a read that never ends.
    std::thread::spawn(move || {
        if !exit_with_parent {
            return std::mem::forget(closed);
        }
        let mut sink = [0; 64];
        while matches!(std::io::stdin().read(&mut sink), Ok(1..)) {}
        let _ = closed.send(());
    });
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = orphaned => {}
        }
    })
}

/// A line on standard output, for whoever started the program.
fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}
