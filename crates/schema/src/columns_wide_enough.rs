//! What the code writes must fit: a column that is narrower refuses the row, on the day on which a value is long enough.

mod width;

use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Verdict};
use sqlx::FromRow;

use width::{Fit, fits};

pub(crate) const CHECK: Check =
    Check::live_safe("schema.columns.wide_enough", "every column holds what the code writes to it", run);

#[derive(FromRow)]
struct Column {
    name: String,
    /// `schema.table.column`, unquoted, and without the schema where that is the system's first.
    key: String,
    kind: String,
    on_table: String,
    column: String,
}

fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(check(context))
}

async fn check(context: &Context) -> Result<Verdict, CheckError> {
    let writes = &context.settings.schema.writes;
    if writes.is_empty() {
        return Err(CheckError::Missing(
            "[schema.writes] says of no column what the code writes to it".into(),
        ));
    }
    let columns: Vec<Column> = crate::fetch(context, include_str!("columns_wide_enough.sql")).await?;
    let home = context.settings.database.schemas.first().map(String::as_str).unwrap_or_default();
    let mut evidence = Evidence::of("columns");
    for (key, wanted) in writes {
        evidence.examine(1);
        let full = format!("{home}.{key}");
        let Some(column) = columns.iter().find(|column| column.key == *key || column.key == full) else {
            let remedy = "mend [schema.writes], or deploy the migration that makes it";
            evidence.find(Finding::error(
                key,
                format!("the code writes {wanted} to it, and it is not there"),
                remedy,
            ));
            continue;
        };
        let alter = format!("ALTER TABLE {} ALTER COLUMN {} TYPE {wanted}", column.on_table, column.column);
        match fits(&column.kind, wanted) {
            Fit::Yes => {}
            Fit::No => {
                let problem = format!("it is {}, and the code writes {wanted}", column.kind);
                evidence.find(Finding::error(&column.name, problem, alter));
            }
            Fit::Unknown => {
                let problem = format!("whether {} holds {wanted} is not known", column.kind);
                evidence.find(Finding::error(
                    &column.name,
                    problem,
                    "name a type of its own family in [schema.writes]",
                ));
            }
        }
    }
    Ok(evidence.verdict())
}
