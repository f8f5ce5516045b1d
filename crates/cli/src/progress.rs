//! Rows as a run goes, on standard output; and, where a person watches, what is being done now, on standard error.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use runbook::meter::Meter;
use runbook::procedure::{Observer, Procedure, Step, StepLine};
use runbook::report::Line;

use crate::screen::Screen;

/// Prints each line when it is done.
pub(crate) struct Progress {
    screen: Screen,
    bar: ProgressBar,
    /// The bold words above the last line.
    group: Mutex<Option<String>>,
    /// The words of the line that goes on.
    words: Arc<Mutex<String>>,
}

impl Progress {
    /// For a procedure of so many lines, and `more` beside them.
    pub(crate) fn new(screen: &Screen, procedure: &Procedure, more: usize) -> Self {
        let lines: usize =
            procedure.steps.iter().chain(&procedure.criteria).map(|step| step.lines.len()).sum();
        let bar = if screen.watched {
            let bar = ProgressBar::new(u64::try_from(lines + more).unwrap_or_default());
            let template = if screen.style.unicode {
                "{spinner} {bar:24.dim} {pos}/{len}  {wide_msg:.dim}"
            } else {
                "{bar:24} {pos}/{len}  {wide_msg}"
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(if screen.style.unicode { style } else { style.progress_chars("=> ") });
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        } else {
            ProgressBar::hidden()
        };
        Self { screen: screen.clone(), bar, group: Mutex::new(None), words: Arc::default() }
    }

    /// Says what goes on before the first line.
    #[cfg(feature = "rehearse")]
    pub(crate) fn doing(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    /// Shows how far the check of the line is, after its words.
    pub(crate) fn meter(&self) -> Meter {
        let (bar, words) = (self.bar.clone(), Arc::clone(&self.words));
        Meter::new(move |said| {
            let words = words.lock().unwrap_or_else(PoisonError::into_inner);
            bar.set_message(format!("{words} · {said}"));
        })
    }

    /// Prints above the bar.
    pub(crate) fn print(&self, text: &str) {
        self.bar.suspend(|| self.screen.row(text));
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn step(&self, step: &Step) {
        *self.group.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.print(&self.screen.style.step(step.part.as_deref(), &step.title, &step.intro));
    }

    fn begin(&self, _step: &Step, line: &StepLine) {
        let words = line.line.words.lines().next().unwrap_or_default().to_owned();
        self.words.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&words);
        self.bar.set_message(words);
    }

    fn line(&self, step: &Step, line: &Line) {
        let style = &self.screen.style;
        let column = style.column(step.lines.iter().map(|line| line.line.words.as_str()));
        let mut last = self.group.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = last.as_deref();
        let group = style.group(&mut before, line.group.as_deref());
        self.print(&format!("{group}{}", style.line(line, column)));
        last.clone_from(&line.group);
        self.bar.inc(1);
    }
}
