#![doc = include_str!("../README.md")]

mod actions;
mod case;
mod cause;
mod checks;
mod contract;
mod envelope;
mod http;
pub mod load;
mod run;
mod switch;
mod token;
mod vigil;

pub use actions::actions;
pub use case::Case;
pub use cause::ServiceLog;
pub use checks::{ask, ask_reading, checks, run_case};
pub use contract::{Contract, validate};
pub use run::Writer;
pub use token::AdminToken;

/// Asks the service of an address for its liveness, before anything else is asked of it.
///
/// # Errors
/// In one sentence: the address is none, its name is not known, nobody listens there, or what answers is not HTTP.
pub async fn reach(
    settings: &runbook::settings::Settings,
    base: &str,
) -> Result<(), runbook::check::CheckError> {
    let http = http::Http::to(base, settings)?;
    let path = settings.api.health.as_deref().unwrap_or("/");
    match http.send(&http::Sent::get(path)).await {
        Ok(_) => Ok(()),
        Err(problem) => {
            Err(runbook::check::CheckError::Missing(format!("GET {}{path}: {problem}", http.base())))
        }
    }
}
