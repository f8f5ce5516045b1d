//! The text and the measurement together.

use std::time::Duration;

use runbook::settings::{Hazards, SettingsError};

use super::allow;
use super::class::Class;
use super::found::Found;
use super::measure::Measured;
use super::rules::{self, Level};
use super::script::Script;

/// A migration, judged.
#[derive(Debug, Clone, Default)]
pub struct Judged {
    /// What was found, by statement.
    pub found: Vec<Found>,
    /// In words, what was measured of each kind of harm.
    pub seen: Vec<(Class, String)>,
}

impl Judged {
    /// Whether it is a hazard.
    pub fn is_hazard(&self) -> bool {
        self.found.iter().any(Found::is_error)
    }
}

/// Puts both together. What was measured wins where a measurement can tell: a rule about a stall says nothing of a
/// table whose rows are gone through in a millisecond, and a copy on which nothing fails knows no statement that does.
///
/// # Errors
/// As [`lint`](super::lint()).
pub fn judge(
    script: &Script,
    found: Vec<Found>,
    measured: &Measured,
    settings: &Hazards,
) -> Result<Judged, Box<SettingsError>> {
    let budget = settings.budget;
    let classes = measured.classes(budget);
    let complete = measured.refused.is_none();
    let mut judged = Judged { found, seen: seen(measured, budget) };
    for found in &mut judged.found {
        let refuted = complete
            && measured.executed(found.statement)
            && found.is_measurable()
            && !classes.contains(&found.rule.class);
        if refuted && found.level == Level::Error {
            found.level = Level::Advice;
        }
    }
    for class in classes {
        let told = judged.found.iter().any(|found| found.rule.class == class && found.level == Level::Error);
        if told {
            continue;
        }
        let (id, statement) = match class {
            Class::Stall => ("stall-measured", measured.longest().map(|wait| wait.statement)),
            Class::Breaks => ("breaks-measured", None),
            Class::Loses => ("loses-measured", None),
            Class::Retry => match &measured.refused {
                Some(refused) => ("rows-refuse", Some(refused.statement)),
                None => ("retry-measured", None),
            },
        };
        let Some(rule) = rules::named(id) else { continue };
        let statement = statement.unwrap_or_default();
        let line = script.statements.get(statement).map_or(1, |statement| statement.line);
        let object =
            (class == Class::Stall).then(|| measured.longest().map(|wait| wait.table.clone())).flatten();
        let mut more = [Found { rule, level: Level::Error, statement, line, object, allowed: None }];
        allow::apply(&mut more, &allow::of(script)?, &settings.allow);
        judged.found.extend(more);
    }
    Ok(judged)
}

fn seen(measured: &Measured, budget: Duration) -> Vec<(Class, String)> {
    let mut seen = Vec::new();
    if let Some(wait) = measured.longest().filter(|wait| wait.seconds > budget.as_secs_f64()) {
        let text = format!("{} of {} would wait {:.1} s", wait.who.words(), wait.table, wait.seconds);
        seen.push((Class::Stall, text));
    }
    seen.extend(measured.broken.iter().map(|text| (Class::Breaks, text.clone())));
    seen.extend(measured.lost.iter().map(|text| (Class::Loses, text.clone())));
    seen.extend(measured.stuck.iter().map(|text| (Class::Retry, text.clone())));
    if let Some(refused) = &measured.refused {
        seen.push((Class::Retry, format!("line {} is refused: {}", refused.line, refused.words)));
    }
    seen
}
