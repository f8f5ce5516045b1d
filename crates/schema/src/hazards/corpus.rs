//! Labelled migrations: what each does was decided by the definition and by a measurement, before any rule saw it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use runbook::settings::SettingsError;

use super::class::Class;
use super::measure::{Measured, Who};
use super::script::{Runs, Script, wrong};

/// A migration with its label.
#[derive(Debug, Clone)]
pub struct Case {
    /// The file.
    pub path: PathBuf,
    /// The kinds of harm; none where it is safe.
    pub classes: Vec<Class>,
    /// Why the label is what it is.
    pub because: String,
    /// What was measured when it was labelled.
    pub measured: Option<String>,
    /// Statements that are committed before it.
    pub setup: String,
    /// The migration.
    pub script: Script,
}

impl Case {
    /// Reads a file whose header says `label:`, `class:`, `because:`, `setup:` and `measured:`.
    ///
    /// # Errors
    /// With the line that is wrong.
    pub fn read(path: &Path) -> Result<Self, Box<SettingsError>> {
        let script = Script::read(path, Runs::Wrapped)?;
        let header = Header::of(&script.text);
        let missing = |what: &str| {
            wrong(
                path,
                &script.text,
                0..0,
                format!("its header lacks `-- {what}`"),
                "see fixtures/hazards/README.md",
            )
        };
        let label = header.one("label").ok_or_else(|| missing("label: hazard|safe"))?;
        let because = header.one("because").ok_or_else(|| missing("because: …"))?;
        let mut classes = Vec::new();
        for word in
            header.one("class").unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty())
        {
            let class = word
                .parse()
                .map_err(|problem| wrong(path, &script.text, 0..0, problem, "mend the header"))?;
            classes.push(class);
        }
        classes.sort_unstable();
        if (label == "hazard") == classes.is_empty() || !matches!(label.as_str(), "hazard" | "safe") {
            let problem = format!("label `{label}` and {} classes do not go together", classes.len());
            return Err(wrong(
                path,
                &script.text,
                0..0,
                problem,
                "a hazard has a class, and what is safe has none",
            ));
        }
        let (measured, setup) = (header.one("measured"), header.all("setup"));
        Ok(Self { path: path.to_owned(), classes, because, measured, setup, script })
    }

    /// Every case of a folder, by name.
    ///
    /// # Errors
    /// As [`Self::read`], and when the folder cannot be read.
    pub fn all(folder: &Path) -> Result<Vec<Self>, Box<SettingsError>> {
        let entries = std::fs::read_dir(folder).map_err(|error| {
            wrong(folder, "", 0..0, format!("cannot be read: {error}"), "see fixtures/hazards/README.md")
        })?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|ending| ending == "sql"));
        files.sort();
        files.iter().map(|path| Self::read(path)).collect()
    }

    /// Whether it is a hazard.
    pub fn is_hazard(&self) -> bool {
        !self.classes.is_empty()
    }

    /// The file's text with this measurement in its header.
    pub fn recorded(&self, measured: &str) -> String {
        let line = format!("-- measured: {measured}");
        let mut lines: Vec<&str> = self.script.text.lines().collect();
        match lines.iter().position(|line| line.starts_with("-- measured:")) {
            Some(at) => lines[at] = &line,
            None => {
                let at =
                    lines.iter().rposition(|line| line.starts_with("-- because:")).map_or(0, |at| at + 1);
                lines.insert(at, &line);
            }
        }
        lines.join("\n") + "\n"
    }
}

/// The statements of `-- setup:` lines in a file's header.
pub fn setup_of(text: &str) -> String {
    Header::of(text).all("setup")
}

/// One line of what was measured, stable enough to be kept: modes and facts, times at the target's size only.
pub fn summary(measured: &Measured, budget: Duration) -> String {
    if let Some(refused) = &measured.refused {
        return format!("refused at line {}: {}", refused.line, refused.words);
    }
    let mut parts = Vec::new();
    if let Some(first) = measured.unmeasured.first() {
        parts.push(format!("line {} is not measured: {}", first.line, first.why));
    }
    match measured.longest() {
        Some(wait) => {
            let mode = match (wait.who, wait.mode.as_deref()) {
                (Who::Deleters, _) => "a table that is read whole",
                (_, Some(mode)) => mode,
                (_, None) => "row locks",
            };
            let past =
                if wait.seconds > budget.as_secs_f64() { "past the budget" } else { "within the budget" };
            parts.push(format!(
                "{} of {} wait {:.1} s for {mode}, {past}",
                wait.who.words(),
                wait.table,
                wait.seconds
            ));
        }
        None => parts.push("nobody waits".into()),
    }
    let rewritten: Vec<&str> =
        measured.effects.iter().flat_map(|effect| effect.rewritten.iter().map(String::as_str)).collect();
    if !rewritten.is_empty() {
        parts.push(format!("rewrites {}", rewritten.join(" ")));
    }
    for (word, list) in
        [("breaks", &measured.broken), ("loses", &measured.lost), ("cannot be run again", &measured.stuck)]
    {
        if let Some(first) = list.first() {
            let more = if list.len() > 1 { format!(" and {} more", list.len() - 1) } else { String::new() };
            parts.push(format!("{word}: {}{more}", first.replace('\n', " ")));
        }
    }
    parts.join("; ")
}

/// `-- key: value` lines before the first statement.
struct Header<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Header<'a> {
    fn of(text: &'a str) -> Self {
        let lines = text.lines().map_while(|line| line.strip_prefix("--"));
        Self(
            lines
                .filter_map(|line| line.trim().split_once(": "))
                .map(|(key, value)| (key.trim(), value.trim()))
                .collect(),
        )
    }

    fn one(&self, key: &str) -> Option<String> {
        self.0.iter().find(|(known, _)| *known == key).map(|(_, value)| (*value).to_owned())
    }

    /// All lines of a key, in their order.
    fn all(&self, key: &str) -> String {
        let lines: Vec<&str> =
            self.0.iter().filter(|(known, _)| *known == key).map(|(_, value)| *value).collect();
        lines.join("\n")
    }
}
