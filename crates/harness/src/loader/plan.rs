//! What a data set's file says.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use toml::Spanned;

use super::clock::Week;
use crate::HarnessError;

/// A data set: tables in the order in which they are filled. The first is the leading one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The moment from which times are counted, RFC 3339: fixed, so that two runs write the same rows.
    pub epoch: String,
    /// Another number gives other rows.
    #[serde(default)]
    pub seed: u64,
    /// The tables.
    #[serde(rename = "table")]
    pub tables: Vec<TablePlan>,
    #[serde(skip)]
    pub(super) file: PathBuf,
    #[serde(skip)]
    pub(super) text: String,
    /// Microseconds from 2000-01-01 to the epoch, as Postgres counts.
    #[serde(skip)]
    pub(super) epoch_micros: i64,
}

/// `[[table]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TablePlan {
    /// Its name. Two entries may fill one table, one after the other: each project has three events, and busy ones more.
    pub name: Spanned<String>,
    /// Its schema; the first of the settings by default.
    pub schema: Option<String>,
    /// So many rows for each row of an earlier table, its parent; the leading table has none.
    pub each: Option<Each>,
    /// Left out when the table is not there.
    #[serde(default)]
    pub optional: bool,
    /// Its columns; those not named keep their default.
    #[serde(rename = "column")]
    pub columns: Vec<ColumnPlan>,
}

/// `each = { of = "projects", rows = 3 }`, or with `zipf` for an uneven share.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Each {
    /// The parent.
    pub of: Spanned<String>,
    /// Rows for each of its rows; with `zipf`, on average.
    pub rows: u64,
    /// The parents are drawn by Zipf's law with this exponent, instead of in turn: few have very many rows, and many
    /// have none. Which ones are the busy ones has nothing to do with their order.
    pub zipf: Option<f64>,
}

/// `[[table.column]]`: a name, and how its values come about.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnPlan {
    /// Its name.
    pub name: Spanned<String>,
    /// The share of rows in which it is null, 0 to 1.
    #[serde(default)]
    pub null_share: f64,
    /// Left out at revisions that do not have the column.
    #[serde(default)]
    pub optional: bool,
    /// How its values come about.
    pub make: Generator,
}

/// `make = { KIND = … }`: how values come about. In texts, `${row}` is the number of the row from 1, `${row:8}`
/// the same with leading zeros, `${ordinal}` its number among its parent's rows from 1, `${COLUMN}` a column of
/// the same row and `${parent.COLUMN}` one of its parent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Generator {
    /// A text; a number, where the column is one: `make = { text = "proj_${row:8}" }`.
    Text(String),
    /// The number of the row, counted from this one; where the column is a date, days from 2000-01-01, and where it is a
    /// moment, seconds from then.
    Sequence(i64),
    /// The same value in every row.
    Constant(toml::Value),
    /// One of these, by weight; all weigh the same without `weights`.
    Choice {
        /// The values.
        values: Vec<toml::Value>,
        /// Their weights.
        weights: Option<Vec<f64>>,
    },
    /// One of `of` texts, in which `${row}` is its number.
    Pool {
        /// The text.
        text: String,
        /// How many there are, at least.
        of: u64,
        /// How many there are for each row of the leading table, where that is more than `of`.
        share: Option<f64>,
        /// How uneven they are: the exponent of Zipf's law; all are equally frequent without it.
        zipf: Option<f64>,
    },
    /// The texts in turn, by the row's number among its parent's rows.
    ByOrdinal(Vec<String>),
    /// A column of the parent's row: what a foreign key needs.
    Parent(String),
    /// A column of any row of an earlier table.
    Pick {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// As in `pool`.
        zipf: Option<f64>,
        /// Columns of one group are picked from the same row: a foreign key of several columns.
        group: Option<String>,
    },
    /// These values in turn, each `stride` times in a row and then all over again.
    InTurn {
        /// The values.
        values: Vec<toml::Value>,
        /// How many rows in a row have the same one; 1 by default.
        #[serde(default = "one")]
        stride: u64,
    },
    /// A column of an earlier table's rows, or of the own one's, in turn, each `stride` times: what a unique foreign key needs.
    Turn {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// How many rows in a row have the same one; 1 by default.
        #[serde(default = "one")]
        stride: u64,
    },
    /// A number between two.
    Number {
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
        /// Digits after the point.
        #[serde(default)]
        decimals: u32,
    },
    /// A moment: after the epoch, a column of the same row (`created_at`) or of the parent (`parent.created_at`).
    Time {
        /// Where it is counted from; the epoch by default.
        after: Option<String>,
        /// At least so many seconds later.
        #[serde(default)]
        min_seconds: f64,
        /// At most so many seconds later.
        max_seconds: f64,
        /// Seconds more for each earlier row of the same parent.
        #[serde(default)]
        step_seconds: f64,
        /// Later rows have later times, as where rows are only added.
        #[serde(default)]
        rising: bool,
        /// When people work; all times are equally frequent without it.
        week: Option<Week>,
    },
    /// True in this share of rows.
    Flag(f64),
    /// The SHA-256 of a text, as 64 hexadecimal digits.
    Sha256(String),
    /// Prose that means nothing.
    Words {
        /// The median of the number of words; lengths are log-normal, so that few are very long.
        median: f64,
        /// At most so many words.
        longest: u32,
        /// At most so many bytes.
        #[serde(default = "unbounded")]
        bytes: usize,
    },
    /// A random UUID (version 4), another one in each row.
    Uuid,
    /// So many random bytes.
    Bytes(usize),
}

