//! What the caller's environment says of other databases.

use std::os::unix::process::CommandExt as _;

use runbook::secret::DatabaseUrl;

use crate::arguments::Command;
use crate::failure::Failure;

/// Begins anew without libpq's variables where the command is about a server of our own: the driver reads some of them by
/// itself, so they would change the sessions there.
///
/// # Errors
/// When the program cannot be started again.
pub(crate) fn leave_to_others(command: &Command) -> Result<(), Failure> {
    let own = match command {
        Command::Rehearse(_) | Command::Hazards(_) => true,
        Command::Load(load) => load.database_url.is_none(),
        Command::Explain(explain) => explain.target.is_none() && explain.database_url.is_none(),
        _ => false,
    };
    // A given server's address may be completed by them.
    let given = std::env::var_os("RUNBOOK_DATABASE_URL").is_some_and(|url| !url.is_empty());
    let none = DatabaseUrl::LIBPQ_VARIABLES.iter().all(|name| std::env::var_os(name).is_none());
    if !own || given || none {
        return Ok(());
    }
    let failed = |error: std::io::Error| {
        Failure::said(format!("the PG* variables of the environment cannot be left out: {error}; unset them"))
    };
    let mut again = std::process::Command::new(std::env::current_exe().map_err(failed)?);
    again.args(std::env::args_os().skip(1));
    for name in DatabaseUrl::LIBPQ_VARIABLES {
        again.env_remove(name);
    }
    Err(failed(again.exec()))
}
