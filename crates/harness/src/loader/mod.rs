//! The generated data set: any number of rows, the same ones each time, by binary COPY.
//!
//! `[data] generate` in `runbook.toml` names a file that says, table by table and column by column, what the
//! rows look like (see [`Plan`]). A value is a function of its table, column and row number alone, so nothing is
//! kept in memory, whatever the size: what a row refers to is computed again.
//!
//! Past `SMALL` rows the tables are filled side by side, each by one connection and in the order of its
//! rows; the indexes are built afterwards, several at a time. Rows are written frozen, into a file that is new in their
//! own transaction: nothing has to visit them again, and a server with `wal_level = minimal` writes no log of them.
//! Foreign keys are not asked for each row where the data set takes every value from the row that is referred to: they
//! hold by construction. One that takes them from elsewhere is checked by the server as usual.

mod clock;
mod compile;
mod construction;
mod counters;
mod crew;
mod derive;
mod encode;
mod estimate;
mod indexes;
mod parse;
mod plan;
mod progress;
mod random;
mod ranges;
mod stream;
mod value;
mod words;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use runbook::secret::DatabaseUrl;
use runbook::settings::Settings;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use crate::HarnessError;
use crate::template::execute;

pub use clock::Week;
pub use derive::{Derived, derive};
pub use estimate::{Size, estimate, estimate_derived, room};
pub(crate) use estimate::{ask, ask_container};
pub use plan::{ColumnPlan, Each, Generator, Plan, TablePlan};
pub use progress::{Progress, Unwatched};

use compile::Compiled;
use counters::Written;
use crew::{Crew, Task};
use stream::{Target, Watch};

/// Up to so many rows one connection and the indexes in place are quicker than setting anything aside.
const SMALL: u64 = 20_000;

/// What was loaded.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The entries of the data set with the rows that were written, in the order of the file.
    pub tables: Vec<(String, u64)>,
    /// The bytes that were sent.
    pub bytes: u64,
    /// How many indexes were built afterwards.
    pub indexes: usize,
}

/// Generates `n` rows of the leading table and what belongs to them, builds indexes, refreshes materialized views, vacuums
/// and analyses, and sets counters after what was written.
///
/// # Errors
/// When the settings name no data set, or it does not fit the schema: file, line and key.
pub async fn load(
    url: &DatabaseUrl,
    settings: &Settings,
    n: u64,
    progress: &dyn Progress,
) -> Result<Loaded, HarnessError> {
    let plan = Arc::new(Plan::of(settings)?);
    let compiled = Arc::new(Compiled::new(plan, n)?);
    let mut first = connect(url).await?;
    let targets = targets(&mut first, &compiled, settings).await?;
    let of = all_rows(&targets, &compiled);
    let watch = Watch { progress, sent: AtomicU64::new(0), of };
    let written: Vec<Written> = targets.iter().map(|target| Written::by(target, &compiled)).collect();
    let large = of > SMALL && construction::holds(&mut first, &compiled, &targets).await?;
    let tables = if large { indexes::of(&mut first, &targets).await? } else { Vec::new() };
    let mut loaded = if large && indexes::may_be_set_aside(&mut first, &tables).await? {
        side_by_side(url, settings, &compiled, (targets, tables), &mut first, &watch).await?
    } else {
        let loaded = in_turn(&mut first, &compiled, targets, &watch).await?;
        progress.phase("refreshing views, and analysing");
        refresh(&mut first, settings).await?;
        // Vacuumed too: index-only scans depend on it, and autovacuum is off here.
        execute(&mut first, "VACUUM (ANALYZE)".into()).await?;
        loaded
    };
    counters::set(&mut first, &written).await?;
    loaded.tables.retain(|(name, _)| !name.is_empty());
    close(first).await?;
    Ok(loaded)
}

