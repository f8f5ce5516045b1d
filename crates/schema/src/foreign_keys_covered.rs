//! Deleting a parent row looks for its children: without an index on them, by reading the whole table, under
//! locks, once a row.

use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Verdict};
use sqlx::FromRow;

pub(crate) const CHECK: Check =
    Check::live_safe("schema.foreign_keys.covered", "every foreign key is covered by an index", run);

#[derive(FromRow)]
struct ForeignKey {
    name: String,
    on_table: String,
    columns: Vec<String>,
    /// The predicate of each index that has the right columns; empty for an index of all rows.
    predicates: Vec<String>,
}

fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(check(context))
}

async fn check(context: &Context) -> Result<Verdict, CheckError> {
    let keys: Vec<ForeignKey> = crate::fetch(context, include_str!("foreign_keys_covered.sql")).await?;
    let mut evidence = Evidence::of("foreign keys");
    for key in keys {
        evidence.examine(1);
        if key.predicates.iter().any(|predicate| keeps_every_child(predicate, &key.columns)) {
            continue;
        }
        let columns = key.columns.join(", ");
        evidence.find(Finding::error(
            format!("{} on {}", key.name, key.on_table),
            format!(
                "no index of all rows begins with ({columns}), so a delete of a parent reads the whole table"
            ),
            format!("CREATE INDEX CONCURRENTLY ON {} ({columns})", key.on_table),
        ));
    }
    Ok(evidence.verdict())
}

/// A partial index serves when it leaves out only rows whose key is null: those have no parent.
fn keeps_every_child(predicate: &str, columns: &[String]) -> bool {
    let mut rest = predicate.to_owned();
    for column in columns {
        rest = rest.replace(&format!("({column} IS NOT NULL)"), "");
    }
    rest.replace("AND", "").chars().all(|character| [' ', '(', ')'].contains(&character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_predicate_that_leaves_out_nulls_alone_keeps_every_child() {
        let columns = ["a".to_owned(), "\"B b\"".to_owned()];
        assert!(keeps_every_child("", &columns));
        assert!(keeps_every_child("(a IS NOT NULL)", &columns));
        assert!(keeps_every_child("((a IS NOT NULL) AND (\"B b\" IS NOT NULL))", &columns));
        assert!(!keeps_every_child("(c IS NOT NULL)", &columns));
        assert!(!keeps_every_child("((a IS NOT NULL) AND (c > 1))", &columns));
        assert!(!keeps_every_child("(a > 0)", &columns));
    }
}
