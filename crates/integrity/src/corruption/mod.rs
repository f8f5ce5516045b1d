//! Corruption of indexes and heaps, by contrib's amcheck.

use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Finding, Verdict};
use sqlx::FromRow;

use crate::prover::{Prover, prove};

/// B-tree indexes.
pub(crate) const BTREE: Check = Check::live_safe(
    "integrity.corruption.btree",
    "Every B-tree index is in order and agrees with its heap",
    |context| Box::pin(btree(context)),
);

/// Heaps.
pub(crate) const HEAP: Check =
    Check::live_safe("integrity.corruption.heap", "The pages of every table make sense", heap);

/// The SQLSTATEs by which the server names corruption: `data_corrupted`, `index_corrupted`.
const CORRUPTED: [&str; 2] = ["XX001", "XX002"];

#[derive(Debug, FromRow)]
struct Amcheck {
    schema: String,
    role: String,
    callable: bool,
}

#[derive(Debug, FromRow)]
struct Index {
    object: String,
    verification: String,
    remedy: String,
}

fn heap(context: &Context) -> CheckFuture<'_> {
    Box::pin(async move {
        require_amcheck(context).await?;
        prove(context, "heaps", include_str!("heap.sql")).await
    })
}

async fn btree(context: &Context) -> Result<Verdict, CheckError> {
    require_amcheck(context).await?;
    let mut prover = Prover::open(context, "B-tree indexes").await?;
    for index in prover.claims::<Index>(include_str!("btree.sql")).await? {
        match prover.reader().await?.scalar::<i64>(&index.verification).await {
            Ok(_) => prover.examine(1),
            Err(CheckError::Database(error)) if is_corruption(&error) => {
                prover.examine(1);
                prover.find(
                    1,
                    Finding::error(&index.object, runbook::context::describe(&error), &index.remedy),
                );
            }
            Err(error) => prover.stumble(&index.object, &error).await,
        }
    }
    Ok(prover.verdict())
}

async fn require_amcheck(context: &Context) -> Result<(), CheckError> {
    let found: Vec<Amcheck> = context.reader().await?.fetch(include_str!("amcheck.sql")).await?;
    match found.first() {
        None => Err(CheckError::Missing(
            "the extension amcheck is not installed: CREATE EXTENSION amcheck".into(),
        )),
        Some(Amcheck { schema, role, callable: false }) => Err(CheckError::NotPermitted(format!(
            "the role may not call amcheck: GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {role}"
        ))),
        Some(_) => Ok(()),
    }
}

fn is_corruption(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| CORRUPTED.contains(&code.as_ref()))
}
