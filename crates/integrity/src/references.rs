//! References that no constraint states: `[[integrity.reference]]` of `runbook.toml`.

use runbook::check::CheckError;
use runbook::reader::Reader;
use runbook::settings::{Settings, SettingsError, SoftReference, SoftSide};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, FromRow};

use crate::claim::Claim;

/// A reference that cannot be proved: what is wrong with it, and where.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Wrong {
    /// In `runbook.toml`.
    #[error(transparent)]
    Settings(Box<SettingsError>),
    /// The database could not be asked.
    #[error(transparent)]
    Check(#[from] CheckError),
}

/// What the catalogue says of one side.
#[derive(Debug, FromRow)]
struct Side {
    relation: Option<i64>,
    name: String,
    /// `'ONLY '`, or nothing for a partitioned table.
    only: String,
    /// The columns, quoted; `None` for one that is not there.
    columns: Vec<Option<String>>,
    /// For each column, the schema of its type's own `=`.
    operators: Vec<Option<String>>,
}

/// A claim for each reference of the settings.
///
/// # Errors
/// At the table or the column of `runbook.toml` that the database lacks.
pub(crate) async fn claims(reader: &mut Reader, settings: &Settings) -> Result<Vec<Claim>, Wrong> {
    let mut claims = Vec::with_capacity(settings.integrity.references.len());
    for reference in &settings.integrity.references {
        let from = side(reader, settings, &reference.from).await?;
        let to = side(reader, settings, &reference.to).await?;
        let claim = claim(&from, &to);
        match reader.rows(&format!("EXPLAIN {}", claim.count()), PgArguments::default()).await {
            Err(CheckError::Database(error)) if is_mismatch(&error) => {
                return Err(mismatch(settings, reference, &error));
            }
            // Rights and locks are told when it is proved.
            _ => claims.push(claim),
        }
    }
    // What was planned was locked.
    reader.release().await?;
    Ok(claims)
}

async fn side(reader: &mut Reader, settings: &Settings, side: &SoftSide) -> Result<Side, Wrong> {
    let schema = side.schema.as_ref().or(settings.database.schemas.first()).cloned().unwrap_or_default();
    let names: Vec<&str> = side.columns.iter().map(|column| column.get_ref().as_str()).collect();
    let mut arguments = PgArguments::default();
    arguments
        .add(&schema)
        .and_then(|()| arguments.add(side.table.get_ref()))
        .and_then(|()| arguments.add(&names))
        .map_err(|error| CheckError::Other(format!("a reference of the settings cannot be sent: {error}")))?;
    let found: Vec<Side> = reader.fetch_with(include_str!("reference_side.sql"), arguments).await?;
    let wrong = |span, problem, help: &str| {
        Wrong::Settings(Box::new(settings.wrong_at(span, problem, help.to_owned())))
    };
    let known = found.into_iter().next().filter(|known| known.relation.is_some());
    let Some(known) = known else {
        let problem = format!(
            "[[integrity.reference]] names the table `{schema}.{}`, which the database lacks",
            side.table.get_ref()
        );
        return Err(wrong(
            side.table.span(),
            problem,
            "correct the table or its schema, or remove the reference",
        ));
    };
    let absent = side.columns.iter().zip(&known.columns).find(|(_, column)| column.is_none());
    if let Some((absent, _)) = absent {
        let problem = format!(
            "[[integrity.reference]] names the column `{}`, which {} lacks",
            absent.get_ref(),
            known.name
        );
        return Err(wrong(absent.span(), problem, "correct the column, or remove the reference"));
    }
    Ok(known)
}

fn claim(from: &Side, to: &Side) -> Claim {
    let columns: Vec<&str> = from.columns.iter().flatten().map(String::as_str).collect();
    let others = to.columns.iter().flatten();
    let operators = to.operators.iter().map(|schema| schema.as_deref().unwrap_or("pg_catalog"));
    let present: Vec<String> =
        columns.iter().map(|column| format!("pg_catalog.num_nulls(c.{column}) = 0")).collect();
    let matched: Vec<String> = columns
        .iter()
        .zip(others)
        .zip(operators)
        .map(|((column, other), schema)| format!("p.{other} OPERATOR({schema}.=) c.{column}"))
        .collect();
    let present = present.join(" AND ");
    let filled: Vec<String> = columns.iter().map(|column| format!("c.{column} IS NOT NULL")).collect();
    let (child, parent) =
        (format!("{}{} AS c", from.only, from.name), format!("{}{} AS p", to.only, to.name));
    let absent = format!("NOT EXISTS (SELECT FROM {parent} WHERE {}", matched.join(" AND "));
    Claim {
        object: format!("{} ({})", from.name, columns.join(", ")),
        claims: 1,
        noun: "row".into(),
        phrase: format!("with no match in {}, which the settings say there is", to.name),
        reads: from.relation.into_iter().chain(to.relation).collect(),
        keyed_by: from.relation,
        qualifier: "c.".into(),
        labels: columns.iter().map(|column| (*column).to_owned()).collect(),
        expressions: columns.iter().map(|column| format!("c.{column}")).collect(),
        source: format!(
            "FROM {child} TABLESAMPLE SYSTEM (100) WHERE {present} AND NOT EXISTS \
             (SELECT FROM {parent} TABLESAMPLE SYSTEM (100) WHERE {})",
            matched.join(" AND ")
        ),
        // As of a foreign key, in one piece: nothing says that both sides order their columns alike.
        along: Some(vec![
            format!("FROM {child} WHERE {}", filled.join(" AND ")),
            String::new(),
            format!(" AND {absent}"),
            String::new(),
            ")".into(),
        ]),
        swift: Some(format!("FROM {child} WHERE {present} AND {absent})")),
        remedy: format!(
            "restore the missing rows of {}, or correct those that name them in {}",
            to.name, from.name
        ),
        ..Claim::default()
    }
}

/// 42883: there is no such operator; 42804, 42P18: the types do not fit; 42P22: nor do the collations.
fn is_mismatch(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| ["42883", "42804", "42P18", "42P21", "42P22"].contains(&code.as_ref()))
}

fn mismatch(settings: &Settings, reference: &SoftReference, error: &sqlx::Error) -> Wrong {
    let said = error.as_database_error().map_or("", |error| error.message());
    let (from, to) = (reference.from.table.get_ref(), reference.to.table.get_ref());
    let problem = format!(
        "[[integrity.reference]] compares columns of `{from}` and `{to}` that cannot be compared: {said}"
    );
    let span = reference.from.columns.first().map_or(reference.from.table.span(), toml::Spanned::span);
    let help = "name columns of the same type on both sides".to_owned();
    Wrong::Settings(Box::new(settings.wrong_at(span, problem, help)))
}
