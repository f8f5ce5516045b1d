//! The columns that the service fills on every write.

use runbook::check::{Check, CheckError};
use runbook::context::Context;
use runbook::report;
use runbook::verdict::{Evidence, Finding, Verdict};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, FromRow};

/// Its check.
pub(crate) const CHECK: Check = Check::live_safe(
    "monitoring.envelope_populated",
    "The service fills its envelope columns on every row",
    |context| Box::pin(run(context)),
);

#[derive(Debug, FromRow)]
struct Named {
    name: String,
    columns: Vec<String>,
    absent: Vec<String>,
    counting: String,
}

#[derive(Debug, FromRow)]
struct Counted {
    written: i64,
    empty: Vec<i64>,
}

async fn run(context: &Context) -> Result<Verdict, CheckError> {
    let envelope = &context.settings.envelope;
    let Some(table) = &envelope.table else {
        return Err(CheckError::Missing(
            "no table is named: set table under [envelope] in runbook.toml".into(),
        ));
    };
    let condition = envelope.written_by_service.as_deref().unwrap_or("true");
    let mut reader = context.reader().await?;
    let named: Vec<Named> = reader
        .fetch_with(include_str!("envelope.sql"), arguments(table, &envelope.columns, condition)?)
        .await?;
    let Some(named) = named.first() else {
        return Err(CheckError::Missing(format!(
            "there is no table {table}, or no columns are named: correct [envelope] in runbook.toml"
        )));
    };
    let mut evidence = Evidence::of("rows written by the service");
    for column in &named.absent {
        evidence.find(Finding::error(
            &named.name,
            format!("has no column {column:?}"),
            "apply the migration that adds it, or correct [envelope] in runbook.toml",
        ));
    }
    if !named.columns.is_empty() {
        let counted: Vec<Counted> = reader.fetch(&named.counting).await?;
        for Counted { written, empty } in counted {
            evidence.examine(u64::try_from(written).unwrap_or(0));
            for (column, empty) in named.columns.iter().zip(empty).filter(|(_, empty)| *empty > 0) {
                evidence.find(Finding::error(
                    format!("{}.{column}", named.name),
                    format!("is null in {empty} of {written} rows that the service wrote"),
                    format!(
                        "list them: SELECT * FROM {} WHERE ({condition}) AND {column} IS NULL",
                        named.name
                    ),
                ));
            }
            evidence
                .summarise(format!("{} of {written} rows", report::counted(named.columns.len(), "columns")));
        }
    }
    Ok(evidence.verdict())
}

fn arguments(table: &str, columns: &[String], condition: &str) -> Result<PgArguments, CheckError> {
    let mut arguments = PgArguments::default();
    let sent =
        arguments.add(table).and_then(|()| arguments.add(columns)).and_then(|()| arguments.add(condition));
    sent.map_err(|error| CheckError::Other(format!("the settings cannot be sent: {error}")))?;
    Ok(arguments)
}
