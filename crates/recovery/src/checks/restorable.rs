//! `recovery.backup.restorable`: the newest dump, restored into a scratch database, equals its manifest: catalogue,
//! sequences and rows.

use runbook::check::{CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Measurement, Verdict};

use super::{newest, programs};
use crate::folder::Dump;
use crate::rehearsal::{Rehearsal, rehearse};

/// Past this many, more findings say nothing more.
const SHOWN: usize = 20;

pub(crate) fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(judge(context))
}

async fn judge(context: &Context) -> Result<Verdict, CheckError> {
    let dump = match newest(context)? {
        Ok(dump) => dump,
        Err(verdict) => return Ok(verdict),
    };
    let manifest = dump.manifest()?;
    let rehearsal = rehearse(context, &programs(context).await?, &dump, manifest.as_ref()).await?;
    let mut evidence = Evidence::of("tables, sequences and catalogue facts");
    evidence.examine(rehearsal.examined);
    evidence.measure(Measurement::new("restore", rehearsal.took.as_secs_f64(), "s"));
    findings(&dump, &rehearsal).into_iter().for_each(|finding| {
        evidence.find(finding);
    });
    if evidence.findings().is_empty() {
        evidence.summarise(format!("{} · {} rows · restored and equal", dump.name(), rehearsal.rows));
    }
    Ok(evidence.verdict())
}

/// What a rehearsal found against a dump.
pub(super) fn findings(dump: &Dump, rehearsal: &Rehearsal) -> Vec<Finding> {
    if let Some(failure) = &rehearsal.failure {
        return vec![Finding::error(
            dump.name(),
            format!("it cannot be restored: {failure}"),
            "mend what stands in the way (a broken foreign key: integrity.*), and take a new backup",
        )];
    }
    let Some(differences) = &rehearsal.differences else {
        return vec![Finding::advice(
            dump.name(),
            "it was restored, but has no manifest to be compared with",
            "take backups with the action recovery.backup.create, which writes one",
        )];
    };
    differences
        .iter()
        .take(SHOWN)
        .map(|found| {
            Finding::error(
                &found.object,
                format!("restored from the dump, it {}", found.problem),
                "take a new backup",
            )
        })
        .collect()
}
