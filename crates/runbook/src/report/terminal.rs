//! The report on a terminal. A run prints the same rows as it goes; `runbook report` draws them all at once.

use super::{CheckResult, Criterion, Decision, Line, Report, Step, count, seconds, value};
use crate::verdict::{Finding, Outcome, Severity};

/// How many findings of one check are shown; the files hold them all.
const SHOWN: usize = 5;

/// The least room for a summary beside the words of its line.
const LEAST: usize = 20;

/// How to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Colours, by ANSI sequences.
    pub colour: bool,
    /// `✔ ✘ – · →` where the terminal has them, letters where not.
    pub unicode: bool,
    /// Columns.
    pub width: usize,
    /// Rows are as long as what they say: what reads them is no terminal.
    pub whole: bool,
    /// Every check under its line, with its measurements, and advice too.
    pub verbose: bool,
}

impl Default for Style {
    /// What a log file wants: no colours, 100 columns.
    fn default() -> Self {
        Self { colour: false, unicode: true, width: 100, whole: false, verbose: false }
    }
}

/// Ink, by what it says.
#[derive(Clone, Copy)]
enum Ink {
    Good,
    Bad,
    Faint,
    Warn,
    Strong,
}

impl Report {
    /// The whole report.
    pub fn terminal(&self, style: &Style) -> String {
        let mut page = style.title(&self.system, &self.banner());
        for step in &self.steps {
            page.push_str(&style.step(step.part.as_deref(), &step.title, &step.intro));
            let mut group = None;
            for line in &step.lines {
                page.push_str(&style.group(&mut group, line.group.as_deref()));
                page.push_str(&style.line(line, style.words_width(step)));
            }
        }
        page.push_str(&style.criteria(self));
        page.push_str(&style.verdict(self, None));
        page
    }

    /// What stands beside the title: what kind of run, on which server, from where to where.
    pub fn banner(&self) -> Vec<String> {
        let server = self.target.server.as_deref();
        let on = match (self.target.kind, server) {
            (super::TargetKind::Ephemeral, Some(server)) => server.to_owned(),
            (super::TargetKind::Live, Some(server)) => format!("{} · {server}", self.target.name),
            (_, None) => self.target.name.clone(),
        };
        let mut parts = vec![format!("{} on {on}", self.kind.words())];
        if let (Some(from), Some(to)) = (&self.target.from, &self.target.to) {
            parts.push(format!("{from} → {to}"));
        }
        parts
    }
}

impl Style {
    /// The first line of a run.
    pub fn title(&self, system: &str, parts: &[String]) -> String {
        let rest: String = parts.iter().map(|part| format!(" · {}", clean(part))).collect();
        format!("{}{}\n", self.ink(Ink::Strong, &clean(system)), self.signs(&rest))
    }

    /// The heading of a section, and its prose.
    pub fn step(&self, part: Option<&str>, title: &str, intro: &[String]) -> String {
        let mut page = format!("\n{}", self.ink(Ink::Strong, &clean(title)));
        if let Some(part) = part {
            page.push_str(&self.ink(Ink::Faint, &self.signs(&format!("  · {}", clean(part)))));
        }
        page.push('\n');
        for prose in intro {
            page.push_str(&format!("  {}\n", self.ink(Ink::Faint, &clean(prose))));
        }
        page
    }

