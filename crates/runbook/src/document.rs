//! The runbook document: its sections, and the lines that stand for something to do or to be true.

/// A runbook as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// The title.
    pub title: String,
    /// The sections, in order.
    pub sections: Vec<Section>,
}

/// A section: a heading and its lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// The heading's own words.
    pub title: String,
    /// The lines, in order.
    pub lines: Vec<DocumentLine>,
}

/// One line: a checklist item, a bullet, or a comment with the commands below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentLine {
    /// Its own words, without the list marker or the comment sign.
    pub words: String,
    /// The commands that stand under it, as written.
    pub commands: Vec<String>,
    /// The line number in the document, from 1.
    pub number: usize,
}

impl Document {
    /// Reads a Markdown runbook.
    pub fn parse(_markdown: &str) -> Self {
        Self::default()
    }
}
