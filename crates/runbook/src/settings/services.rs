//! The sections of `runbook.toml` about the service under deployment, and what stands beside it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// `[api]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiSection {
    /// The address that the runbook names.
    pub base_url: Option<String>,
    /// How a rehearsal starts the service.
    pub start: Option<ServiceStart>,
    /// How maintenance mode is switched.
    pub maintenance: Option<Maintenance>,
    /// The folder of the smoke cases.
    pub cases: Option<PathBuf>,
    /// The path of the liveness answer.
    pub health: Option<String>,
    /// The path of the readiness answer.
    pub ready: Option<String>,
    /// Who the requests come from.
    pub authentication: Authentication,
    /// Certificates (PEM) that are trusted beside the system's own: a staging authority, say.
    pub certificate_authority: Option<PathBuf>,
    /// The environment variable that names the service's log file, where this machine sees it: a failing case quotes it.
    pub log_variable: Option<String>,
}

/// `[api.authentication]`: what every request carries. The values stand in the environment, never in a file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Authentication {
    /// The environment variable that holds a bearer token.
    pub bearer_variable: Option<String>,
    /// A header (`X-Api-Key`) …
    pub header: Option<String>,
    /// … and the environment variable that holds its value.
    pub header_variable: Option<String>,
}

/// How a rehearsal starts a service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceStart {
    /// A package of this workspace whose program it is; it is built when it is not there.
    pub package: Option<String>,
    /// The arguments. `{database_url}`, `{listen}` and `{state}` are filled in (`{listen}` is `127.0.0.1:0`:
    /// the service prints `listening on ADDRESS` on standard output when it is ready to accept).
    #[serde(default)]
    pub arguments: Vec<String>,
    /// A program to start instead of a package.
    pub program: Option<String>,
    /// Environment variables, with the same placeholders.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

/// How maintenance mode is switched: by one request to `path`, or by what `on` and `off` say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Maintenance {
    /// The path that is sent `PUT {"enabled": true|false}`.
    pub path: Option<String>,
    /// The environment variable that holds the bearer token.
    pub token_variable: Option<String>,
    /// Another way to begin it.
    pub on: Option<SwitchBy>,
    /// Another way to end it.
    pub off: Option<SwitchBy>,
}

/// A way to switch something: a command of the team's own, or a request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SwitchBy {
    /// A program and its arguments, run in the settings' folder.
    pub command: Option<Vec<String>>,
    /// The method of a request; PUT where only a path is given.
    pub method: Option<String>,
    /// Its path.
    pub path: Option<String>,
    /// Its body, sent as JSON.
    pub body: Option<String>,
}

/// `[services]`: commands of the runbook that are the team's own.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Services {
    /// Tells the stakeholders; the message is its last argument.
    pub notify: Option<Vec<String>>,
    /// Stops what writes to the database.
    pub stop: Option<Vec<String>>,
    /// Starts it again.
    pub start: Option<Vec<String>>,
    /// Stops everything that uses the database, the API as well, before a rollback; `stop` where it is not given.
    pub halt: Option<Vec<String>>,
    /// Starts everything again after a rollback; `start` where it is not given.
    pub resume: Option<Vec<String>>,
    /// A process that the rehearsal starts to have something to stop.
    pub worker: Option<ServiceStart>,
}
