#![doc = include_str!("../README.md")]

mod bound;
mod explain;
mod gate;
mod generic_plan;
mod index;
mod latency;
mod paired;
mod plan;
mod query;
mod relations;
mod rows;
mod seqscan;
mod tally;

use runbook::check::Check;

pub use bound::{Bound, Stopped, Value};
pub use explain::{Generic, explain, generic};
pub use gate::{Gate, Latencies, milliseconds};
pub use paired::{Change, Comparison, LEAST_ROUNDS, Random};
pub use plan::{Node, Plan};
pub use query::{Expectation, Parameter, Query, RowBound};

/// Every check of this suite, in the order of their ids.
pub fn checks() -> Vec<Check> {
    vec![
        Check::ephemeral_only(
            "perf.queries.generic_plan",
            "each critical query keeps its index when the plan may not look at the parameters",
            |context| Box::pin(generic_plan::run(context)),
        ),
        Check::live_safe(
            "perf.queries.index",
            "each critical query is planned with an expected index",
            |context| Box::pin(index::run(context)),
        ),
        Check::live_safe(
            "perf.queries.latency",
            "each critical query answers within its budget",
            |context| Box::pin(latency::run(context)),
        ),
        Check::live_safe(
            "perf.queries.rows",
            "each critical query returns as many rows as it may",
            |context| Box::pin(rows::run(context)),
        ),
        Check::live_safe(
            "perf.queries.seqscan",
            "no critical query reads a large table from end to end",
            |context| Box::pin(seqscan::run(context)),
        ),
    ]
}
