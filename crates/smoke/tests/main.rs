//! One test binary; a module a topic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests say what is wrong by panicking, as tests do"
)]

mod actions;
mod bad_input;
mod clean;
mod defects;
mod live;
mod wrong;
