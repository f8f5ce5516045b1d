//! The paired gate: `RUNBOOK_BASE=main cargo bench -p perf --bench paired`.
//!
//! Two databases side by side in one run: the schema, data and queries of a git revision, and those of this working
//! copy. The same queries run on both in random order; a query that is slower is exit code 1, a revision that cannot
//! be built 2, too few rounds for a verdict 3. Without `RUNBOOK_BASE` nothing is compared, and it says so.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use harness::Database;
use perf::{Bound, Change, Comparison, Query, Random, explain};
use runbook::settings::Settings;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

/// Projects in both data sets.
const PROJECTS: u64 = 10_000;
/// Rounds; in each, every query runs once on either side. `RUNBOOK_ROUNDS` overrides it.
const ROUNDS: usize = 200;
/// Rounds before those that count: the server keeps a plan for a prepared statement from the sixth on.
const WARM_UP: usize = 10;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let measuring = arguments.iter().any(|argument| argument == "--bench")
        && !arguments.iter().any(|argument| argument == "--test" || argument == "--list");
    if !measuring {
        return ExitCode::SUCCESS;
    }
    let Some(base) = std::env::var("RUNBOOK_BASE").ok().filter(|base| !base.is_empty()) else {
        say("paired: nothing compared; RUNBOOK_BASE names the git revision to compare with");
        return ExitCode::SUCCESS;
    };
    let rounds = std::env::var("RUNBOOK_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(ROUNDS);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(&error.to_string());
            return ExitCode::from(3);
        }
    };
    runtime.block_on(compare(&base, rounds)).unwrap_or_else(|error| {
        say(&format!("paired: {error}"));
        ExitCode::from(2)
    })
}

async fn compare(base: &str, rounds: usize) -> Result<ExitCode> {
    let settings = harness::settings();
    let folder = tempfile::tempdir()?;
    let old = revision(base, &settings.root, folder.path())?;
    let (before, after) = (Database::empty().await?, Database::loaded(PROJECTS).await?);
    build(&before, &old).await?;
    let (old_queries, new_queries) = (Query::all(&old)?, Query::all(&settings)?);
    let mut pairs = Vec::new();
    for new in &new_queries {
        let Some(old) = old_queries.iter().find(|old| old.name == new.name) else {
            say(&format!("  {}: new, so there is nothing to compare it with", new.name));
            continue;
        };
        pairs.push(Pair {
            before: Side::of(old, &before).await?,
            after: Side::of(new, &after).await?,
            rounds: Vec::new(),
        });
    }
    let (mut old, mut new) = (before.pool().acquire().await?, after.pool().acquire().await?);
    let mut random = Random::new(rounds as u64);
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    for round in 0..WARM_UP + rounds {
        random.shuffle(&mut order);
        for index in &order {
            pairs[*index].round(&mut old, &mut new, random.below(2) == 0).await?;
        }
        if round + 1 == WARM_UP {
            pairs.iter_mut().for_each(|pair| pair.rounds.clear());
        }
    }
    Ok(verdict(base, &pairs))
}

/// One query on both databases.
struct Pair {
    before: Side,
    after: Side,
    rounds: Vec<(f64, f64)>,
}

struct Side {
    query: Query,
    bound: Bound,
    plan: String,
}

impl Pair {
    async fn round(&mut self, old: &mut PgConnection, new: &mut PgConnection, old_first: bool) -> Result<()> {
        let (before, after) = if old_first {
            let before = self.before.time(old).await?;
            (before, self.after.time(new).await?)
        } else {
            let after = self.after.time(new).await?;
            (self.before.time(old).await?, after)
        };
        self.rounds.push((before, after));
        Ok(())
    }
}

impl Side {
    async fn of(query: &Query, database: &Database) -> Result<Self> {
        let mut reader = database.reader().await?;
        let bound = Bound::of(query, &mut reader).await?;
        let plan = explain(query, &bound, &mut reader).await?.text();
        drop(reader);
        Ok(Self { query: query.clone(), bound, plan })
    }

    /// Milliseconds of one execution.
    async fn time(&self, connection: &mut PgConnection) -> Result<f64> {
        let statement = sqlx::query_with(AssertSqlSafe(self.query.sql().to_owned()), self.bound.arguments()?);
        let started = Instant::now();
        (&mut *connection).fetch_all(statement).await?;
        Ok(started.elapsed().as_secs_f64() * 1e3)
    }
}

fn verdict(base: &str, pairs: &[Pair]) -> ExitCode {
    let width = pairs.iter().map(|pair| pair.after.query.name.len()).max().unwrap_or(0);
    say(&format!(
        "\nthis working copy against {base}: ratio of medians, interval, verdict, smallest slowdown that could be seen\n"
    ));
    let (mut slower, mut judged) = (0, 0);
    for (number, pair) in pairs.iter().enumerate() {
        let name = &pair.after.query.name;
        let Some(comparison) = Comparison::of(&pair.rounds, pairs.len(), number as u64) else {
            say(&format!("– {name:width$}  {} rounds are too few for a verdict", pair.rounds.len()));
            continue;
        };
        judged += 1;
        let change = comparison.change();
        slower += usize::from(change == Change::Slower);
        say(&format!(
            "{} {name:width$}  {:.3}  {:.3} – {:.3}  {change:11}  {:5.1} %{}",
            if change == Change::Slower { "✘" } else { "✔" },
            comparison.ratio,
            comparison.low,
            comparison.high,
            comparison.visible_percent(),
            if pair.before.plan == pair.after.plan { "" } else { "  another plan" },
        ));
    }
    match (judged, slower) {
        (0, _) => {
            say("nothing could be compared, so there is no verdict");
            ExitCode::from(3)
        }
        (_, 0) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// The fixtures of a git revision, in `folder`.
fn revision(base: &str, root: &Path, folder: &Path) -> Result<Settings> {
    if base.starts_with('-') {
        return Err(format!("RUNBOOK_BASE={base} is no revision").into());
    }
    let said = |folder: &Path, arguments: &[&str]| -> Result<String> {
        let output = Command::new("git").arg("-C").arg(folder).args(arguments).output()?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if output.status.success() {
            Ok(said)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).trim().into())
        }
    };
    let top = said(root, &["rev-parse", "--show-toplevel"])?;
    let prefix = said(root, &["rev-parse", "--show-prefix"])?;
    let prefix = prefix.trim_end_matches('/');
    let archive = folder.join("base.tar");
    let tree = format!("{base}:{prefix}");
    if said(Path::new(&top), &["archive", "--output", &archive.to_string_lossy(), &tree]).is_err() {
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

/// The schema, the seeds and the generated rows of the base revision.
async fn build(database: &Database, settings: &Settings) -> Result<()> {
    let migrator = migrations::open(settings)?;
    let head = migrator.head().ok_or("the base revision has no migrations")?;
    migrator.upgrade(database.url(), head).await?;
    let mut connection = PgConnection::connect_with(&database.url().connect_options()).await?;
    for seed in &settings.data.seeds {
        let sql = std::fs::read_to_string(settings.path(seed))?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    }
    harness::loader::load(&mut connection, settings, PROJECTS).await?;
    Ok(())
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
