//! Rows and values that are there before and no longer after.

use std::collections::BTreeMap;

use runbook::check::CheckError;
use runbook::context::classify;
use runbook::ephemeral::Ephemeral;
use sqlx::{AssertSqlSafe, FromRow};

use super::connect;

#[derive(Debug, FromRow)]
struct Asked {
    oid: i64,
    name: String,
    query: String,
    numbers: Vec<i16>,
    names: Vec<String>,
    types: Vec<String>,
}

#[derive(Debug, Clone)]
struct Table {
    name: String,
    rows: i64,
    columns: BTreeMap<i16, Column>,
}

#[derive(Debug, Clone)]
struct Column {
    name: String,
    type_name: String,
    values: f64,
    /// The length of all texts, or the sum of all numbers.
    whole: f64,
}

/// How much there is, by the OID of the table and the number of the column: a new name loses nothing.
#[derive(Debug)]
pub(super) struct Inventory(BTreeMap<i64, Table>);

impl Inventory {
    pub(super) async fn of(database: &Ephemeral) -> Result<Self, CheckError> {
        let mut session = connect(database).await?;
        let asked: Vec<Asked> =
            sqlx::query_as(include_str!("counts.sql")).fetch_all(&mut session).await.map_err(classify)?;
        let mut tables = BTreeMap::new();
        for table in asked {
            let (rows, figures): (i64, Vec<f64>) =
                sqlx::query_as(AssertSqlSafe(table.query)).fetch_one(&mut session).await.map_err(classify)?;
            let columns =
                table.numbers.iter().zip(table.names).zip(table.types).zip(figures.chunks(2)).filter_map(
                    |(((number, name), type_name), figures)| {
                        let (values, whole) = (*figures.first()?, *figures.get(1)?);
                        Some((*number, Column { name, type_name, values, whole }))
                    },
                );
            tables.insert(table.oid, Table { name: table.name, rows, columns: columns.collect() });
        }
        Ok(Self(tables))
    }

    /// What is gone now.
    pub(super) async fn lost(&self, database: &Ephemeral) -> Result<Vec<String>, CheckError> {
        let now = Self::of(database).await?;
        let mut lost = Vec::new();
        for (oid, was) in &self.0 {
            let left = now.0.get(oid);
            let rows = left.map_or(0, |table| table.rows);
            if rows < was.rows {
                lost.push(format!("{} of {} rows of {}", was.rows - rows, was.rows, was.name));
            }
            let Some(left) = left else { continue };
            for (number, column) in &was.columns {
                match left.columns.get(number) {
                    None if column.values > 0.0 => {
                        lost.push(format!("{} values of {}.{}", column.values, was.name, column.name));
                    }
                    Some(left) if rows == was.rows && left.type_name != column.type_name => {
                        let text = |name: &str| name.starts_with("character") || name == "text";
                        let alike = text(&column.type_name) == text(&left.type_name);
                        if alike && (left.whole - column.whole).abs() > column.whole.abs() * 1e-12 {
                            lost.push(format!("parts of the values of {}.{}", was.name, column.name));
                        }
                    }
                    _ => {}
                }
            }
        }
        Ok(lost)
    }
}
