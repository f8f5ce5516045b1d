//! What the lines of the runbook do: back up, list, roll back.

use runbook::action::{Action, ActionFuture};
use runbook::check::CheckError;
use runbook::context::Context;
use runbook::report::counted;
use runbook::verdict::{Evidence, Finding, Measurement, Verdict};

use crate::backup::Backup;
use crate::checks::{listing, programs};
use crate::clock;
use crate::error::RecoveryError;
use crate::folder::Dump;
use crate::manifest::Manifest;
use crate::rollback::{LARGE_OBJECTS, Loss, Moved, Outcome, Position, Rollback};

/// Every action of this suite.
pub fn actions() -> Vec<Action> {
    vec![
        Action::new("recovery.backup.create", "dump the database, with a manifest of what it holds", create),
        Action::new("recovery.backup.list", "list the dumps, newest first", list),
        Action::new("recovery.rollback.restore", "put the database back to the dump", restore),
    ]
}

/// What `recovery.backup.create` leaves in the stash: the dump that a rollback goes back to.
#[derive(Debug, Clone)]
pub struct BackedUp {
    /// The dump.
    pub dump: Dump,
    /// Its manifest.
    pub manifest: Manifest,
}

/// What `recovery.rollback.restore` leaves in the stash.
#[derive(Debug, Clone)]
pub struct RolledBack {
    /// What the database should hold now.
    pub manifest: Manifest,
    /// What was done.
    pub outcome: Outcome,
}

fn create(context: &Context) -> ActionFuture<'_> {
    Box::pin(async move {
        let database = context.database.ephemeral()?;
        let settings = &context.settings;
        let backup = Backup {
            programs: programs(context).await?,
            folder: context.backups()?.to_owned(),
            prefix: settings.backup.prefix.clone(),
            compression: settings.backup.compression,
            limit: settings.limits.command,
        };
        let migrator = migrations::open(settings).ok();
        let (dump, manifest) = backup.make(database, migrator.as_deref(), clock::now(context)).await?;
        let mut evidence = Evidence::of("tables");
        evidence.examine(manifest.state.tables.len() as u64);
        evidence.measure(Measurement::new("size of the dump", manifest.bytes as f64, "bytes"));
        evidence.measure(Measurement::new("rows in the dump", manifest.rows() as f64, "rows"));
        let took = manifest.finished_at - manifest.started_at;
        evidence.measure(Measurement::new("backup", took.as_seconds_f64(), "s"));
        evidence.summarise(format!("{} · {} rows", dump.name(), manifest.rows()));
        context.stash.put(BackedUp { dump, manifest });
        Ok(evidence.verdict())
    })
}

fn list(context: &Context) -> ActionFuture<'_> {
    Box::pin(async move {
        let listing = listing(context)?;
        let mut evidence = Evidence::of("dumps");
        evidence.examine(listing.dumps.len() as u64);
        for name in &listing.foreign {
            let problem = "is not a dump of this system, and is left alone";
            evidence.find(Finding::advice(name, problem, "move it elsewhere when it does not belong here"));
        }
        let names: Vec<String> = listing.dumps.iter().take(3).map(Dump::name).collect();
        if !names.is_empty() {
            evidence.summarise(format!(
                "{}, newest first: {}",
                counted(listing.dumps.len(), "dumps"),
                names.join(", ")
            ));
        }
        Ok(evidence.verdict())
    })
}

fn restore(context: &Context) -> ActionFuture<'_> {
    Box::pin(async move {
        let database = context.database.ephemeral()?;
        let settings = &context.settings;
        let (dump, manifest) = chosen(context)?;
        let rollback = Rollback {
            programs: programs(context).await?,
            jobs: settings.backup.restore_jobs,
            limit: settings.limits.command,
            disconnect_others: settings.backup.disconnect_others,
            keep_replaced: false,
        };
        let outcome = rollback.run(database, &dump, &manifest).await?;
        let verdict = told(&dump, &outcome);
        context.stash.put(RolledBack { manifest, outcome });
        Ok(verdict)
    })
}

/// The dump of this run, else the newest one that has a manifest.
fn chosen(context: &Context) -> Result<(Dump, Manifest), CheckError> {
    if let Some(ours) = context.stash.get::<BackedUp>() {
        return Ok((ours.dump.clone(), ours.manifest.clone()));
    }
    let newest = listing(context)?.dumps.into_iter().next();
    let dump = newest.ok_or_else(|| RecoveryError::Missing("there is no dump to roll back to".into()))?;
    let manifest = dump.manifest()?.ok_or_else(|| {
        RecoveryError::Missing(format!(
            "{} has no manifest, so a rollback to it could not be proved",
            dump.name()
        ))
    })?;
    Ok((dump, manifest))
}

