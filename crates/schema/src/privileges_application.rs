//! The application's role may do what the application does: a table made by another role is closed to it by default.

use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Verdict};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, FromRow};

pub(crate) const CHECK: Check = Check::live_safe(
    "schema.privileges.application",
    "the application's role may use every object that it needs",
    run,
);

#[derive(FromRow)]
struct Object {
    name: String,
    /// What `GRANT … ON` calls it.
    target: String,
    lacking: Vec<String>,
}

fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(check(context))
}

async fn check(context: &Context) -> Result<Verdict, CheckError> {
    let Some(role) = &context.settings.schema.application_role else {
        return Err(CheckError::Missing("[schema] names no application_role".into()));
    };
    let mut reader = context.reader().await?;
    let argument = |value: &str| -> Result<PgArguments, CheckError> {
        let mut arguments = PgArguments::default();
        arguments.add(value).map_err(|error| CheckError::Database(sqlx::Error::Encode(error)))?;
        Ok(arguments)
    };
    let query = "SELECT pg_catalog.quote_ident(r.rolname) FROM pg_roles AS r WHERE r.rolname = $1";
    let there: Vec<(String,)> = reader.fetch_with(query, argument(role)?).await?;
    let mut evidence = Evidence::of("objects");
    let Some((quoted,)) = there.first() else {
        evidence.examine(1);
        let problem = "it is the application_role of [schema], and the server has no such role";
        evidence.find(Finding::error(
            role,
            problem,
            format!("CREATE ROLE \"{}\" LOGIN", role.replace('"', "\"\"")),
        ));
        return Ok(evidence.verdict());
    };
    let mut arguments = argument(role)?;
    arguments
        .add(&context.settings.database.schemas)
        .map_err(|error| CheckError::Database(sqlx::Error::Encode(error)))?;
    crate::all_schemas(&mut reader, context).await?;
    let query = include_str!("privileges_application.sql");
    let objects: Vec<Object> = reader.fetch_with(query, arguments).await?;
    for object in objects {
        evidence.examine(1);
        if !object.lacking.is_empty() {
            let lacking = object.lacking.join(", ");
            let remedy = format!("GRANT {lacking} ON {} TO {quoted}", object.target);
            evidence.find(Finding::error(object.name, format!("the role {quoted} lacks {lacking}"), remedy));
        }
    }
    Ok(evidence.verdict())
}
