//! Readings of the statements' statistics that are kept between runs: what a statement takes now, against the same
//! weekday and hour of an earlier week.
//!
//! A file of JSON lines, one reading each: the totals of every statement at one moment. The window of a run is the time
//! since the reading before; its baseline lies between two earlier readings, both of them a whole number of weeks before
//! the ends of the window, give or take an hour. Load follows the clock and the week, so that Monday morning says nothing
//! about Sunday night.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use runbook::check::CheckError;
use runbook::context::Context;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::macros::format_description;

use super::snapshot::{Statement, Statements};

const HOUR: i64 = 3600;
const WEEK: i64 = 7 * 24 * HOUR;
/// How far an end of a baseline may be from the weekday and hour that is wanted.
const TOLERANCE: i64 = HOUR;
/// So many weeks back are looked for, and a day more is kept: an hourly reading of 500 statements takes some 100 kB.
const WEEKS: i64 = 4;

/// The readings of earlier runs, in a file that this program writes.
pub struct History {
    path: PathBuf,
    database: String,
    /// From the oldest to the newest.
    readings: Vec<Reading>,
}

/// A line of the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reading {
    /// Seconds since 1970.
    at: i64,
    database: String,
    reset: String,
    forgotten: i64,
    statements: Vec<Statement>,
}

/// What the readings of a file say of now.
#[derive(Debug)]
pub(crate) struct Compared {
    /// Since the reading before, where there is one that now can be compared with.
    pub window: Option<Stretch>,
    /// At the same weekday and hour of an earlier week, or why nothing is known of it.
    pub baseline: Result<Stretch, String>,
}

/// What the statements did between two readings.
#[derive(Debug)]
pub(crate) struct Stretch {
    pub statements: Statements,
    /// Seconds since 1970.
    from: i64,
    to: i64,
}

impl Stretch {
    /// `2026-11-18 14:00 to 15:00 UTC`
    pub fn words(&self) -> String {
        let (from, to) = (words(self.from), words(self.to));
        let same_day = from.split(' ').next() == to.split(' ').next();
        let to = if same_day { to.split(' ').nth(1).unwrap_or_default() } else { to.as_str() };
        format!("{from} to {to} UTC")
    }
}

impl History {
    /// Reads the file, where there is one. `monitoring.slow_queries` compares with it, and adds its own reading.
    ///
    /// # Errors
    /// In one sentence: the file cannot be read or written, it is of another database, or a line of it is broken.
    pub async fn start(context: &Context, path: &Path) -> Result<(), CheckError> {
        let database: String = context.reader().await?.scalar(include_str!("identity.sql")).await?;
        let history = Self::open(path, database).map_err(CheckError::Other)?;
        // Before the run, not after it: where nothing can be kept, nothing will be known next week.
        history.write(&history.readings).map_err(CheckError::Other)?;
        context.stash.put(Arc::new(history));
        Ok(())
    }

    pub(crate) fn of(context: &Context) -> Option<Arc<Self>> {
        context.stash.get::<Arc<Self>>().map(|history| Arc::clone(&*history))
    }

    /// Keeps what was read now, and says what it is to be compared with.
    pub(crate) fn compare(&self, now: &Statements) -> Result<Compared, CheckError> {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let at = i64::try_from(seconds).unwrap_or(i64::MAX);
        let reading = Reading {
            at,
            database: self.database.clone(),
            reset: now.reset.clone(),
            forgotten: now.forgotten,
            statements: now.entries.values().cloned().collect(),
        };
        let compared = self.compared(&reading);
        let oldest = at - WEEKS * WEEK - 24 * HOUR;
        let mut kept: Vec<_> = self.readings.iter().filter(|reading| reading.at >= oldest).cloned().collect();
        kept.push(reading);
        self.write(&kept).map_err(CheckError::Other)?;
        Ok(compared)
    }

