//! The header of a query file: `-- key: value` lines above the statement.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use runbook::settings::SettingsError;
use runbook::statement::{ReadStatement, Refused};

use super::{Buffers, Distribution, Expectation, Parameter, Query, RowBound, placeholders};

const HELP: &str = "a header holds `-- states:`, `-- budget: 10 ms`, `-- indexes: ix_a, ix_b` (or any, none; \
                    `-- indexes at 5000:`), `-- rows: up to 100`, and where needed `-- sequential: table`, \
                    `-- parameter: $1 name type = value`, `-- distribution: $1 table.column`, \
                    `-- buffers: 20 a row` and `-- cold: 30 ms`";

/// A place in a file, to make an error of.
struct At<'a> {
    path: &'a Path,
    text: &'a str,
    span: Range<usize>,
}

impl At<'_> {
    fn error(&self, problem: impl Into<String>) -> Box<SettingsError> {
        let error =
            SettingsError::at(self.path, self.text, self.span.clone(), problem.into(), Some(HELP.into()));
        Box::new(error)
    }
}

#[derive(Default)]
struct Header {
    states: Option<String>,
    budget: Option<Duration>,
    cold: Option<Duration>,
    indexes: Vec<(u64, Expectation)>,
    named: Vec<(String, usize)>,
    sequential: Vec<(String, usize)>,
    parameters: Vec<Parameter>,
    rows: Option<RowBound>,
    buffers: Option<Buffers>,
    distributions: Vec<Distribution>,
}

pub fn parse(path: &Path, text: &str) -> Result<Query, Box<SettingsError>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Lines as an old editor ends them, and no others.
    let unix = (!text.contains('\n')).then(|| text.replace('\r', "\n"));
    let text = unix.as_deref().unwrap_or(text);
    let mut header = Header::default();
    let mut offset = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let trimmed = line.trim();
        let Some(comment) = trimmed.strip_prefix("--") else {
            if trimmed.is_empty() {
                offset += line.len();
                continue;
            }
            break;
        };
        let at = At { path, text, span: offset..offset + line.trim_end().len() };
        read_line(&mut header, comment.trim(), number + 1, &at)?;
        offset += line.len();
    }
    let start = At { path, text, span: 0..text.lines().next().map_or(0, str::len) };
    let body = At { path, text, span: offset..text.len() };
    let statement = statement(&text[offset..], &body)?;
    check_placeholders(&header.parameters, statement.sql(), &body)?;
    if let Some(distribution) = header.distributions.iter().find(|one| one.number > header.parameters.len()) {
        let number = distribution.number;
        return Err(
            start.error(format!("the distribution of `${number}` has no `-- parameter: ${number} …` line"))
        );
    }
    header.indexes.sort_by_key(|(from, _)| *from);
    if header.indexes.is_empty() {
        return Err(start.error("it does not say which indexes are expected"));
    }
    Ok(Query {
        name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        file: path.display().to_string(),
        states: header.states.ok_or_else(|| start.error("it does not say what the query states"))?,
        budget: header.budget.ok_or_else(|| start.error("it has no budget"))?,
        cold: header.cold,
        indexes: header.indexes,
        named: header.named,
        sequential: header.sequential,
        parameters: header.parameters,
        rows: header.rows.ok_or_else(|| start.error("it does not say how many rows the query may return"))?,
        buffers: header.buffers,
        distributions: header.distributions,
        statement,
        line: 1 + text[..offset].matches('\n').count(),
    })
}

fn read_line(header: &mut Header, comment: &str, line: usize, at: &At<'_>) -> Result<(), Box<SettingsError>> {
    let Some((key, value)) = comment.split_once(':').map(|(key, value)| (key.trim(), value.trim())) else {
        return Err(at.error("a header line is `-- key: value`"));
    };
    if value.is_empty() {
        return Err(at.error(format!("`{key}` has no value")));
    }
    match key {
        "states" => once(&mut header.states, value.to_owned(), key, at),
        "budget" | "cold" => {
            let budget = duration(value)
                .ok_or_else(|| at.error(format!("`{value}` is not a time such as `10 ms`")))?;
            once(if key == "cold" { &mut header.cold } else { &mut header.budget }, budget, key, at)
        }
        "rows" => {
            let rows = row_bound(value).ok_or_else(|| {
                at.error(format!("`{value}` is not a number of rows such as `1`, `up to 100` or `1 to 5`"))
            })?;
            once(&mut header.rows, rows, key, at)
        }
        "buffers" => {
            let buffers = buffers(value).ok_or_else(|| {
                at.error(format!("`{value}` is not a number of blocks such as `20 a row`, or `any`"))
            })?;
            once(&mut header.buffers, buffers, key, at)
        }
        "distribution" => {
            let distribution = distribution(value, line)
                .ok_or_else(|| at.error(format!("`{value}` is not `$1 table.column`")))?;
            header.distributions.push(distribution);
            Ok(())
        }
        "sequential" => {
            let names = names(value).map_err(|problem| at.error(problem))?;
            header.sequential.extend(names.into_iter().map(|name| (name, line)));
            Ok(())
        }
        "parameter" => {
            let number = header.parameters.len() + 1;
            header.parameters.push(parameter(value, number, line).map_err(|problem| at.error(problem))?);
            Ok(())
        }
        _ => {
            let from = match key.strip_prefix("indexes").map(str::trim) {
                Some("") => 0,
                Some(size) => size
                    .strip_prefix("at ")
                    .and_then(|rows| rows.trim().replace('_', "").parse().ok())
                    .ok_or_else(|| at.error(format!("`{key}` is not `indexes at ROWS`")))?,
                None => return Err(at.error(format!("`{key}` is no header key"))),
            };
            if header.indexes.iter().any(|(known, _)| *known == from) {
                return Err(at.error(format!("`{key}` stands twice")));
            }
            let expected = expectation(value).map_err(|problem| at.error(problem))?;
            if let Expectation::OneOf(names) = &expected {
                header.named.extend(names.iter().map(|name| (name.clone(), line)));
            }
            header.indexes.push((from, expected));
            Ok(())
        }
    }
}

