//! The generated data set: any number of rows, the same ones each time, by binary COPY.
//!
//! `[data] generate` in `runbook.toml` names a file that says, table by table and column by column, what the
//! rows look like (see [`Plan`]). A value is a function of its table, column and row number alone, so nothing is
//! kept in memory, whatever the size: what a row refers to is computed again.
//!
//! Past `SMALL` rows the tables are filled side by side, each on a connection of its own and in the order of its
//! rows; the indexes are built afterwards, several at a time. Foreign keys are not asked for
//! each row where the data set takes every value from the row that is referred to: they hold by construction. One
//! that takes them from elsewhere is checked by the server as usual.

mod clock;
mod compile;
mod construction;
mod derive;
mod encode;
mod estimate;
mod indexes;
mod plan;
mod progress;
mod random;
mod stream;
mod value;
mod words;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use futures_util::{StreamExt as _, TryStreamExt as _, stream as futures};
use runbook::secret::DatabaseUrl;
use runbook::settings::Settings;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use crate::HarnessError;
use crate::template::execute;

pub use clock::Week;
pub use derive::{Derived, derive};
pub use estimate::{Size, estimate, estimate_derived, room};
pub use plan::{ColumnPlan, Each, Generator, Plan, TablePlan};
pub use progress::{Progress, Unwatched};

use compile::Compiled;
use stream::{Target, Watch};

/// Up to so many rows one connection and the indexes in place are quicker than setting anything aside.
const SMALL: u64 = 20_000;
/// Tables and indexes that are worked on at a time: one for each core, and no more than a server has memory for.
const MOST_AT_A_TIME: usize = 4;
/// Memory for one index build.
const BUILD_MEMORY: &str = "256MB";

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

/// Generates `n` rows of the leading table and what belongs to them, builds indexes, refreshes materialized views, and
/// vacuums and analyses.
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
    let of: u64 = targets.iter().map(|target| target.rows(&compiled)).sum();
    let watch = Watch { progress, sent: AtomicU64::new(0), of };
    let large = of > SMALL && construction::holds(&mut first, &compiled, &targets).await?;
    let indexes = if large { indexes::of(&mut first, &targets).await? } else { Vec::new() };
    let mut loaded = if large && indexes::set_aside(&mut first, &indexes).await {
        side_by_side(url, &compiled, targets, indexes, &watch).await?
    } else {
        in_turn(&mut first, &compiled, targets, &watch).await?
    };
    loaded.tables.retain(|(name, _)| !name.is_empty());
    progress.phase("refreshing views, and analysing");
    finish(&mut first, settings).await?;
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
    ended?;
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
    let of = targets.iter().map(|target| target.rows(compiled)).sum();
    let watch = Watch { progress, sent: AtomicU64::new(0), of };
    let loaded = in_turn(connection, compiled, targets, &watch).await.map_err(|error| match error {
        HarnessError::Sql { doing, reason } => HarnessError::Sql {
            doing,
            reason: format!(
                "{reason}; nothing was written. Where the rows cannot be known from the catalogue, print the data set \
                 with --print, better it, and name it in [data] generate of runbook.toml"
            ),
        },
        other => other,
    })?;
    for (table, column) in &derived.counters {
        let statement = format!(
            "SELECT setval(pg_get_serial_sequence({}, {}), (SELECT max({column}) FROM {table}))",
            literal(table),
            literal(&column.trim_matches('"').replace("\"\"", "\""))
        );
        execute(connection, statement).await?;
    }
    Ok(loaded)
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
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
        let (rows, bytes) = target.send(connection, compiled, watch).await?;
        loaded.tables.push((name, rows));
        loaded.bytes += bytes;
    }
    Ok(loaded)
}

/// Every table on a connection of its own; then the indexes, several at a time.
async fn side_by_side(
    url: &DatabaseUrl,
    compiled: &Arc<Compiled>,
    targets: Vec<Target>,
    indexes: Vec<String>,
    watch: &Watch<'_>,
) -> Result<Loaded, HarnessError> {
    let mut loaded = Loaded { indexes: indexes.len(), ..Loaded::default() };
    loaded.tables = vec![(String::new(), 0); compiled.tables.len()];
    let mut tables: Vec<(u64, Vec<Target>)> = Vec::new();
    // The entries of one table stay in one stream: its rows, and its serial numbers, have an order.
    for target in targets {
        let rows = target.rows(compiled);
        match tables
            .iter_mut()
            .find(|(_, known)| known[0].name == target.name && known[0].schema == target.schema)
        {
            Some((all, known)) => {
                *all += rows;
                known.push(target);
            }
            None => tables.push((rows, vec![target])),
        }
    }
    tables.sort_by_key(|(rows, _)| std::cmp::Reverse(*rows));
    let names: Vec<String> = tables
        .iter()
        .map(|(_, known)| format!("{}.{}", quote(&known[0].schema), quote(&known[0].name)))
        .collect();
    let mut written = futures::iter(tables.into_iter().map(|(_, entries)| async move {
        let mut connection = connect(url).await?;
        execute(&mut connection, "SET session_replication_role = replica".into()).await?;
        let mut sent = Vec::new();
        for entry in entries {
            let (place, name) = (entry.place, entry.name.clone());
            let (rows, bytes) = entry.send(&mut connection, compiled, watch).await?;
            sent.push((place, name, rows, bytes));
        }
        close(connection).await?;
        Ok::<_, HarnessError>(sent)
    }))
    .buffer_unordered(at_a_time());
    while let Some(sent) = written.try_next().await? {
        for (place, name, rows, bytes) in sent {
            loaded.tables[place] = (name, rows);
            loaded.bytes += bytes;
        }
    }
    drop(written);
    watch.progress.phase(&format!("building {} indexes", indexes.len()));
    each(url, indexes.into_iter().map(|name| format!("REINDEX INDEX {name}")).collect()).await?;
    watch.progress.phase("vacuuming and analysing");
    each(url, names.into_iter().map(|name| format!("VACUUM (ANALYZE) {name}")).collect()).await?;
    Ok(loaded)
}

/// Runs statements, several at a time, in this order.
async fn each(url: &DatabaseUrl, statements: Vec<String>) -> Result<(), HarnessError> {
    let next = tokio::sync::Mutex::new(statements.into_iter());
    let workers = (0..at_a_time()).map(|_| async {
        let mut connection = connect(url).await?;
        let memory =
            format!("SET maintenance_work_mem = '{BUILD_MEMORY}'; SET max_parallel_maintenance_workers = 0");
        execute(&mut connection, memory).await?;
        loop {
            let Some(statement) = next.lock().await.next() else { break };
            execute(&mut connection, statement).await?;
        }
        close(connection).await
    });
    futures_util::future::try_join_all(workers).await.map(drop)
}

fn at_a_time() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).clamp(1, MOST_AT_A_TIME)
}

/// Materialized views show the rows, and the planner knows them: as a database is that has been in use.
async fn finish(connection: &mut PgConnection, settings: &Settings) -> Result<(), HarnessError> {
    let views: Vec<String> = sqlx::query_scalar(include_str!("views.sql"))
        .bind(&settings.database.schemas)
        .fetch_all(&mut *connection)
        .await
        .map_err(HarnessError::sql("looking for materialized views"))?;
    for view in views {
        execute(connection, format!("REFRESH MATERIALIZED VIEW {view}")).await?;
    }
    // Vacuumed too: index-only scans depend on it, and autovacuum is off here.
    execute(connection, "VACUUM (ANALYZE)".into()).await
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
