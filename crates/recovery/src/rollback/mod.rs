//! The rollback: the database as it was when the dump was taken, in one instant or not at all.
//!
//! The dump is restored *beside* the database and proved equal to its manifest; then two renames in one transaction
//! put it in the place of the other. The README says why.

mod losses;
mod names;
mod positions;
mod preconditions;
mod rows;
mod sessions;
mod units;

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use runbook::context::describe;
use runbook::ephemeral::Ephemeral;
use runbook::reader::{Opening, ReadLimits};
use runbook::secret::DatabaseUrl;
use sqlx::{Connection as _, PgConnection};

pub use losses::{LARGE_OBJECTS, Loss};
pub(crate) use names::earlier;
pub use positions::{Moved, Position};
pub use rows::Values;
pub use sessions::close_idle;

use self::names::{Names, drop_copy, drop_database, mark, with_database};
use crate::error::RecoveryError;
use crate::folder::Dump;
use crate::manifest::Manifest;
use crate::programs::Programs;
use crate::properties::{identifier, run};
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
    /// The names of those that earlier rollbacks replaced: they are there until a person drops them.
    pub earlier: Vec<String>,
    /// Logical replication slots of the database that was replaced: they went with it.
    pub slots: Vec<String>,
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
        preconditions::the_dump(dump, manifest)?;
        let (names, mut control) = Names::claim(target.url()).await?;
        // The server may have ended some of them meanwhile (`idle_session_timeout`).
        close_idle(target.pool()).await;
        preconditions::the_database(&mut control, &names, target, manifest).await?;
        sessions::clear(&mut control, target, &names.live, self.disconnect_others).await?;
        let slots = sqlx::query_scalar(
            "SELECT slot_name::text FROM pg_catalog.pg_replication_slots WHERE database = $1 ORDER BY 1",
        )
        .bind(&names.live)
        .fetch_all(&mut control)
        .await?;

        let done = match self.beside(&mut control, &names, target, dump, manifest).await {
            Ok(done) => Ok((done, self.swap(&mut control, &names, target).await)),
            Err(error) => Err(error),
        };
        let (restore, swap) = match done {
            Ok((restore, Ok(swap))) => (restore, swap),
            Ok((_, Err(error))) | Err(error) => {
                // The error is what counts; what could not be dropped now is dropped by the next rollback.
                let _ = drop_copy(&mut control, target.url(), &names.restoring).await;
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
            earlier: names.earlier,
            slots,
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
        manifest.database.read_alike(control, &names.restoring, true).await?;
        let how = Restore { programs: &self.programs, jobs: self.jobs, limit: self.limit, privileges: true };
        how.run_with(&dump.path, &url, &manifest.undumped).await?;
        let took = begun.elapsed();
        manifest.database.apply(control, &names.restoring).await?;
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
                    let answer = transaction.commit().await;
                    return match answer {
                        Ok(()) => Ok(begun.elapsed()),
                        // The server may have done it all the same.
                        Err(error) => match names.reopen(control, target.url()).await {
                            Ok(true) => Ok(begun.elapsed()),
                            Ok(false) => Err(error.into()),
                            Err(_) => Err(RecoveryError::Unknown(format!(
                                "the server was lost when the databases were renamed ({}), and whether that was done is \
                                 not known: it was, when there is a database {}, which is the one of before",
                                describe(&error),
                                names.replaced
                            ))),
                        },
                    };
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
            // Each idles while the other one answers.
            let opening =
                Opening { statement: Some(self.limit), idle: Some(Duration::MAX), ..Opening::default() };
            let mut old = replaced.reader_with(&opening).await?;
            let mut new = target.reader_with(&opening).await?;
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
