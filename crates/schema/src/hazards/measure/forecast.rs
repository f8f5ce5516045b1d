//! From two sizes to the target's: who would wait, for what, and how long.

use std::time::Duration;

use super::Plan;
use super::effect::Effect;
use crate::hazards::script::Script;

/// Somebody who would wait.
#[derive(Debug, Clone, PartialEq)]
pub struct Wait {
    /// How long at the target's size, from the first lock to the end of the transaction.
    pub seconds: f64,
    /// The statement that takes the lock.
    pub statement: usize,
    /// The table.
    pub table: String,
    /// The mode of the lock; `None` where it is no lock of a table.
    pub mode: Option<String>,
    /// Who waits.
    pub who: Who,
}

/// Who waits for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// Everybody who uses the table.
    Everybody,
    /// Those who write to it.
    Writers,
    /// Those who write to the same rows.
    SameRows,
    /// Those who delete a row that others may refer to, from now on.
    Deleters,
}

impl Who {
    /// Who is kept waiting by a lock of this mode on a table; `None` where readers and writers go on.
    pub fn of(mode: &str) -> Option<Self> {
        match mode {
            "AccessExclusiveLock" => Some(Self::Everybody),
            "ShareLock" | "ShareRowExclusiveLock" | "ExclusiveLock" => Some(Self::Writers),
            _ => None,
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Everybody => "readers and writers",
            Self::Writers => "writers",
            Self::SameRows => "writers of the same rows",
            Self::Deleters => "those who delete rows",
        }
    }
}

/// One statement at the target's size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// Whether it grows with the number of rows.
    pub grows: bool,
    /// Seconds at the target's size.
    pub seconds: f64,
}

/// Below this a difference between two times is noise.
const NOISE: Duration = Duration::from_millis(50);

/// Below this a difference between two volumes is a page here and there.
const PAGES: f64 = 65_536.0;

impl Forecast {
    /// Of a statement that was seen at both sizes.
    fn of(small: &Effect, large: &Effect, plan: &Plan) -> Self {
        let (less, more) = (small.volume.bytes, large.volume.bytes);
        let bytes = if more - less > PAGES && more > 1.3 * less { grown(less, more, plan) } else { more };
        let rows = |effect: &Effect| (effect.volume.read + effect.volume.written) as f64;
        let (few, many) = (rows(small), rows(large));
        let rows = if many > 1.3 * few && many > 100.0 { grown(few, many, plan) } else { many };
        let volume = bytes / plan.bytes_per_second + rows / plan.rows_per_second;
        let (quick, slow) = (small.took, large.took);
        let clearly = slow > quick + NOISE && slow.as_secs_f64() > 1.5 * quick.as_secs_f64();
        let time = if clearly {
            grown(quick.as_secs_f64(), slow.as_secs_f64(), plan)
        } else {
            slow.min(quick).as_secs_f64()
        };
        Self { grows: bytes > more || rows > many, seconds: volume.max(time) }
    }
}

/// What is `less` and `more` at the two sizes, at the target's: along a line, or along a power where it bends upwards.
pub(super) fn grown(less: f64, more: f64, plan: &Plan) -> f64 {
    let [small, large] = plan.sizes.map(|size| size.max(1) as f64);
    let target = plan.target as f64;
    if more <= less || large <= small || target <= large {
        return more;
    }
    let line = more + (more - less) / (large - small) * (target - large);
    let exponent = (more / less.max(f64::MIN_POSITIVE)).ln() / (large / small).ln();
    if (1.1..4.0).contains(&exponent) && less > 0.0 {
        line.max(more * (target / large).powf(exponent.min(2.0)))
    } else {
        line
    }
}

