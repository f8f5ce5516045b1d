//! How hazards are printed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schema::hazards::measure::victims::Beside;
use schema::hazards::measure::{Effect, Felt, Measured, Plan, Victim, in_words};
use schema::hazards::rules::Level;
use schema::hazards::score::Score;
use schema::hazards::told::Told;
use schema::hazards::{Class, Found, Script};
use serde::Serialize;

use crate::failure::Failure;
use crate::screen::Screen;

/// A migration, as far as it was looked at.
pub(super) struct Shown {
    pub(super) script: Script,
    pub(super) found: Vec<Found>,
    /// What was measured, in words.
    pub(super) seen: Vec<(Option<Class>, String)>,
    pub(super) measured: Option<(Measured, Plan)>,
    /// Why nothing was measured, where that was asked.
    pub(super) unmeasured: Option<String>,
}

/// So many indexes that are locked in one way are told by name, unless more is asked for.
const INDEXES: usize = 3;

impl Shown {
    /// What the text tells, and why no more was asked of a copy.
    pub(super) fn unmeasured(script: Script, found: Vec<Found>, why: Option<String>) -> Self {
        Self { script, found, seen: Vec::new(), measured: None, unmeasured: why }
    }

    pub(super) fn is_hazard(&self) -> bool {
        self.found.iter().any(Found::is_error)
    }

    /// Whether something that was to be measured could not be.
    pub(super) fn is_incomplete(&self) -> bool {
        let unmeasured = |(measured, _): &(Measured, Plan)| !measured.unmeasured.is_empty();
        self.unmeasured.is_some() || self.measured.as_ref().is_some_and(unmeasured)
    }

    fn beside(&self) -> Option<&Beside> {
        self.measured.as_ref()?.0.victims.as_ref()
    }
}

/// `docs/hazards.schema.json`.
#[derive(Serialize)]
struct Whole<'a> {
    migrations: Vec<Told<'a>>,
}

/// Prints all of them, or their JSON.
pub(super) fn print(all: &[Shown], screen: &Screen) -> Result<(), Failure> {
    if screen.json {
        let told = |shown| {
            let Shown { script, found, measured, .. }: &Shown = shown;
            Told::of(script, found, measured.as_ref().map(|(measured, plan)| (measured, plan)))
        };
        let whole = Whole { migrations: all.iter().map(told).collect() };
        let text = serde_json::to_string_pretty(&whole).map_err(Failure::said)?;
        screen.print(&(text + "\n"));
        return Ok(());
    }
    for shown in all {
        screen.row(&one(shown, screen.style.verbose));
    }
    let hazards = all.iter().filter(|shown| shown.is_hazard()).count();
    let many = if all.len() == 1 { "migration" } else { "migrations" };
    screen.print(&format!("{hazards} of {} {many} would be a hazard\n", all.len()));
    Ok(())
}

fn one(shown: &Shown, verbose: bool) -> String {
    let mut page = format!("{}\n", shown.script.path.display());
    let errors = shown.found.iter().filter(|found| found.level == Level::Error);
    for found in errors {
        let object = found.object.as_ref().map(|object| format!(" {object}")).unwrap_or_default();
        let _ = writeln!(page, "  line {}{object}: {} ({})", found.line, found.rule.id, found.rule.class);
        if let Some(reason) = &found.allowed {
            let _ = writeln!(page, "      allowed because {reason}");
            continue;
        }
        let _ = writeln!(page, "      {}", found.rule.why);
        let _ = writeln!(page, "      locked: {}", found.rule.locks);
        let _ = writeln!(page, "      hurt: {}", found.rule.waits);
        let _ = writeln!(page, "      instead: {}", found.rule.instead);
    }
    let mut advice: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for found in shown.found.iter().filter(|found| found.level == Level::Advice) {
        advice.entry(found.rule.id).or_default().push(found.line.to_string());
    }
    for (rule, lines) in advice {
        let _ = writeln!(page, "  advice {rule}: line {}", lines.join(", "));
    }
    for effect in shown.measured.iter().flat_map(|(measured, _)| &measured.effects) {
        measured(&mut page, shown, effect, verbose);
    }
    for unmeasured in shown.measured.iter().flat_map(|(measured, _)| &measured.unmeasured) {
        let _ = writeln!(page, "  not measured, line {}: {}", unmeasured.line, unmeasured.why);
    }
    if let Some(refused) = shown.beside().and_then(|beside| beside.refused.as_ref()) {
        let _ = writeln!(
            page,
            "  beside readers and writers, line {} is refused: {}",
            refused.line, refused.words
        );
    }
    if let Some(why) = &shown.unmeasured {
        let _ = writeln!(page, "  not measured: {why}");
    }
    for (class, text) in &shown.seen {
        let class = class.map_or("beside it", Class::word);
        let _ = writeln!(page, "  measured, {class}: {text}");
    }
    if page.lines().count() == 1 {
        page.push_str("  nothing to say\n");
    }
    page
}

