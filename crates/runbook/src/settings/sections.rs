//! The sections of `runbook.toml`, documented where they are read.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::units::{hours, seconds};
use crate::reader::ReadLimits;
use crate::verdict::Finding;

/// `[system]`: what is deployed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// Its name, as it stands in reports.
    pub name: String,
    /// The title of reports.
    pub title: String,
    /// The runbook document, a Markdown file.
    pub runbook: PathBuf,
}

/// `[database]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseSection {
    /// Schemas that belong to the system; checks look at these and no others.
    pub schemas: Vec<String>,
    /// The oldest major version of Postgres that is supported.
    pub minimum_version: u32,
    /// Statements that the harness runs once, as superuser, in a new database before the migrations
    /// (extensions that the role of a deployment may not create, say).
    pub prepare: Vec<String>,
}

impl Default for DatabaseSection {
    fn default() -> Self {
        Self { schemas: vec!["public".into()], minimum_version: 15, prepare: Vec::new() }
    }
}

/// Which tool applies the migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MigrationTool {
    /// Reversible SQL files, applied by sqlx.
    Sqlx,
    /// An alembic project, applied by alembic in a child process.
    Alembic,
}

/// `[migrations]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Migrations {
    /// The tool of a deployment.
    pub tool: MigrationTool,
    /// The folder of the SQL migrations.
    pub sqlx: Option<PathBuf>,
    /// The folder of the alembic project (it holds `alembic.ini`).
    pub alembic: Option<PathBuf>,
    /// The revision that is deployed before this deployment; the one before the newest by default.
    pub deployed: Option<String>,
    /// The folder of rows and questions about single migrations: `ID.before.sql` is run before the revision goes up,
    /// each row that the query in `ID.after.sql` gives says what is wrong after it.
    pub data: Option<PathBuf>,
}

/// `[schema]`: what the system needs of its schema and its server.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SchemaSection {
    /// The extensions that it uses.
    pub extensions: Vec<String>,
    /// What its code writes, by `table.column` (or `schema.table.column`): the narrowest type that holds it.
    pub writes: BTreeMap<String, String>,
    /// How many rows a table gains a day, where the statistics do not tell.
    pub rows_per_day: BTreeMap<String, f64>,
    /// How many days the keys of a table must last.
    pub key_days: Option<f64>,
    /// The role by which the application connects.
    pub application_role: Option<String>,
    /// Settings of a live server: `statement_timeout = "30s"`, or `max_connections = ">= 100"`.
    pub settings: BTreeMap<String, String>,
}

/// `[data]`: the data set of a rehearsal.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// SQL files that give a database its reference rows, run in order.
    pub seeds: Vec<PathBuf>,
    /// The description of the generated rows (see `harness::loader`).
    pub generate: Option<PathBuf>,
    /// How many rows of its leading table the rehearsal generates.
    pub scale: u64,
}

/// `[procedure]`: which sections of the runbook are not simply carried out in their turn.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProcedureSection {
    /// The heading of the rollback, which a rehearsal carries out last, as a drill; by default a heading that says
    /// "rollback".
    pub rollback: Option<String>,
    /// The heading of the criteria; by default a heading that says "criteria", or a section of ticked lines.
    pub criteria: Option<String>,
}

/// `[backup]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backup {
    /// The folder of the dumps.
    pub folder: PathBuf,
    /// What a dump's name starts with: `PREFIX_YYYYMMDD_HHMMSS.dump`.
    pub prefix: String,
    /// How old the newest dump may be.
    #[serde(deserialize_with = "hours")]
    pub max_age_hours: Duration,
    /// `pg_dump -Z`: from 0 (none) to 9 (smallest, and five times slower than 1).
    pub compression: u8,
    /// How many connections restore side by side (`pg_restore -j`).
    pub restore_jobs: std::num::NonZeroU32,
    /// How long a restore may take, in minutes: the recovery time objective.
    pub max_restore_minutes: f64,
    /// Whether a rollback ends the sessions of others on the database; otherwise it names them and refuses.
    pub disconnect_others: bool,
    /// Which dumps are kept.
    pub retention: Retention,
}

impl Default for Backup {
    fn default() -> Self {
        Self {
            folder: "/backups".into(),
            prefix: "database_full".into(),
            max_age_hours: Duration::from_hours(24),
            compression: 6,
            restore_jobs: std::num::NonZeroU32::MIN,
            max_restore_minutes: 15.0,
            disconnect_others: false,
            retention: Retention::default(),
        }
    }
}

