//! `recovery.backup.private`: nobody but their owner can read the dumps. A dump is the whole database.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use runbook::check::{CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Verdict};

use super::listing;
use crate::error::RecoveryError;

pub(crate) fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(async move { judge(context) })
}

fn judge(context: &Context) -> Result<Verdict, CheckError> {
    let mut evidence = Evidence::of("dumps");
    let dumps = listing(context)?.dumps;
    for dump in &dumps {
        evidence.examine(1);
        for path in [dump.path.clone(), dump.manifest_path()].iter().filter(|path| path.exists()) {
            look(&mut evidence, path, "0600", "it holds the whole database, or tells of it")?;
        }
    }
    if !dumps.is_empty() {
        look(&mut evidence, context.backups()?, "0700", "dumps are written and listed there")?;
    }
    Ok(evidence.verdict())
}

fn look(evidence: &mut Evidence, path: &Path, wanted: &str, why: &str) -> Result<(), RecoveryError> {
    let mode = path.metadata().map_err(RecoveryError::file(path, "read"))?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        evidence.find(Finding::error(
            name,
            format!("its mode is {mode:04o}, so others than its owner can use it; {why}"),
            format!("chmod {wanted} {}", path.display()),
        ));
    }
    Ok(())
}
