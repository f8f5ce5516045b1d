//! One test binary; a module a topic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests say what is wrong by panicking, as tests do"
)]

mod audit;
mod concurrency;
mod contract;
mod hostile;
mod listing;
mod maintenance;
mod outage;
mod process;
mod refusals;
mod support;