/// Fills the tables that `derived` names with `rows` rows each, in one transaction and with every index and check in
/// place: all of them or none. Counters are set after what was written, and the tables analysed.
///
/// # Errors
/// When the database refuses a row: which constraint, and what to do.
pub async fn fill(
    connection: &mut PgConnection,
    derived: &Derived,
    rows: u64,
    progress: &dyn Progress,
) -> Result<Loaded, HarnessError> {
    let compiled = Arc::new(Compiled::new(Arc::new(derived.plan()?), rows)?);
    execute(connection, "BEGIN".into()).await?;
    let filled = filled(connection, &compiled, derived, progress).await;
    let end = if filled.is_ok() { "COMMIT" } else { "ROLLBACK" };
    // Where the connection is gone, what is told is why the rows were not written.
    let ended = execute(connection, end.into()).await;
    let loaded = filled?;
    ended.map_err(unwritten)?;
    for table in &derived.tables {
        execute(connection, format!("ANALYZE {table}")).await?;
    }
    Ok(loaded)
}

async fn filled(
    connection: &mut PgConnection,
    compiled: &Arc<Compiled>,
    derived: &Derived,
    progress: &dyn Progress,
) -> Result<Loaded, HarnessError> {
    let targets = targets_of(connection, compiled, "public").await?;
    let of = all_rows(&targets, compiled);
    let watch = Watch { progress, sent: AtomicU64::new(0), of };
    let written: Vec<Written> = targets.iter().map(|target| Written::by(target, compiled)).collect();
    let loaded = in_turn(connection, compiled, targets, &watch).await.map_err(unwritten)?;
    for (place, (table, (_, rows))) in derived.tables.iter().zip(&loaded.tables).enumerate() {
        let asked = compiled.tables[place].rows;
        if *rows < asked {
            return Err(HarnessError::Other(format!(
                "{table}: the server took {rows} of {asked} rows, so a trigger or a rule turns them away; nothing was \
                 written. Leave the table out with --table, or disable the trigger while it is filled"
            )));
        }
    }
    counters::set(connection, &written).await?;
    Ok(loaded)
}

/// Says of a refusal of the server what became of the rows, and what to do.
fn unwritten(error: HarnessError) -> HarnessError {
    match error {
        HarnessError::Sql { doing, reason } => HarnessError::Sql {
            doing,
            reason: format!(
                "{reason}; nothing was written. Where the rows cannot be known from the catalogue, print the data set \
                 with --print, better it, and name it in [data] generate of runbook.toml"
            ),
        },
        other => other,
    }
}

/// Writes the bytes that [`load`] would send into `folder`, a file for each entry, and gives the statements that take
/// them: for who measures what a bare COPY of the same bytes takes.
///
/// # Errors
/// As [`load`], and when a file cannot be written.
pub async fn dump(
    url: &DatabaseUrl,
    settings: &Settings,
    n: u64,
    folder: &std::path::Path,
) -> Result<Vec<(String, std::path::PathBuf)>, HarnessError> {
    use std::io::Write as _;
    let compiled = Compiled::new(Arc::new(Plan::of(settings)?), n)?;
    let mut connection = connect(url).await?;
    let mut files = Vec::new();
    for target in targets(&mut connection, &compiled, settings).await? {
        let path = folder.join(format!("{}.copy", target.place));
        let mut file = std::fs::File::create(&path).map_err(HarnessError::io(&path))?;
        let mut written = Ok(());
        target.generate(&compiled, 0..target.rows(&compiled), |piece, _| {
            written = file.write_all(&piece);
            written.is_ok()
        })?;
        written.map_err(HarnessError::io(&path))?;
        files.push((target.statement.clone(), path));
    }
    close(connection).await?;
    Ok(files)
}

impl Plan {
    /// The data set of the settings.
    ///
    /// # Errors
    /// When they name none, or it is wrong.
    pub fn of(settings: &Settings) -> Result<Self, HarnessError> {
        match &settings.data.generate {
            Some(generate) => Self::read(&settings.path(generate)),
            None => Err(HarnessError::Fixtures(format!(
                "{}: [data] generate names no data set",
                settings.path("runbook.toml").display()
            ))),
        }
    }
}

async fn targets(
    connection: &mut PgConnection,
    compiled: &Compiled,
    settings: &Settings,
) -> Result<Vec<Target>, HarnessError> {
    let schema = settings.database.schemas.first().map_or("public", String::as_str);
    targets_of(connection, compiled, schema).await
}

