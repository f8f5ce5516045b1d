//! A session on the picture: what it loses it opens again, and what it has locked it lets go of.

use std::collections::BTreeSet;

use runbook::check::CheckError;
use runbook::context::Context;
use runbook::reader::Reader;
use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;

use crate::picture::Picture;

/// One of the sessions that prove side by side.
pub(crate) struct Session<'a> {
    context: &'a Context,
    picture: &'a Picture,
    reader: Option<Reader>,
    seen: BTreeSet<u32>,
}

impl<'a> Session<'a> {
    /// A session that is opened when it is first used.
    pub fn new(context: &'a Context, picture: &'a Picture) -> Self {
        Self { context, picture, reader: None, seen: BTreeSet::new() }
    }

    /// The session, a new one after it was lost.
    pub async fn reader(&mut self) -> Result<&mut Reader, CheckError> {
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => {
                let (reader, number) = self.picture.session(self.context).await?;
                self.seen.insert(number);
                reader
            }
        };
        Ok(self.reader.insert(reader))
    }

    /// After a statement: lets go of its locks, and drops a session that is lost.
    pub async fn rest(&mut self) {
        if let Some(reader) = self.reader.as_mut()
            && reader.release().await.is_err()
        {
            self.reader = None;
        }
    }

    /// Whether one of these relations was rewritten since the picture was taken (TRUNCATE, VACUUM FULL, a refresh, an
    /// ALTER TABLE that rewrites): such a rewrite shows its new rows to old snapshots too, or none at all.
    pub async fn rewritten(&mut self, relations: &[i64]) -> Result<bool, CheckError> {
        let mut arguments = PgArguments::default();
        arguments
            .add(relations)
            .map_err(|error| CheckError::Other(format!("a list of relations cannot be sent: {error}")))?;
        let rows: Vec<(bool,)> =
            self.reader().await?.fetch_with(include_str!("rewritten.sql"), arguments).await?;
        Ok(rows.first().is_some_and(|(rewritten,)| *rewritten))
    }

    /// The numbers of the pictures it has seen.
    pub fn seen(&self) -> &BTreeSet<u32> {
        &self.seen
    }
}
