//! Corruption of indexes and heaps, by contrib's amcheck.

pub(crate) mod checksums;

use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::reader::Reader;
use runbook::verdict::{Finding, Verdict};
use sqlx::FromRow;

use crate::crew::Work;
use crate::proof::Hindrance;
use crate::prover::{Prover, prove};
use crate::session::Session;
use crate::together::asks_the_indexes;

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

/// Whether the server says that what it read is corrupt.
pub(crate) fn is_corruption(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| CORRUPTED.contains(&code.as_ref()))
}

/// Whether a proof may go along indexes: the settings allow it, and [`BTREE`] is asked too and would name one that lacks an
/// entry.
pub(crate) async fn may_trust_indexes(context: &Context, reader: &mut Reader) -> Result<bool, CheckError> {
    let settings = &context.settings.integrity;
    if !settings.trust_indexes || !settings.heap_all_indexed || !asks_the_indexes(context) {
        return Ok(false);
    }
    let found: Vec<Amcheck> = reader.fetch(include_str!("amcheck.sql")).await?;
    Ok(found.first().is_some_and(|amcheck| amcheck.callable))
}

/// Where amcheck stands.
#[derive(Debug, FromRow)]
struct Amcheck {
    schema: String,
    role: String,
    callable: bool,
}

fn heap(context: &Context) -> CheckFuture<'_> {
    Box::pin(async move {
        require_amcheck(context).await?;
        prove(context, HEAP.id, "heaps", include_str!("heap.sql")).await
    })
}

/// A B-tree, and the two calls that verify it: with and without a look for each row of the heap.
#[derive(Debug, FromRow)]
struct Index {
    object: String,
    ordered: String,
    complete: String,
    remedy: String,
    pages: f64,
    missing: Option<String>,
}

async fn btree(context: &Context) -> Result<Verdict, CheckError> {
    require_amcheck(context).await?;
    let mut prover = Prover::open(context, BTREE.id, "B-tree indexes").await?;
    let work = Verification { complete: context.settings.integrity.heap_all_indexed };
    let mut indexes = Vec::new();
    for index in prover.claims::<Index>(include_str!("btree.sql")).await? {
        if let Some(grant) = &index.missing {
            let reason = format!("the role may not read its table: {grant}");
            prover.pass_over(&index.object, Hindrance { reason, remedy: grant.clone() });
        } else if !prover.was_proved(&index.object, work.call(&index), 1) {
            indexes.push(index);
        }
    }
    let done = prover.work_off(&work, &indexes).await;
    for (index, verified) in indexes.iter().zip(done) {
        match verified {
            Ok(()) => {
                prover.examine(1);
                prover.note(&index.object, work.call(index));
            }
            Err(CheckError::Database(error)) if is_corruption(&error) => {
                prover.examine(1);
                prover.find(
                    1,
                    Finding::error(&index.object, runbook::context::describe(&error), &index.remedy),
                );
            }
            Err(error) => prover.pass_over(&index.object, Hindrance::from(&error)),
        }
    }
    Ok(prover.verdict())
}

/// The verification of indexes.
struct Verification {
    complete: bool,
}

impl Verification {
    fn call<'a>(&self, index: &'a Index) -> &'a str {
        if self.complete { &index.complete } else { &index.ordered }
    }
}

impl Work for Verification {
    type Item = Index;
    type Done = Result<(), CheckError>;

    fn weight(&self, index: &Index) -> f64 {
        index.pages
    }

    async fn carry_out(&self, session: &mut Session<'_>, index: &Index) -> Self::Done {
        session.reader().await?.scalar::<i64>(self.call(index)).await.map(|_| ())
    }
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