    /// The bold words above a line, where they are other than those of the line before.
    pub fn group<'a>(&self, last: &mut Option<&'a str>, group: Option<&'a str>) -> String {
        if *last == group {
            return String::new();
        }
        *last = group;
        group.map_or_else(String::new, |words| format!("  {}\n", self.ink(Ink::Faint, &clean(words))))
    }

    /// The column that the longest words of a step need, within reason.
    pub fn words_width(&self, step: &Step) -> usize {
        self.column(step.lines.iter().map(|line| line.words.as_str()))
    }

    /// The column that the longest of some words needs, within reason.
    pub fn column<'a>(&self, words: impl Iterator<Item = &'a str>) -> usize {
        let longest = words.map(|words| first_row(words).chars().count()).max().unwrap_or_default();
        longest.clamp(34.min(self.width / 3), (self.width / 2).clamp(20, 46))
    }

    /// A line, and what was found under it.
    pub fn line(&self, line: &Line, column: usize) -> String {
        let words = line_words(line);
        let mut page = self.row(line.verdict, &line.words, &words, line.seconds, column);
        for result in line.results() {
            page.push_str(&self.result(result));
        }
        page
    }

    /// The criteria under their heading.
    pub fn criteria(&self, report: &Report) -> String {
        if report.criteria.is_empty() {
            return String::new();
        }
        let mut page = self.step(None, report.criteria_title.as_deref().unwrap_or("Success criteria"), &[]);
        let column = self.column(report.criteria.iter().map(|criterion| criterion.title.as_str()));
        for criterion in &report.criteria {
            let words = criterion_words(criterion);
            page.push_str(&self.row(criterion.verdict, &criterion.title, &words, 0.0, column));
            for result in
                criterion.checks.iter().filter(|_| criterion.verdict != Outcome::Pass || self.verbose)
            {
                page.push_str(&self.result(result));
            }
        }
        page
    }

    /// The last line, the reasons above it, and where the page is.
    pub fn verdict(&self, report: &Report, page_path: Option<&str>) -> String {
        let mut page = String::from("\n");
        for reason in report.reasons.iter().take(SHOWN) {
            page.push_str(&format!("  {}\n", self.signs(&clean(reason))));
        }
        if report.reasons.len() > SHOWN {
            page.push_str(&format!("  and {} more\n", report.reasons.len() - SHOWN));
        }
        if !report.reasons.is_empty() {
            page.push('\n');
        }
        let ink = match report.verdict {
            Decision::Go => Ink::Good,
            Decision::NoGo => Ink::Bad,
            Decision::Incomplete => Ink::Warn,
        };
        let word = report.verdict.words();
        let word =
            if self.colour { self.ink(ink, &format!("\u{1b}[1m\u{1b}[7m {word} ")) } else { word.to_owned() };
        page.push_str(&format!("{word}   {}", seconds(report.seconds)));
        if let Some(path) = page_path {
            page.push_str(&format!("   {path}"));
        }
        page.push('\n');
        page
    }

    fn row(&self, outcome: Outcome, words: &str, summary: &str, took: f64, column: usize) -> String {
        let time = if took >= 0.05 { format!("{:>9}", seconds(took)) } else { String::new() };
        let (mut words, mut summary) = (clean(&first_row(words)), self.signs(&clean(summary)));
        if !self.whole {
            words = self.shortened(&words, self.width.saturating_sub(4 + time.len()));
        }
        let length = |text: &str| text.chars().count();
        // Columns: two and the mark, the words, two, the summary, and ten for the time.
        let room = self.width.saturating_sub(4 + column.max(length(&words)) + 2 + 10);
        // Where too little is left beside the words, the summary has a row of its own.
        let below = !self.whole && room < LEAST && length(&summary) > room;
        if !self.whole {
            summary = self.shortened(&summary, if below { self.width.saturating_sub(6) } else { room });
        }
        let beside = if below { "" } else { summary.as_str() };
        let used = 4 + column.max(length(&words)) + 2 + length(beside);
        let end = if below { self.width } else { 4 + column.max(length(&words)) + 2 + room + 10 };
        let ink = |text: &str| match outcome {
            Outcome::NotMeasured => self.ink(Ink::Faint, text),
            _ => text.to_owned(),
        };
        let time = match time.as_str() {
            "" => time,
            time if below => {
                let gap = end.saturating_sub(4 + length(&words) + time.len());
                format!("{}{time}", " ".repeat(gap))
            }
            time => format!("{}{time}", " ".repeat(end.saturating_sub(used + time.len()).max(1))),
        };
        let time = self.ink(Ink::Faint, &time);
        let mark = self.mark(outcome);
        if below {
            return format!("  {mark} {words}{time}\n      {}\n", ink(&summary));
        }
        let pad = column.saturating_sub(length(&words));
        let row = format!("  {mark} {words}{}  {}{time}", " ".repeat(pad), ink(&summary));
        row.trim_end().to_owned() + "\n"
    }

    /// What a check found: its broken figures and findings; everything where the style is verbose.
    fn result(&self, result: &CheckResult) -> String {
        let mut page = String::new();
        if self.verbose {
            let required = if result.required { " (required)" } else { "" };
            let words = self.signs(&clean(&result.words()));
            let id = self.ink(Ink::Faint, &format!("{}{required}", result.id));
            page.push_str(&format!("      {} {id}  {words}\n", self.mark(result.verdict)));
        }
        for measurement in result.measurements.iter().filter(|m| self.verbose || !m.holds()) {
            let bound = measurement
                .threshold
                .map_or_else(String::new, |t| format!(" ({})", super::html::bound(t, &measurement.unit)));
            let text = format!(
                "{}: {}{bound}",
                clean(&measurement.name),
                value(measurement.value, &measurement.unit)
            );
            let ink = if measurement.holds() { Ink::Faint } else { Ink::Bad };
            page.push_str(&format!("      {}\n", self.ink(ink, &self.signs(&text))));
        }
        let findings: Vec<&Finding> =
            result.findings.iter().filter(|f| self.verbose || f.is_error()).collect();
        let shown = if self.verbose { findings.len() } else { SHOWN };
        for finding in findings.iter().take(shown) {
            page.push_str(&self.finding(finding));
        }
        if findings.len() > shown {
            let more = u64::try_from(findings.len() - shown).unwrap_or_default();
            page.push_str(&format!("      and {} more of {}, in the report\n", count(more), result.id));
        }
        page
    }

    fn finding(&self, finding: &Finding) -> String {
        let (label, ink) = match (&finding.accepted, finding.severity) {
            (Some(reason), _) => (format!("accepted ({}): ", clean(reason)), Ink::Faint),
            (None, Severity::Advice) => ("advice: ".to_owned(), Ink::Warn),
            (None, Severity::Error) => (String::new(), Ink::Bad),
        };
        let object = self.ink(Ink::Strong, &clean(&finding.object));
        let mend = self.ink(Ink::Faint, "mend:");
        let remedy = clean(&finding.remedy);
        format!(
            "      {}{object} {}\n      {mend} {remedy}\n",
            self.ink(ink, &label),
            clean(finding.predicate())
        )
    }

    fn mark(&self, outcome: Outcome) -> String {
        let (sign, letter, ink) = match outcome {
            Outcome::Pass => ("✔", "+", Ink::Good),
            Outcome::Fail => ("✘", "x", Ink::Bad),
            Outcome::NotMeasured => ("–", "-", Ink::Faint),
        };
        self.ink(ink, if self.unicode { sign } else { letter })
    }

    /// Our own signs, in letters where the terminal has no others.
    fn signs(&self, text: &str) -> String {
        if self.unicode {
            return text.to_owned();
        }
        text.replace(" · ", ", ")
            .replace('→', "->")
            .replace('–', "-")
            .replace('…', "...")
            .replace('≤', "<=")
            .replace('≥', ">=")
    }

    fn shortened(&self, text: &str, room: usize) -> String {
        if text.chars().count() <= room {
            return text.to_owned();
        }
        let end = self.signs("…");
        let kept: String = text.chars().take(room.saturating_sub(end.chars().count())).collect();
        format!("{}{end}", kept.trim_end())
    }

    fn ink(&self, ink: Ink, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Good => "32",
            Ink::Bad => "31",
            Ink::Faint => "2",
            Ink::Warn => "33",
            Ink::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// The few words beside a line: why it was not measured, what failed, or what its results say.
pub fn line_words(line: &Line) -> String {
    match &line.reason {
        // What stopped the run is told once, where it happened and at the end.
        Some(reason) if reason.starts_with("not reached: ") => return "not reached".to_owned(),
        Some(reason) => return format!("not measured: {reason}"),
        None => {}
    }
    let failed =
        line.results().filter(|result| result.verdict == line.verdict && line.verdict != Outcome::Pass);
    let mut words: Vec<String> = failed.map(CheckResult::words).filter(|words| !words.is_empty()).collect();
    if words.is_empty() {
        words = line.results().map(CheckResult::words).filter(|words| !words.is_empty()).collect();
    }
    words.dedup();
    let more = words.len().saturating_sub(2);
    words.truncate(2);
    let shown = words.join(" · ");
    if more == 0 { shown } else { format!("{shown} · and {more} more") }
}

/// The few words beside a criterion.
pub fn criterion_words(criterion: &Criterion) -> String {
    match (&criterion.reason, criterion.verdict) {
        (Some(reason), Outcome::NotMeasured) => return format!("not measured: {reason}"),
        (Some(reason), _) => return reason.clone(),
        (None, _) => {}
    }
    let same = criterion.checks.iter().filter(|result| result.verdict == criterion.verdict);
    if criterion.verdict == Outcome::Fail {
        let mut errors =
            same.clone().flat_map(|result| result.findings.iter().filter(|finding| finding.is_error()));
        if let Some(finding) = errors.next() {
            return format!("{} {}", finding.object, finding.predicate());
        }
    }
    let words: Vec<String> = same.map(CheckResult::words).filter(|words| !words.is_empty()).collect();
    match words.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} · and {} more", rest.len()),
    }
}

fn first_row(words: &str) -> String {
    match words.split_once('\n') {
        Some((first, _)) => format!("{} …", first.trim_end()),
        None => words.to_owned(),
    }
}

/// Text from elsewhere without what a terminal would obey.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