fn told(dump: &Dump, outcome: &Outcome) -> Verdict {
    let mut evidence = Evidence::of("tables, sequences and catalogue facts");
    evidence.examine(outcome.compared);
    evidence.measure(Measurement::new("restore", outcome.restore.as_secs_f64(), "s"));
    evidence.measure(Measurement::new("out of reach", outcome.swap.as_secs_f64() * 1000.0, "ms"));
    for kept in &outcome.earlier {
        evidence.find(replaced_earlier(kept));
    }
    for slot in &outcome.slots {
        evidence.find(slot_of(
            slot,
            "it belonged to the database that was replaced, and does not follow this one",
        ));
    }
    match &outcome.losses {
        Ok(losses) => {
            let written = losses.iter().filter(|loss| !loss.bookkeeping);
            let rows = written.clone().filter(|loss| loss.is_of_rows());
            let lost: i64 = rows.map(|loss| loss.lost).sum();
            evidence.measure(Measurement::new("rows lost by the rollback", lost as f64, "rows"));
            written.clone().map(advice).for_each(|finding| {
                evidence.find(finding);
            });
            if let Some(kept) = &outcome.replaced {
                evidence.find(Finding::advice(
                    kept,
                    "is the database as it was before the rollback: it was kept, or could not be dropped",
                    format!("DROP DATABASE \"{kept}\" when it is not needed any more"),
                ));
            }
            let uncompared: i64 = written.clone().map(|loss| loss.uncompared.rows).sum();
            let mut summary = format!("back to {} · {lost} rows lost", dump.name());
            if uncompared > 0 {
                summary
                    .push_str(&format!(" · {uncompared} with values in columns that could not be compared"));
            }
            let sequences = written.clone().filter(|loss| loss.sequence.is_some()).count();
            if sequences > 0 {
                summary.push_str(&format!(" · {} stood elsewhere", counted(sequences, "sequences")));
            }
            let large: i64 = written.filter(|loss| loss.table == LARGE_OBJECTS).map(|loss| loss.lost).sum();
            if large > 0 {
                let large = usize::try_from(large).unwrap_or(usize::MAX);
                summary.push_str(&format!(" · {} lost", counted(large, "large objects")));
            }
            evidence.summarise(summary);
        }
        Err(error) => {
            let kept = outcome.replaced.as_deref().unwrap_or_default();
            evidence.find(Finding::error(
                kept,
                format!(
                    "the database is back to {}, but what was lost could not be counted: {error}",
                    dump.name()
                ),
                "compare this database, which was kept, with the restored one; drop it afterwards",
            ));
        }
    }
    evidence.verdict()
}

/// A database that an earlier rollback replaced is still there.
pub(crate) fn replaced_earlier(kept: &str) -> Finding {
    Finding::advice(
        kept,
        "is the database as it was before an earlier rollback: it was kept, or what that rollback lost was not told",
        format!("compare it with this one; DROP DATABASE \"{kept}\" when it is not needed any more"),
    )
}

/// A logical replication slot, which belongs to a database and not to its name.
pub(crate) fn slot_of(slot: &str, problem: &str) -> Finding {
    Finding::advice(
        format!("replication slot {slot}"),
        problem,
        "make it anew after the rollback, and what reads from it as well: that holds what was written since the backup",
    )
}

fn advice(loss: &Loss) -> Finding {
    if let Some(moved) = &loss.sequence {
        return moved_sequence(&loss.table, moved);
    }
    if loss.table == LARGE_OBJECTS {
        return large_objects(loss);
    }
    let mut problems = Vec::new();
    match loss {
        Loss { lost: 0, returned: 0, table_gone: false, .. } => {}
        Loss { table_gone: true, lost, .. } => {
            problems.push(format!("is gone with {lost} rows: it was made since the backup"));
        }
        Loss { lost, returned: 0, .. } => {
            problems.push(format!("lost by the rollback: {lost} rows written since the backup"));
        }
        Loss { lost: 0, returned, .. } => {
            problems.push(format!("{returned} rows came back that were deleted since the backup"));
        }
        Loss { lost, returned, .. } => problems.push(format!(
            "lost by the rollback: {lost} rows written or changed since the backup; {returned} rows are again what they were"
        )),
    }
    if loss.uncompared.rows > 0 {
        problems.push(format!(
            "{} rows held values in {}, which the restored table has not, or with another type: what was written there since the \
             backup is lost",
            loss.uncompared.rows,
            loss.uncompared.columns.join(", ")
        ));
    }
    if loss.dropped.rows > 0 {
        problems.push(format!(
            "{} rows hold again what they held in {}, which was dropped since the backup: what was written there before that is \
             not known",
            loss.dropped.rows,
            loss.dropped.columns.join(", ")
        ));
    }
    if let Some(again) = &loss.again {
        problems.push(format!("the table is called {again} again"));
    }
    let problem = problems.join("; ");
    Finding::advice(
        &loss.table,
        problem,
        "enter again what people wrote; what the deployment wrote comes with the next one",
    )
}

fn moved_sequence(name: &str, Moved { stood, stands }: &Moved) -> Finding {
    let stood = match stood {
        Position { last_value, is_called: true } => format!("stood at {last_value}"),
        Position { last_value, is_called: false } => format!("would have given {last_value} next"),
    };
    let stands = match stands {
        None => {
            let problem = format!("{stood}, and is gone: it was made since the backup");
            return Finding::advice(name, problem, "what the deployment made comes with the next one");
        }
        Some(Position { last_value, is_called: true }) => format!("is back at {last_value}"),
        Some(Position { last_value, is_called: false }) => format!("gives {last_value} next"),
    };
    Finding::advice(
        name,
        format!("{stood}, and {stands}: numbers that it gave since the backup are given again"),
        "where others know numbers that were given since (invoices, keys in other systems), set it on with setval",
    )
}

fn large_objects(loss: &Loss) -> Finding {
    let mut problems = Vec::new();
    if loss.lost > 0 {
        problems.push(format!(
            "lost by the rollback: {} of them, written or changed since the backup",
            loss.lost
        ));
    }
    if loss.returned > 0 {
        problems.push(format!("{} are again what they were", loss.returned));
    }
    Finding::advice(&loss.table, problems.join("; "), "store again what people stored")
}