fn one() -> u64 {
    1
}

fn unbounded() -> usize {
    usize::MAX
}

impl Plan {
    /// Reads a data set's file.
    ///
    /// # Errors
    /// When it cannot be read or is wrong: file, line, key.
    pub fn read(file: &Path) -> Result<Self, HarnessError> {
        let text = std::fs::read_to_string(file).map_err(HarnessError::io(file))?;
        Self::parse(file, text)
    }

    /// Reads a data set's text. `file` is what messages name.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn parse(file: &Path, text: String) -> Result<Self, HarnessError> {
        let mut plan: Self = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(&text, span.start));
            HarnessError::Fixtures(format!("{}:{line}: {}", file.display(), error.message()))
        })?;
        plan.file = file.to_owned();
        plan.text = text;
        let epoch = OffsetDateTime::parse(&plan.epoch, &Rfc3339).map_err(|error| {
            HarnessError::Fixtures(format!(
                "{}: epoch: {error}; write it as 2025-01-01T00:00:00Z",
                file.display()
            ))
        })?;
        // 946,684,800 s lie between 1970 and 2000, where Postgres starts to count.
        plan.epoch_micros = (epoch.unix_timestamp() - 946_684_800) * 1_000_000;
        plan.check()?;
        Ok(plan)
    }

    /// How many rows a table gets when the leading one gets `n`.
    pub fn rows(&self, table: &TablePlan, n: u64) -> u64 {
        match &table.each {
            None => n,
            Some(each) => {
                let parent = self.table(each.of.get_ref());
                parent.map_or(0, |parent| self.rows(parent, n)).saturating_mul(each.rows)
            }
        }
    }

    fn table(&self, name: &str) -> Option<&TablePlan> {
        self.tables.iter().find(|table| table.is(name))
    }

    /// An error at a key of the file.
    pub(super) fn wrong(&self, key: &Spanned<String>, problem: String) -> HarnessError {
        let line = line_of(&self.text, key.span().start);
        HarnessError::Fixtures(format!("{}:{line}: {}: {problem}", self.file.display(), key.get_ref()))
    }

    /// Where the first entry of a table stands.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.tables.iter().position(|table| table.is(name))
    }

    /// Parents come before their children, so that `rows` and `parent` end.
    fn check(&self) -> Result<(), HarnessError> {
        for (position, table) in self.tables.iter().enumerate() {
            if let Some(each) = &table.each
                && !self.tables[..position].iter().any(|earlier| earlier.is(each.of.get_ref()))
            {
                return Err(self.wrong(&each.of, "`each` names no earlier table".into()));
            }
        }
        self.check_ranges()
    }
}

impl TablePlan {
    /// Whether it is called `name`, or `schema.name` where it names its schema.
    fn is(&self, name: &str) -> bool {
        let own = self.name.get_ref();
        own == name
            || self.schema.as_ref().is_some_and(|schema| {
                name.strip_prefix(schema.as_str()).and_then(|rest| rest.strip_prefix('.')) == Some(own)
            })
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1)
}
