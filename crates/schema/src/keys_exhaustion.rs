//! An integer key that has no value left stops every insert; how long it lasts depends on how fast the table grows.

use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::reader::Reader;
use runbook::verdict::{Evidence, Finding, Measurement, Threshold, Verdict};
use sqlx::FromRow;

pub(crate) const CHECK: Check =
    Check::live_safe("schema.keys.exhaustion", "no integer key runs out in the foreseeable future", run);

/// How many days a key must last, unless the settings say otherwise.
const KEY_DAYS: f64 = 365.0;

#[derive(FromRow)]
struct Key {
    on_table: String,
    /// `schema.table`, unquoted.
    table_key: String,
    column: String,
    largest: i64,
    readable: bool,
    /// Rows a day since the statistics were reset; absent where that is less than a day ago, or unknown.
    measured: Option<f64>,
}

fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(check(context))
}

async fn check(context: &Context) -> Result<Verdict, CheckError> {
    let mut reader = context.reader().await?;
    let keys: Vec<Key> = crate::fetch_by(&mut reader, context, include_str!("keys_exhaustion.sql")).await?;
    if let Some(hidden) = keys.iter().find(|key| !key.readable) {
        return Err(CheckError::NotPermitted(format!(
            "the keys of {0} are hidden from this role; GRANT SELECT ({1}) ON {0} TO it",
            hidden.on_table, hidden.column
        )));
    }
    let newest = newest(&mut reader, &keys).await?;
    let least = context.settings.schema.key_days.unwrap_or(KEY_DAYS);
    let mut evidence = Evidence::of("integer keys");
    let mut shortest: Option<f64> = None;
    for (key, newest) in keys.iter().zip(newest) {
        evidence.examine(1);
        let left = (key.largest - newest.unwrap_or(0)) as f64;
        let Some(rate) = rate(context, key) else { continue };
        let days = left / rate;
        shortest = Some(shortest.map_or(days, |other: f64| other.min(days)));
        if days < least {
            evidence.find(Finding::error(
                format!("{}.{}", key.on_table, key.column),
                format!("{left:.0} values are left, which at {rate:.0} rows a day last {days:.0} days"),
                format!(
                    "ALTER TABLE {} ALTER COLUMN {} TYPE bigint: a rewrite; plan it, with the columns that refer to it",
                    key.on_table, key.column
                ),
            ));
        }
    }
    if let Some(days) = shortest {
        evidence
            .measure(Measurement::new("shortest-lived key", days, "days").within(Threshold::AtLeast(least)));
    }
    Ok(evidence.verdict())
}

/// The newest value of each key, by its index.
async fn newest(reader: &mut Reader, keys: &[Key]) -> Result<Vec<Option<i64>>, CheckError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let questions: Vec<String> = keys
        .iter()
        .enumerate()
        .map(|(at, key)| {
            format!("SELECT {at} AS at, pg_catalog.max({})::bigint FROM {}", key.column, key.on_table)
        })
        .collect();
    let query = format!("SELECT max FROM ({}) AS newest ORDER BY at", questions.join(" UNION ALL "));
    let rows: Vec<(Option<i64>,)> = reader.fetch(&query).await?;
    Ok(rows.into_iter().map(|(newest,)| newest).collect())
}

/// Rows a day: the faster of what the statistics and the settings say; `None` where neither does.
fn rate(context: &Context, key: &Key) -> Option<f64> {
    let home = context.settings.database.schemas.first().map(String::as_str).unwrap_or_default();
    let declared = &context.settings.schema.rows_per_day;
    let bare = key.table_key.strip_prefix(home).and_then(|rest| rest.strip_prefix('.'));
    let declared = declared.get(&key.table_key).or_else(|| declared.get(bare?)).copied();
    let rates = [declared, key.measured].into_iter().flatten().filter(|rate| *rate > 0.0);
    rates.reduce(f64::max)
}