/// Everybody who would wait at the target's size, by statement and table.
pub fn forecast(script: &Script, small: &[Effect], large: &[Effect], plan: &Plan) -> Vec<Wait> {
    let forecasts: Vec<Forecast> =
        small.iter().zip(large).map(|(small, large)| Forecast::of(small, large, plan)).collect();
    let mut waits = Vec::new();
    for unit in &script.units {
        let within = |at: usize| unit.statements.contains(&at);
        let seen: Vec<(usize, &Effect)> =
            large.iter().enumerate().filter(|(_, effect)| within(effect.statement)).collect();
        let mut known = std::collections::BTreeSet::new();
        for (place, (at, effect)) in seen.iter().enumerate() {
            // What is locked now stays locked until the transaction ends.
            let rest = seen.iter().skip(place).filter_map(|(at, _)| forecasts.get(*at));
            let seconds: f64 = rest.map(|forecast| forecast.seconds).sum();
            let relations = effect.locks.iter().filter(|_| !effect.watched);
            let modes = relations.filter_map(|(table, mode)| Some((table, Some(mode), Who::of(mode)?)));
            let rows = effect.touched.keys().map(|table| (table, None, Who::SameRows));
            for (table, mode, who) in modes.chain(rows) {
                if known.insert((table.clone(), who)) {
                    waits.push(Wait {
                        seconds,
                        statement: large.get(*at).map_or(0, |effect| effect.statement),
                        table: table.clone(),
                        mode: mode.cloned(),
                        who,
                    });
                }
            }
        }
    }
    waits
}

/// Whether somebody would wait longer than the budget by the time that statements took, and by nothing else.
pub(super) fn by_time_alone(script: &Script, small: &[Effect], large: &[Effect], plan: &Plan) -> bool {
    let stalls = |small: &[Effect], large: &[Effect]| {
        forecast(script, small, large, plan).iter().any(|wait| wait.seconds > plan.budget.as_secs_f64())
    };
    let timeless = |effects: &[Effect]| -> Vec<Effect> {
        effects.iter().map(|effect| Effect { took: Duration::ZERO, ..effect.clone() }).collect()
    };
    stalls(small, large) && !stalls(&timeless(small), &timeless(large))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::hazards::measure::Volume;
    use crate::hazards::script::Runs;

    fn plan() -> Plan {
        Plan {
            revision: String::new(),
            setup: String::new(),
            before: Vec::new(),
            sizes: [1_000, 10_000],
            target: 1_000_000,
            budget: Duration::from_secs(1),
            bytes_per_second: 1e8,
            rows_per_second: 1.5e6,
            victims: false,
        }
    }

    fn effect(statement: usize, bytes: f64, lock: Option<&str>) -> Effect {
        Effect {
            statement,
            locks: lock.map(|mode| ("t".to_owned(), mode.to_owned())).into_iter().collect(),
            volume: Volume { read: 0, written: 0, bytes },
            took: Duration::from_millis(1),
            ..Effect::default()
        }
    }

    #[test]
    fn what_is_locked_stays_locked_until_the_transaction_ends() {
        let script = Script::parse(Path::new("a"), "SELECT 1; SELECT 2;".into(), Runs::Wrapped).unwrap();
        let small = [effect(0, 0.0, Some("AccessExclusiveLock")), effect(1, 4e5, None)];
        let large = [effect(0, 0.0, Some("AccessExclusiveLock")), effect(1, 4e6, None)];
        let waits = forecast(&script, &small, &large, &plan());
        assert_eq!(waits.len(), 1);
        assert!((3.9..4.2).contains(&waits[0].seconds), "{waits:?}");
        assert_eq!((waits[0].statement, waits[0].who), (0, Who::Everybody));
    }

    #[test]
    fn what_does_not_grow_is_not_extrapolated() {
        let script = Script::parse(Path::new("a"), "SELECT 1;".into(), Runs::Wrapped).unwrap();
        let same = [effect(0, 1e6, Some("ShareLock"))];
        let waits = forecast(&script, &same, &same, &plan());
        assert!(waits[0].seconds < 0.02, "{waits:?}");
        assert_eq!(waits[0].who, Who::Writers);
    }

    #[test]
    fn a_time_that_the_volume_does_not_explain_is_told_apart() {
        let script = Script::parse(Path::new("a"), "SELECT 1;".into(), Runs::Wrapped).unwrap();
        let slow = |effect: Effect| [Effect { took: Duration::from_millis(200), ..effect }];
        let locked = |bytes| effect(0, bytes, Some("AccessExclusiveLock"));
        assert!(by_time_alone(&script, &[locked(0.0)], &slow(locked(0.0)), &plan()));
        assert!(!by_time_alone(&script, &[locked(4e5)], &slow(locked(4e6)), &plan()));
        assert!(!by_time_alone(&script, &[effect(0, 0.0, None)], &slow(effect(0, 0.0, None)), &plan()));
        assert!(!by_time_alone(&script, &[locked(0.0)], &[locked(0.0)], &plan()));
    }
}
