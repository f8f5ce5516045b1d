//! `docs/hazards.md`: every rule, with what was measured of its bad example on each version of Postgres.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::class::Class;
use super::measure::{Measured, Plan, in_words};
use super::rules::{self, Level, Rule, Source};

/// What the bad example of a rule did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// Modes of locks by relation: `projects ShareLock`, `index ix_a AccessExclusiveLock`; many indexes that are locked in one
    /// way are counted.
    pub locks: Vec<String>,
    /// Relations that were written anew.
    pub rewrites: usize,
    /// Who would wait longest at the target's size, in words; none where nobody waits.
    pub who: Option<String>,
    /// For how many seconds, rounded up.
    pub seconds: u64,
    /// The kinds of harm, in words.
    pub harm: Vec<String>,
}

/// So many indexes are told by name.
const INDEXES: usize = 3;

/// What was measured, by major version of the server and by rule.
pub type Record = BTreeMap<String, BTreeMap<String, Shown>>;

impl Shown {
    /// Of a measurement.
    pub fn of(measured: &Measured, plan: &Plan) -> Self {
        let wait = measured.longest();
        Self {
            locks: in_words(&measured.taken(), INDEXES),
            rewrites: measured.effects.iter().map(|effect| effect.rewritten.len()).sum(),
            who: wait.map(|wait| format!("{} of {}", wait.who.words(), wait.table)),
            seconds: wait.map_or(0, |wait| wait.seconds.ceil() as u64),
            harm: measured.classes(plan.budget).into_iter().map(|class| class.word().to_owned()).collect(),
        }
    }

    /// Whether the facts are the same: times are not.
    pub fn agrees(&self, other: &Self) -> bool {
        (&self.locks, self.rewrites, &self.who, &self.harm)
            == (&other.locks, other.rewrites, &other.who, &other.harm)
    }
}

/// Reads the record; none is an empty one.
///
/// # Errors
/// In one sentence, when it is not understood.
pub fn read(path: &Path) -> Result<Record, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Record::new()),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

/// Draws the page.
pub fn draw(record: &Record, target: u64) -> String {
    let mut page = String::from(INTRODUCTION);
    let _ = writeln!(page, "Waits are those at {target} rows of the leading table, rounded up to seconds.\n");
    for class in Class::ALL {
        let _ = writeln!(page, "## {}\n\n{}\n", heading(class), about(class));
        for rule in rules::all().filter(|rule| rule.class == class) {
            draw_rule(&mut page, rule, record);
        }
    }
    page
}

fn draw_rule(page: &mut String, rule: &Rule, record: &Record) {
    let weight = if rule.level == Level::Error { "error" } else { "advice" };
    let finder = match rule.source {
        Source::Squawk(name) => format!("found by squawk's `{name}`"),
        Source::Own => "found by a rule of ours".to_owned(),
        Source::Measured => "seen on the copy only".to_owned(),
    };
    let _ = writeln!(page, "### {}\n\n{} · {finder}\n", rule.id, weight);
    let _ = writeln!(page, "{}.\n", sentence(rule.why));
    let _ = writeln!(page, "- **Locked:** {}", rule.locks);
    let _ = writeln!(page, "- **Who is hurt:** {}", rule.waits);
    let _ = writeln!(page, "- **Instead:** {}", rule.instead);
    for (version, shown) in record.iter().filter_map(|(version, rules)| Some((version, rules.get(rule.id)?)))
    {
        let locks =
            if shown.locks.is_empty() { "no lock that matters".to_owned() } else { shown.locks.join("; ") };
        let wait = match &shown.who {
            Some(who) if shown.seconds > 1 => format!("{who} would wait {} s", shown.seconds),
            Some(who) => format!("{who} wait for less than a second"),
            None => "nobody waits".to_owned(),
        };
        let anew = if shown.rewrites == 0 {
            String::new()
        } else {
            format!("; {} relations written anew", shown.rewrites)
        };
        let harm = if shown.harm.is_empty() { "no harm".to_owned() } else { shown.harm.join(", ") };
        let _ = writeln!(page, "- **PostgreSQL {version}:** {locks}; {wait}{anew}; {harm}");
    }
    page.push('\n');
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn heading(class: Class) -> &'static str {
    match class {
        Class::Stall => "It keeps somebody waiting",
        Class::Breaks => "It breaks the application that still runs",
        Class::Loses => "It loses rows or values",
        Class::Retry => "It cannot be run again",
    }
}

fn about(class: Class) -> &'static str {
    match class {
        Class::Stall => {
            "A lock is kept until its transaction ends. What counts is how long that takes at the target's size, and whom \
             the lock keeps out meanwhile; a statement that only changes the catalogue keeps out everybody for a moment."
        }
        Class::Breaks => {
            "Between the migration and the end of the rollout, the application of before is still there."
        }
        Class::Loses => "A revert brings back a table, and not its rows.",
        Class::Retry => "A deployment that stops half way is run again, by somebody who is tired.",
    }
}

const INTRODUCTION: &str = "# Hazards

A migration is a hazard if, at the target's size, it keeps a statement of the application waiting past the budget, breaks
the application of before which still runs, loses rows or values, or cannot be run again after it failed.
`runbook hazards` finds them in the text of pending migrations, `runbook hazards --measure` on copies with rows. What is
measured wins where a measurement can tell. Tables that are new, and those that `[hazards] small_tables` names, keep
nobody waiting. A comment before a statement allows what is known, with a reason that the report shows:

```sql
-- runbook: allow index-not-concurrent because nobody writes to it before the release
CREATE INDEX …
```

`[[hazards.allow]]` in `runbook.toml` does the same for a rule, of one table or of all. How these rules compare with
those of other tools, and how often they are right: [hazards-compared.md](hazards-compared.md).

With `--measure`, a migration is run on copies of two sizes (`[hazards] sizes`), where each
statement is looked at before its transaction ends, and on a third beside readers and writers of the tables that it locks.
What is said of a statement: locks of tables, indexes and sequences, for how long they were held, rows, relations written
anew, WAL and temporary files, who would wait at the target's size, and who did wait on the copy (how many of how many
statements, p50, p99 and the longest, beside what is usual). `--rows 1000000` takes larger copies. With `--json` all of it is
told as [hazards.schema.json](hazards.schema.json) says.

This page is written by `runbook hazards --docs` from the rules and from `fixtures/hazards/measured.json`; what is said
of a version of Postgres was measured on it, of `fixtures/hazards/RULE/bad.sql`. AccessShare, which every reader takes, is left out.
";
