//! The report as Markdown, for the summary page of a CI job.

use std::fmt::Write as _;

use super::{CheckResult, Decision, Report, seconds};
use crate::verdict::Outcome;

impl Report {
    /// A verdict, the criteria and the steps as tables, and each failed or missing check with its remedy.
    pub fn markdown(&self) -> String {
        let mut page = String::new();
        let sign = match self.verdict {
            Decision::Go => "✅",
            Decision::NoGo => "❌",
            Decision::Incomplete => "⚠️",
        };
        let _ = writeln!(page, "## {sign} {} · {}\n", self.verdict.words(), escape(&self.system));
        let server = self.target.server.as_deref().unwrap_or(&self.target.name);
        let _ = write!(page, "{} on {}", capital(self.kind.words()), escape(server));
        if let (Some(from), Some(to)) = (&self.target.from, &self.target.to) {
            let _ = write!(page, ", {} → {}", escape(from), escape(to));
        }
        let _ = writeln!(
            page,
            ": {} in {}, started {}.\n",
            self.totals(),
            seconds(self.seconds),
            self.started_at
        );
        for reason in &self.reasons {
            let _ = writeln!(page, "- {}", escape(reason));
        }
        if !self.reasons.is_empty() {
            page.push('\n');
        }
        self.tables(&mut page);
        for step in &self.steps {
            for line in &step.lines {
                for result in line.results().filter(|r| needs_words(r)) {
                    details(&mut page, &line.words, result);
                }
            }
        }
        page
    }

    fn tables(&self, page: &mut String) {
        if !self.criteria.is_empty() {
            let title = self.criteria_title.as_deref().unwrap_or("Success criteria");
            let _ = writeln!(page, "| | {} | |\n|---|---|---|", escape(title));
            for criterion in &self.criteria {
                let words = criterion.reason.clone().unwrap_or_else(|| {
                    criterion
                        .checks
                        .iter()
                        .map(CheckResult::words)
                        .find(|words| !words.is_empty())
                        .unwrap_or_default()
                });
                let _ = writeln!(
                    page,
                    "| {} | {} | {} |",
                    mark(criterion.verdict),
                    escape(&criterion.title),
                    escape(&words)
                );
            }
            page.push('\n');
        }
        let _ = writeln!(
            page,
            "| | step | lines passed | failed | not measured | time |\n|---|---|--:|--:|--:|--:|"
        );
        for step in &self.steps {
            let number = |outcome| step.lines.iter().filter(|line| line.verdict == outcome).count();
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} | {} | {} |",
                mark(step.verdict),
                escape(&step.title),
                number(Outcome::Pass),
                number(Outcome::Fail),
                number(Outcome::NotMeasured),
                seconds(step.seconds)
            );
        }
        page.push('\n');
    }
}

fn needs_words(result: &CheckResult) -> bool {
    result.verdict == Outcome::Fail || (result.required && result.verdict == Outcome::NotMeasured)
}

fn details(page: &mut String, words: &str, result: &CheckResult) {
    let _ = writeln!(
        page,
        "### {} {} (`{}`)\n\n{}\n",
        mark(result.verdict),
        escape(words),
        result.id,
        escape(&result.words())
    );
    for broken in result.broken() {
        let shown = super::value(broken.value, &broken.unit);
        let _ = writeln!(page, "- {}: **{}**", escape(&broken.name), escape(&shown));
    }
    for finding in result.findings.iter().filter(|finding| finding.is_error()) {
        let (object, problem) = (escape(&finding.object), escape(finding.predicate()));
        let _ = writeln!(page, "- **{object}** {problem}<br>mend: {}", escape(&finding.remedy));
    }
    page.push('\n');
}

fn mark(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "✅",
        Outcome::Fail => "❌",
        Outcome::NotMeasured => "➖",
    }
}

fn capital(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// Text as text: no table cell, tag, mention or link comes out of a finding.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '@' => escaped.push_str("&#64;"),
            '\r' => {}
            '\n' => escaped.push_str("<br>"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}
