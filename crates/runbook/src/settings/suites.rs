//! The sections of `runbook.toml` that are one suite's own.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::units::{milliseconds, seconds};

/// `[hazards]`: how migrations are judged before they meet a busy database.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hazards {
    /// The longest that a statement of the application may be kept waiting.
    #[serde(rename = "budget_seconds", deserialize_with = "seconds")]
    pub budget: Duration,
    /// How large the target is, in rows of the data set's leading table; `[data] scale` where it is not given.
    pub target_rows: Option<u64>,
    /// The two sizes at which a migration is measured, in the same rows; what grows between them is extrapolated.
    pub sizes: [u64; 2],
    /// How fast the target reads and writes its disks, in MB a second: a copy that is measured stands in memory.
    pub disk_mb_per_second: f64,
    /// How many rows one of the target's processes goes through in a second.
    pub rows_per_second: f64,
    /// Tables that stay small, so that going through one of them keeps nobody waiting.
    pub small_tables: Vec<String>,
    /// Known hazards.
    pub allow: Vec<AllowedHazard>,
}

impl Default for Hazards {
    fn default() -> Self {
        Self {
            budget: Duration::from_secs(1),
            target_rows: None,
            sizes: [2_500, 10_000],
            disk_mb_per_second: 100.0,
            rows_per_second: 1_500_000.0,
            small_tables: Vec::new(),
            allow: Vec::new(),
        }
    }
}

/// `[[hazards.allow]]`: a known hazard, and why it is accepted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowedHazard {
    /// The rule.
    pub rule: toml::Spanned<String>,
    /// The table, without its schema; every table where it is not given.
    pub table: Option<String>,
    /// The reason, which the report shows.
    pub reason: String,
}

/// `[integrity]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Integrity {
    /// How many keys of broken rows a finding shows.
    pub keys_shown: Option<u32>,
    /// The folder of the system's own rules.
    pub rules: Option<PathBuf>,
    /// How many tables are read side by side, on one snapshot: from 1 to 3, and fewer where the server has few
    /// connections left.
    pub connections: u32,
    /// Milliseconds: a target that answers slower than this, and than four times its best, is left alone until it
    /// answers as before, for ten seconds at most. 0 never waits.
    #[serde(rename = "back_off_ms", deserialize_with = "milliseconds")]
    pub back_off: Duration,
    /// Whether amcheck also looks for every row of the heap in every B-tree (`heapallindexed`).
    pub heap_all_indexed: bool,
    /// Whether large tables are proved along those indexes that amcheck verifies so, instead of from the heap alone.
    pub trust_indexes: bool,
    /// `[[integrity.reference]]`: references that no constraint states.
    #[serde(rename = "reference")]
    pub references: Vec<SoftReference>,
}

impl Default for Integrity {
    fn default() -> Self {
        Self {
            keys_shown: None,
            rules: None,
            connections: 2,
            back_off: Duration::from_millis(100),
            heap_all_indexed: true,
            trust_indexes: true,
            references: Vec::new(),
        }
    }
}

/// `[[integrity.reference]]`: rows that name others without a foreign key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoftReference {
    /// Whose rows name others. A row with a null among the columns names none.
    pub from: SoftSide,
    /// What they name.
    pub to: SoftSide,
}

/// One side of a soft reference. Names as they are, without quotes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoftSide {
    /// The schema; the first of `[database] schemas` by default.
    pub schema: Option<String>,
    /// The table.
    pub table: toml::Spanned<String>,
    /// Its columns, in the order of the other side's.
    pub columns: Vec<toml::Spanned<String>>,
}

/// `[perf]`: the critical queries, and how they are timed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Perf {
    /// The folder of the critical queries: one `.sql` file each, its budget and indexes in header comments.
    pub queries: PathBuf,
    /// How often each query is timed; the 95th percentile of these is compared with its budget.
    pub samples: u32,
    /// How often each query runs before it is timed.
    pub warm_up: u32,
    /// How many times a query that is past its budget is timed again before it is judged, by its best round.
    pub rounds: u32,
    /// Every time budget is multiplied by this: above 1 on machines that do other work at the same time.
    pub budget_factor: f64,
    /// How many blocks a query may ask for, for each row it returns, where its header says nothing else.
    pub buffers_per_row: u64,
}

impl Default for Perf {
    fn default() -> Self {
        Self {
            queries: "queries".into(),
            samples: 40,
            warm_up: 3,
            rounds: 5,
            budget_factor: 1.0,
            buffers_per_row: 50,
        }
    }
}

/// `[monitoring]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Monitoring {
    /// Statements that are not judged by their time: `LIKE` patterns of their normalised text.
    pub ignore_statements: Vec<String>,
}

/// `[envelope]`: the columns that a service fills on every write.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Envelope {
    /// The table.
    pub table: Option<String>,
    /// Its columns that must not be null on rows the service wrote.
    pub columns: Vec<String>,
    /// A condition that selects the rows the service wrote since the columns exist.
    pub written_by_service: Option<String>,
}