    fn compared(&self, now: &Reading) -> Compared {
        let before = self.readings.iter().rev().find(|reading| reading.at < now.at);
        let window = before.and_then(|before| between(before, now));
        let baseline = match &window {
            None if before.is_some() => Err("the statistics were reset since the reading before".into()),
            None => Err(format!("{} holds no earlier reading: the next run has one", self.path.display())),
            Some(window) => self.baseline(window),
        };
        Compared { window, baseline }
    }

    /// The latest earlier week in which there are readings at both ends.
    fn baseline(&self, window: &Stretch) -> Result<Stretch, String> {
        let mut nearest: Option<i64> = None;
        for week in 1..=WEEKS {
            let (from, to) = (self.near(window.from - week * WEEK), self.near(window.to - week * WEEK));
            let (Some(from), Some(to)) = (from, to) else { continue };
            let off =
                (from.at - window.from + week * WEEK).abs().max((to.at - window.to + week * WEEK).abs());
            if off <= TOLERANCE
                && let Some(stretch) = between(from, to)
            {
                return Ok(stretch);
            }
            nearest = Some(nearest.map_or(off, |least| least.min(off)));
        }
        let wanted = words(window.to - WEEK);
        Err(match nearest {
            Some(off) if off > TOLERANCE => format!(
                "no two readings are within an hour of the same weekday and hour ({wanted} UTC; the nearest are {} h off)",
                off / HOUR
            ),
            _ => format!(
                "the readings of the same weekday and hour ({wanted} UTC) cannot be compared: a reset lies between"
            ),
        })
    }

    fn near(&self, at: i64) -> Option<&Reading> {
        self.readings.iter().min_by_key(|reading| (reading.at - at).abs())
    }

    fn open(path: &Path, database: String) -> Result<Self, String> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        let mut readings = Vec::new();
        for (index, row) in text.lines().enumerate() {
            let at = |problem: String| format!("{}:{}: {problem}", path.display(), index + 1);
            let reading: Reading = serde_json::from_str(row).map_err(|error| {
                at(format!("it is not a file of --history ({error}); name another, or remove it"))
            })?;
            if reading.database != database {
                let of = reading.database;
                return Err(at(format!(
                    "it is about the database {of}, and this is {database}; name another file"
                )));
            }
            readings.push(reading);
        }
        readings.sort_by_key(|reading| reading.at);
        Ok(Self { path: path.to_owned(), database, readings })
    }

    /// Writes it whole beside, and puts it in place: who is killed meanwhile leaves the file as it was.
    fn write(&self, readings: &[Reading]) -> Result<(), String> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut beside = self.path.clone().into_os_string();
        beside.push(".new");
        let written = || -> std::io::Result<()> {
            let mut options = std::fs::File::options();
            // The texts of statements are nobody else's to read.
            let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            for reading in readings {
                let line = serde_json::to_string(reading).map_err(std::io::Error::other)?;
                file.write_all(line.as_bytes())?;
                file.write_all(b"\n")?;
            }
            file.sync_all()?;
            std::fs::rename(&beside, &self.path)
        };
        written().map_err(|error| format!("{}: {error}", self.path.display()))
    }
}

/// What was done between two readings; `None` where the statistics were reset between them.
fn between(from: &Reading, to: &Reading) -> Option<Stretch> {
    let statements = |reading: &Reading| Statements {
        reset: reading.reset.clone(),
        forgotten: reading.forgotten,
        entries: reading.statements.iter().map(|entry| (entry.key(), entry.clone())).collect(),
    };
    let statements = statements(to).since(&statements(from)).ok()?;
    (from.at < to.at).then_some(Stretch { statements, from: from.at, to: to.at })
}

