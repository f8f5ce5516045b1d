//! Transactions that stay open: they hold locks, and keep vacuum from its work.

use runbook::check::{Check, CheckError};
use runbook::context::Context;
use runbook::report::counted;
use runbook::verdict::{Evidence, Finding, Verdict};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, FromRow};

/// Its check.
pub(crate) const CHECK: Check =
    Check::live_safe("monitoring.transactions", "No transaction stays open", |context| {
        Box::pin(run(context))
    });

#[derive(Debug, FromRow)]
struct Session {
    session: String,
    problem: Option<String>,
    remedy: String,
    permitted: bool,
    role: String,
}

async fn run(context: &Context) -> Result<Verdict, CheckError> {
    let limit = context.settings.thresholds.transaction_seconds;
    let mut arguments = PgArguments::default();
    arguments.add(limit).map_err(|error| CheckError::Other(format!("the limit cannot be sent: {error}")))?;
    let sessions: Vec<Session> =
        context.reader().await?.fetch_with(include_str!("transactions.sql"), arguments).await?;
    if let Some(session) = sessions.iter().find(|session| !session.permitted) {
        return Err(CheckError::NotPermitted(format!(
            "the role may not see what the sessions of others do: GRANT pg_read_all_stats TO {}",
            session.role
        )));
    }
    let mut evidence = Evidence::of("sessions");
    evidence.examine(sessions.len() as u64);
    evidence.summarise(format!("{}, none past {limit} s", counted(sessions.len(), "sessions")));
    for session in sessions {
        if let Some(problem) = session.problem {
            evidence.find(Finding::error(session.session, problem, session.remedy));
            evidence.summarise(format!("transactions open for more than {limit} s"));
        }
    }
    Ok(evidence.verdict())
}
