//! An extension that is missing fails at the first call; one that was never updated lacks what its library can do.

use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Verdict};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, FromRow};

pub(crate) const CHECK: Check = Check::live_safe(
    "schema.extensions.current",
    "every extension that is needed is there, and each is as new as its library",
    run,
);

#[derive(FromRow)]
struct Extension {
    name: String,
    installed: Option<String>,
    available: Option<String>,
    needed: bool,
}

fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(check(context))
}

async fn check(context: &Context) -> Result<Verdict, CheckError> {
    let mut arguments = PgArguments::default();
    arguments
        .add(&context.settings.schema.extensions)
        .map_err(|error| CheckError::Database(sqlx::Error::Encode(error)))?;
    let query = include_str!("extensions_current.sql");
    let extensions: Vec<Extension> = context.reader().await?.fetch_with(query, arguments).await?;
    let mut evidence = Evidence::of("extensions");
    for extension in extensions {
        evidence.examine(1);
        let name = &extension.name;
        match (&extension.installed, &extension.available) {
            (None, available) if extension.needed => {
                let (problem, remedy) = match available {
                    Some(_) => {
                        ("the system uses it, and it is not created", format!("CREATE EXTENSION {name}"))
                    }
                    None => (
                        "the system uses it, and the server does not have it",
                        format!("install the package of {name} on the server, then CREATE EXTENSION {name}"),
                    ),
                };
                evidence.find(Finding::error(name, problem, remedy));
            }
            (Some(installed), Some(available)) if installed != available => {
                let problem = format!("it is of version {installed}, and the server brings {available}");
                evidence.find(Finding::error(name, problem, format!("ALTER EXTENSION {name} UPDATE")));
            }
            (Some(installed), None) => {
                let problem = format!("it is of version {installed}, and the server no longer has it");
                evidence.find(Finding::error(name, problem, "install its package on the server"));
            }
            _ => {}
        }
    }
    Ok(evidence.verdict())
}
