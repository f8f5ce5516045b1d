//! The paired gate: `cargo bench -p perf --bench paired`.
//!
//! Two databases side by side in one run: the schema and queries of a git revision (`RUNBOOK_BASE`; by default the one
//! where this branch left the main one), and those of this working copy, filled with the same data set. The same
//! queries run on both in random order; one that is slower, or reads more, is exit code 1, a revision that cannot be
//! built 2, too few rounds for a verdict 3. Where nothing differs from the base nothing is compared, and it says so.

#[allow(dead_code, reason = "each bench uses its part of it")]
mod common;

use std::path::Path;
use std::process::{Command, ExitCode};

use common::{Pair, Result, Side, measures, rounds, say};
use harness::Database;
use perf::{Change, Comparison, Query, Random, Witness};
use runbook::settings::Settings;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// Projects in both data sets.
const PROJECTS: u64 = 10_000;
/// Rounds; in each, every query runs once on either side. `RUNBOOK_ROUNDS` overrides it.
const ROUNDS: usize = 200;

fn main() -> ExitCode {
    if !measures() {
        return ExitCode::SUCCESS;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(&error.to_string());
            return ExitCode::from(3);
        }
    };
    runtime.block_on(compare()).unwrap_or_else(|error| {
        say(&format!("paired: {error}"));
        ExitCode::from(2)
    })
}

async fn compare() -> Result<ExitCode> {
    let settings = harness::settings();
    let wanted = match std::env::var("RUNBOOK_ROUNDS") {
        Ok(text) => text.parse().map_err(|_| format!("RUNBOOK_ROUNDS={text} is no number of rounds"))?,
        Err(_) => ROUNDS,
    };
    let named = std::env::var("RUNBOOK_BASE").ok().filter(|base| !base.is_empty());
    let Some(base) = named.or_else(|| merge_base(&settings.root)) else {
        say("paired: nothing compared; this is no branch of main, and RUNBOOK_BASE names no git revision");
        return Ok(ExitCode::SUCCESS);
    };
    if unchanged(&base, &settings.root) {
        say(&format!("paired: nothing compared; migrations and queries are those of {base}"));
        return Ok(ExitCode::SUCCESS);
    }
    let folder = tempfile::tempdir()?;
    let old = revision(&base, &settings.root, folder.path())?;
    let (before, after) = (Database::empty().await?, Database::loaded(PROJECTS).await?);
    build(&before, &old, &settings).await?;
    let (old_queries, new_queries) = (Query::all(&old)?, Query::all(&settings)?);
    let mut pairs = Vec::new();
    for new in &new_queries {
        let Some(old) = old_queries.iter().find(|old| old.name == new.name) else {
            say(&format!("  {}: new, so there is nothing to compare it with", new.name));
            continue;
        };
        let (before, after) = (Side::of(old, &before).await?, Side::of(new, &after).await?);
        pairs.push(Pair { before, after, blocks: Vec::new() });
    }
    rounds(&mut pairs, &before, &after, wanted, &mut Random::new(wanted as u64)).await?;
    Ok(verdict(&base, &pairs))
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

/// Where this branch left the main one.
fn merge_base(root: &Path) -> Option<String> {
    let main = ["origin/main", "main", "origin/master", "master"];
    main.into_iter().find_map(|main| git(root, &["merge-base", "HEAD", main]).ok()).map(|mut hash| {
        hash.truncate(12);
        hash
    })
}

/// Whether the folder of the settings is as it was at the base, in the working copy too.
fn unchanged(base: &str, root: &Path) -> bool {
    git(root, &["diff", "--quiet", base, "--", "migrations", "queries", "seeds"]).is_ok()
        && git(root, &["ls-files", "--others", "--exclude-standard", "--", "migrations", "queries", "seeds"])
            .is_ok_and(|new| new.is_empty())
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output()?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().into())
    }
}

/// The fixtures of a git revision, in `folder`.
fn revision(base: &str, root: &Path, folder: &Path) -> Result<Settings> {
    if base.starts_with('-') {
        return Err(format!("RUNBOOK_BASE={base} is no revision").into());
    }
    let top = git(root, &["rev-parse", "--show-toplevel"])?;
    let prefix = git(root, &["rev-parse", "--show-prefix"])?;
    let prefix = prefix.trim_end_matches('/');
    let archive = folder.join("base.tar");
    let tree = format!("{base}:{prefix}");
    if git(Path::new(&top), &["archive", "--output", &archive.to_string_lossy(), &tree]).is_err() {
        return Err(format!(
            "RUNBOOK_BASE={base} is no revision with a folder {prefix}: name one that `git show` knows"
        )
        .into());
    }
    let fixtures = folder.join("fixtures");
    std::fs::create_dir(&fixtures)?;
    let unpacked = Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&fixtures).status()?;
    if !unpacked.success() {
        return Err("the fixtures of the base revision cannot be unpacked".into());
    }
    Ok(Settings::load(&fixtures)?)
}

/// The schema and the seeds of the base revision, with the rows of this working copy's data set: what is compared is the
/// schema. Where that data set does not fit the older schema, the base's own is taken, and it says so.
async fn build(database: &Database, old: &Settings, new: &Settings) -> Result<()> {
    let migrator = migrations::open(old)?;
    let head = migrator.head().ok_or("the base revision has no migrations")?;
    migrator.upgrade(database.url(), head).await?;
    let mut connection = PgConnection::connect_with(&database.url().connect_options()).await?;
    for seed in &old.data.seeds {
        let sql = std::fs::read_to_string(old.path(seed))?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    }
    connection.close().await?;
    let mut same = old.clone();
    same.data.generate = new.data.generate.as_ref().map(|file| new.path(file));
    if let Err(error) =
        harness::loader::load(database.url(), &same, PROJECTS, &harness::loader::Unwatched).await
    {
        say(&format!("paired: this data set does not fit the base, so its own is taken: {error}"));
        harness::loader::load(database.url(), old, PROJECTS, &harness::loader::Unwatched).await?;
    }
    Ok(())
}
