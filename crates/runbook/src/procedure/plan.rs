//! From the document and the `[[line]]` mappings to steps: nothing of the document is left out, and nothing is
//! mapped that it does not say.

use std::path::Path;

use super::{Procedure, Registry, Step, StepLine};
use crate::action::Action;
use crate::document::{DocumentLine, Section};
use crate::settings::{Line, Settings, SettingsError};

impl Procedure {
    /// Joins the document with the settings.
    ///
    /// # Errors
    /// A document without lines, a line that nothing stands for, a mapping whose words stand nowhere or in several sections,
    /// two mappings of one line, an unknown check or action: each with its file and line.
    pub fn of(settings: &Settings, registry: &Registry) -> Result<Self, SettingsError> {
        let ids: Vec<&str> = registry.checks.iter().map(|check| check.id).collect();
        let actions: Vec<&str> = registry.actions.iter().map(|action| action.id).collect();
        settings.validate(&ids, &actions)?;
        let planner = Planner::new(settings, registry);
        planner.the_document_has_lines()?;
        planner.mappings_stand_somewhere()?;
        planner.every_line_is_mapped()?;
        let mut steps = Vec::new();
        let mut rollbacks = Vec::new();
        let mut criteria: Option<Step> = None;
        for section in &settings.document.sections {
            let step = planner.step(section)?;
            if planner.is_criteria(section) {
                match &mut criteria {
                    Some(known) => known.lines.extend(step.lines),
                    None => criteria = Some(step),
                }
            } else if step.rollback {
                rollbacks.push(step);
            } else {
                steps.push(step);
            }
        }
        steps.extend(rollbacks);
        Ok(Self {
            title: settings.document.title.clone(),
            intro: settings.document.intro.iter().map(|prose| prose.text.clone()).collect(),
            steps,
            criteria,
        })
    }
}

struct Planner<'a> {
    settings: &'a Settings,
    registry: &'a Registry,
    /// The text of `runbook.toml`, for the places of errors.
    toml: String,
}

impl<'a> Planner<'a> {
    fn new(settings: &'a Settings, registry: &'a Registry) -> Self {
        let toml = std::fs::read_to_string(settings.path("runbook.toml")).unwrap_or_default();
        Self { settings, registry, toml }
    }

    fn is_criteria(&self, section: &Section) -> bool {
        match &self.settings.procedure.criteria {
            Some(title) => is_named(section, title),
            None => section.is_criteria(),
        }
    }

    fn is_rollback(&self, section: &Section) -> bool {
        match &self.settings.procedure.rollback {
            Some(title) => is_named(section, title),
            None => section.is_rollback(),
        }
    }

    fn step(&self, section: &Section) -> Result<Step, SettingsError> {
        let lines = section.lines.iter().map(|line| self.line(section, line)).collect::<Result<_, _>>()?;
        Ok(Step {
            id: section.id.clone(),
            title: section.title.clone(),
            part: section.part.clone(),
            intro: section.intro.iter().map(|prose| prose.text.clone()).collect(),
            rollback: self.is_rollback(section),
            lines,
        })
    }

    fn line(&self, section: &Section, line: &DocumentLine) -> Result<StepLine, SettingsError> {
        let mut found = self.settings.lines.iter().filter(|mapping| stands_for(mapping, section, line));
        let Some(mapping) = found.next() else {
            return Err(self.unmapped(line, &[(section, line)]));
        };
        if let Some(second) = found.next() {
            let problem = format!("`{}` of `{}` is mapped twice", line.words, section.title);
            return Err(self.at(second, problem, "keep one [[line]] for it"));
        }
        // `validate` has refused ids that are not there.
        let actions: Vec<_> = mapping.actions.iter().filter_map(|id| self.registry.action(id)).collect();
        let checks: Vec<_> = mapping.checks.iter().filter_map(|id| self.registry.check(id)).collect();
        if actions.is_empty() && checks.is_empty() && mapping.not_measured.is_none() {
            let help = "give it `checks`, `actions`, or `not_measured = \"why\"`";
            return Err(self.at(mapping, format!("nothing stands for `{}`", line.words), help));
        }
        if !self.is_rollback(section)
            && let Some(action) = actions.iter().find(|action| rolls_back(action))
        {
            let problem =
                format!("`{}` rolls back, and `{}` is not the rollback section", action.id, section.title);
            let help = format!(
                "name the section whose lines undo the deployment, and are carried out last:\n[procedure]\nrollback = {}",
                toml::Value::from(section.title.as_str())
            );
            return Err(self.at(mapping, problem, &help));
        }
        Ok(StepLine { line: line.clone(), actions, checks, not_measured: mapping.not_measured.clone() })
    }

