//! The window: the time between two readings of the server's counters. A rate is a difference over it.
//!
//! `monitoring.window.open` puts a [`Window`] into the stash; `monitoring.window.close` takes the second reading, so
//! that what checks read afterwards is not counted. Without `close`, a check takes the second reading itself; without
//! `open`, the figures are totals since the statistics were last reset, and their summary says so.
//!
//! A session reports its counters when its transaction ends, but not more often than once a second, and an idle one
//! after ten seconds at most. Whoever measures a short run closes its connections before it closes the window (or
//! calls `pg_stat_force_next_flush()` on them), or the window holds less than was done.

mod history;
mod snapshot;

use runbook::action::Action;
use runbook::check::CheckError;
use runbook::context::Context;
use runbook::verdict::{Evidence, Verdict};

pub use history::History;
pub(crate) use history::{Compared, Stretch};
use snapshot::Texts;
pub(crate) use snapshot::{Blocks, Snapshot, Statement, Statements, Table};

/// Opens the window.
pub(crate) const OPEN: Action =
    Action::new("monitoring.window.open", "Read the server's counters at the start of a window", |context| {
        Box::pin(open(context))
    });

/// Closes it.
pub(crate) const CLOSE: Action = Action::new(
    "monitoring.window.close",
    "Read the server's counters at the end of the window",
    |context| Box::pin(close(context)),
);

/// Two readings of the counters, or the first of them. Lives in the stash.
#[derive(Debug, Clone)]
pub struct Window {
    opened: Snapshot,
    closed: Option<Snapshot>,
}

/// The two readings that a check compares.
#[derive(Debug)]
pub(crate) struct Span {
    /// `None` is when the statistics were last reset.
    pub from: Option<Snapshot>,
    pub to: Snapshot,
}

impl Span {
    /// The window of the stash, or everything since the last reset.
    pub async fn of(context: &Context) -> Result<Self, CheckError> {
        Self::reading(context, Texts::Read).await
    }

    /// As [`Self::of`], for who asks for no [statements](Self::statements).
    pub async fn of_counters(context: &Context) -> Result<Self, CheckError> {
        Self::reading(context, Texts::Spared).await
    }

    async fn reading(context: &Context, texts: Texts) -> Result<Self, CheckError> {
        let window = context.stash.get::<Window>();
        let to = match window.as_deref() {
            Some(Window { closed: Some(closed), .. }) => closed.clone(),
            _ => Snapshot::take(context, texts).await?,
        };
        Ok(Self { from: window.map(|window| window.opened.clone()), to })
    }

    /// What a figure of it is about, for a summary.
    pub fn words(&self) -> &'static str {
        if self.from.is_some() {
            "over the window"
        } else {
            "since the statistics were reset, without a window"
        }
    }

    /// What the tables did in it.
    ///
    /// # Errors
    /// When a counter went back: the statistics were reset.
    pub fn tables(&self) -> Result<Vec<Table>, CheckError> {
        self.to.tables.values().map(|end| self.table(end)).collect()
    }

    /// What the database did in it.
    ///
    /// # Errors
    /// As [`Self::tables`].
    pub fn blocks(&self) -> Result<Blocks, CheckError> {
        let mut blocks = self.to.blocks.clone();
        if let Some(from) = &self.from {
            if from.blocks.reset != blocks.reset {
                return Err(reset("of the database"));
            }
            blocks.hit = grown(from.blocks.hit, blocks.hit, "of the database")?;
            blocks.read = grown(from.blocks.read, blocks.read, "of the database")?;
        }
        Ok(blocks)
    }

    /// What the statements did in it; those that were not called are left out.
    ///
    /// # Errors
    /// Why they could not be read, or that they were reset.
    pub fn statements(&self) -> Result<Statements, CheckError> {
        let read = |snapshot: &Snapshot| snapshot.statements.clone().map_err(CheckError::Missing);
        let mut statements = read(&self.to)?;
        if let Some(from) = &self.from {
            return statements.since(&read(from)?);
        }
        statements.entries.retain(|_, entry| entry.calls > 0);
        Ok(statements)
    }

    fn table(&self, end: &Table) -> Result<Table, CheckError> {
        let mut table = end.clone();
        if let Some(from) = &self.from {
            if from.blocks.reset != self.to.blocks.reset {
                return Err(reset("of the database"));
            }
            if let Some(start) = from.tables.get(&end.relation) {
                table.seq_scans = grown(start.seq_scans, end.seq_scans, &end.name)?;
                table.idx_scans = grown(start.idx_scans, end.idx_scans, &end.name)?;
                table.idx_hit = grown(start.idx_hit, end.idx_hit, &end.name)?;
                table.idx_read = grown(start.idx_read, end.idx_read, &end.name)?;
            }
        }
        Ok(table)
    }
}

/// A share in percent; not a number of nothing.
#[allow(clippy::cast_precision_loss, reason = "a percentage of counters")]
pub(crate) fn percent(part: i64, whole: i64) -> f64 {
    100.0 * part as f64 / whole as f64
}

async fn open(context: &Context) -> Result<Verdict, CheckError> {
    let opened = Snapshot::take(context, Texts::Read).await?;
    let verdict = reading("window opened", &opened);
    context.stash.put(Window { opened, closed: None });
    Ok(verdict)
}

async fn close(context: &Context) -> Result<Verdict, CheckError> {
    let Some(window) = context.stash.get::<Window>() else {
        return Err(CheckError::Missing("no window is open: run monitoring.window.open first".into()));
    };
    let closed = Snapshot::take(context, Texts::Read).await?;
    let verdict = reading("window closed", &closed);
    context.stash.put(Window { opened: window.opened.clone(), closed: Some(closed) });
    Ok(verdict)
}

fn reading(words: &str, snapshot: &Snapshot) -> Verdict {
    let mut evidence = Evidence::of("counters");
    evidence.examine(1 + snapshot.tables.len() as u64).summarise(words);
    evidence.verdict()
}

fn grown(from: i64, to: i64, what: &str) -> Result<i64, CheckError> {
    if to < from { Err(reset(what)) } else { Ok(to - from) }
}

fn reset(what: &str) -> CheckError {
    CheckError::Missing(format!("the statistics {what} were reset within the window: open a new one"))
}
