//! The databases of a rollback: what they are called, who is at work on them, and which of them may go.

use runbook::check::CheckError;
use runbook::ephemeral::MARK;
use runbook::reader::Reader;
use runbook::secret::DatabaseUrl;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, Connection as _, PgConnection};

use crate::error::RecoveryError;
use crate::properties::{identifier, literal, run};
use crate::subscriptions;

/// The names of a rollback. They follow from the database's own, so that the next rollback finds what a killed one left.
pub(super) struct Names {
    /// The database itself.
    pub(super) live: String,
    /// The copy, until it is in place.
    pub(super) restoring: String,
    /// What the database is called once the copy is in its place: free when this was made.
    pub(super) replaced: String,
    /// What earlier rollbacks replaced and nobody has dropped.
    pub(super) earlier: Vec<String>,
    /// One rollback of a database at a time: a lock that the server drops with the session.
    key: i64,
}

impl Names {
    /// Opens a session on another database of the server (none may stand on one that is renamed), takes the lock, and drops
    /// the copy that a killed rollback left. A database that was *replaced* is not dropped here: it holds what was written
    /// since the backup, and only the rollback that told of that may drop it.
    pub(super) async fn claim(url: &DatabaseUrl) -> Result<(Self, PgConnection), RecoveryError> {
        let options = url.connect_options();
        let live = options.get_database().unwrap_or_else(|| options.get_username()).to_owned();
        let key = key(&live);
        let mut control = control(url, &live).await?;
        let free: bool =
            sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(key).fetch_one(&mut control).await?;
        if !free {
            return Err(RecoveryError::Refused(
                "another rollback of this database is at work; wait for its end".into(),
            ));
        }

        let restoring = format!("runbook_restoring_{key:016x}");
        reclaim(&mut control, url, &restoring).await?;
        let base = base(key);
        let replaced: Vec<(String, bool)> =
            sqlx::query_as(include_str!("replaced.sql")).bind(&base).fetch_all(&mut control).await?;
        let (half, taken): (Vec<_>, Vec<_>) =
            replaced.into_iter().partition(|(_, half_dropped)| *half_dropped);
        for (name, _) in half {
            // Nobody can read it any more; the rollback that began to drop it had told of what it held.
            drop_database(&mut control, &name).await?;
        }
        let taken: Vec<String> = taken.into_iter().map(|(name, _)| name).collect();
        let mut number = 1;
        let mut replaced = base.clone();
        while taken.contains(&replaced) {
            number += 1;
            replaced = format!("{base}_{number}");
        }
        Ok((Self { live, restoring, replaced, earlier: taken, key }, control))
    }

    /// Opens the session anew after it was lost, and says whether the databases were renamed.
    pub(super) async fn reopen(
        &self,
        control: &mut PgConnection,
        url: &DatabaseUrl,
    ) -> Result<bool, RecoveryError> {
        *control = self::control(url, &self.live).await?;
        // The server frees the lock, and ends the transaction, when it sees that the session is gone.
        sqlx::query("SELECT pg_advisory_lock($1)").bind(self.key).execute(&mut *control).await?;
        let sql = "SELECT count(*) > 0 FROM pg_catalog.pg_database WHERE datname = $1";
        Ok(sqlx::query_scalar(sql).bind(&self.replaced).fetch_one(control).await?)
    }
}

/// What earlier rollbacks of the reader's database replaced and nobody has dropped.
///
/// # Errors
/// When the server's databases cannot be listed.
pub(crate) async fn earlier(reader: &mut Reader) -> Result<Vec<String>, CheckError> {
    let live: String = reader.scalar("SELECT pg_catalog.current_database()::text").await?;
    let mut arguments = PgArguments::default();
    arguments.add(base(key(&live))).map_err(|error| CheckError::Other(error.to_string()))?;
    let rows: Vec<(String, bool)> = reader.fetch_with(include_str!("replaced.sql"), arguments).await?;
    Ok(rows.into_iter().filter(|(_, half_dropped)| !half_dropped).map(|(name, _)| name).collect())
}

fn key(live: &str) -> i64 {
    let digest = Sha256::digest(live.as_bytes());
    let mut first = [0_u8; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(first)
}

/// The name of the first database that a rollback replaced; the next ones have a number after it.
fn base(key: i64) -> String {
    format!("runbook_replaced_{key:016x}")
}

async fn control(url: &DatabaseUrl, live: &str) -> Result<PgConnection, RecoveryError> {
    let other = if live == "postgres" { "template1" } else { "postgres" };
    // The server's own limit is for the application's statements. A lock that somebody holds on the database is not
    // waited for without an end, with the services halted. No name is anybody's but the server's own.
    // The session idles for as long as the restore takes, and writes whatever the database or the role has set for others.
    let own = [
        ("statement_timeout", "0"),
        ("lock_timeout", "10s"),
        ("idle_session_timeout", "0"),
        ("default_transaction_read_only", "off"),
        ("search_path", "pg_catalog"),
    ];
    let options = with_database(url, other)?.connect_options().application_name("runbook");
    Ok(PgConnection::connect_with(&options.options(own)).await?)
}

/// Drops the copy that a killed rollback left. Under the lock, nobody can be using it.
async fn reclaim(control: &mut PgConnection, url: &DatabaseUrl, name: &str) -> Result<(), RecoveryError> {
    let comment: Option<(Option<String>,)> = sqlx::query_as(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database WHERE datname = $1",
    )
    .bind(name)
    .fetch_optional(&mut *control)
    .await?;
    match comment {
        None => Ok(()),
        // Killed between CREATE DATABASE and its comment, or later.
        Some((None,)) => drop_copy(control, url, name).await,
        Some((Some(comment),)) if comment == MARK => drop_copy(control, url, name).await,
        Some(_) => Err(RecoveryError::Refused(format!(
            "there is a database {name} that runbook did not make; rename it first"
        ))),
    }
}

/// Drops a copy that is not in place, with the subscriptions that the dump brought.
pub(super) async fn drop_copy(
    control: &mut PgConnection,
    url: &DatabaseUrl,
    name: &str,
) -> Result<(), RecoveryError> {
    if subscriptions::count(control, name).await? > 0 {
        let options = with_database(url, name)?.connect_options().application_name("runbook");
        let mut copy = PgConnection::connect_with(&options).await?;
        subscriptions::remove(&mut copy).await?;
        let _ = copy.close().await;
    }
    drop_database(control, name).await
}

/// Drops a database, whoever is connected to it.
pub(super) async fn drop_database(control: &mut PgConnection, name: &str) -> Result<(), RecoveryError> {
    // One that the server made unusable when it began to drop it is no template any more.
    let sql = "SELECT count(*) > 0 FROM pg_catalog.pg_database WHERE datname = $1 AND datistemplate AND datconnlimit <> -2";
    let database = identifier(name);
    if sqlx::query_scalar(sql).bind(name).fetch_one(&mut *control).await? {
        run(control, format!("ALTER DATABASE {database} IS_TEMPLATE false")).await?;
    }
    run(control, format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)")).await
}

/// The statement that makes a database known as ours.
pub(super) fn mark(name: &str) -> String {
    format!("COMMENT ON DATABASE {} IS {}", identifier(name), literal(MARK))
}

/// The address of another database of the same server.
pub(super) fn with_database(url: &DatabaseUrl, name: &str) -> Result<DatabaseUrl, RecoveryError> {
    url.with_database(name).map_err(|error| RecoveryError::Missing(error.to_string()))
}
