//! `runbook list`: every check, and the words of the runbook that it stands for.

use std::fmt::Write as _;

use runbook::check::Safety;
use serde::Serialize;

use crate::arguments::Global;
use crate::failure::{Exit, Failure};
use crate::screen::Screen;
use crate::settings;

/// A check or an action, as it is listed.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    id: &'a str,
    title: &'a str,
    /// `check` or `action`.
    kind: &'a str,
    live_safe: bool,
    required: Vec<&'a str>,
    lines: Vec<&'a str>,
}

/// Prints the list. Where the settings are wrong it is what there is for them to name, and then what is wrong.
pub(crate) fn list(global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let system = settings::load(global);
    let required = |id: &str| {
        let all = system.iter().flat_map(|system| &system.settings.checks.required);
        all.filter(|(_, ids)| ids.iter().any(|known| known == id))
            .map(|(target, _)| target.as_str())
            .collect()
    };
    let lines = |id: &str| system.iter().flat_map(|system| system.procedure.words_of(id)).collect();
    let registry = crate::registry::registry();
    let mut entries = Vec::new();
    for check in &registry.checks {
        entries.push(Entry {
            id: check.id,
            title: check.title,
            kind: "check",
            live_safe: check.safety == Safety::Live,
            required: required(check.id),
            lines: lines(check.id),
        });
    }
    for action in &registry.actions {
        entries.push(Entry {
            id: action.id,
            title: action.title,
            kind: "action",
            live_safe: false,
            required: Vec::new(),
            lines: lines(action.id),
        });
    }
    if screen.json {
        let text = serde_json::to_string_pretty(&entries).map_err(Failure::said)?;
        screen.print(&(text + "\n"));
    } else if screen.quiet {
        screen.print(&entries.iter().map(|entry| format!("{}\n", entry.id)).collect::<String>());
    } else {
        screen.print(&table(&entries, screen));
    }
    system.map(|_| Exit::Go)
}

fn table(entries: &[Entry<'_>], screen: &Screen) -> String {
    let width = entries.iter().map(|entry| entry.id.len()).max().unwrap_or_default();
    let mut page = String::new();
    for entry in entries {
        let place = match (entry.kind, entry.live_safe) {
            ("action", _) => "action   ",
            (_, true) => "live-safe",
            (_, false) => "ephemeral",
        };
        let required = if entry.required.is_empty() {
            String::new()
        } else {
            format!("  required: {}", entry.required.join(", "))
        };
        let _ = writeln!(page, "{:width$}  {place}  {}{required}", entry.id, entry.title);
        for words in &entry.lines {
            let words = words.lines().next().unwrap_or_default();
            let sign = if screen.style.unicode { "└" } else { "-" };
            let _ = writeln!(page, "{:width$}             {sign} {words}", "");
        }
    }
    page
}
