//! A server that somebody else runs, named by `RUNBOOK_DATABASE_URL`. Ours are only the databases made there.

use std::time::Duration;

use runbook::secret::DatabaseUrl;
use secrecy::ExposeSecret as _;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use crate::HarnessError;
use crate::shared::Record;
use crate::state::State;
use crate::template;

/// The address, where one is named.
pub fn named() -> Option<String> {
    std::env::var("RUNBOOK_DATABASE_URL").ok().filter(|url| !url.is_empty())
}

/// What is known of the server: its version, once it was found to be usable.
///
/// # Errors
/// Unreachable, too old, or without CREATEDB.
pub(crate) async fn examine(
    url: &str,
    minimum: u32,
) -> Result<(DatabaseUrl, PgConnection, u32), HarnessError> {
    let url = DatabaseUrl::parse(url)
        .map_err(|error| HarnessError::Other(format!("RUNBOOK_DATABASE_URL is {error}")))?;
    let unreachable = |reason: String| HarnessError::Unreachable { url: url.to_string(), reason };
    let options = url.connect_options().application_name("runbook-harness");
    let connecting = PgConnection::connect_with(&options);
    let mut admin = match tokio::time::timeout(Duration::from_secs(10), connecting).await {
        Ok(connected) => connected.map_err(|error| unreachable(runbook::context::describe(&error)))?,
        Err(_) => return Err(unreachable("no answer in 10 s".into())),
    };
    let (version_num, may_create, role): (i32, bool, String) = sqlx::query_as(include_str!("url.sql"))
        .fetch_one(&mut admin)
        .await
        .map_err(|error| unreachable(runbook::context::describe(&error)))?;
    let version_num = u32::try_from(version_num).unwrap_or(0);
    if version_num / 10_000 < minimum {
        return Err(HarnessError::TooOld {
            what: url.to_string(),
            found: format!("{}.{}", version_num / 10_000, version_num % 10_000),
            minimum,
            remedy: "RUNBOOK_DATABASE_URL",
        });
    }
    if !may_create {
        return Err(HarnessError::NoCreateDb { url: url.to_string(), role });
    }
    Ok((url, admin, version_num))
}

/// Uses the server. The caller holds a share of the lease and the `start` lock.
pub(crate) async fn start(state: &State, url: &str, minimum: u32) -> Result<Record, HarnessError> {
    let (url, mut admin, version_num) = examine(url, minimum).await?;
    forget_earlier(state, &mut admin).await?;
    admin.close().await.map_err(HarnessError::sql("closing the first connection"))?;
    // For the watcher, which drops by psql what a killed run has left.
    let mut lines = String::new();
    for (name, value) in url.libpq_environment() {
        lines.push_str(&format!("export {name}='{}'\n", value.expose_secret().replace('\'', "'\\''")));
    }
    state.write("psql", lines.as_bytes())?;
    Ok(Record {
        backend: "url".into(),
        version: format!("{}.{}", version_num / 10_000, version_num % 10_000),
        version_num,
        url: url.expose().to_owned(),
        folder: None,
        socket: None,
        pid: None,
        // Other worktrees may use the same server: their templates are not ours to use or to drop.
        scope: state.folder.display().to_string(),
        // The other way forces checkpoints, which others on that server would feel.
        strategy: "WAL_LOG".into(),
    })
}

/// Drops what an earlier run noted and nobody could drop (its watcher had no psql, say).
async fn forget_earlier(state: &State, admin: &mut PgConnection) -> Result<(), HarnessError> {
    let owned = std::fs::read_to_string(state.path("owned")).unwrap_or_default();
    let (databases, others): (Vec<&str>, Vec<&str>) =
        owned.lines().partition(|line| line.starts_with("database "));
    for name in databases.iter().filter_map(|line| line.strip_prefix("database ")) {
        template::execute(admin, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
    }
    for folder in ["ready", "claimed", "making", "dead", "kept"] {
        let _ = std::fs::remove_dir_all(state.path(folder));
    }
    let others: String = others.iter().map(|line| format!("{line}\n")).collect();
    state.write("owned", others.as_bytes())
}
