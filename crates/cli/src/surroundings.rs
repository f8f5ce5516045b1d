//! What the caller's environment says of other databases.

use std::os::unix::process::CommandExt as _;

use runbook::secret::DatabaseUrl;

use crate::arguments::Command;
use crate::diff;
use crate::failure::Failure;

/// Where the server options of the live side of a comparison are kept while the driver must find none for the other
/// side's database, which is our own.
const LIVE_OPTIONS: &str = "RUNBOOK_PGOPTIONS";

/// Begins anew without libpq's variables where the command is about a server of our own: the driver reads some of them by
/// itself, so they would change the sessions there.
///
/// # Errors
/// When the program cannot be started again.
pub(crate) fn leave_to_others(command: &Command) -> Result<(), Failure> {
    let (own, beside) = match command {
        Command::Rehearse(_) | Command::Hazards(_) => (true, false),
        Command::Load(load) => (load.database_url.is_none(), false),
        Command::Explain(explain) => (explain.target.is_none() && explain.database_url.is_none(), false),
        Command::Diff(sides) => {
            let (a, b) = (diff::is_made(&sides.a), diff::is_made(&sides.b));
            (a && b, a != b)
        }
        _ => (false, false),
    };
    // A live side's address is made of all the others, and given whole to the driver.
    let left_out: &[&str] = if beside { &["PGOPTIONS"] } else { &DatabaseUrl::LIBPQ_VARIABLES };
    // A given server's address may be completed by them.
    let given = std::env::var_os("RUNBOOK_DATABASE_URL").is_some_and(|url| !url.is_empty());
    let none = left_out.iter().all(|name| std::env::var_os(name).is_none());
    if !(own || beside) || given || none {
        return Ok(());
    }
    let failed = |error: std::io::Error| {
        Failure::said(format!("the PG* variables of the environment cannot be left out: {error}; unset them"))
    };
    let mut again = std::process::Command::new(std::env::current_exe().map_err(failed)?);
    again.args(std::env::args_os().skip(1));
    for name in left_out {
        again.env_remove(name);
    }
    if let Some(options) = std::env::var_os("PGOPTIONS").filter(|_| beside) {
        again.env(LIVE_OPTIONS, options);
    }
    Err(failed(again.exec()))
}

/// The address of a live side, with the server options that were kept for it, unless it names its own.
///
/// # Errors
/// When the options cannot be read.
pub(crate) fn with_kept_options(url: DatabaseUrl) -> Result<DatabaseUrl, Failure> {
    let Ok(options) = std::env::var(LIVE_OPTIONS) else { return Ok(url) };
    if options.is_empty() || url.libpq_environment().iter().any(|(name, _)| *name == "PGOPTIONS") {
        return Ok(url);
    }
    let encoded: String = options.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let mark = if url.expose().contains('?') { '&' } else { '?' };
    DatabaseUrl::parse(&format!("{}{mark}options={encoded}", url.expose()))
        .map_err(|error| Failure::said(format!("PGOPTIONS: {error}")))
}
