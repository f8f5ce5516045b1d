//! The one place where the suite reads the clock.

use runbook::context::Context;
use time::OffsetDateTime;

/// A fixed time in place of the clock: a test puts one into [`Context::stash`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedClock(pub OffsetDateTime);

/// Now, in UTC: the fixed time where one was put, else the machine's clock.
pub fn now(context: &Context) -> OffsetDateTime {
    context.stash.get::<FixedClock>().map_or_else(OffsetDateTime::now_utc, |fixed| fixed.0)
}