    /// From a document in which nothing is to be done nothing would follow, a go as well.
    fn the_document_has_lines(&self) -> Result<(), SettingsError> {
        if self.settings.document.lines().next().is_some() {
            return Ok(());
        }
        let path = self.settings.path(&self.settings.system.runbook);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let problem = "it holds no line that can be carried out or judged".to_owned();
        let help = "write what is to be done or to be true under a heading, as a list (`- …`, `1. …`, `- [ ] …`), as `✅ …`, or \
                    as comments and commands in a code block; prose and tables are not read as such";
        Err(SettingsError::at(&path, &text, 0..0, problem, Some(help.to_owned())))
    }

    /// Told all at once: whoever begins writes them in one go.
    fn every_line_is_mapped(&self) -> Result<(), SettingsError> {
        let lines = self.settings.document.lines();
        let unmapped: Vec<_> = lines
            .filter(|(section, line)| {
                !self.settings.lines.iter().any(|mapping| stands_for(mapping, section, line))
            })
            .collect();
        unmapped.first().map_or(Ok(()), |(_, first)| Err(self.unmapped(first, &unmapped)))
    }

    /// Points at the first of these lines, and says what to write for each.
    fn unmapped(&self, line: &DocumentLine, lines: &[(&Section, &DocumentLine)]) -> SettingsError {
        let path = self.settings.path(&self.settings.system.runbook);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let start: usize = text.split_inclusive('\n').take(line.number.saturating_sub(1)).map(str::len).sum();
        let length = text.get(start..).and_then(|rest| rest.lines().next()).map_or(0, str::len);
        let more = match lines.len().saturating_sub(1) {
            0 => String::new(),
            1 => ", nor for 1 more line".to_owned(),
            more => format!(", nor for {more} more lines"),
        };
        let problem = format!("no [[line]] of runbook.toml stands for `{}`{more}", first_row(&line.words));
        let mut help =
            "add to runbook.toml; `runbook list` shows all checks and actions there are:".to_owned();
        for (section, line) in lines {
            help.push_str(&format!(
                "\n[[line]]\nwords = {}\nsection = {}\nchecks = []  # or actions, or not_measured = \"why\"\n",
                toml::Value::from(line.words.as_str()),
                toml::Value::from(section.title.as_str())
            ));
        }
        let help = help.trim_end().to_owned();
        SettingsError::at(&path, &text, start..start + length, problem, Some(help))
    }

    fn mappings_stand_somewhere(&self) -> Result<(), SettingsError> {
        for mapping in &self.settings.lines {
            let mut titles: Vec<&str> = self
                .settings
                .document
                .lines()
                .filter(|(section, line)| stands_for(mapping, section, line))
                .map(|(section, _)| section.title.as_str())
                .collect();
            titles.dedup();
            let words = mapping.words.get_ref();
            if titles.is_empty() {
                let place =
                    mapping.section.as_ref().map_or_else(String::new, |title| format!(" under `{title}`"));
                let runbook = self.settings.system.runbook.display();
                let problem = format!("`{}` stands nowhere{place} in {runbook}", first_row(words));
                return Err(self.at(
                    mapping,
                    problem,
                    "repeat the words of the runbook exactly, or remove this [[line]]",
                ));
            }
            if titles.len() > 1 {
                let problem = format!("`{words}` stands in several sections: {}", titles.join(", "));
                return Err(self.at(mapping, problem, "name one with `section = \"…\"`"));
            }
        }
        Ok(())
    }

    fn at(&self, mapping: &Line, problem: String, help: &str) -> SettingsError {
        self.error(mapping.words.span(), problem, help)
    }

    fn error(&self, span: std::ops::Range<usize>, problem: String, help: &str) -> SettingsError {
        let path: &Path = &self.settings.path("runbook.toml");
        SettingsError::at(path, &self.toml, span, problem, Some(help.to_owned()))
    }
}

/// By its id, `suite.subject.fact`: what it does is right where nothing comes after it.
fn rolls_back(action: &Action) -> bool {
    action.id.split('.').nth(1) == Some("rollback")
}

fn stands_for(mapping: &Line, section: &Section, line: &DocumentLine) -> bool {
    mapping.words.get_ref().trim() == line.words
        && mapping.section.as_ref().is_none_or(|title| is_named(section, title))
}

fn is_named(section: &Section, title: &str) -> bool {
    section.title == title || section.id == title
}

fn first_row(words: &str) -> &str {
    words.lines().next().unwrap_or_default()
}
