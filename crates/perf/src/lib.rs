#![doc = include_str!("../README.md")]

mod advice;
mod analyzed;
mod base;
mod bound;
mod draw;
mod explain;
mod gate;
mod generic_plan;
mod index;
mod latency;
mod own;
mod paired;
mod parameters;
mod plan;
mod query;
mod relations;
mod rows;
mod seqscan;
mod sizes;
mod statistics;
mod svg;
mod tally;

use runbook::check::Check;

pub use advice::{Advice, advise};
pub use base::{Base, BaseError};
pub use bound::{Bound, Stopped, Value};
pub use draw::tree;
pub use explain::{Generic, analyze, analyze_within, explain, generic, without_statistics};
pub use gate::{Gate, Held, LEAST_EXECUTIONS, Latencies, milliseconds};
pub use own::Own;
pub use paired::{Change, Comparison, LEAST_BLOCKS, Random, Rule, Witness};
pub use plan::{Actual, Node, Plan};
pub use query::{Buffers, Distribution, Expectation, Parameter, Query, RowBound};
pub use relations::{Catalogue, Index, Part, Relation};
pub use sizes::Flip;
pub use svg::svg;

/// Every check of this suite, in the order of their ids.
pub fn checks() -> Vec<Check> {
    vec![
        Check::ephemeral_only(
            "perf.queries.buffers",
            "no critical query asks for more blocks than its rows are worth",
            |context| Box::pin(analyzed::buffers(context)),
        ),
        Check::ephemeral_only(
            "perf.queries.discarded",
            "no filter of a critical query throws away nearly all that was read",
            |context| Box::pin(analyzed::discarded(context)),
        ),
        Check::ephemeral_only(
            "perf.queries.estimates",
            "the planner is not wrong about the rows of a critical query by a factor of ten",
            |context| Box::pin(analyzed::estimates(context)),
        ),
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
            "perf.queries.parameters",
            "each critical query keeps its index for the rarest and the commonest value of a parameter",
            |context| Box::pin(parameters::run(context)),
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
        Check::ephemeral_only(
            "perf.queries.spill",
            "no sort and no hash of a critical query goes to disk",
            |context| Box::pin(analyzed::spill(context)),
        ),
        Check::ephemeral_only(
            "perf.queries.statistics",
            "each critical query keeps its index where the tables were never analysed",
            |context| Box::pin(statistics::run(context)),
        ),
    ]
}