/// `[backup.retention]`: the newest dump of each of the last days, weeks (ISO, from Monday) and months that have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// How many days.
    pub daily: usize,
    /// How many weeks.
    pub weekly: usize,
    /// How many months.
    pub monthly: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self { daily: 30, weekly: 12, monthly: 12 }
    }
}

/// `[thresholds]`: the figures of the runbook's success criteria.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// Milliseconds that the slowest query may take (p95), strictly below.
    pub query_ms: f64,
    /// Percent of scans that used an index, strictly above.
    pub index_hit_rate: f64,
    /// Percent of blocks found in the buffer cache, strictly above.
    pub cache_hit_rate: f64,
    /// Under this many scans or blocks a hit rate is not measured.
    pub minimum_traffic: i64,
    /// Tables smaller than this are rightly read by a sequential scan and left out, in blocks of 8 KiB.
    pub small_table_blocks: i64,
    /// Percent of its values that a sequence may have given out, at most.
    pub sequence_used: f64,
    /// Percent of the connections that may be in use, at most.
    pub connections: f64,
    /// Seconds that a transaction may be open, or a session wait for a lock.
    pub transaction_seconds: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            query_ms: 50.0,
            index_hit_rate: 95.0,
            cache_hit_rate: 99.0,
            minimum_traffic: 100,
            small_table_blocks: 32,
            sequence_used: 80.0,
            connections: 80.0,
            transaction_seconds: 300.0,
        }
    }
}

/// `[limits]`: nothing outside is waited for without an end.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Seconds that one check may take.
    #[serde(rename = "check_seconds", deserialize_with = "seconds")]
    pub check: Duration,
    /// Seconds to wait for a live target that says that it is still starting up; 0 asks once.
    #[serde(rename = "startup_seconds", deserialize_with = "seconds")]
    pub startup: Duration,
    /// Seconds that one statement may take on a live target.
    #[serde(rename = "statement_seconds", deserialize_with = "seconds")]
    pub statement: Duration,
    /// Seconds to wait for a lock on a live target.
    #[serde(rename = "lock_seconds", deserialize_with = "seconds")]
    pub lock: Duration,
    /// Seconds that a child process (a dump, a migration) may take.
    #[serde(rename = "command_seconds", deserialize_with = "seconds")]
    pub command: Duration,
    /// Seconds that one HTTP request may take.
    #[serde(rename = "request_seconds", deserialize_with = "seconds")]
    pub request: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            check: Duration::from_secs(300),
            startup: crate::live::STARTUP,
            statement: Duration::from_secs(30),
            lock: Duration::from_secs(2),
            command: Duration::from_secs(900),
            request: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// The limits of a read-only session.
    pub fn reading(&self) -> ReadLimits {
        ReadLimits { statement: self.statement, lock: self.lock, idle: self.statement }
    }
}

/// `[checks]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Checks {
    /// Ids of checks that must be measured, for each kind of target (`ephemeral`, `live`).
    pub required: BTreeMap<String, Vec<String>>,
    /// Known findings.
    pub accept: Vec<Acceptance>,
}

/// `[[checks.accept]]`: a known finding, and why it is accepted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// The check.
    pub check: String,
    /// The object, as the finding names it.
    pub object: String,
    /// The reason, which the report shows.
    pub reason: String,
}

impl Checks {
    /// The checks that must be measured on a live target, or on an ephemeral one.
    pub fn required_for(&self, live: bool) -> &[String] {
        self.required.get(if live { "live" } else { "ephemeral" }).map_or(&[], Vec::as_slice)
    }

    /// The reason for which this finding of this check is accepted.
    pub fn acceptance(&self, check: &str, finding: &Finding) -> Option<String> {
        self.accept
            .iter()
            .find(|known| known.check == check && known.object == finding.object)
            .map(|known| known.reason.clone())
    }
}

/// `[targets.NAME]`: a live target.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TargetSection {
    /// The environment variable that holds its `postgres://` address. Without it, libpq's own variables.
    pub database_url_variable: Option<String>,
    /// The base address of its API.
    pub api: Option<String>,
    /// The folder of its backups, where this machine sees it.
    pub backups: Option<PathBuf>,
}

/// `[[line]]`: what stands for a line of the runbook.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The line's own words.
    pub words: toml::Spanned<String>,
    /// The heading of its section, where the same words stand in several.
    pub section: Option<String>,
    /// The actions that carry it out, in order.
    #[serde(default)]
    pub actions: Vec<String>,
    /// The checks that stand for it.
    #[serde(default)]
    pub checks: Vec<String>,
    /// Why nothing can stand for it on a target without what it needs (`a rehearsal has no Grafana`).
    pub not_measured: Option<String>,
}
