//! One test binary; a module a topic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests are tests too, though the lint knows only the functions marked as such"
)]

mod backends;
mod databases;
mod deriving;
mod deriving_kept;
mod kept;
mod kept_data;
mod leases;
mod loading;
mod proxy;
mod server;
mod service;