fn once<T>(slot: &mut Option<T>, value: T, key: &str, at: &At<'_>) -> Result<(), Box<SettingsError>> {
    match slot.replace(value) {
        Some(_) => Err(at.error(format!("`{key}` stands twice"))),
        None => Ok(()),
    }
}

fn statement(body: &str, at: &At<'_>) -> Result<ReadStatement, Box<SettingsError>> {
    let sql = body.trim().trim_end_matches(';').trim_end();
    let first = placeholders::first_word(sql);
    if matches!(first.as_str(), "SHOW" | "EXPLAIN") {
        return Err(at.error(format!(
            "a query is a SELECT, VALUES, TABLE or WITH, not {first}: it has to have a plan"
        )));
    }
    ReadStatement::parse(sql).map_err(|refused| {
        at.error(match refused {
            Refused::Count(0) => "it holds no statement".to_owned(),
            Refused::Count(n) => format!("it holds {n} statements where exactly one may stand"),
            other => other.to_string(),
        })
    })
}

fn check_placeholders(parameters: &[Parameter], sql: &str, at: &At<'_>) -> Result<(), Box<SettingsError>> {
    let used = placeholders::of(sql);
    if let Some(number) = used.iter().find(|number| **number == 0 || **number > parameters.len()) {
        return Err(at.error(format!("`${number}` has no `-- parameter: ${number} …` line")));
    }
    match (1..=parameters.len()).find(|number| !used.contains(number)) {
        Some(number) => Err(at.error(format!("`${number}` has a parameter line and is not used"))),
        None => Ok(()),
    }
}

fn duration(value: &str) -> Option<Duration> {
    let (number, unit) = value.split_at(value.find(|c: char| !c.is_ascii_digit() && c != '.')?);
    let scale = match unit.trim() {
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return None,
    };
    let seconds = number.parse::<f64>().ok()? * scale;
    Duration::try_from_secs_f64(seconds).ok().filter(|duration| !duration.is_zero())
}

fn row_bound(value: &str) -> Option<RowBound> {
    if value == "any" {
        return Some(RowBound { least: 0, most: None });
    }
    if let Some(most) = value.strip_prefix("up to ") {
        return Some(RowBound { least: 0, most: Some(most.trim().parse().ok()?) });
    }
    let (least, most) = value.split_once(" to ").unwrap_or((value, value));
    let bound = RowBound { least: least.trim().parse().ok()?, most: Some(most.trim().parse().ok()?) };
    bound.most.is_some_and(|most| bound.least <= most).then_some(bound)
}

fn buffers(value: &str) -> Option<Buffers> {
    if value == "any" {
        return Some(Buffers::Any);
    }
    let number = value.strip_suffix("a row")?.trim().replace('_', "").parse().ok()?;
    (number > 0).then_some(Buffers::ARow(number))
}

fn distribution(value: &str, line: usize) -> Option<Distribution> {
    let (number, column) = value.split_once(char::is_whitespace)?;
    let number = number.strip_prefix('$')?.parse().ok().filter(|number| *number > 0)?;
    // The last dot that stands outside of quotes.
    let mut quoted = false;
    let dots = column.char_indices().filter(|(_, c)| {
        quoted ^= *c == '"';
        *c == '.' && !quoted
    });
    let (table, column) = column.split_at(dots.last()?.0);
    let (table, column) = (table.trim().to_owned(), column[1..].trim().to_owned());
    (!table.is_empty() && !column.is_empty()).then_some(Distribution { number, table, column, line })
}

fn expectation(value: &str) -> Result<Expectation, String> {
    match value {
        "any" => Ok(Expectation::Any),
        "none" => Ok(Expectation::Nothing),
        list => names(list).map(Expectation::OneOf),
    }
}

/// A list of identifiers as SQL writes them: folded to lower case unless quoted.
fn names(list: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let mut rest = list.trim();
    loop {
        let (name, after) = if let Some(quoted) = rest.strip_prefix('"') {
            quoted_name(quoted).ok_or_else(|| format!("`{rest}` has no closing quote"))?
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            (rest[..end].trim().to_lowercase(), &rest[end..])
        };
        if name.is_empty() || (!rest.starts_with('"') && name.contains(char::is_whitespace)) {
            return Err(format!("`{list}` is not a list of names with commas between them"));
        }
        names.push(name);
        rest = match after.trim_start().strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if after.trim().is_empty() => return Ok(names),
            None => return Err(format!("`{list}` is not a list of names with commas between them")),
        };
    }
}

/// What stands before the closing quote, two quotes being one, and what stands after it.
fn quoted_name(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"')?;
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((name, after)),
        }
    }
}

fn parameter(value: &str, number: usize, line: usize) -> Result<Parameter, String> {
    let form = || format!("`{value}` is not `${number} name = value` or `${number} name type = value`");
    let (declared, expression) = value.split_once('=').ok_or_else(form)?;
    let mut words = declared.split_whitespace();
    if words.next() != Some(&format!("${number}")) {
        return Err(format!("parameters stand in order, and here `${number}` is next"));
    }
    let name = words.next().ok_or_else(form)?.to_owned();
    let of_type = words.collect::<Vec<_>>().join(" ");
    let expression = expression.trim().to_owned();
    if expression.is_empty() {
        return Err(form());
    }
    Ok(Parameter { name, of_type: (!of_type.is_empty()).then_some(of_type), expression, line })
}