/// One statement, as it was seen on the larger copy.
fn measured(page: &mut String, shown: &Shown, effect: &Effect, verbose: bool) {
    let line = shown.script.statements.get(effect.statement).map_or(1, |statement| statement.line);
    let locks = in_words(&effect.taken, if verbose { usize::MAX } else { INDEXES });
    let locks = if locks.is_empty() { "no lock that matters".to_owned() } else { locks.join(", ") };
    let _ = writeln!(
        page,
        "  measured, line {line}: {locks}; {} rows read, {} written, {} relations written anew",
        effect.volume.read,
        effect.volume.written,
        effect.rewritten.len()
    );
    let waits = shown.measured.iter().flat_map(|(measured, _)| &measured.waits);
    for wait in waits.filter(|wait| wait.statement == effect.statement) {
        let _ =
            writeln!(page, "      {} of {} would wait {:.1} s", wait.who.words(), wait.table, wait.seconds);
    }
    let felt = shown.beside().into_iter().flat_map(|beside| &beside.statements);
    for felt in felt.filter(|felt| felt.statement == effect.statement) {
        victims(page, shown, felt, verbose);
    }
    if verbose {
        let anew: Vec<&str> = effect.rewritten.iter().map(String::as_str).collect();
        let _ = writeln!(
            page,
            "      {}, {} bytes of WAL, {} of temporary files; {}",
            ms(effect.took),
            effect.wal,
            effect.temporary,
            anew.join(" ")
        );
    }
}

/// What those beside it felt of one statement: those who waited for it, or all of them.
fn victims(page: &mut String, shown: &Shown, felt: &Felt, verbose: bool) {
    let _ = writeln!(page, "      on the copy held for {}", ms(felt.held));
    for victim in felt.victims.iter().filter(|victim| verbose || victim.blocked + victim.refused > 0) {
        let before = shown.beside().into_iter().flat_map(|beside| &beside.before);
        let usual = before.into_iter().find(|was| (&was.table, was.writes) == (&victim.table, victim.writes));
        let usual = usual.map(|was| format!("; before it {}", times(was))).unwrap_or_default();
        let refused =
            if victim.refused > 0 { format!(", {} were refused", victim.refused) } else { String::new() };
        let _ = writeln!(
            page,
            "      {}: {} of {} statements waited for it{refused}; {}{usual}",
            victim.who(),
            victim.blocked,
            victim.statements,
            times(victim)
        );
    }
}

fn times(victim: &Victim) -> String {
    format!("p50 {}, p99 {}, at most {}", ms(victim.p50), ms(victim.p99), ms(victim.most))
}

fn ms(time: std::time::Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// A line of figures, and the names of those that were told wrongly.
pub(super) fn score(of: &str, score: &Score) -> String {
    let mut text = format!(
        "{of}: recall {:.3}, precision {:.3} ({} hazards found, {} missed; {} safe ones passed, {} wronged)\n",
        score.recall(),
        score.precision(),
        score.hits,
        score.missed.len(),
        score.passed,
        score.wronged.len()
    );
    for (word, names) in [("missed", &score.missed), ("wronged", &score.wronged)] {
        if !names.is_empty() {
            let _ = writeln!(text, "  {word}: {}", names.join(", "));
        }
    }
    text
}
