//! A data set made ready for many rows: names resolved to numbers, texts cut at their placeholders.

use std::sync::Arc;

use toml::Spanned;

use super::clock::Profile;
use super::plan::{ColumnPlan, Generator, Plan};
use super::random::{Draw, seed};
use super::value::Value;
use crate::HarnessError;

/// A data set for `n` rows of its leading table.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) plan: Arc<Plan>,
    pub(super) tables: Vec<Table>,
    /// Seconds from 2000-01-01 to the epoch.
    pub(super) epoch: f64,
}

#[derive(Debug)]
pub(super) struct Table {
    pub(super) rows: u64,
    pub(super) parent: Option<Parent>,
    pub(super) columns: Vec<Column>,
}

/// Which row of which table a row belongs to.
#[derive(Debug)]
pub(super) struct Parent {
    pub(super) table: usize,
    /// Rows for each of its rows, in turn.
    pub(super) rows: u64,
    /// How they are drawn instead, and the seed.
    pub(super) drawn: Option<(Draw, u64)>,
}

#[derive(Debug)]
pub(super) struct Column {
    pub(super) null_share: f64,
    pub(super) seed: u64,
    pub(super) null_seed: u64,
    pub(super) make: Make,
}

/// [`Generator`], resolved.
#[derive(Debug)]
pub(super) enum Make {
    Text(Vec<Piece>),
    Sequence(i64),
    Constant(Value),
    Choice { values: Vec<Value>, sums: Vec<f64> },
    InTurn { values: Vec<Value>, stride: u64 },
    Pool { text: Vec<Piece>, draw: Draw },
    ByOrdinal(Vec<Vec<Piece>>),
    Parent(usize),
    Pick { table: usize, column: usize, draw: Draw },
    Turn { table: usize, column: usize, stride: u64, of: u64 },
    Number { min: f64, max: f64, decimals: u32 },
    Time { after: Option<Of>, min: f64, max: f64, step: f64, rising: bool, week: Option<Box<Profile>> },
    Flag(f64),
    Sha256(Vec<Piece>),
    Words { median: f64, longest: u32, bytes: usize },
    Uuid,
    Bytes(usize),
}

/// A part of a text.
#[derive(Debug)]
pub(super) enum Piece {
    Literal(String),
    /// With at least so many digits.
    Row(usize),
    Ordinal(usize),
    Column(Of),
}

/// A column of the same row, or of its parent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    Own(usize),
    Parent(usize),
}

impl Compiled {
    /// Resolves every name.
    ///
    /// # Errors
    /// With the line of the column that names what is not there, or is made from itself.
    pub(super) fn new(plan: Arc<Plan>, n: u64) -> Result<Self, HarnessError> {
        let mut tables = Vec::with_capacity(plan.tables.len());
        for place in 0..plan.tables.len() {
            tables.push(Compiler { plan: &plan, place, n }.table()?);
        }
        #[allow(clippy::cast_precision_loss, reason = "some decades")]
        let epoch = plan.epoch_micros as f64 / 1e6;
        Ok(Self { plan, tables, epoch })
    }
}

struct Compiler<'p> {
    plan: &'p Plan,
    place: usize,
    n: u64,
}

