//! The rollback: the database as it was when the dump was taken, in one instant or not at all.
//!
//! The dump is restored *beside* the database and proved equal to its manifest; then two renames in one transaction
//! put it in the place of the other. The README says why.

mod losses;
mod sessions;

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use runbook::ephemeral::{Ephemeral, MARK};
use runbook::reader::ReadLimits;
use runbook::secret::DatabaseUrl;
use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, PgConnection};

pub use losses::Loss;
pub use sessions::close_idle;

use crate::backup::checksum;
use crate::error::RecoveryError;
use crate::folder::Dump;
use crate::manifest::Manifest;
use crate::programs::Programs;
use crate::properties::{identifier, literal, run};
use crate::restore::Restore;
use crate::state::{Difference, State};

/// How a rollback is carried out.
#[derive(Debug, Clone)]
pub struct Rollback {
    /// Where `pg_restore` is.
    pub programs: Programs,
    /// How many connections restore side by side.
    pub jobs: NonZeroU32,
    /// How long `pg_restore`, and one statement, may take.
    pub limit: Duration,
    /// Whether sessions of others are ended. Otherwise they are named and the rollback is refused.
    pub disconnect_others: bool,
    /// Whether the database that was replaced is kept, under the name in [`Outcome::replaced`].
    pub keep_replaced: bool,
}

/// What a rollback did.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How many tables, sequences and catalogue lines were compared with the manifest before the swap. All were equal.
    pub compared: u64,
    /// What was written since the backup and is gone, by table; or why that is not known.
    pub losses: Result<Vec<Loss>, String>,
    /// The name of the database that was replaced, where it is still there.
    pub replaced: Option<String>,
    /// From the beginning to the end of `pg_restore`.
    pub restore: Duration,
    /// For how long nobody could connect.
    pub swap: Duration,
}

impl Rollback {
    /// Puts the database of `target` back to what `dump` holds.
    ///
    /// # Errors
    /// When it could not be done; the database is then what it was before.
    pub async fn run(
        &self,
        target: &Ephemeral,
        dump: &Dump,
        manifest: &Manifest,
    ) -> Result<Outcome, RecoveryError> {
        let (sha256, _) = checksum(&dump.path)?;
        if sha256 != manifest.sha256 {
            return Err(RecoveryError::Damaged(format!(
                "{} is not what its manifest says (SHA-256 {sha256}): nothing was changed; use another dump",
                dump.name()
            )));
        }
        let names = Names::of(target.url());
        let mut control = names.control(target.url()).await?;
        names.lock(&mut control).await?;
        names.reclaim(&mut control).await?;
        sessions::clear(&mut control, target, &names.live, self.disconnect_others).await?;

        let done = match self.beside(&mut control, &names, target, dump, manifest).await {
            Ok(done) => Ok((done, self.swap(&mut control, &names, target).await)),
            Err(error) => Err(error),
        };
        let (restore, swap) = match done {
            Ok((restore, Ok(swap))) => (restore, swap),
            Ok((_, Err(error))) | Err(error) => {
                // The error is what counts; what could not be dropped now is dropped by the next rollback.
                let _ = drop_database(&mut control, &names.restoring).await;
                return Err(error);
            }
        };

        let losses = self.losses(target, &names, manifest).await.map_err(|error| error.to_string());
        // The database is back: one that cannot be dropped (a subscription holds it) stays, and that is no failure.
        let keep = self.keep_replaced
            || losses.is_err()
            || drop_database(&mut control, &names.replaced).await.is_err();
        let _ = control.close().await;
        Ok(Outcome {
            compared: manifest.state.len(),
            losses,
            replaced: keep.then_some(names.replaced),
            restore,
            swap,
        })
    }

    /// Restores beside, and proves the copy equal to the manifest. Returns how long the restore took.
    async fn beside(
        &self,
        control: &mut PgConnection,
        names: &Names,
        target: &Ephemeral,
        dump: &Dump,
        manifest: &Manifest,
    ) -> Result<Duration, RecoveryError> {
        let begun = Instant::now();
        manifest.database.create(control, &names.restoring).await?;
        run(control, mark(&names.restoring)).await?;
        let url = with_database(target.url(), &names.restoring)?;
        let how = Restore { programs: &self.programs, jobs: self.jobs, limit: self.limit, privileges: true };
        how.run(&dump.path, &url).await?;
        let took = begun.elapsed();
        manifest.database.apply(control, &names.restoring).await?;
        // The comment says whose database it is; that does not change by going back.
        run(control, mark(&names.restoring)).await?;
        let copy = self.open(&url).await?;
        let judged = prove(&copy, manifest).await;
        copy.pool().close().await;
        judged.map(|()| took)
    }

    /// Two renames in one transaction: another session sees the one database or the other, under its name.
    async fn swap(
        &self,
        control: &mut PgConnection,
        names: &Names,
        target: &Ephemeral,
    ) -> Result<Duration, RecoveryError> {
        let mut last = None;
        // Each attempt waits up to five seconds in the server for sessions to leave.
        for _ in 0..3 {
            let begun = Instant::now();
            sessions::clear(control, target, &names.live, self.disconnect_others).await?;
            let mut transaction = control.begin().await?;
            match rename_both(&mut transaction, names).await {
                Ok(()) => {
                    transaction.commit().await?;
                    return Ok(begun.elapsed());
                }
                Err(error) => {
                    transaction.rollback().await?;
                    last = Some(error);
                }
            }
        }
        Err(last.unwrap_or_else(|| {
            RecoveryError::Refused("the database stayed in use; nothing was changed".into())
        }))
    }

