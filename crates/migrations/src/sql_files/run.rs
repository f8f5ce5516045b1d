//! One migration, as sqlx itself runs it (the file as one simple query, then its row in the version table), counting the
//! statements as they are done: so the one that fails is known, also where the database names no position.

use futures_util::TryStreamExt as _;
use sqlx::migrate::Migration;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use squawk_syntax::ast::{AstNode as _, SourceFile};

use super::{VERSION_TABLE, line};

/// Why it failed, and at which statement: from 0, where it was one of the file.
pub(super) struct Broken {
    pub(super) statement: Option<usize>,
    pub(super) error: sqlx::Error,
}

impl From<sqlx::Error> for Broken {
    fn from(error: sqlx::Error) -> Self {
        Self { statement: None, error }
    }
}

/// Applies or reverts a migration: in a transaction, unless it says `-- no-transaction`.
pub(super) async fn run(connection: &mut PgConnection, migration: &Migration) -> Result<(), Broken> {
    let start = std::time::Instant::now();
    if migration.no_tx {
        step(connection, migration).await?;
    } else {
        let mut transaction = connection.begin().await?;
        step(&mut transaction, migration).await?;
        transaction.commit().await?;
    }
    if migration.migration_type.is_down_migration() {
        return Ok(());
    }
    // As sqlx does, outside of the transaction: a time that is lost is no harm.
    let nanoseconds = i64::try_from(start.elapsed().as_nanos()).unwrap_or(i64::MAX);
    let sql = format!("UPDATE {VERSION_TABLE} SET execution_time = $1 WHERE version = $2");
    sqlx::query(AssertSqlSafe(sql)).bind(nanoseconds).bind(migration.version).execute(connection).await?;
    Ok(())
}

async fn step(connection: &mut PgConnection, migration: &Migration) -> Result<(), Broken> {
    let mut done = 0;
    {
        let mut results = sqlx::raw_sql(migration.sql.clone()).fetch_many(&mut *connection);
        loop {
            match results.try_next().await {
                Ok(Some(result)) => done += usize::from(result.is_left()),
                Ok(None) => break,
                Err(error) => return Err(Broken { statement: Some(done), error }),
            }
        }
    }
    if migration.migration_type.is_down_migration() {
        let sql = format!("DELETE FROM {VERSION_TABLE} WHERE version = $1");
        sqlx::query(AssertSqlSafe(sql)).bind(migration.version).execute(connection).await?;
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO {VERSION_TABLE} (version, description, success, checksum, execution_time) \
         VALUES ($1, $2, true, $3, -1)"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(migration.version)
        .bind(&*migration.description)
        .bind(&*migration.checksum)
        .execute(connection)
        .await?;
    Ok(())
}

/// The line, from 1, and the text of a statement, on one line and not too long.
pub(super) fn statement(sql: &str, number: usize) -> Option<(usize, String)> {
    const LONGEST: usize = 160;
    let parsed = SourceFile::parse(sql);
    let statement = parsed.tree().stmts().nth(number)?;
    let at = usize::from(statement.syntax().text_range().start());
    let text = statement.syntax().text().to_string();
    let text = text.trim_end().trim_end_matches(';').split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    Some((line::of_byte(sql.as_bytes(), at), short))
}
