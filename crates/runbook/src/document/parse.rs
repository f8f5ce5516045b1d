//! From Markdown to sections and lines.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::{Document, DocumentLine, LineKind, Prose, Section, shell};

/// Signs that mark a criterion.
const TICKS: [char; 4] = ['✅', '✔', '☑', '✓'];

pub(super) fn document(markdown: &str) -> Document {
    let mut reading = Reading { text: markdown, ..Reading::default() };
    let options = Options::ENABLE_TASKLISTS | Options::ENABLE_TABLES;
    for (event, range) in Parser::new_ext(markdown, options).into_offset_iter() {
        reading.event(event, range);
    }
    reading.document
}

/// What is being read.
#[derive(Default)]
struct Reading<'a> {
    text: &'a str,
    document: Document,
    part: Option<String>,
    group: Option<String>,
    heading: Option<HeadingLevel>,
    /// Depth of open list items, and whether the innermost began with a box.
    items: Vec<bool>,
    code: Option<(String, String, Option<usize>)>,
    in_row: bool,
    /// The source of the inline text now being read, and whether all of it is bold.
    inline: Option<Range<usize>>,
    bold: Option<Range<usize>>,
}

impl Reading<'_> {
    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                self.flush();
                self.heading = Some(level);
            }
            Event::End(TagEnd::Heading(level)) => {
                let (words, number) = self.take().unwrap_or_default();
                self.heading = None;
                self.head(level, words, number.max(self.number(range.start)));
            }
            Event::Start(Tag::Item) => {
                self.flush();
                self.items.push(false);
            }
            Event::End(TagEnd::Item) => {
                self.flush();
                self.items.pop();
            }
            Event::TaskListMarker(_) => {
                if let Some(boxed) = self.items.last_mut() {
                    *boxed = true;
                }
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                self.flush();
                let language = match kind {
                    CodeBlockKind::Fenced(info) => {
                        info.split([' ', ',']).next().unwrap_or_default().to_lowercase()
                    }
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some((language, String::new(), None));
            }
            Event::End(TagEnd::CodeBlock) => self.end_code(),
            Event::Start(Tag::TableRow | Tag::TableHead) => {
                self.flush();
                self.in_row = true;
            }
            Event::End(TagEnd::TableRow | TagEnd::TableHead) => {
                self.flush();
                self.in_row = false;
            }
            Event::Start(Tag::Paragraph | Tag::HtmlBlock)
            | Event::End(TagEnd::Paragraph | TagEnd::HtmlBlock) => {
                self.flush();
            }
            Event::Text(text) if self.code.is_some() => {
                let number = self.number(range.start);
                if let Some((_, code, first)) = &mut self.code {
                    first.get_or_insert(number);
                    code.push_str(&text);
                }
            }
            Event::Start(Tag::Strong) => {
                self.bold.get_or_insert(range.clone());
                self.widen(range);
            }
            Event::Start(Tag::Emphasis | Tag::Link { .. } | Tag::Image { .. } | Tag::TableCell)
            | Event::Text(_)
            | Event::Code(_)
            | Event::InlineHtml(_)
            | Event::Html(_) => self.widen(range),
            _ => {}
        }
    }

    fn widen(&mut self, range: Range<usize>) {
        let inline = self.inline.get_or_insert(range.clone());
        inline.start = inline.start.min(range.start);
        inline.end = inline.end.max(range.end);
    }

    fn number(&self, offset: usize) -> usize {
        self.text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1)
    }

    /// The words read so far, as one line, with the number of their first line.
    fn take(&mut self) -> Option<(String, usize)> {
        let range = self.inline.take()?;
        self.bold = None;
        let words = joined(self.text.get(range.clone()).unwrap_or_default());
        (!words.is_empty()).then(|| (words, self.number(range.start)))
    }

    fn head(&mut self, level: HeadingLevel, words: String, number: usize) {
        match level {
            HeadingLevel::H1 if self.document.title.is_empty() => self.document.title = words,
            HeadingLevel::H1 | HeadingLevel::H2 => {
                self.part = None;
                self.section(words, number);
            }
            HeadingLevel::H3 => {
                self.become_part();
                self.section(words, number);
            }
            _ => self.group = Some(words),
        }
    }

    /// A section with no words of its own, above one of a lower level, is a part and not a section.
    fn become_part(&mut self) {
        if self.part.is_none()
            && let Some(above) = self.document.sections.last()
        {
            self.part = Some(above.title.clone());
            if above.lines.is_empty() && above.intro.is_empty() {
                self.document.sections.pop();
            }
        }
    }

    fn section(&mut self, title: String, number: usize) {
        self.group = None;
        let slug = slug(&title);
        let same = self.document.sections.iter().filter(|section| section_slug(section) == slug).count();
        let id = if same == 0 { slug } else { format!("{slug}-{}", same + 1) };
        self.document.sections.push(Section {
            id,
            title,
            part: self.part.clone(),
            number,
            ..Section::default()
        });
    }

    /// Ends the inline text: an item, a criterion, the name of a group, or prose.
    fn flush(&mut self) {
        if self.heading.is_some() {
            return;
        }
        let Some(range) = self.inline.clone() else { return };
        let source = self.text.get(range.clone()).unwrap_or_default();
        let all_bold = self.bold.clone().is_some_and(|bold| bold == range);
        if self.items.is_empty() && !self.in_row && source.trim_start().starts_with(TICKS) {
            self.inline = None;
            self.bold = None;
            self.criteria(source, range.start);
            return;
        }
        let boxed = self.items.last().copied();
        let in_row = self.in_row;
        let Some((words, number)) = self.take() else { return };
        match boxed {
            Some(boxed) => {
                let kind = if boxed { LineKind::Task } else { LineKind::Item };
                let ticked = words.trim_start_matches(TICKS).trim_start().to_owned();
                let kind = if ticked == words { kind } else { LineKind::Criterion };
                self.line(DocumentLine { words: ticked, number, kind, ..DocumentLine::default() });
            }
            None if all_bold && !in_row => {
                self.group =
                    Some(words.trim_start_matches(['*', '_']).trim_end_matches(['*', '_']).to_owned());
            }
            None => self.prose(words, number),
        }
    }

    /// A paragraph of ticked lines: each row that begins with a tick is a criterion, and takes the rows below it.
    fn criteria(&mut self, source: &str, start: usize) {
        let first = self.number(start);
        let mut rows: Vec<(String, usize)> = Vec::new();
        for (index, row) in source.lines().enumerate() {
            let row = row.trim().trim_end_matches('\\').trim_end();
            match row.strip_prefix(TICKS) {
                Some(words) => {
                    rows.push((words.trim_start_matches('\u{fe0f}').trim().to_owned(), first + index));
                }
                None => {
                    if let Some((words, _)) = rows.last_mut() {
                        words.push(' ');
                        words.push_str(row);
                    }
                }
            }
        }
        for (words, number) in rows {
            self.line(DocumentLine { words, number, kind: LineKind::Criterion, ..DocumentLine::default() });
        }
    }

    fn end_code(&mut self) {
        let Some((language, code, first)) = self.code.take() else { return };
        for line in shell::lines(&code, &language, first.unwrap_or(1), None) {
            self.line(line);
        }
    }

    fn line(&mut self, line: DocumentLine) {
        if self.document.sections.is_empty() {
            // Lines before any heading still need a section to stand in.
            let title = self.document.title.clone();
            self.section(title, 1);
        }
        let group = self.group.clone();
        if let Some(section) = self.document.sections.last_mut() {
            section.lines.push(DocumentLine { group, ..line });
        }
    }

    fn prose(&mut self, text: String, number: usize) {
        let prose = Prose { text, number };
        match self.document.sections.last_mut() {
            Some(section) => section.intro.push(prose),
            None => self.document.intro.push(prose),
        }
    }
}

/// The rows of a paragraph as one: wrapped lines are joined by a space, and block quote signs go.
fn joined(source: &str) -> String {
    let rows =
        source.lines().map(|row| row.trim().trim_start_matches('>').trim().trim_end_matches('\\').trim_end());
    rows.filter(|row| !row.is_empty()).collect::<Vec<_>>().join(" ")
}

fn section_slug(section: &Section) -> String {
    slug(&section.title)
}

/// A heading as an identifier: letters and digits of any script, the rest one hyphen.
fn slug(title: &str) -> String {
    let mut slug = String::new();
    for c in title.to_lowercase().chars() {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "section".to_owned() } else { slug.to_owned() }
}