    async fn losses(
        &self,
        target: &Ephemeral,
        names: &Names,
        manifest: &Manifest,
    ) -> Result<Vec<Loss>, RecoveryError> {
        let replaced = self.open(&with_database(target.url(), &names.replaced)?).await?;
        let counted = async {
            let (mut old, mut new) = (replaced.reader().await?, target.reader().await?);
            losses::count(&mut old, &mut new, &manifest.state).await
        }
        .await;
        replaced.pool().close().await;
        Ok(counted?)
    }

    async fn open(&self, url: &DatabaseUrl) -> Result<Ephemeral, RecoveryError> {
        let limits = ReadLimits { statement: self.limit, lock: self.limit, idle: self.limit };
        Ok(Ephemeral::adopt(url.clone(), limits).await?)
    }
}

/// The names of a rollback. They follow from the database's own, so that the next rollback finds what a killed one left.
struct Names {
    live: String,
    restoring: String,
    replaced: String,
    key: i64,
}

impl Names {
    fn of(url: &DatabaseUrl) -> Self {
        let options = url.connect_options();
        let live = options.get_database().unwrap_or_else(|| options.get_username()).to_owned();
        let digest = Sha256::digest(live.as_bytes());
        let mut first = [0_u8; 8];
        first.copy_from_slice(&digest[..8]);
        let key = i64::from_be_bytes(first);
        Self {
            restoring: format!("runbook_restoring_{key:016x}"),
            replaced: format!("runbook_replaced_{key:016x}"),
            live,
            key,
        }
    }

    /// A session on another database of the server: none may stand on one that is renamed.
    async fn control(&self, url: &DatabaseUrl) -> Result<PgConnection, RecoveryError> {
        let other = if self.live == "postgres" { "template1" } else { "postgres" };
        // The server's own limit is for the application's statements. A lock that somebody holds on the database is not
        // waited for without an end, with the services halted.
        let limits = [("statement_timeout", "0"), ("lock_timeout", "10s")];
        let options = with_database(url, other)?.connect_options().application_name("runbook");
        Ok(PgConnection::connect_with(&options.options(limits)).await?)
    }

    /// One rollback of a database at a time; the server drops the lock with the session.
    async fn lock(&self, control: &mut PgConnection) -> Result<(), RecoveryError> {
        let free: bool =
            sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(self.key).fetch_one(control).await?;
        if free {
            Ok(())
        } else {
            Err(RecoveryError::Refused(
                "another rollback of this database is at work; wait for its end".into(),
            ))
        }
    }

    /// Drops what a killed rollback left. Under the lock, nobody can be using it.
    async fn reclaim(&self, control: &mut PgConnection) -> Result<(), RecoveryError> {
        for name in [&self.restoring, &self.replaced] {
            let comment: Option<(Option<String>,)> = sqlx::query_as(
                "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1",
            )
            .bind(name)
            .fetch_optional(&mut *control)
            .await?;
            match comment {
                None => {}
                // Killed between CREATE DATABASE and its comment, or later.
                Some((None,)) => drop_database(control, name).await?,
                Some((Some(comment),)) if comment == MARK => drop_database(control, name).await?,
                Some(_) => {
                    return Err(RecoveryError::Refused(format!(
                        "there is a database {name} that runbook did not make; rename it first"
                    )));
                }
            }
        }
        Ok(())
    }
}

async fn prove(copy: &Ephemeral, manifest: &Manifest) -> Result<(), RecoveryError> {
    // A restore leaves no planner statistics behind (before 18), and the first queries would be slow.
    sqlx::raw_sql("SET statement_timeout = 0; ANALYZE; RESET statement_timeout").execute(copy.pool()).await?;
    let state = State::read(&mut copy.reader().await?).await?;
    match manifest.state.differences(&state).as_slice() {
        [] => Ok(()),
        differences => Err(RecoveryError::Damaged(format!(
            "the restored copy is not equal to the manifest, so nothing was changed: {}",
            told(differences)
        ))),
    }
}

async fn rename_both(transaction: &mut PgConnection, names: &Names) -> Result<(), RecoveryError> {
    for (from, to) in [(&names.live, &names.replaced), (&names.restoring, &names.live)] {
        run(transaction, format!("ALTER DATABASE {} RENAME TO {}", identifier(from), identifier(to))).await?;
    }
    Ok(())
}

async fn drop_database(control: &mut PgConnection, name: &str) -> Result<(), RecoveryError> {
    run(control, format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(name))).await
}

fn mark(name: &str) -> String {
    format!("COMMENT ON DATABASE {} IS {}", identifier(name), literal(MARK))
}

fn with_database(url: &DatabaseUrl, name: &str) -> Result<DatabaseUrl, RecoveryError> {
    url.with_database(name).map_err(|error| RecoveryError::Missing(error.to_string()))
}

/// The first differences, in one sentence.
pub(crate) fn told(differences: &[Difference]) -> String {
    const SHOWN: usize = 3;
    let mut parts: Vec<String> =
        differences.iter().take(SHOWN).map(|found| format!("{} {}", found.object, found.problem)).collect();
    if differences.len() > SHOWN {
        parts.push(format!("and {} more", differences.len() - SHOWN));
    }
    parts.join("; ")
}
