//! Taking a row apart, column by column, in the order of the query.

use sqlx::postgres::PgRow;
use sqlx::postgres::types::Oid;
use sqlx::{Decode, Postgres, Row as _, Type};

/// The columns of a row, from the left.
pub(super) struct Cells<'r> {
    row: &'r PgRow,
    at: usize,
}

impl<'r> Cells<'r> {
    pub(super) fn of(row: &'r PgRow) -> Self {
        Self { row, at: 0 }
    }

    /// The next column.
    pub(super) fn next<T>(&mut self) -> Result<T, sqlx::Error>
    where
        T: Decode<'r, Postgres> + Type<Postgres>,
    {
        self.at += 1;
        self.row.try_get(self.at - 1)
    }

    /// The next column, an object's number.
    pub(super) fn oid(&mut self) -> Result<u32, sqlx::Error> {
        Ok(self.next::<Oid>()?.0)
    }

    /// The next column, numbers of objects.
    pub(super) fn oids(&mut self) -> Result<Vec<u32>, sqlx::Error> {
        Ok(self.next::<Vec<Oid>>()?.into_iter().map(|oid| oid.0).collect())
    }
}
