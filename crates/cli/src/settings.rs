//! Finding and reading the folder of the system under deployment.

use std::path::{Path, PathBuf};

use runbook::procedure::{Procedure, Registry};
use runbook::settings::Settings;

use crate::arguments::Global;
use crate::failure::Failure;

/// The settings, what stands in the suites, and the two joined.
pub(crate) struct System {
    /// `runbook.toml`
    pub(crate) settings: Settings,
    /// Every check and action.
    pub(crate) registry: Registry,
    /// The document's lines with what stands for them.
    pub(crate) procedure: Procedure,
}

/// Reads everything.
///
/// # Errors
/// With the file, the line and the key that is wrong.
pub(crate) fn load(global: &Global) -> Result<System, Failure> {
    let settings = Settings::load(&folder(global))?;
    let registry = crate::registry::registry();
    let procedure = Procedure::of(&settings, &registry)?;
    let checks: Vec<&str> = registry.checks.iter().map(|check| check.id).collect();
    let actions: Vec<&str> = registry.actions.iter().map(|action| action.id).collect();
    settings.validate(&checks, &actions)?;
    // The files that suites read later: what is wrong with one is known before anything runs.
    ::smoke::validate(&settings).map_err(|error| *error)?;
    integrity::rules::load(&settings).map_err(Failure::said)?;
    schema::hazards::check_settings(&settings.root, &settings.hazards.allow).map_err(|error| *error)?;
    perf::Query::all(&settings).map_err(|error| *error)?;
    Ok(System { settings, registry, procedure })
}

/// The folder that was named, or `./fixtures`, or the one of the workspace this program was built in.
fn folder(global: &Global) -> PathBuf {
    if let Some(folder) = &global.fixtures {
        return folder.clone();
    }
    let here = PathBuf::from("fixtures");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    if here.join("runbook.toml").is_file() || !workspace.is_dir() {
        return here;
    }
    workspace.canonicalize().unwrap_or(workspace)
}