async fn targets_of(
    connection: &mut PgConnection,
    compiled: &Compiled,
    schema: &str,
) -> Result<Vec<Target>, HarnessError> {
    let mut targets = Vec::new();
    for place in 0..compiled.tables.len() {
        targets.extend(Target::find(connection, compiled, place, schema).await?);
    }
    Ok(targets)
}

/// The rows of all entries.
fn all_rows(targets: &[Target], compiled: &Compiled) -> u64 {
    targets.iter().fold(0, |sum, target| sum.saturating_add(target.rows(compiled)))
}

/// One entry after the other, with every index and every check in place.
async fn in_turn(
    connection: &mut PgConnection,
    compiled: &Arc<Compiled>,
    targets: Vec<Target>,
    watch: &Watch<'_>,
) -> Result<Loaded, HarnessError> {
    let mut loaded = Loaded::default();
    for target in targets {
        let name = target.name.clone();
        let (rows, bytes) = target.send(connection, compiled, watch, false).await?;
        loaded.tables.push((name, rows));
        loaded.bytes += bytes;
    }
    Ok(loaded)
}

/// Every table by one connection; then the indexes, several at a time; then what the planner is to know.
async fn side_by_side(
    url: &DatabaseUrl,
    settings: &Settings,
    compiled: &Arc<Compiled>,
    (targets, indexes): (Vec<Target>, Vec<indexes::Table>),
    first: &mut PgConnection,
    watch: &Watch<'_>,
) -> Result<Loaded, HarnessError> {
    let mut crew = Crew::called(url).await?;
    let fills = indexes::filled(targets, indexes, compiled);
    let builds = indexes::builds(&fills);
    let names: Vec<String> = fills.iter().map(|fill| fill.table.shown.clone()).collect();
    let mut loaded = Loaded { indexes: builds.len(), ..Loaded::default() };
    loaded.tables = vec![(String::new(), 0); compiled.tables.len()];
    for sent in crew.work(fills.into_iter().map(Task::Fill).collect(), compiled, watch).await? {
        loaded.tables[sent.place] = (sent.name, sent.rows);
        loaded.bytes += sent.bytes;
    }
    watch.progress.phase(&format!("building {} indexes", builds.len()));
    let rebuilt = builds.into_iter().map(|name| Task::Run(format!("REINDEX INDEX {name}")));
    crew.work(rebuilt.collect(), compiled, watch).await?;
    watch.progress.phase("vacuuming and analysing");
    let vacuum = |name: &String| Task::Run(format!("VACUUM (ANALYZE) {name}"));
    let mut vacuums: Vec<Task> = names.iter().map(vacuum).collect();
    // The catalogue too, and what was there before: last, since it is small.
    let others: Vec<String> = sqlx::query_scalar(include_str!("others.sql"))
        .bind(&names)
        .fetch_all(&mut *first)
        .await
        .map_err(HarnessError::sql("looking for the other tables"))?;
    vacuums.push(Task::Run(format!("VACUUM (ANALYZE) {}", others.join(", "))));
    crew.work(vacuums, compiled, watch).await?;
    watch.progress.phase("refreshing views");
    let views = refresh(first, settings).await?;
    crew.work(views.iter().map(vacuum).collect(), compiled, watch).await?;
    crew.dismissed().await?;
    Ok(loaded)
}

/// Materialized views show the rows: as in a database that has been in use. Returns their names.
async fn refresh(connection: &mut PgConnection, settings: &Settings) -> Result<Vec<String>, HarnessError> {
    let views: Vec<String> = sqlx::query_scalar(include_str!("views.sql"))
        .bind(&settings.database.schemas)
        .fetch_all(&mut *connection)
        .await
        .map_err(HarnessError::sql("looking for materialized views"))?;
    for view in &views {
        execute(connection, format!("REFRESH MATERIALIZED VIEW {view}")).await?;
    }
    Ok(views)
}

async fn connect(url: &DatabaseUrl) -> Result<PgConnection, HarnessError> {
    PgConnection::connect_with(&url.connect_options())
        .await
        .map_err(HarnessError::sql("connecting to load rows"))
}

/// In an orderly way: a database with a session still on it cannot be cloned.
async fn close(connection: PgConnection) -> Result<(), HarnessError> {
    connection.close().await.map_err(HarnessError::sql("closing a connection"))
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
