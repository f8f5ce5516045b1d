//! How many of the sessions that the server allows are taken.

use runbook::check::{Check, CheckError};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Measurement, Threshold, Verdict};
use sqlx::FromRow;

use crate::window::percent;

/// Its check.
pub(crate) const CHECK: Check =
    Check::live_safe("monitoring.connections", "There is room for more connections", |context| {
        Box::pin(run(context))
    });

#[derive(Debug, FromRow)]
struct Limit {
    name: String,
    scope: String,
    allowed: i64,
    used: i64,
    permitted: bool,
    role: String,
}

async fn run(context: &Context) -> Result<Verdict, CheckError> {
    let bound = context.settings.thresholds.connections;
    let limits: Vec<Limit> = context.reader().await?.fetch(include_str!("connections.sql")).await?;
    if let Some(limit) = limits.iter().find(|limit| !limit.permitted) {
        return Err(CheckError::NotPermitted(format!(
            "the role may not see the sessions of others: GRANT pg_read_all_stats TO {}",
            limit.role
        )));
    }
    let mut evidence = Evidence::of("limits on connections");
    evidence.examine(limits.len() as u64);
    let mut fullest: Option<(f64, &Limit)> = None;
    for limit in &limits {
        // A limit of none at all is as full as can be.
        let share = if limit.allowed > 0 { percent(limit.used, limit.allowed) } else { 100.0 };
        if fullest.is_none_or(|(most, _)| share > most) {
            fullest = Some((share, limit));
        }
        if share > bound {
            evidence.find(Finding::error(
                &limit.scope,
                format!("{} of {} connections are in use ({})", limit.used, limit.allowed, limit.name),
                "look for pools that are too large or leak (pg_stat_activity), or put a pooler before the server",
            ));
        }
    }
    if let Some((share, limit)) = fullest {
        let bound = Threshold::AtMost(bound);
        evidence.measure(Measurement::new("connections in use", share, "%").within(bound));
        evidence.summarise(format!("{} of {} for {}", limit.used, limit.allowed, limit.scope));
    }
    Ok(evidence.verdict())
}
