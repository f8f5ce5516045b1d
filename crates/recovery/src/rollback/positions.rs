//! Where sequences stand, which no transaction takes back: a rollback does, and numbers are given a second time.

use std::collections::BTreeMap;

use runbook::check::CheckError;
use runbook::reader::Reader;

/// Where a sequence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Position {
    /// The number that it gave last, or gives next.
    pub last_value: i64,
    /// Whether it gave that number.
    pub is_called: bool,
}

/// A sequence that does not stand where it stood before the rollback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Where it stood before the rollback.
    pub stood: Position,
    /// Where it stands now; `None` when it is gone.
    pub stands: Option<Position>,
}

#[derive(sqlx::FromRow)]
struct Sequence {
    quoted: String,
    start: i64,
}

/// The sequences of `old` that were used and stand elsewhere in `new`, or not at all, by their names. Both readers spell out.
pub(super) async fn moved(old: &mut Reader, new: &mut Reader) -> Result<Vec<(String, Moved)>, CheckError> {
    let unused = |start| Position { last_value: start, is_called: false };
    let mut after: BTreeMap<String, Position> = BTreeMap::new();
    for sequence in sequences(new).await? {
        let position = position(new, &sequence.quoted).await?;
        after.insert(sequence.quoted, position);
    }
    let mut found = Vec::new();
    for sequence in sequences(old).await? {
        let stood = position(old, &sequence.quoted).await?;
        let stands = after.get(&sequence.quoted).copied();
        if stands != Some(stood) && (stands.is_some() || stood != unused(sequence.start)) {
            found.push((sequence.quoted, Moved { stood, stands }));
        }
    }
    Ok(found)
}

async fn sequences(reader: &mut Reader) -> Result<Vec<Sequence>, CheckError> {
    reader.fetch(include_str!("sequences.sql")).await
}

async fn position(reader: &mut Reader, quoted: &str) -> Result<Position, CheckError> {
    let rows: Vec<Position> =
        reader.fetch(&format!("SELECT s.last_value, s.is_called FROM {quoted} AS s")).await?;
    rows.first().copied().ok_or_else(|| CheckError::Other(format!("the sequence {quoted} has no position")))
}