impl Compiler<'_> {
    fn table(&self) -> Result<Table, HarnessError> {
        let table = &self.plan.tables[self.place];
        let name = table.name.get_ref();
        let rows = self.plan.rows(table, self.n);
        // The second entry of a table makes other rows than the first.
        let entry =
            self.plan.tables[..self.place].iter().filter(|other| other.name.get_ref() == name).count();
        let start = self.plan.seed.wrapping_add(entry as u64);
        let parent = match &table.each {
            None => None,
            Some(each) => {
                let of = self.plan.place(each.of.get_ref()).unwrap_or(0);
                let parents = self.plan.rows(&self.plan.tables[of], self.n);
                let drawn =
                    each.zipf.map(|zipf| (Draw::of(parents, Some(zipf)), seed(start, &[name, "each"])));
                Some(Parent { table: of, rows: each.rows.max(1), drawn })
            }
        };
        let mut columns = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            let named = match &column.make {
                Generator::Pick { group: Some(group), .. } => group,
                _ => column.name.get_ref(),
            };
            columns.push(Column {
                null_share: column.null_share,
                seed: seed(start, &[name, named]),
                null_seed: seed(start, &[name, named, "null"]),
                make: self.make(column)?,
            });
        }
        for (number, column) in table.columns.iter().enumerate() {
            if made_from((&columns, self.place), number, number, &mut vec![false; columns.len()]) {
                return Err(self.wrong(column, "it is made from itself".into()));
            }
        }
        Ok(Table { rows, parent, columns })
    }

    fn make(&self, column: &ColumnPlan) -> Result<Make, HarnessError> {
        Ok(match &column.make {
            Generator::Text(text) => Make::Text(self.pieces(column, text)?),
            Generator::Sequence(start) => Make::Sequence(*start),
            Generator::Constant(value) => Make::Constant(constant(value)),
            Generator::Choice { values, weights } => {
                if values.is_empty() {
                    return Err(self.wrong(column, "`choice` has no values".into()));
                }
                let mut sum = 0.0;
                let weight = |number: usize| weights.as_ref().map_or(1.0, |weights| weights[number]);
                let sums = (0..values.len()).map(|number| {
                    sum += weight(number).max(0.0);
                    sum
                });
                let sums: Vec<f64> = sums.collect();
                Make::Choice { values: values.iter().map(constant).collect(), sums }
            }
            Generator::InTurn { values, stride } => {
                Make::InTurn { values: values.iter().map(constant).collect(), stride: *stride }
            }
            Generator::Pool { text, of, share, zipf } => {
                let text = self.pieces(column, text)?;
                Make::Pool { text, draw: Draw::of((*of).max(self.share(*share)), *zipf) }
            }
            Generator::ByOrdinal(texts) if texts.is_empty() => {
                return Err(self.wrong(column, "`by_ordinal` has no texts".into()));
            }
            Generator::ByOrdinal(texts) => {
                let pieces = texts.iter().map(|text| self.pieces(column, text));
                Make::ByOrdinal(pieces.collect::<Result<_, _>>()?)
            }
            Generator::Parent(other) => Make::Parent(self.of_parent(column, other)?),
            Generator::Pick { table, column: other, zipf, .. } => {
                let (table, other, rows) = self.elsewhere(column, table, other)?;
                Make::Pick { table, column: other, draw: Draw::of(rows, *zipf) }
            }
            Generator::Turn { table, column: other, stride } => {
                let (table, other, of) = if self.plan.place(table) == Some(self.place) {
                    let rows = self.plan.rows(&self.plan.tables[self.place], self.n);
                    (self.place, self.column(column, self.place, other)?, rows)
                } else {
                    self.elsewhere(column, table, other)?
                };
                Make::Turn { table, column: other, stride: (*stride).max(1), of: of.max(1) }
            }
            Generator::Number { min, max, decimals } => {
                Make::Number { min: *min, max: *max, decimals: *decimals }
            }
            Generator::Time { after, min_seconds, max_seconds, step_seconds, rising, week } => {
                let after = after.as_ref().map(|other| self.referred(column, other)).transpose()?;
                let week = match week {
                    None => None,
                    Some(_) if after.is_some() => {
                        return Err(self.wrong(column, "`week` is for times counted from the epoch".into()));
                    }
                    Some(week) => Some(Box::new(Profile::of(week).ok_or_else(|| {
                        self.wrong(column, "`week`: weights are zero or more, and not all are zero".into())
                    })?)),
                };
                let (min, max, step) = (*min_seconds, *max_seconds, *step_seconds);
                Make::Time { after, min, max, step, rising: *rising, week }
            }
            Generator::Flag(share) => Make::Flag(*share),
            Generator::Sha256(text) => Make::Sha256(self.pieces(column, text)?),
            Generator::Words { median, longest, bytes } => {
                Make::Words { median: *median, longest: *longest, bytes: *bytes }
            }
            Generator::Uuid => Make::Uuid,
            Generator::Bytes(length) => Make::Bytes(*length),
        })
    }

    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "row numbers"
    )]
    fn share(&self, share: Option<f64>) -> u64 {
        share.map_or(0, |share| (self.n as f64 * share) as u64)
    }

    /// The table, the column and the rows of what `pick` and `turn` name.
    fn elsewhere(
        &self,
        asking: &ColumnPlan,
        table: &str,
        column: &str,
    ) -> Result<(usize, usize, u64), HarnessError> {
        let place = self.plan.place(table).filter(|place| *place < self.place);
        let place = place.ok_or_else(|| {
            self.wrong(asking, format!("there is no earlier table {table} to take it from"))
        })?;
        let rows = self.plan.rows(&self.plan.tables[place], self.n);
        Ok((place, self.column(asking, place, column)?, rows))
    }

    fn column(&self, asking: &ColumnPlan, table: usize, name: &str) -> Result<usize, HarnessError> {
        let table = &self.plan.tables[table];
        let found = table.columns.iter().position(|column| column.name.get_ref() == name);
        found.ok_or_else(|| {
            self.wrong(asking, format!("the data set has no column {}.{name}", table.name.get_ref()))
        })
    }

    fn of_parent(&self, asking: &ColumnPlan, name: &str) -> Result<usize, HarnessError> {
        let each = self.plan.tables[self.place].each.as_ref();
        let place = each.and_then(|each| self.plan.place(each.of.get_ref()));
        let place =
            place.ok_or_else(|| self.wrong(asking, "the table has no parent: it lacks `each`".into()))?;
        self.column(asking, place, name)
    }

    fn referred(&self, asking: &ColumnPlan, name: &str) -> Result<Of, HarnessError> {
        match name.strip_prefix("parent.") {
            Some(name) => self.of_parent(asking, name).map(Of::Parent),
            None => self.column(asking, self.place, name).map(Of::Own),
        }
    }

    fn pieces(&self, asking: &ColumnPlan, text: &str) -> Result<Vec<Piece>, HarnessError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            if start > 0 {
                pieces.push(Piece::Literal(rest[..start].to_owned()));
            }
            let Some(length) = rest[start..].find('}') else {
                return Err(self.wrong(asking, "`${` without `}`".into()));
            };
            let inner = &rest[start + 2..start + length];
            rest = &rest[start + length + 1..];
            let (name, width) = inner.split_once(':').unwrap_or((inner, "0"));
            let width = width.parse().ok().filter(|width| *width <= 1000);
            let width = width.ok_or_else(|| {
                self.wrong(asking, format!("`${{{inner}}}`: after the colon stands a number of digits"))
            })?;
            pieces.push(match name {
                "row" => Piece::Row(width),
                "ordinal" => Piece::Ordinal(width),
                name => Piece::Column(self.referred(asking, name)?),
            });
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(rest.to_owned()));
        }
        Ok(pieces)
    }

    fn wrong(&self, column: &ColumnPlan, problem: String) -> HarnessError {
        let name: &Spanned<String> = &column.name;
        self.plan.wrong(name, problem)
    }
}

