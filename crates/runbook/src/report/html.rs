//! The report as one self-contained page: no network, no script, light and dark, wide and narrow.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::terminal::{criterion_words, line_words};
use super::{CheckResult, Decision, Line, Report, Step, counted, outcome_words, seconds, value};
use crate::verdict::{Drawing, Finding, Measurement, Outcome, Severity, Threshold};

const STYLE: &str = include_str!("style.css");

/// What cannot stand in a `data:` address as it is; and no slash, so that nothing in the page looks like an address elsewhere.
const IN_ADDRESS: &AsciiSet = &CONTROLS.add(b'#').add(b'%').add(b'"').add(b'<').add(b'>').add(b'&').add(b'/');

impl Report {
    /// The page.
    pub fn html(&self) -> String {
        let (class, word) = (decision_class(self.verdict), self.verdict.words());
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (word) " · " (self.system) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header.banner.(class) {
                        p.word { (word) }
                        div {
                            h1 { (self.title) }
                            p { (self.system) " · " (self.banner().join(" · ")) }
                            p.faint { (self.started_at) " · " (seconds(self.seconds)) " · " (self.totals()) }
                        }
                    }
                    main {
                        @if !self.reasons.is_empty() {
                            ul.reasons.(class) { @for reason in &self.reasons { li { (reason) } } }
                        }
                        @for prose in &self.intro { p { (prose) } }
                        (self.criteria_cards())
                        (self.overview())
                        @for step in &self.steps { (section(step)) }
                    }
                    footer { "schema_version " (self.schema_version) " · drawn from report.json" }
                }
            }
        }
        .into_string()
    }

    fn criteria_cards(&self) -> Markup {
        html! {
            @if !self.criteria.is_empty() {
                h2 { (self.criteria_title.as_deref().unwrap_or("Success criteria")) }
                ul.cards {
                    @for criterion in &self.criteria {
                        li.card.(outcome_class(criterion.verdict)) {
                            p.name { (mark(criterion.verdict)) (criterion.title) }
                            p.faint { (criterion_words(criterion)) }
                        }
                    }
                }
            }
        }
    }

    fn overview(&self) -> Markup {
        let longest = self.steps.iter().map(|step| step.seconds).fold(f64::EPSILON, f64::max);
        html! {
            h2 { "Steps" }
            div.scroll { table.steps {
                thead { tr { th {} th { "Step" } th { "Lines" } th.number { "Time" } th.time { span.hidden { "share of the time" } } } }
                tbody {
                    @for step in &self.steps {
                        tr {
                            td { (mark(step.verdict)) }
                            td { a href={ "#" (step.id) } { (step.title) } @if let Some(part) = &step.part { span.faint { " " (part) } } }
                            td { (tally(step)) }
                            td.number { (seconds(step.seconds)) }
                            td.time { span.bar style={ "width:" (format!("{:.1}", 100.0 * step.seconds / longest)) "%" } {} }
                        }
                    }
                }
            } }
        }
    }
}

fn tally(step: &Step) -> Markup {
    html! {
        span.dots { @for line in &step.lines {
            span.dot.(outcome_class(line.verdict)) title={ (line.words) ": " (outcome_words(line.verdict)) } {}
        } }
    }
}

fn section(step: &Step) -> Markup {
    html! {
        section id=(step.id) {
            h2 { (mark(step.verdict)) (step.title) @if let Some(part) = &step.part { span.faint { " " (part) } } }
            @for prose in &step.intro { p.prose { (prose) } }
            @for (index, line) in step.lines.iter().enumerate() {
                @if let Some(group) = line.group.as_deref().filter(|group| index == 0 || step.lines[index - 1].group.as_deref() != Some(*group)) {
                    h3 { (group) }
                }
                (row(line))
            }
        }
    }
}

fn row(line: &Line) -> Markup {
    let plain = line.commands.is_empty() && line.results().next().is_none();
    let summary = html! {
        (mark(line.verdict))
        span.words { (line.words) }
        span.say { (line_words(line)) }
        span.took { @if line.seconds >= 0.05 { (seconds(line.seconds)) } }
    };
    html! {
        @if plain {
            div.line.plain.(outcome_class(line.verdict)) { (summary) }
        } @else {
            details.line.(outcome_class(line.verdict)) open[line.verdict == Outcome::Fail] {
                summary { (summary) }
                div.body {
                    @if !line.commands.is_empty() { pre { code { (line.commands.join("\n")) } } }
                    @for action in &line.actions { (result(action, "done")) }
                    @for check in &line.checks { (result(check, "checked")) }
                }
            }
        }
    }
}

fn result(result: &CheckResult, how: &str) -> Markup {
    let (errors, others): (Vec<&Finding>, Vec<&Finding>) = result.findings.iter().partition(|f| f.is_error());
    html! {
        article.result.(outcome_class(result.verdict)) {
            h4 { (mark(result.verdict)) (result.title) }
            p.faint {
                code { (result.id) } " · " (how)
                @if result.required { " · required" }
                @if result.examined > 0 { " · " (counted(result.examined, if result.noun.is_empty() { "objects" } else { &result.noun })) " examined" }
                " · " (seconds(result.seconds))
            }
            @if let Some(reason) = &result.reason { p { "Not measured: " (reason) } }
            @else if let Some(summary) = &result.summary { p { (summary) } }
            (measurements(&result.measurements))
            @if !errors.is_empty() { ul.findings { @for item in errors { (finding(item)) } } }
            @if !others.is_empty() {
                details.more {
                    summary { (others.len()) " accepted or advised" }
                    ul.findings { @for item in others { (finding(item)) } }
                }
            }
            @if !result.drawings.is_empty() {
                details.more {
                    summary { (result.drawings.len()) " drawn" }
                    @for drawing in &result.drawings { (image(drawing)) }
                }
            }
        }
    }
}

