//! One test binary; a module a topic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests stand outside of #[test] functions"
)]

mod accounted;
mod backup;
mod carried;
mod cut;
mod database;
mod defects;
mod folder;
mod interrupted;
mod refused;
mod rollback;
mod shapes;
mod surroundings;

mod support;
