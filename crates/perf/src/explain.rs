//! Asking the server for a plan.

use std::time::Duration;

use runbook::check::CheckError;
use runbook::context::classify;
use runbook::ephemeral::Ephemeral;
use runbook::reader::Reader;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::bound::{Bound, Stopped};
use crate::plan::Plan;
use crate::query::Query;

/// As plans are compared and drawn.
const PLAIN: &str = "EXPLAIN (FORMAT JSON)";
/// With the schemas of what is read.
const VERBOSE: &str = "EXPLAIN (VERBOSE, FORMAT JSON)";

/// The plan for the example values, as it is made anew at each execution. Nothing is executed.
///
/// # Errors
/// [`Stopped`]. The reader's transaction is then aborted.
pub async fn explain(query: &Query, bound: &Bound, reader: &mut Reader) -> Result<Plan, Stopped> {
    let plain = reader.rows(&format!("{PLAIN} {}", query.sql()), bound.arguments()?).await?;
    let verbose = reader.rows(&format!("{VERBOSE} {}", query.sql()), bound.arguments()?).await?;
    Ok(plan(plain.first())?.in_schemas_of(&plan(verbose.first())?))
}

/// [`explain`] on a connection, within its transaction.
///
/// # Errors
/// [`Stopped`]. The transaction is then aborted.
pub(crate) async fn explain_on(
    query: &Query,
    bound: &Bound,
    connection: &mut PgConnection,
) -> Result<Plan, Stopped> {
    let mut plans = Vec::new();
    for how in [PLAIN, VERBOSE] {
        let asked = sqlx::query_with(AssertSqlSafe(format!("{how} {}", query.sql())), bound.arguments()?)
            .persistent(false);
        plans.push(plan(Some(&asked.fetch_one(&mut *connection).await.map_err(classify)?))?);
    }
    joined(plans)
}

fn joined(plans: Vec<Plan>) -> Result<Plan, Stopped> {
    let [plain, verbose] = <[Plan; 2]>::try_from(plans).map_err(|_| no_plan())?;
    Ok(plain.in_schemas_of(&verbose))
}

/// The plan with what it did: the query is executed once, so this is for ephemeral databases.
///
/// # Errors
/// [`Stopped`].
pub async fn analyze(query: &Query, bound: &Bound, database: &Ephemeral) -> Result<Plan, Stopped> {
    let sql = format!("EXPLAIN (ANALYZE, BUFFERS, WAL, SETTINGS, FORMAT JSON) {}", query.sql());
    plan(database.analyze(&sql, bound.arguments()?).await?.first())
}

/// The plan with what it did, on a database that others use: in a READ ONLY transaction that ends after `limit`. Whoever
/// calls this was allowed to; the query was judged to read only when its file was read.
///
/// # Errors
/// [`Stopped`].
pub async fn analyze_within(
    query: &Query,
    bound: &Bound,
    connection: &mut PgConnection,
    limit: Duration,
) -> Result<Plan, Stopped> {
    let limit = limit.as_millis().clamp(1, 2_147_483_647);
    let begin =
        format!("BEGIN READ ONLY; SET LOCAL statement_timeout = {limit}; SET LOCAL lock_timeout = {limit}");
    run(connection, begin).await?;
    let sql = format!("EXPLAIN (ANALYZE, BUFFERS, WAL, SETTINGS, FORMAT JSON) {}", query.sql());
    let asked = sqlx::query_with(AssertSqlSafe(sql), bound.arguments()?).persistent(false);
    let row = asked.fetch_one(&mut *connection).await.map_err(classify);
    run(connection, "ROLLBACK".into()).await?;
    plan(Some(&row?))
}

/// The plan where the tables were never analysed: their statistics are deleted, and the transaction rolled back. It
/// takes a superuser's right to the catalogue, so an ephemeral database.
///
/// # Errors
/// [`Stopped`].
pub async fn without_statistics(query: &Query, bound: &Bound, pool: &PgPool) -> Result<Plan, Stopped> {
    let mut connection = pool.acquire().await.map_err(classify)?;
    run(&mut connection, "BEGIN".into()).await?;
    let planned = async {
        run(&mut connection, include_str!("forget.sql").into()).await?;
        explain_on(query, bound, &mut connection).await
    };
    let plan = planned.await;
    run(&mut connection, "ROLLBACK".into()).await?;
    plan
}

/// The plan that a prepared statement keeps, which may not look at the values.
#[derive(Debug, Clone)]
pub struct Generic {
    /// The plan under `plan_cache_mode = force_generic_plan`.
    pub plan: Plan,
    /// Whether the server itself changes to it after five executions with these values.
    pub chosen: bool,
}

/// Prepares the statement on a connection of the pool and asks for its generic plan. Nothing is executed but
/// `EXPLAIN`; it needs settings and a prepared statement, so an ephemeral database.
///
/// # Errors
/// [`Stopped`].
pub async fn generic(query: &Query, bound: &Bound, pool: &PgPool) -> Result<Generic, Stopped> {
    let mut connection = pool.acquire().await.map_err(classify)?;
    run(&mut connection, "BEGIN READ ONLY".into()).await?;
    let answer = in_transaction(query, bound, &mut connection).await;
    run(&mut connection, "ROLLBACK".into()).await?;
    let forgotten = run(&mut connection, "DEALLOCATE runbook_generic".into()).await;
    if answer.is_ok() {
        // Where it could not be prepared there is nothing to forget.
        forgotten?;
    }
    // The next query is asked on the same one: a session costs the server more than all that was asked here.
    connection.return_to_pool().await;
    answer
}

async fn in_transaction(
    query: &Query,
    bound: &Bound,
    connection: &mut PgConnection,
) -> Result<Generic, Stopped> {
    let types: Vec<&str> = bound.values.iter().map(super::bound::Value::type_name).collect();
    let literals: Vec<String> = bound.values.iter().map(super::bound::Value::literal).collect();
    run(connection, format!("PREPARE runbook_generic ({}) AS {}", types.join(", "), query.sql())).await?;
    let execute = format!("EXECUTE runbook_generic ({})", literals.join(", "));
    // The server compares costs from the sixth plan on; `EXPLAIN` counts as one.
    for _ in 0..6 {
        run(connection, format!("{PLAIN} {execute}")).await?;
    }
    let chosen = row(
        connection,
        "SELECT generic_plans > 0 FROM pg_prepared_statements WHERE name = 'runbook_generic'",
    );
    let chosen = chosen.await?.try_get(0).map_err(CheckError::Database)?;
    run(connection, "SET LOCAL plan_cache_mode = force_generic_plan".into()).await?;
    let mut plans = Vec::new();
    for how in [PLAIN, VERBOSE] {
        plans.push(plan(Some(&row(connection, &format!("{how} {execute}")).await?))?);
    }
    Ok(Generic { plan: joined(plans)?, chosen })
}

async fn run(connection: &mut PgConnection, sql: String) -> Result<(), CheckError> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map_err(classify)?;
    Ok(())
}

async fn row(connection: &mut PgConnection, sql: &str) -> Result<PgRow, CheckError> {
    sqlx::query(AssertSqlSafe(sql.to_owned())).persistent(false).fetch_one(connection).await.map_err(classify)
}

fn plan(row: Option<&PgRow>) -> Result<Plan, Stopped> {
    let Json(plans): Json<Vec<Plan>> = row.ok_or_else(no_plan)?.try_get(0).map_err(CheckError::Database)?;
    plans.into_iter().next().ok_or_else(no_plan)
}

fn no_plan() -> Stopped {
    Stopped::Unmeasured("the server gave no plan".into())
}