/// As an image of its own: what a report from elsewhere may hold is shown, and never run.
fn image(drawing: &Drawing) -> Markup {
    let source = format!("data:image/svg+xml,{}", utf8_percent_encode(&drawing.svg, IN_ADDRESS));
    html! { img.drawing src=(source) alt=(drawing.title) loading="lazy"; }
}

fn finding(finding: &Finding) -> Markup {
    let class = if finding.is_error() { "fail" } else { "none" };
    html! {
        li.(class) {
            p { b { code { (finding.object) } } " " (finding.predicate()) }
            p.mend { "mend: " code { (finding.remedy) } }
            @if let Some(reason) = &finding.accepted { p.faint { "accepted: " (reason) } }
            @else if finding.severity == Severity::Advice { p.faint { "advice" } }
        }
    }
}

/// Names, values, and for those with a threshold a bar that shows how much of the room is used.
fn measurements(measurements: &[Measurement]) -> Markup {
    html! {
        @if !measurements.is_empty() {
            div.scroll { table.measurements { tbody {
                @for measurement in measurements {
                    tr {
                        td { (measurement.name) }
                        td.number { (value(measurement.value, &measurement.unit)) }
                        @match measurement.threshold {
                            Some(threshold) => {
                                td { (gauge(measurement, threshold)) }
                                td.faint { (bound(threshold, &measurement.unit)) }
                            }
                            None => { td {} td {} }
                        }
                    }
                    @if !measurement.spread.is_empty() { tr { td colspan="4" { (chart(measurement)) } } }
                }
            } } }
        }
    }
}

/// A bar of 160 units: the value, and a tick where the threshold is.
fn gauge(measurement: &Measurement, threshold: Threshold) -> Markup {
    let limit = limit_of(threshold);
    // The scale: a percentage has its own; for the rest the threshold stands at four fifths.
    let scale = if measurement.unit == "%" { 100.0 } else { (limit * 1.25).max(f64::EPSILON) };
    let place = |value: f64| (160.0 * value / scale).clamp(0.0, 160.0);
    let class = if measurement.holds() { "pass" } else { "fail" };
    let label =
        format!("{} of {}", value(measurement.value, &measurement.unit), bound(threshold, &measurement.unit));
    html! {
        svg.gauge viewBox="0 0 160 12" width="160" height="12" role="img" aria-label=(label) {
            rect.track x="0" y="3" width="160" height="6" rx="3" {}
            rect.(class) x="0" y="3" width=(format!("{:.1}", place(measurement.value).max(2.0))) height="6" rx="3" {}
            rect.tick x=(format!("{:.1}", (place(limit) - 1.0).max(0.0))) y="0" width="2" height="12" {}
        }
    }
}

/// A bar for each bound of a spread, as high as its count; a tip says both. The bounds stand below.
fn chart(measurement: &Measurement) -> Markup {
    let (wide, high) = (28, 60);
    let most = measurement.spread.iter().map(|(_, count)| *count).max().unwrap_or_default().max(1);
    let width = wide * measurement.spread.len();
    let label = format!("{}: how it is spread", measurement.name);
    html! {
        svg.chart viewBox={ "0 0 " (width) " " (high + 14) } width=(width) height=(high + 14) role="img" aria-label=(label) {
            @for (index, (bound, count)) in measurement.spread.iter().enumerate() {
                // What was seen at all is seen in the chart.
                @let tall = (count * high).div_ceil(most);
                g {
                    title { (super::count(*count)) " up to " (value(*bound, &measurement.unit)) }
                    rect x=(index * wide + 2) y=(high - tall) width=(wide - 4) height=(tall) {}
                    text x=(index * wide + wide / 2) y=(high + 11) text-anchor="middle" { (short(*bound)) }
                }
            }
        }
    }
}

/// Three digits are enough below a bar.
fn short(bound: f64) -> String {
    match bound {
        bound if bound < 10.0 => format!("{bound:.1}"),
        bound if bound < 1000.0 => format!("{bound:.0}"),
        bound => format!("{:.0}k", bound / 1000.0),
    }
}

fn limit_of(threshold: Threshold) -> f64 {
    match threshold {
        Threshold::AtMost(limit)
        | Threshold::AtLeast(limit)
        | Threshold::Below(limit)
        | Threshold::Above(limit) => limit,
    }
}

/// A threshold in words: `< 50 ms`.
pub(super) fn bound(threshold: Threshold, unit: &str) -> String {
    let sign = match threshold {
        Threshold::AtMost(_) => "≤",
        Threshold::AtLeast(_) => "≥",
        Threshold::Below(_) => "<",
        Threshold::Above(_) => ">",
    };
    format!("{sign} {}", value(limit_of(threshold), unit))
}

fn mark(outcome: Outcome) -> Markup {
    let sign = match outcome {
        Outcome::Pass => "✔",
        Outcome::Fail => "✘",
        Outcome::NotMeasured => "–",
    };
    html! { span.mark.(outcome_class(outcome)) title=(outcome_words(outcome)) { (sign) } }
}

fn outcome_class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Fail => "fail",
        Outcome::NotMeasured => "none",
    }
}

fn decision_class(decision: Decision) -> &'static str {
    match decision {
        Decision::Go => "pass",
        Decision::NoGo => "fail",
        Decision::Incomplete => "warn",
    }
}
