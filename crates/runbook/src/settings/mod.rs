//! `runbook.toml`: names, thresholds and queries of the system under deployment.
//!
//! Every section refuses unknown keys; an error names the file, the line and the key (a [`miette`] span).
//! `fixtures/runbook.toml` is the commented example.

mod error;
mod sections;
mod services;
mod suites;
mod units;
mod validate;

use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use error::SettingsError;
pub use sections::*;
pub use services::*;
pub use suites::*;
pub use validate::nearest;

use crate::document::Document;

/// The settings of one system, and the folder they were read from.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder that holds `runbook.toml`: all relative paths start here.
    pub root: PathBuf,
    /// The runbook itself, parsed.
    pub document: Document,
    /// `[system]`
    pub system: System,
    /// `[database]`
    pub database: DatabaseSection,
    /// `[migrations]`
    pub migrations: Migrations,
    /// `[schema]`: what the system needs of its schema and its server.
    pub schema: SchemaSection,
    /// `[data]`: the data set of a rehearsal.
    pub data: Data,
    /// `[api]`
    pub api: ApiSection,
    /// `[services]`: commands of the runbook that are the team's own.
    pub services: Services,
    /// `[procedure]`
    pub procedure: ProcedureSection,
    /// `[backup]`
    pub backup: Backup,
    /// `[thresholds]`
    pub thresholds: Thresholds,
    /// `[limits]`
    pub limits: Limits,
    /// `[hazards]`: how migrations are judged before they meet a busy database.
    pub hazards: Hazards,
    /// `[integrity]`
    pub integrity: Integrity,
    /// `[perf]`
    pub perf: Perf,
    /// `[monitoring]`
    pub monitoring: Monitoring,
    /// `[envelope]`
    pub envelope: Envelope,
    /// `[checks]`: what is required where, and known findings.
    pub checks: Checks,
    /// `[targets.NAME]`
    pub targets: std::collections::BTreeMap<String, TargetSection>,
    /// `[[line]]`: which checks and actions stand for which line of the runbook.
    pub lines: Vec<Line>,
    source: validate::Source,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    system: System,
    #[serde(default)]
    database: DatabaseSection,
    migrations: Migrations,
    #[serde(default)]
    schema: SchemaSection,
    #[serde(default)]
    data: Data,
    #[serde(default)]
    api: ApiSection,
    #[serde(default)]
    services: Services,
    #[serde(default)]
    procedure: ProcedureSection,
    #[serde(default)]
    backup: Backup,
    #[serde(default)]
    thresholds: Thresholds,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    hazards: Hazards,
    #[serde(default)]
    integrity: Integrity,
    #[serde(default)]
    perf: Perf,
    #[serde(default)]
    monitoring: Monitoring,
    #[serde(default)]
    envelope: Envelope,
    #[serde(default)]
    checks: Checks,
    #[serde(default)]
    targets: std::collections::BTreeMap<String, TargetSection>,
    #[serde(default, rename = "line")]
    lines: Vec<Line>,
}

impl Settings {
    /// Reads `runbook.toml` and the runbook document in the folder `root`.
    ///
    /// # Errors
    /// A [`SettingsError`] that points at the line that is wrong.
    pub fn load(root: &Path) -> Result<Self, SettingsError> {
        let path = root.join("runbook.toml");
        let text =
            std::fs::read_to_string(&path).map_err(|source| SettingsError::no_settings(&path, &source))?;
        let file: File = toml::from_str(&text).map_err(|error| SettingsError::toml(&path, &text, &error))?;
        let document_path = root.join(&file.system.runbook);
        let document_text = std::fs::read_to_string(&document_path)
            .map_err(|source| SettingsError::named(&document_path, &source, "[system] runbook"))?;
        let document = Document::parse(&document_text);
        let settings = Self {
            root: root.to_owned(),
            document,
            system: file.system,
            database: file.database,
            migrations: file.migrations,
            schema: file.schema,
            data: file.data,
            api: file.api,
            services: file.services,
            procedure: file.procedure,
            backup: file.backup,
            thresholds: file.thresholds,
            limits: file.limits,
            hazards: file.hazards,
            integrity: file.integrity,
            perf: file.perf,
            monitoring: file.monitoring,
            envelope: file.envelope,
            checks: file.checks,
            targets: file.targets,
            lines: file.lines,
            source: validate::Source { path, text },
        };
        settings.check_values()?;
        Ok(settings)
    }

    /// A path of the settings, from the settings' folder.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }
}