/// Whether the column `target` is made from itself, by way of `column`.
fn made_from((columns, place): (&[Column], usize), column: usize, target: usize, seen: &mut [bool]) -> bool {
    let mut asked: Vec<Of> = Vec::new();
    let mut of = |pieces: &[Piece]| {
        asked.extend(pieces.iter().filter_map(|piece| match piece {
            Piece::Column(of) => Some(*of),
            _ => None,
        }));
    };
    match &columns[column].make {
        Make::Text(text) | Make::Sha256(text) | Make::Pool { text, .. } => of(text),
        Make::ByOrdinal(texts) => texts.iter().for_each(|text| of(text)),
        Make::Time { after: Some(after), .. } => asked.push(*after),
        Make::Turn { table, column, .. } if *table == place => asked.push(Of::Own(*column)),
        _ => {}
    }
    asked.into_iter().any(|asked| match asked {
        Of::Parent(_) => false,
        Of::Own(other) if other == target => true,
        Of::Own(other) if seen[other] => false,
        Of::Own(other) => {
            seen[other] = true;
            made_from((columns, place), other, target, seen)
        }
    })
}

fn constant(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::Text(text.clone()),
        toml::Value::Integer(number) => Value::Integer(*number),
        toml::Value::Float(number) => Value::Number(*number, 15),
        toml::Value::Boolean(flag) => Value::Flag(*flag),
        other => Value::Text(other.to_string()),
    }
}
