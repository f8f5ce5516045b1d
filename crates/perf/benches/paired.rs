//! The paired gate: `cargo bench -p perf --bench paired`.
//!
//! Two databases side by side in one run: the schema and queries of a git revision (`RUNBOOK_BASE`; by default the one
//! where this branch left the main one), and those of this working copy, filled with the same data set. The same
//! queries run on both in random order; one that is slower, or reads more, is exit code 1, a revision that cannot be
//! built 2, too few rounds for a verdict 3, as is a working copy that is no branch of main, where no base is named. Where nothing
//! differs from the base nothing is compared, and it says so.

#[allow(dead_code, reason = "each bench uses its part of it")]
mod common;

use std::process::ExitCode;

use common::arguments::Filter;
use common::{Pair, Result, Side, begin, ended, filtered, number, rounds, say};
use harness::Database;
use perf::{Base, Change, Comparison, Query, Random, Witness};
use runbook::settings::Settings;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// Projects in both data sets.
const PROJECTS: u64 = 10_000;
/// Rounds; in each, every query runs once on either side. `RUNBOOK_ROUNDS` overrides it.
const ROUNDS: usize = 200;

fn main() -> ExitCode {
    let asked = match begin("paired") {
        Ok(asked) => asked,
        Err(code) => return code,
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(&error.to_string());
            return ExitCode::from(3);
        }
    };
    runtime.block_on(compare(&asked.filter)).unwrap_or_else(|error| ended("paired", &*error))
}

async fn compare(filter: &Filter) -> Result<ExitCode> {
    let settings = harness::settings();
    let wanted = number("RUNBOOK_ROUNDS", ROUNDS)?;
    let queries = filtered(Query::some(&settings)?, filter, |query| &query.name)?;
    let named = std::env::var("RUNBOOK_BASE").ok().filter(|base| !base.is_empty());
    let Some(name) = named.or_else(|| Base::merge_base(&settings.root)) else {
        say("paired: nothing compared; this is no branch of main, and RUNBOOK_BASE names no git revision");
        return Ok(ExitCode::from(3));
    };
    if Base::is_unchanged(&name, &settings.root) {
        say(&format!("paired: nothing compared; migrations and queries are those of {name}"));
        return Ok(ExitCode::SUCCESS);
    }
    // Read before anything is built: what is wrong with it is then said at once.
    let folder = tempfile::tempdir()?;
    let base = Base::read(&name, &settings.root, folder.path())?;
    let (before, after) = (Database::empty().await?, Database::loaded(PROJECTS).await?);
    build(&before, &base, &settings).await?;
    let mut pairs = Vec::new();
    for new in &queries {
        let Some(old) = base.queries.iter().find(|old| old.name == new.name) else {
            say(&format!("  {}: new, so there is nothing to compare it with", new.name));
            continue;
        };
        let (before, after) = (Side::of(old, &before).await?, Side::of(new, &after).await?);
        pairs.push(Pair { before, after, blocks: Vec::new() });
    }
    rounds(&mut pairs, &before, &after, wanted, &mut Random::new(wanted as u64)).await?;
    Ok(verdict(&name, &pairs))
}

fn verdict(base: &str, pairs: &[Pair]) -> ExitCode {
    let width = pairs.iter().map(|pair| pair.after.query.name.len()).max().unwrap_or(0);
    say(&format!(
        "\nthis working copy against {base}: ratio of medians, interval (all hold together with 95 %), verdict, smallest \
         slowdown that could be seen, blocks and rows\n"
    ));
    let (mut worse, mut judged) = (0, 0);
    for (number, pair) in pairs.iter().enumerate() {
        let name = &pair.after.query.name;
        let Some(comparison) = Comparison::of(&pair.blocks, pairs.len(), number as u64) else {
            say(&format!(
                "– {name:width$}  {} blocks of rounds are too few for a verdict",
                pair.blocks.len()
            ));
            continue;
        };
        judged += 1;
        let change = comparison.change();
        let (old, new) = (pair.before.witness, pair.after.witness);
        let more = Witness::reads_more(old, new);
        let bad = change == Change::Slower || more;
        worse += usize::from(bad);
        let verdict = if more && change != Change::Slower { "reads more".into() } else { change.to_string() };
        say(&format!(
            "{} {name:width$}  {:.3}  {:.3} – {:.3}  {verdict:11}  {:5.1} %  blocks {} → {}, rows {} → {}{}",
            if bad { "✘" } else { "✔" },
            comparison.ratio,
            comparison.low,
            comparison.high,
            comparison.visible_percent(),
            old.blocks,
            new.blocks,
            old.rows,
            new.rows,
            if pair.before.plan == pair.after.plan { "" } else { "  another plan" },
        ));
    }
    match (judged, worse) {
        (0, _) => {
            say("nothing could be compared, so there is no verdict");
            ExitCode::from(3)
        }
        (_, 0) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// The schema and the seeds of the base revision, with the rows of this working copy's data set: what is compared is the
/// schema. Where that data set does not fit the older schema, the base's own is taken, and it says so.
async fn build(database: &Database, base: &Base, new: &Settings) -> Result<()> {
    let old = &base.settings;
    base.migrator.upgrade(database.url(), &base.head).await.map_err(|error| base.wrong(error))?;
    let mut connection = PgConnection::connect_with(&database.url().connect_options()).await?;
    for seed in &old.data.seeds {
        let path = old.path(seed);
        let wrong = |error: &dyn std::fmt::Display| base.wrong(format!("{}: {error}", path.display()));
        let sql = std::fs::read_to_string(&path).map_err(|error| wrong(&error))?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.map_err(|error| wrong(&error))?;
    }
    connection.close().await?;
    let mut same = old.clone();
    same.data.generate = new.data.generate.as_ref().map(|file| new.path(file));
    if let Err(error) =
        harness::loader::load(database.url(), &same, PROJECTS, &harness::loader::Unwatched).await
    {
        say(&format!("paired: this data set does not fit the base, so its own is taken: {error}"));
        harness::loader::load(database.url(), old, PROJECTS, &harness::loader::Unwatched)
            .await
            .map_err(|error| base.wrong(error))?;
    }
    Ok(())
}
