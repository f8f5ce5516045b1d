//! `recovery.backup.complete`: the newest dump holds the rows of every table that its manifest counted, and no others.

use std::collections::BTreeSet;

use runbook::check::{CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Measurement, Verdict};

use super::{newest, programs};
use crate::restore::contents;

pub(crate) fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(judge(context))
}

async fn judge(context: &Context) -> Result<Verdict, CheckError> {
    let dump = match newest(context)? {
        Ok(dump) => dump,
        Err(verdict) => return Ok(verdict),
    };
    let mut evidence = Evidence::of("tables");
    let Some(manifest) = dump.manifest()? else {
        evidence.find(Finding::error(
            dump.name(),
            "it has no manifest, so nothing says what it should hold",
            "take backups with the action recovery.backup.create, which writes one",
        ));
        return Ok(evidence.verdict());
    };
    let entries = contents(&programs(context).await?, &dump.path, context.settings.limits.command).await?;
    // `3345; 0 16386 TABLE DATA public projects owner`: names are written bare, line breaks as spaces.
    let mut data: BTreeSet<&str> = entries
        .iter()
        .filter_map(|entry| {
            entry
                .split_once(" TABLE DATA ")
                .map(|(_, rest)| rest.rsplit_once(' ').map_or(rest, |(name, _)| name))
        })
        .collect();
    for table in &manifest.state.tables {
        evidence.examine(1);
        let name = format!("{} {}", table.schema, table.name).replace(['\n', '\r'], " ");
        if !data.remove(name.as_str()) {
            evidence.find(Finding::error(
                &table.table,
                format!("the manifest counts {} rows, and the dump holds no data of this table", table.rows),
                "take a new backup of the whole database",
            ));
        }
    }
    for unknown in data {
        evidence.find(Finding::error(
            unknown,
            "the dump holds data of this table, and the manifest does not know it",
            "take a new backup: dump and manifest belong to different moments",
        ));
    }
    evidence.measure(Measurement::new("rows in the dump", manifest.rows() as f64, "rows"));
    let revision = manifest.revision.as_deref().unwrap_or("unknown");
    evidence.summarise(format!(
        "{} tables · {} rows · revision {revision}",
        manifest.state.tables.len(),
        manifest.rows()
    ));
    Ok(evidence.verdict())
}
