//! Which index a query lacks, by trying: hypothetical indexes (the extension hypopg) that the planner sees and that
//! do not exist.

use std::collections::BTreeSet;

use runbook::context::classify;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::bound::{Bound, Stopped};
use crate::explain::explain_on;
use crate::plan::Plan;
use crate::query::Query;

/// An index is proposed when the plan with it costs less than this share of the plan without it.
const WORTH: f64 = 0.8;
/// So many candidates are tried, and so many columns of one table combined.
const MOST: usize = 40;
const COLUMNS: usize = 4;

/// An index that would help.
#[derive(Debug, Clone)]
pub struct Advice {
    /// The statement that makes it.
    pub statement: String,
    /// The planner's cost without it.
    pub before: f64,
    /// And with it.
    pub after: f64,
    /// Bytes that it would take, as estimated.
    pub bytes: i64,
    /// The plan with it.
    pub plan: Plan,
}

/// A column that a plan filters or sorts by.
#[derive(Debug, sqlx::FromRow)]
struct Column {
    quoted: String,
}

/// Tries indexes on the columns that the plan filters, joins and sorts by, and gives the one that lowers its cost the most.
/// `None` when none is worth it.
///
/// # Errors
/// [`Stopped::Unmeasured`] where hypopg is not installed.
pub async fn advise(query: &Query, bound: &Bound, pool: &PgPool) -> Result<Option<Advice>, Stopped> {
    let mut connection = pool.acquire().await.map_err(classify)?;
    let server = one(&mut connection, include_str!("hypopg.sql")).await?;
    let (available, schema): (bool, Option<String>) =
        (server.try_get(0).map_err(classify)?, server.try_get(1).map_err(classify)?);
    if !available {
        let major: i32 = server.try_get(2).map_err(classify)?;
        return Err(Stopped::Unmeasured(format!(
            "hypopg is not installed on the server, so no index can be tried (Debian: postgresql-{major}-hypopg)"
        )));
    }
    // What is made here is gone with the transaction: the extension, and the indexes that never were.
    run(&mut connection, "BEGIN".into()).await?;
    let answer = try_all(query, bound, schema, &mut connection).await;
    run(&mut connection, "ROLLBACK".into()).await?;
    // The library keeps its indexes for the session.
    connection.close().await.map_err(classify)?;
    answer
}

async fn try_all(
    query: &Query,
    bound: &Bound,
    schema: Option<String>,
    connection: &mut PgConnection,
) -> Result<Option<Advice>, Stopped> {
    let schema = match schema {
        Some(schema) => schema,
        None => {
            let made = "CREATE SCHEMA runbook_hypopg; CREATE EXTENSION hypopg SCHEMA runbook_hypopg";
            run(connection, made.into()).await?;
            "runbook_hypopg".into()
        }
    };
    let without = explain_on(query, bound, connection).await?;
    let mut best: Option<Advice> = None;
    for statement in candidates(&without, connection).await? {
        run(connection, format!("SELECT {schema}.hypopg_reset()")).await?;
        let made = format!(
            "SELECT {schema}.hypopg_relation_size(indexrelid) FROM {schema}.hypopg_create_index({})",
            literal(&statement)
        );
        let bytes: i64 = one(connection, &made).await?.try_get(0).map_err(classify)?;
        let with = explain_on(query, bound, connection).await?;
        let uses = with.indexes().iter().any(|index| index.starts_with('<'));
        let limit = best.as_ref().map_or(without.root.cost * WORTH, |best| best.after * 0.95);
        if uses && with.root.cost < limit {
            let (before, after) = (without.root.cost, with.root.cost);
            best = Some(Advice { statement, before, after, bytes, plan: with });
        }
    }
    Ok(best)
}

