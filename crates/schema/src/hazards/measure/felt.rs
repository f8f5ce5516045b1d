//! Which statement of a migration made somebody wait, and how long: from when things happened, and who was seen waiting.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::effect::Effect;
use crate::hazards::script::Script;

/// What readers and writers felt of one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Felt {
    /// Its place in the script.
    pub statement: usize,
    /// From its start to the end of its transaction: for so long its locks were queued for and held.
    pub held: Duration,
    /// Who was there meanwhile: those who had to wait first.
    pub victims: Vec<Victim>,
}

/// The readers, or the writers, of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Victim {
    /// The table.
    pub table: String,
    /// Whether they write to it.
    pub writes: bool,
    /// How many statements of theirs there were.
    pub statements: usize,
    /// How many of these were seen waiting for the migration. A wait of less than a few milliseconds may be missed.
    pub blocked: usize,
    /// The median of how long they took.
    pub p50: Duration,
    /// All but one in a hundred.
    pub p99: Duration,
    /// The slowest.
    pub most: Duration,
    /// How many were refused: the migration took away what they need.
    pub refused: usize,
}

impl Victim {
    /// In words: `writers of projects`.
    pub fn who(&self) -> String {
        format!("{} of {}", if self.writes { "writers" } else { "readers" }, self.table)
    }
}

/// One statement of the traffic.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) table: String,
    pub(super) writes: bool,
    pub(super) pid: i32,
    /// Its number among those of its session.
    pub(super) number: usize,
    pub(super) began: Instant,
    pub(super) took: Duration,
    pub(super) refused: bool,
    pub(super) blocked: bool,
}

impl Sample {
    /// One that is yet to run.
    pub(super) fn of(table: &str, writes: bool) -> Self {
        let (began, took) = (Instant::now(), Duration::ZERO);
        Self {
            table: table.to_owned(),
            writes,
            pid: 0,
            number: 0,
            began,
            took,
            refused: false,
            blocked: false,
        }
    }

    pub(super) fn ended(&self) -> Instant {
        self.began + self.took
    }
}

/// When a statement of the migration ran, and when its transaction let go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) statement: usize,
    pub(super) began: Instant,
    pub(super) ended: Instant,
    pub(super) released: Instant,
}

/// Gives each statement of the traffic to the statement of the migration that it met.
pub(super) fn attribute(
    samples: &[Sample],
    marks: &[Mark],
    script: &Script,
    effects: &[Effect],
) -> Vec<Felt> {
    let mut met: BTreeMap<usize, Vec<Sample>> = BTreeMap::new();
    for sample in samples {
        if let Some(statement) = cause(sample, marks, script, effects) {
            met.entry(statement).or_default().push(sample.clone());
        }
    }
    let felt = marks.iter().map(|mark| Felt {
        statement: mark.statement,
        held: mark.released.duration_since(mark.began),
        victims: met.get(&mark.statement).map(|samples| summary(samples)).unwrap_or_default(),
    });
    felt.collect()
}

/// The statement that took the lock which this one waits for, from then to the end of its transaction; where there is no
/// such lock, the one that ran beside it for the longest time.
fn cause(sample: &Sample, marks: &[Mark], script: &Script, effects: &[Effect]) -> Option<usize> {
    let overlap = |from: Instant, to: Instant| {
        (sample.began <= to && sample.ended() >= from)
            .then(|| sample.ended().min(to).saturating_duration_since(sample.began.max(from)))
    };
    for unit in &script.units {
        let own = |at: usize| unit.statements.contains(&at);
        let takes = effects.iter().find(|effect| own(effect.statement) && hinders(effect, sample));
        let taker = takes.and_then(|effect| marks.iter().find(|mark| mark.statement == effect.statement));
        if let Some(mark) = taker
            && overlap(mark.began, mark.released).is_some()
        {
            return Some(mark.statement);
        }
    }
    let met = marks.iter().filter_map(|mark| Some((overlap(mark.began, mark.ended)?, mark.statement)));
    met.max_by_key(|(time, statement)| (*time, std::cmp::Reverse(*statement))).map(|(_, statement)| statement)
}