/// `2026-11-18 14:00`
fn words(at: i64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]");
    let at = OffsetDateTime::from_unix_timestamp(at).ok().and_then(|at| at.format(format).ok());
    at.unwrap_or_else(|| "an unknown time".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Wednesday, 14:00 UTC.
    const NOW: i64 = 1_795_615_200;

    fn reading(at: i64, calls: i64, milliseconds: f64) -> Reading {
        let text = "SELECT $1".to_owned();
        let statement =
            Statement { role: 1, id: 2, top: true, text, calls, milliseconds, longest: 0.0, blocks: 0 };
        let (database, reset) = ("d".to_owned(), "never".to_owned());
        Reading { at, database, reset, forgotten: 0, statements: vec![statement] }
    }

    fn history(readings: Vec<Reading>) -> History {
        History { path: "h".into(), database: "d".into(), readings }
    }

    fn mean(stretch: &Stretch) -> f64 {
        let entry = stretch.statements.entries.values().next().unwrap();
        entry.milliseconds / f64::from(i32::try_from(entry.calls).unwrap())
    }

    #[test]
    fn the_same_weekday_and_hour_is_the_baseline() {
        // A night in between, in which everything was slow: it is another hour.
        let readings = vec![
            reading(NOW - WEEK - HOUR - 600, 100, 100.0),
            reading(NOW - WEEK + 1200, 200, 300.0),
            reading(NOW - 14 * HOUR, 300, 9_000.0),
            reading(NOW - HOUR, 400, 9_100.0),
        ];
        let compared = history(readings).compared(&reading(NOW, 500, 9_900.0));
        let baseline = compared.baseline.unwrap();
        assert!((mean(&compared.window.unwrap()) - 8.0).abs() < 1e-9);
        assert!((mean(&baseline) - 2.0).abs() < 1e-9);
        assert_eq!(baseline.words(), "2026-11-18 12:50 to 14:20 UTC");
    }

    #[test]
    fn readings_of_another_hour_are_said_and_not_compared_with() {
        let readings = vec![
            reading(NOW - WEEK - 5 * HOUR, 1, 1.0),
            reading(NOW - WEEK - 4 * HOUR, 2, 2.0),
            reading(NOW - HOUR, 3, 3.0),
        ];
        let compared = history(readings).compared(&reading(NOW, 4, 4.0));
        assert_eq!(
            compared.baseline.unwrap_err(),
            "no two readings are within an hour of the same weekday and hour (2026-11-18 14:00 UTC; the nearest are 4 h off)"
        );
        assert!(compared.window.is_some());
    }

    #[test]
    fn a_reset_in_between_is_said_and_an_earlier_week_is_taken() {
        let mut later = reading(NOW - WEEK, 3, 3.0);
        later.reset = "then".into();
        let readings = vec![
            reading(NOW - 2 * WEEK - HOUR, 10, 10.0),
            reading(NOW - 2 * WEEK, 20, 50.0),
            reading(NOW - WEEK - HOUR, 30, 60.0),
            later,
            reading(NOW - HOUR, 40, 70.0),
        ];
        let compared = history(readings.clone()).compared(&reading(NOW, 50, 80.0));
        assert!((mean(&compared.baseline.unwrap()) - 4.0).abs() < 1e-9);
        let compared = history(readings[2..].to_vec()).compared(&reading(NOW, 50, 80.0));
        let why = compared.baseline.unwrap_err();
        assert!(why.ends_with("cannot be compared: a reset lies between"), "{why}");
    }

    #[test]
    fn the_first_reading_has_nothing_to_be_compared_with() {
        let compared = history(Vec::new()).compared(&reading(NOW, 1, 1.0));
        assert_eq!(compared.baseline.unwrap_err(), "h holds no earlier reading: the next run has one");
    }

    #[test]
    fn a_file_of_another_database_or_of_something_else_is_one_sentence_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("h");
        std::fs::write(&path, serde_json::to_string(&reading(1, 1, 1.0)).unwrap() + "\nwhat\n").unwrap();
        let wrong = History::open(&path, "d".into()).err().unwrap();
        assert!(wrong.contains("h:2: it is not a file of --history (expected value"), "{wrong}");
        let other = History::open(&path, "e".into()).err().unwrap();
        assert!(
            other.ends_with("h:1: it is about the database d, and this is e; name another file"),
            "{other}"
        );
    }
}
