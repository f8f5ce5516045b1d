//! `recovery.backup.recent`: the newest dump is younger than `backup.max_age_hours`, by the time in its name.

use runbook::check::{CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Measurement, Threshold, Verdict};

use super::newest;
use crate::clock;

/// How far ahead of this machine's clock another's may be.
const AHEAD_HOURS: f64 = 1.0 / 60.0;

pub(crate) fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(async move { judge(context) })
}

fn judge(context: &Context) -> Result<Verdict, CheckError> {
    let dump = match newest(context)? {
        Ok(dump) => dump,
        Err(verdict) => return Ok(verdict),
    };
    let hours = (clock::now(context) - dump.taken_at).as_seconds_f64() / 3600.0;
    let limit = context.settings.backup.max_age_hours.as_secs_f64() / 3600.0;
    let mut evidence = Evidence::of("dumps");
    evidence.examine(1).summarise(format!("{} · {} old", dump.name(), age(hours)));
    evidence.measure(
        Measurement::new("age of the newest dump", hours.max(0.0), "h").within(Threshold::Below(limit)),
    );
    if hours >= limit {
        evidence.find(Finding::error(
            dump.name(),
            format!("the newest dump is {} old, and may be at most {limit} h old", age(hours)),
            "take a backup now, and see why the last one was not taken",
        ));
    } else if hours < -AHEAD_HOURS {
        evidence.find(Finding::error(
            dump.name(),
            format!("its name is {} ahead of this machine's clock, so its age is not known", age(-hours)),
            "name dumps in UTC, and set the clocks of both machines",
        ));
    }
    Ok(evidence.verdict())
}

fn age(hours: f64) -> String {
    match hours.max(0.0) * 3600.0 {
        seconds if seconds < 120.0 => format!("{seconds:.0} s"),
        seconds if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3600.0),
    }
}
