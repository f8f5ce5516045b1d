//! The runbook document: its sections, and the lines that stand for something to do or to be true.
//!
//! Everything that a person wrote is kept by its own words, so that a report can show each line of the document:
//! headings and bold groups, prose, checklist items, bullets, criteria, and the commands of code blocks.

mod parse;
mod shell;

/// A runbook as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// The title: the first heading of the first level.
    pub title: String,
    /// Prose before the first section.
    pub intro: Vec<Prose>,
    /// The sections, in order.
    pub sections: Vec<Section>,
}

/// A section: a heading and its lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// The heading as an identifier: `pre-deployment-checklist`. Unique within the document.
    pub id: String,
    /// The heading's own words.
    pub title: String,
    /// The heading above it, where there is one (`Deployment Steps`).
    pub part: Option<String>,
    /// The heading's line number in the document, from 1.
    pub number: usize,
    /// Prose of the section, in order: the condition under which it is carried out, say.
    pub intro: Vec<Prose>,
    /// The lines, in order.
    pub lines: Vec<DocumentLine>,
}

/// A paragraph that is neither something to do nor something to be true.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prose {
    /// Its words, as written; wrapped lines are joined by a space.
    pub text: String,
    /// Its line number in the document, from 1.
    pub number: usize,
}

/// What a line looks like in the document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LineKind {
    /// `- [ ] …`
    Task,
    /// `- …` or `1. …`
    #[default]
    Item,
    /// `✅ …`
    Criterion,
    /// A comment or a command of a code block.
    Command,
}

/// One line: a checklist item, a bullet, a criterion, or a comment with the commands below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentLine {
    /// Its own words, without the list marker or the comment sign.
    pub words: String,
    /// The commands that stand under it, as written.
    pub commands: Vec<String>,
    /// The line number in the document, from 1.
    pub number: usize,
    /// What it looks like.
    pub kind: LineKind,
    /// The bold words above it, where there are some (`First 1 hour:`).
    pub group: Option<String>,
}

impl Document {
    /// Reads a Markdown runbook. Any text is a document: what has no heading and no list has no lines.
    pub fn parse(markdown: &str) -> Self {
        parse::document(markdown)
    }

    /// Every line with its section, in order.
    pub fn lines(&self) -> impl Iterator<Item = (&Section, &DocumentLine)> {
        self.sections.iter().flat_map(|section| section.lines.iter().map(move |line| (section, line)))
    }
}

impl Section {
    /// Whether its lines are the criteria by which the deployment is judged.
    pub fn is_criteria(&self) -> bool {
        !self.lines.is_empty()
            && (self.lines.iter().all(|line| line.kind == LineKind::Criterion)
                || self.title.to_lowercase().contains("criteria"))
    }

    /// Whether it undoes the deployment.
    pub fn is_rollback(&self) -> bool {
        let title = self.title.to_lowercase();
        ["rollback", "roll back", "rolling back", "back out", "backout"]
            .iter()
            .any(|word| title.contains(word))
    }
}
