//! The server is set as the system needs it: a time-out that nobody set does not end the statement that runs for ever.

mod value;

use runbook::check::{Check, CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Verdict};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, FromRow};

use value::Wanted;

pub(crate) const CHECK: Check =
    Check::live_safe("schema.server.settings", "the server is set as the system needs it", run);

#[derive(FromRow)]
struct Setting {
    name: String,
    /// As a new session of the application would have it, in `unit`.
    value: Option<String>,
    unit: Option<String>,
    /// Where it comes from: a role, a database, the server.
    source: Option<String>,
    /// What must happen for a change to be felt.
    context: Option<String>,
    /// The role, where settings may be hidden from it.
    barred: Option<String>,
}

fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(check(context))
}

async fn check(context: &Context) -> Result<Verdict, CheckError> {
    if !context.database.is_live() {
        return Err(CheckError::Missing("a database of our own has settings of our own".into()));
    }
    let wanted = &context.settings.schema.settings;
    if wanted.is_empty() {
        return Err(CheckError::Missing("[schema.settings] names no setting of the server".into()));
    }
    let names: Vec<String> = wanted.keys().cloned().collect();
    let role = context.settings.schema.application_role.clone();
    let mut arguments = PgArguments::default();
    arguments
        .add(&names)
        .and_then(|()| arguments.add(&role))
        .map_err(|error| CheckError::Database(sqlx::Error::Encode(error)))?;
    let query = include_str!("server_settings.sql");
    let settings: Vec<Setting> = context.reader().await?.fetch_with(query, arguments).await?;
    let mut evidence = Evidence::of("settings");
    let mut hidden = Vec::new();
    for setting in settings {
        if let (None, Some(role)) = (&setting.value, &setting.barred) {
            hidden.push((setting.name, format!("GRANT pg_read_all_settings TO {role}")));
            continue;
        }
        evidence.examine(1);
        let Some(text) = wanted.get(&setting.name) else { continue };
        if let Some(finding) = judge(&setting, text) {
            evidence.find(finding);
        }
    }
    let failed = evidence.findings().iter().any(Finding::is_error);
    match hidden.first() {
        Some((name, grant)) if !failed => Err(CheckError::NotPermitted(format!(
            "the role may not see {name}, or the server does not know it: {grant}"
        ))),
        _ => {
            for (name, grant) in hidden {
                evidence.find(Finding::advice(
                    name,
                    "the role may not see it, or the server does not know it",
                    grant,
                ));
            }
            Ok(evidence.verdict())
        }
    }
}

fn judge(setting: &Setting, wanted: &str) -> Option<Finding> {
    let name = &setting.name;
    let unit = setting.unit.as_deref().unwrap_or_default();
    let Some(has) = &setting.value else {
        let problem = "the server does not know it: the library that brings it is not loaded";
        return Some(Finding::error(
            name,
            problem,
            "add the library to shared_preload_libraries and restart",
        ));
    };
    let wanted = match Wanted::read(wanted, unit) {
        Ok(wanted) => wanted,
        Err(problem) => return Some(Finding::error(name, problem, "mend [schema.settings] of runbook.toml")),
    };
    if wanted.holds(has) {
        return None;
    }
    let from = setting.source.as_deref().unwrap_or("the server");
    let problem = format!("it is `{}` (from {from}), and {wanted} is needed", value::shown(has, unit));
    let after = match setting.context.as_deref() {
        Some("postmaster") => ", and restart the server",
        _ => "; SELECT pg_reload_conf()",
    };
    Some(Finding::error(name, problem, format!("ALTER SYSTEM SET {name} = '{}'{after}", wanted.text())))
}
