//! `recovery.backup.present`: there is a dump.

use runbook::check::{CheckError, CheckFuture};
use runbook::context::Context;
use runbook::report::counted;
use runbook::verdict::{Evidence, Finding, Verdict};

use super::listing;

pub(crate) fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(async move { judge(context) })
}

fn judge(context: &Context) -> Result<Verdict, CheckError> {
    let listing = listing(context)?;
    let mut evidence = Evidence::of("dumps");
    evidence.examine(listing.dumps.len() as u64);
    match listing.dumps.first() {
        Some(newest) => {
            let others = match listing.foreign.len() {
                0 => String::new(),
                n => format!(" · {n} other files left alone"),
            };
            evidence.summarise(format!(
                "{} · newest {}{others}",
                counted(listing.dumps.len(), "dumps"),
                newest.name()
            ));
        }
        None => {
            evidence.find(Finding::error(
                format!("{}_YYYYMMDD_HHMMSS.dump", context.settings.backup.prefix),
                format!("there is no such dump in {}", context.backups()?.display()),
                "take a backup, or correct backup.folder and backup.prefix",
            ));
        }
    }
    Ok(evidence.verdict())
}