/// Whether a statement's locks keep this one waiting.
fn hinders(effect: &Effect, sample: &Sample) -> bool {
    let strong = effect.locks.iter().any(|(table, mode)| {
        let conflicts = match mode.as_str() {
            "AccessExclusiveLock" => true,
            "ShareLock" | "ShareRowExclusiveLock" | "ExclusiveLock" => sample.writes,
            _ => false,
        };
        *table == sample.table && conflicts
    });
    !effect.watched && strong || (sample.writes && effect.touched.contains_key(&sample.table))
}

/// Percentiles by table: those who had to wait first, and the slowest of them first.
pub(super) fn summary(samples: &[Sample]) -> Vec<Victim> {
    let mut groups: BTreeMap<(&str, bool), Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        groups.entry((&sample.table, sample.writes)).or_default().push(sample);
    }
    let mut victims: Vec<Victim> = groups
        .into_iter()
        .map(|((table, writes), mut samples)| {
            samples.sort_unstable_by_key(|sample| sample.took);
            let at = |share: usize| {
                let place = (samples.len() * share).div_ceil(1000).saturating_sub(1);
                samples.get(place).map(|sample| sample.took).unwrap_or_default()
            };
            Victim {
                table: table.to_owned(),
                writes,
                statements: samples.len(),
                blocked: samples.iter().filter(|sample| sample.blocked).count(),
                p50: at(500),
                p99: at(990),
                most: at(1000),
                refused: samples.iter().filter(|sample| sample.refused).count(),
            }
        })
        .collect();
    victims.sort_by_key(|victim| std::cmp::Reverse((victim.blocked > 0, victim.most)));
    victims
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::hazards::script::Runs;

    const MS: Duration = Duration::from_millis(1);

    fn sample(writes: bool, began: Instant, took: u32, blocked: bool) -> Sample {
        Sample { began, took: MS * took, blocked, ..Sample::of("t", writes) }
    }

    fn effect(statement: usize, mode: Option<&str>) -> Effect {
        let locks = mode.map(|mode| ("t".to_owned(), mode.to_owned())).into_iter().collect();
        Effect { statement, locks, ..Effect::default() }
    }

    #[test]
    fn who_waits_is_told_of_the_statement_that_took_the_lock_and_not_of_the_one_that_ran() {
        let text = "SELECT 1; SELECT 2; SELECT 3;";
        let script = Script::parse(Path::new("a"), text.into(), Runs::Wrapped).unwrap();
        let start = Instant::now();
        let mark = |statement: usize, from: u32, to: u32| Mark {
            statement,
            began: start + MS * from,
            ended: start + MS * to,
            released: start + MS * 100,
        };
        let marks = [mark(0, 10, 20), mark(1, 20, 30), mark(2, 30, 90)];
        let effects = [effect(0, None), effect(1, Some("ShareLock")), effect(2, Some("ShareLock"))];
        let samples = [
            sample(true, start, 5, false),
            sample(true, start + MS * 35, 60, true),
            sample(false, start + MS * 35, 2, false),
            sample(false, start + MS * 12, 2, false),
        ];
        let felt = attribute(&samples, &marks, &script, &effects);
        let told: Vec<String> = felt
            .iter()
            .flat_map(|felt| felt.victims.iter().map(move |victim| (felt, victim)))
            .map(|(felt, victim)| {
                format!("{} held {:?}: {} {}", felt.statement, felt.held, victim.who(), victim.blocked)
            })
            .collect();
        assert_eq!(
            told,
            ["0 held 90ms: readers of t 0", "1 held 80ms: writers of t 1", "2 held 70ms: readers of t 0"]
        );
    }

    #[test]
    fn percentiles_are_those_of_the_statements_that_were_there() {
        let start = Instant::now();
        let samples: Vec<Sample> = (1..=200).map(|took| sample(false, start, took, took == 200)).collect();
        let victims = summary(&samples);
        let victim = &victims[0];
        let ms = [victim.p50, victim.p99, victim.most].map(|time| time.as_millis());
        assert_eq!((ms, victim.statements, victim.blocked), ([100, 198, 200], 200, 1));
    }
}
