//! An index that failed to build, or was left behind half built, costs every write and serves no query.

use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Verdict};
use sqlx::FromRow;

pub(crate) const CHECK: Check =
    Check::live_safe("schema.indexes.valid", "every index is valid and ready", run);

#[derive(FromRow)]
struct Index {
    name: String,
    on_table: String,
    sound: bool,
    partitioned: bool,
    building: bool,
    left_over: bool,
    hidden_builds: bool,
}

fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(check(context))
}

async fn check(context: &Context) -> Result<Verdict, CheckError> {
    let indexes: Vec<Index> = crate::fetch(context, include_str!("indexes_valid.sql")).await?;
    let mut evidence = Evidence::of("indexes");
    for index in indexes {
        evidence.examine(1);
        if index.sound || index.building {
            continue;
        }
        if index.hidden_builds {
            return Err(CheckError::NotPermitted(format!(
                "{} is not valid, and whether it is being built now is hidden from this role; grant it pg_read_all_stats",
                index.name
            )));
        }
        evidence.find(describe(&index));
    }
    Ok(evidence.verdict())
}

fn describe(index: &Index) -> Finding {
    let problem = format!("the index on {} is invalid: a concurrent build failed", index.on_table);
    if index.partitioned {
        // Created ON ONLY the parent, it becomes valid by itself once every partition has its part attached.
        let problem =
            format!("the index on {} waits for the partitions that have no part of it yet", index.on_table);
        let remedy = format!("ALTER INDEX {} ATTACH PARTITION … for each partition", index.name);
        return Finding::advice(&index.name, problem, remedy);
    }
    let remedy = if index.left_over {
        format!("DROP INDEX CONCURRENTLY {}", index.name)
    } else {
        format!("REINDEX INDEX CONCURRENTLY {}", index.name)
    };
    Finding::error(&index.name, problem, remedy)
}