/// The statements of the indexes to be tried, narrow ones first.
async fn candidates(plan: &Plan, connection: &mut PgConnection) -> Result<Vec<String>, Stopped> {
    let mut statements = Vec::new();
    for (schema, relation) in plan.tables() {
        let asked = sqlx::query_as::<_, Column>(include_str!("columns.sql")).bind(schema).bind(relation);
        let columns: Vec<Column> =
            asked.persistent(false).fetch_all(&mut *connection).await.map_err(classify)?;
        let table: Option<String> =
            sqlx::query_scalar("SELECT to_regclass(concat(quote_ident($1) || '.', quote_ident($2)))::text")
                .bind(schema)
                .bind(relation)
                .persistent(false)
                .fetch_one(&mut *connection)
                .await
                .map_err(classify)?;
        let Some(table) = table else { continue };
        let (equal, ranges, sorted) = wanted(plan, relation, &columns);
        let mut lists: BTreeSet<Vec<String>> = BTreeSet::new();
        let tails = ranges.iter().chain(&sorted).map(|tail| vec![tail.clone()]).chain([Vec::new()]);
        for tail in tails {
            for heads in subsets(&equal) {
                let list: Vec<String> = heads.into_iter().chain(tail.clone()).collect();
                let plain: BTreeSet<&str> = list.iter().map(|part| part.trim_end_matches(" DESC")).collect();
                if !list.is_empty() && plain.len() == list.len() {
                    lists.insert(list);
                }
            }
        }
        let mut lists: Vec<Vec<String>> = lists.into_iter().collect();
        lists.sort_by_key(Vec::len);
        statements
            .extend(lists.into_iter().map(|list| format!("CREATE INDEX ON {table} ({})", list.join(", "))));
    }
    statements.truncate(MOST);
    Ok(statements)
}

/// Columns of a relation that the plan compares for equality, that it compares otherwise, and that it sorts by.
fn wanted(plan: &Plan, relation: &str, columns: &[Column]) -> (Vec<String>, Vec<String>, Vec<String>) {
    let (mut equal, mut ranges, mut sorted) = (Vec::new(), Vec::new(), Vec::new());
    let add = |list: &mut Vec<String>, what: String| {
        if !list.contains(&what) && list.len() < COLUMNS {
            list.push(what);
        }
    };
    let aliases: BTreeSet<&str> = plan
        .nodes()
        .into_iter()
        .filter(|node| node.relation.as_deref() == Some(relation))
        .filter_map(|node| node.alias.as_deref())
        .collect();
    for node in plan.nodes() {
        let own = node.relation.as_deref() == Some(relation);
        for (what, text) in node.details() {
            for part in text.split(" AND ").flat_map(|part| part.split(" OR ")) {
                for column in columns {
                    if !mentions(part, &column.quoted, own, &aliases) {
                        continue;
                    }
                    match what {
                        "sort" | "group" => {
                            let descending = part.contains(&format!("{} DESC", column.quoted));
                            let order = if descending { " DESC" } else { "" };
                            add(&mut sorted, format!("{}{order}", column.quoted));
                        }
                        _ if part.contains('<') || part.contains('>') => {
                            add(&mut ranges, column.quoted.clone())
                        }
                        _ => add(&mut equal, column.quoted.clone()),
                    }
                }
            }
        }
    }
    (equal, ranges, sorted)
}

/// Whether a condition names a column: by itself at a node of its own table, with the table's alias elsewhere.
fn mentions(text: &str, column: &str, own: bool, aliases: &BTreeSet<&str>) -> bool {
    let bounded = |found: usize, length: usize| {
        let name = |c: char| c.is_alphanumeric() || c == '_' || c == '"';
        let before = text[..found].chars().next_back();
        let after = text[found + length..].chars().next();
        !before.is_some_and(|c| name(c) || c == '\'') && !after.is_some_and(|c| name(c) || c == '\'')
    };
    text.match_indices(column).any(|(found, _)| {
        let dotted = text[..found].ends_with('.');
        let alias = text[..found].trim_end_matches('.');
        let aliased = aliases.iter().any(|name| alias.ends_with(name));
        bounded(found, column.len()) && if dotted { aliased } else { own || aliases.len() == 1 }
    })
}

/// Every choice of some of the columns, in their order and, for two, in the other.
fn subsets(columns: &[String]) -> Vec<Vec<String>> {
    let mut chosen: Vec<Vec<String>> = (0..1_usize << columns.len())
        .map(|bits| {
            let taken = columns.iter().enumerate().filter(|(place, _)| bits >> place & 1 == 1);
            taken.map(|(_, column)| column.clone()).collect()
        })
        .collect();
    let turned: Vec<Vec<String>> = chosen
        .iter()
        .filter(|list| list.len() == 2)
        .map(|list| list.iter().rev().cloned().collect())
        .collect();
    chosen.extend(turned);
    chosen
}

async fn run(connection: &mut PgConnection, sql: String) -> Result<(), Stopped> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map_err(classify)?;
    Ok(())
}

async fn one(connection: &mut PgConnection, sql: &str) -> Result<PgRow, Stopped> {
    let asked = sqlx::query(AssertSqlSafe(sql.to_owned())).persistent(false);
    Ok(asked.fetch_one(connection).await.map_err(classify)?)
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
