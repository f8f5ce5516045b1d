//! `recovery.backup.intact`: the newest dump is byte for byte what its manifest says, and `pg_restore` can read it.

use runbook::check::{CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Verdict};

use super::{newest, programs};
use crate::backup::checksum;
use crate::error::RecoveryError;
use crate::folder::Dump;
use crate::manifest::Manifest;
use crate::restore::contents;

pub(crate) fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(judge(context))
}

async fn judge(context: &Context) -> Result<Verdict, CheckError> {
    let dump = match newest(context)? {
        Ok(dump) => dump,
        Err(verdict) => return Ok(verdict),
    };
    let mut evidence = Evidence::of("dumps");
    match contents(&programs(context).await?, &dump.path, context.settings.limits.command).await {
        Ok(_) => {}
        Err(error @ RecoveryError::Child { .. }) => {
            evidence.find(damaged(&dump, format!("its table of contents cannot be read: {error}")));
        }
        Err(other) => return Err(other.into()),
    }
    match dump.manifest() {
        Ok(Some(manifest)) => {
            let (sha256, bytes) = checksum(&dump.path)?;
            evidence.examine(1);
            if bytes != manifest.bytes {
                evidence.find(damaged(
                    &dump,
                    format!("it has {bytes} bytes, and was written with {}", manifest.bytes),
                ));
            } else if sha256 != manifest.sha256 {
                evidence
                    .find(damaged(&dump, format!("its SHA-256 is {sha256}, and was {}", manifest.sha256)));
            } else if manifest.dump != dump.name() {
                evidence.find(renamed(&dump, &manifest));
            } else {
                evidence.summarise(format!("{} · {bytes} bytes · SHA-256 as in its manifest", dump.name()));
            }
        }
        // It may be sound, but nothing says what it should be. That it has none is `recovery.backup.complete`'s finding.
        Ok(None) if evidence.findings().is_empty() => {
            return Ok(Verdict::not_measured(format!(
                "{} has no manifest that says what it should be",
                dump.name()
            )));
        }
        Ok(None) => {}
        Err(error) => {
            evidence.find(damaged(&dump, error.to_string()));
        }
    }
    Ok(evidence.verdict())
}

/// Dump and manifest belong together, and were taken at another time than their names say.
pub(super) fn renamed(dump: &Dump, manifest: &Manifest) -> Finding {
    Finding::error(
        dump.name(),
        format!(
            "its manifest is that of {}, so the time in its name is not when it was taken",
            manifest.dump
        ),
        "give dump and manifest the names that they were written with",
    )
}

pub(super) fn damaged(dump: &Dump, problem: String) -> Finding {
    Finding::error(
        dump.name(),
        problem,
        "do not rely on it: take a new backup, and look after the disk it stood on",
    )
}
