//! `recovery.rollback.plan`: everything that a rollback needs is there, and it was tried.

use runbook::check::{CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Measurement, Threshold, Verdict};

use super::intact::{damaged, renamed};
use super::room::room;
use super::{listing, programs, restorable};
use crate::actions::{replaced_earlier, slot_of};
use crate::backup::checksum;
use crate::folder::Dump;
use crate::rehearsal::rehearse;
use crate::rollback::earlier;

pub(crate) fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(judge(context))
}

async fn judge(context: &Context) -> Result<Verdict, CheckError> {
    let mut evidence = Evidence::of("conditions of a rollback");
    match listing(context)?.dumps.first() {
        Some(dump) => the_dump(context, dump, &mut evidence).await?,
        None => {
            evidence.examine(1).find(Finding::error(
                "dump",
                "there is no dump to roll back to",
                "take a backup",
            ));
        }
    }
    disk_room(context, &mut evidence).await?;
    for kept in earlier(&mut context.reader().await?).await? {
        evidence.find(replaced_earlier(&kept));
    }
    let slots = "SELECT s.slot_name::text FROM pg_catalog.pg_replication_slots AS s
                 WHERE s.database = pg_catalog.current_database() ORDER BY 1";
    for (slot,) in context.reader().await?.fetch::<(String,)>(slots).await? {
        evidence
            .find(slot_of(&slot, "it belongs to this database, and a rollback replaces that by another one"));
    }
    way_down(context, &mut evidence).await;
    Ok(evidence.verdict())
}

/// It has a manifest, is what that says, and can be restored in time.
async fn the_dump(context: &Context, dump: &Dump, evidence: &mut Evidence) -> Result<(), CheckError> {
    let manifest = match dump.manifest() {
        Ok(Some(manifest)) => manifest,
        Ok(None) => {
            let problem = "it has no manifest, so a rollback to it could not be proved";
            evidence.examine(1).find(Finding::error(
                dump.name(),
                problem,
                "take a backup with recovery.backup.create",
            ));
            return Ok(());
        }
        Err(error) => {
            evidence.examine(1).find(damaged(dump, error.to_string()));
            return Ok(());
        }
    };
    let programs = match programs(context).await {
        Ok(programs) => programs,
        Err(CheckError::Missing(problem)) => {
            evidence.examine(1).find(Finding::error(
                "pg_restore",
                problem,
                "install it before the deployment",
            ));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    evidence.examine(3);
    if checksum(&dump.path)?.0 != manifest.sha256 {
        evidence.find(damaged(dump, "it is not what its manifest says".to_owned()));
        return Ok(());
    }
    if manifest.dump != dump.name() {
        evidence.find(renamed(dump, &manifest));
        return Ok(());
    }
    let rehearsal = rehearse(context, &programs, dump, Some(&manifest)).await?;
    for finding in restorable::findings(dump, &rehearsal) {
        evidence.find(finding);
    }
    let minutes = context.settings.backup.max_restore_minutes;
    let restore = Measurement::new("restore", rehearsal.took.as_secs_f64(), "s");
    evidence.measure(restore.within(Threshold::AtMost(minutes * 60.0)));
    if evidence.findings().is_empty() {
        let revision = manifest.revision.as_deref().unwrap_or("unknown");
        evidence.summarise(format!("to {} · revision {revision} · rehearsed", dump.name()));
    }
    Ok(())
}

/// The rollback restores beside: for a while, the database is there twice.
async fn disk_room(context: &Context, evidence: &mut Evidence) -> Result<(), CheckError> {
    let (size, free) = room(&mut context.reader().await?).await?;
    let Some(free) = free else {
        evidence.find(Finding::advice(
            "disk of the server",
            format!("its free room is not known here; a rollback needs {size} bytes for a second copy"),
            "look on the server itself (df)",
        ));
        return Ok(());
    };
    evidence.examine(1);
    let room = Measurement::new("free room on the server's disk", free as f64, "bytes");
    evidence.measure(room.within(Threshold::AtLeast(size as f64)));
    if free < size.unsigned_abs() {
        evidence.find(Finding::error(
            "disk of the server",
            format!("{free} bytes are free, and a rollback needs {size} for a second copy of the database"),
            "make room before the deployment",
        ));
    }
    Ok(())
}

/// Whether the pending revisions could be reverted one by one as well: a second way, so its absence is advice.
async fn way_down(context: &Context, evidence: &mut Evidence) {
    let asked = async {
        let migrator = migrations::open(&context.settings).map_err(|error| error.to_string())?;
        let mut reader = context.reader().await.map_err(|error| error.to_string())?;
        let current = migrator.current(&mut reader).await.map_err(|error| error.to_string())?;
        let history = migrator.history();
        let applied = current.and_then(|current| history.iter().position(|revision| revision.id == current));
        let pending = history.iter().skip(applied.map_or(0, |at| at + 1));
        Ok::<Vec<String>, String>(
            pending.filter(|revision| !revision.reversible).map(|revision| revision.id.clone()).collect(),
        )
    }
    .await;
    match asked {
        Ok(irreversible) => {
            evidence.examine(1);
            for id in irreversible {
                let problem = "it cannot be reverted by itself: only the dump leads back";
                evidence.find(Finding::advice(format!("revision {id}"), problem, "write its downgrade"));
            }
        }
        Err(error) => {
            let problem = format!("whether the pending revisions can be reverted is not known: {error}");
            evidence.find(Finding::advice("migrations", problem, "mend the migrations' folder"));
        }
    }
}
