//! One test binary; a module a topic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests say what is wrong by panicking, as tests do"
)]

mod actions;
mod bad_days;
mod bad_input;
mod chaos;
mod clean;
mod defects;
mod leftovers;
mod live;
mod manners;
mod network;
mod properties;
mod second;
mod telling;
mod wrong;
